import type { RequestType } from '@jangada/proto/privacy.ts';
import { type FormEvent, useId, useRef, useState } from 'react';
import { Failure } from './failure.ts';
import { Field } from './field.tsx';
import { useLanguage } from './language.ts';
import { Proved } from './proved.tsx';
import type { Me, Session } from './session.ts';

/** What cannot be taken back. */
const final: ReadonlySet<RequestType> = new Set(['anonymisation', 'deletion']);

/** Opens a request: about oneself, or for who administers people about somebody else. `corrects` are fields that may be put right. */
export const PrivacyForm = ({
  session,
  me,
  corrects,
  onOpened,
}: {
  session: Session;
  me: Me;
  corrects: readonly string[];
  onOpened: () => void;
}) => {
  const { words } = useLanguage();
  const w = words.privacy;
  const id = useId();
  const [type, setType] = useState<RequestType>('access');
  const [round, setRound] = useState(0);
  const asked = useRef<object>({});
  const command = useRef(crypto.randomUUID());
  const types = (Object.keys(w.types) as RequestType[]).filter(
    (one) => one !== 'correction' || corrects.length > 0,
  );

  const open = async (): Promise<void> => {
    try {
      await session.call('/v1/privacy/requests', { ...asked.current, commandId: command.current });
    } catch (error) {
      // What nobody answered may have been taken: asked again, it is the same request. What was refused is not.
      if (!(error instanceof Failure && error.code === 'NETWORK')) command.current = crypto.randomUUID();
      throw error;
    }
    command.current = crypto.randomUUID();
    setType('access');
    setRound((before) => before + 1);
    onOpened();
  };
  const submit = (event: FormEvent<HTMLFormElement>, begin: () => void): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const filled = (name: string): string => String(form.get(name) ?? '').trim();
    const subjectId = filled('subject');
    const corrections = corrects
      .map((field) => [field, filled(`right-${field}`)])
      .filter(([, value]) => value);
    const before = JSON.stringify(asked.current);
    asked.current = {
      type,
      ...(subjectId ? { subjectId } : {}),
      ...(type === 'correction' ? { corrections: Object.fromEntries(corrections) } : {}),
    };
    if (JSON.stringify(asked.current) !== before) command.current = crypto.randomUUID();
    begin();
  };

  return (
    <Proved key={round} session={session} why={w.proof} work={open}>
      {({ isBusy, begin }) => (
        <form className="stack" onSubmit={(event) => submit(event, begin)}>
          <div className="field">
            <label htmlFor={id}>{w.kind}</label>
            <select
              id={id}
              className="tall"
              value={type}
              aria-describedby={`${id}-hint`}
              onChange={(event) => setType(event.target.value as RequestType)}
            >
              {types.map((one) => (
                <option key={one} value={one}>
                  {w.types[one].name}
                </option>
              ))}
            </select>
            <p id={`${id}-hint`} className="fine">
              {w.types[type].says}
            </p>
          </div>
          {me.permissions.includes('admin:users') && (
            <Field label={w.subject} name="subject" autoComplete="off" spellCheck={false} />
          )}
          {type === 'correction' &&
            corrects.map((field) => (
              <Field
                key={field}
                label={(w.fields as Record<string, string>)[field] ?? field}
                name={`right-${field}`}
                autoComplete="off"
              />
            ))}
          {final.has(type) && (
            <label className="check">
              <input type="checkbox" required />
              {w.sure}
            </label>
          )}
          <button type="submit" className="button" disabled={isBusy}>
            {w.submit}
          </button>
        </form>
      )}
    </Proved>
  );
};
