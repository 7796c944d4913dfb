import { type FormEvent, useEffect, useState } from 'react';
import { asFailure } from './failure.ts';
import { Field } from './field.tsx';
import { useLanguage } from './language.ts';
import { FailureNotice, Loading, Notice } from './notice.tsx';
import type { Session } from './session.ts';
import { useSending } from './use-sending.ts';

/** A picture of modules as one path, of squares that are 1 wide. */
const pathOf = (modules: readonly (readonly boolean[])[]): string =>
  modules.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ''))).join('');

/** The QR code of an address; what makes it is loaded only where one is shown. */
const Picture = ({ of: address, label }: { of: string; label: string }) => {
  const [modules, setModules] = useState<readonly (readonly boolean[])[]>([]);
  useEffect(() => {
    void import('uqr').then(({ encode }) => setModules(encode(address, { border: 2 }).data));
  }, [address]);
  return (
    <svg
      className="qr"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${modules.length || 1} ${modules.length || 1}`}
    >
      <path d={pathOf(modules)} />
    </svg>
  );
};

/** Scan, confirm by one code, keep the recovery codes; `lead` says what for, where that is not administration. */
export const Enrolment = ({
  session,
  lead,
  onDone,
  onLater,
}: {
  session: Session;
  lead?: string | undefined;
  onDone: () => void;
  onLater: () => void;
}) => {
  const { words } = useLanguage();
  const w = words.enrol;
  const [begun, setBegun] = useState<{ secret: string; otpauth_uri: string }>();
  const [codes, setCodes] = useState<readonly string[]>();
  const { isBusy, failure, setFailure, send } = useSending();

  useEffect(() => {
    session.enrol().then(setBegun, (error: unknown) => setFailure(asFailure(error)));
  }, [session, setFailure]);

  const submit = (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const code = String(new FormData(event.currentTarget).get('code')).trim();
    return send(async () => setCodes(await session.confirm(code)));
  };

  if (codes) return <RecoveryCodes codes={codes} onDone={onDone} />;
  return (
    <form className="card" noValidate onSubmit={(event) => void submit(event)}>
      <h1>{w.title}</h1>
      <p className="lead">{lead ?? w.lead}</p>
      {failure?.code === 'AUTH_STEP_UP' && <Notice tone="held">{w.stale}</Notice>}
      {failure && failure.code !== 'AUTH_STEP_UP' && <FailureNotice failure={failure} />}
      {!begun && !failure && <Loading />}
      {begun && (
        <>
          <figure className="scan">
            <figcaption>{w.scan}</figcaption>
            <Picture of={begun.otpauth_uri} label={w.picture} />
            <p className="fine">{w.secret}</p>
            <code className="secret">{begun.secret.replace(/(.{4})/g, '$1 ').trim()}</code>
          </figure>
          <Field
            label={w.code}
            name="code"
            className="digits"
            inputMode="numeric"
            autoComplete="one-time-code"
            required
          />
          <button type="submit" className="button" disabled={isBusy}>
            {isBusy ? words.factor.busy : w.submit}
          </button>
        </>
      )}
      <div className="aside-action">
        <button type="button" className="button quiet" onClick={onLater}>
          {w.later}
        </button>
        {!lead && <p className="fine">{words.factor.skipNote}</p>}
      </div>
    </form>
  );
};

const RecoveryCodes = ({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) => {
  const { words } = useLanguage();
  const w = words.enrol;
  const [isKept, setKept] = useState(false);
  const [isCopied, setCopied] = useState(false);
  return (
    <section className="card">
      <h1>{w.codesTitle}</h1>
      <p className="lead">{w.codesLead}</p>
      <ol className="recovery">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <button
        type="button"
        className="button quiet"
        onClick={() => void navigator.clipboard.writeText(codes.join('\n')).then(() => setCopied(true))}
      >
        {isCopied ? w.copied : w.copy}
      </button>
      <label className="check">
        <input type="checkbox" checked={isKept} onChange={(event) => setKept(event.target.checked)} />
        {w.kept}
      </label>
      <button type="button" className="button" disabled={!isKept} onClick={onDone}>
        {w.done}
      </button>
    </section>
  );
};
