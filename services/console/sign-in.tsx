import { type FormEvent, useState } from 'react';
import type { Failure } from './failure.ts';
import { Field } from './field.tsx';
import { useLanguage } from './language.ts';
import { FailureNotice, Notice } from './notice.tsx';
import type { Me, Session } from './session.ts';
import { useSending } from './use-sending.ts';

/** The first factor. `onDone` gets whoever the password is of. */
export const SignIn = ({
  session,
  ended,
  onDone,
}: {
  session: Session;
  /** Why the last session ended, if it did. */
  ended: Failure | undefined;
  onDone: (me: Me) => void;
}) => {
  const { words } = useLanguage();
  const w = words.signIn;
  const [isShown, setShown] = useState(false);
  const { isBusy, failure, setFailure, send } = useSending(ended);
  const [isIncomplete, setIncomplete] = useState(false);

  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const email = String(given.get('email')).trim();
    const password = String(given.get('password'));
    setFailure(undefined);
    setIncomplete(!email || !password);
    if (!email || !password) return;
    await send(async () => onDone(await session.signIn(email, password)));
  };

  return (
    <form className="card" noValidate onSubmit={(event) => void submit(event)}>
      <h1>{w.title}</h1>
      <p className="lead">{w.lead}</p>
      {failure && <FailureNotice failure={failure} />}
      {isIncomplete && <Notice tone="bad">{w.incomplete}</Notice>}
      <Field label={w.email} name="email" type="email" autoComplete="username" autoFocus required />
      <Field
        label={w.password}
        name="password"
        type={isShown ? 'text' : 'password'}
        autoComplete="current-password"
        required
        beside={
          <button type="button" className="field-button" onClick={() => setShown(!isShown)}>
            {isShown ? w.hide : w.show}
          </button>
        }
      />
      <button type="submit" className="button" disabled={isBusy}>
        {isBusy ? w.busy : w.submit}
      </button>
    </form>
  );
};
