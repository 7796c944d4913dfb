import type { FormEvent } from 'react';
import { Field } from './field.tsx';
import { useLanguage } from './language.ts';
import { FailureNotice } from './notice.tsx';
import type { Session } from './session.ts';
import { useSending } from './use-sending.ts';

/** Asks for a one-time code; `onSkip` is there where one may go on without. */
export const SecondFactor = ({
  session,
  lead,
  onDone,
  onSkip,
}: {
  session: Session;
  lead?: string | undefined;
  onDone: () => void;
  onSkip?: () => void;
}) => {
  const { words } = useLanguage();
  const w = words.factor;
  const { isBusy, failure, send } = useSending();

  const submit = (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const code = String(new FormData(event.currentTarget).get('code')).trim();
    return send(async () => {
      await session.prove(code);
      onDone();
    });
  };

  return (
    <form className="card" noValidate onSubmit={(event) => void submit(event)}>
      <h1>{w.title}</h1>
      {lead && <p className="lead">{lead}</p>}
      <p className="lead">{w.lead}</p>
      {failure && <FailureNotice failure={failure} />}
      <Field
        label={w.code}
        name="code"
        className="digits"
        autoComplete="one-time-code"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus
        required
      />
      <button type="submit" className="button" disabled={isBusy}>
        {isBusy ? w.busy : w.submit}
      </button>
      {onSkip && (
        <div className="aside-action">
          <button type="button" className="button quiet" onClick={onSkip}>
            {w.skip}
          </button>
          <p className="fine">{w.skipNote}</p>
        </div>
      )}
    </form>
  );
};
