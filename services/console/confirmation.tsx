import type { Interrupt } from '@ag-ui/client';
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { Failure } from './failure.ts';
import { type Asked, askedBy, endOf, factsOf, type Verdict } from './interrupt.ts';
import { useLanguage } from './language.ts';
import { FailureNotice, Notice } from './notice.tsx';

/** True from the moment at which a time, in ms since 1970, is over. */
const useIsPast = (at: number | undefined): boolean => {
  const [isPast, setPast] = useState(() => at !== undefined && at <= Date.now());
  useEffect(() => {
    if (at === undefined || isPast) return;
    const timer = setTimeout(() => setPast(true), Math.min(Math.max(at - Date.now(), 0), 2 ** 31 - 1));
    return () => clearTimeout(timer);
  }, [at, isPast]);
  return isPast;
};

const dayMs = 86_400_000;

/**
 * What a run wants to know before it goes on: what it is about, the fields of its schema, and a yes or a no. Nothing is
 * chosen beforehand, and too late there is only the no. A yes that did not count is given again by what `proof` shows.
 */
export const Confirmation = ({
  interrupt,
  verdict,
  given = {},
  zone,
  failure,
  proof,
  onAnswer,
}: {
  interrupt: Interrupt;
  /** What was said to it already. */
  verdict: Verdict | undefined;
  /** What was filled in before, where that did not count. */
  given?: Readonly<Record<string, string>> | undefined;
  zone: string;
  /** Why it did not. */
  failure?: Failure | undefined;
  /** Stands in the place of the yes; `again` says it with what is filled in. */
  proof?: ((again: () => void) => ReactNode) | undefined;
  onAnswer: (verdict: Verdict, given: Readonly<Record<string, string>>) => void;
}) => {
  const { language, words } = useLanguage();
  const w = words.confirm;
  const id = useId();
  const end = endOf(interrupt);
  const isLate = useIsPast(end);
  const asked = askedBy(interrupt);
  const message = interrupt.message ?? w.title;
  const facts = factsOf(interrupt);
  const form = useRef<HTMLFormElement>(null);

  if (verdict)
    return (
      <Notice tone={verdict === 'yes' ? 'good' : 'held'} title={verdict === 'yes' ? w.accepted : w.declined}>
        <p>{message}</p>
      </Notice>
    );
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const filled = [...new FormData(event.currentTarget)];
    onAnswer('yes', Object.fromEntries(filled.map(([name, value]) => [name, String(value)])));
  };
  const isSoon = end === undefined || end - Date.now() < dayMs;
  const until = new Intl.DateTimeFormat(language, {
    timeZone: zone,
    timeStyle: 'short',
    ...(isSoon ? {} : { dateStyle: 'short' }),
  });
  const prove = isLate ? undefined : proof;
  return (
    <>
      <form ref={form} className="confirm" aria-labelledby={`${id}-title`} onSubmit={submit}>
        <h4 id={`${id}-title`}>{w.title}</h4>
        <p>{message}</p>
        {facts.length > 0 && (
          <dl className="facts">
            {facts.map(({ name, value }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        )}
        {isLate && <Notice tone="held" title={w.late} />}
        {!isLate && asked?.map((one) => <Entry key={one.name} asked={one} given={given[one.name]} />)}
        {!isLate && failure && <FailureNotice failure={failure} />}
        {!isLate && !asked && <Notice tone="held">{w.elsewhere}</Notice>}
        <div className="confirm-end">
          {!isLate && asked && !prove && (
            <button type="submit" className="button">
              {w.yes}
            </button>
          )}
          <button type="button" className="button quiet" onClick={() => onAnswer('no', {})}>
            {isLate ? w.close : w.no}
          </button>
          {!isLate && end !== undefined && (
            <p className="fine">
              {w.until} <time dateTime={new Date(end).toISOString()}>{until.format(end)}</time>
            </p>
          )}
        </div>
      </form>
      {prove?.(() => form.current?.requestSubmit())}
    </>
  );
};

/** Texts longer than this take more than a line. */
const lineMax = 120;

const Entry = ({
  asked: { name, label, hint, isRequired, input },
  given,
}: {
  asked: Asked;
  given: string | undefined;
}) => {
  const { words } = useLanguage();
  const id = useId();
  const about = { id, name, required: isRequired, ...(hint ? { 'aria-describedby': `${id}-hint` } : {}) };
  if (input.kind === 'check')
    return (
      <label className="check">
        <input type="checkbox" name={name} required={isRequired} defaultChecked={given !== undefined} />
        {label}
      </label>
    );
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {!isRequired && <span className="fine"> {words.confirm.optional}</span>}
      </label>
      {input.kind === 'choice' && (
        <select {...about} className="tall" defaultValue={given ?? ''}>
          <option value="">{words.confirm.choose}</option>
          {input.options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
      {input.kind === 'text' && (input.maxLength ?? Number.POSITIVE_INFINITY) > lineMax && (
        <textarea
          {...about}
          rows={3}
          defaultValue={given}
          minLength={input.minLength}
          maxLength={input.maxLength}
        />
      )}
      {input.kind === 'text' && (input.maxLength ?? Number.POSITIVE_INFINITY) <= lineMax && (
        <div className="field-box">
          <input
            {...about}
            autoComplete="off"
            defaultValue={given}
            minLength={input.minLength}
            maxLength={input.maxLength}
          />
        </div>
      )}
      {input.kind === 'number' && (
        <div className="field-box">
          <input
            {...about}
            type="number"
            defaultValue={given}
            min={input.min}
            max={input.max}
            step={input.step}
          />
        </div>
      )}
      {hint && (
        <p id={`${id}-hint`} className="fine">
          {hint}
        </p>
      )}
    </div>
  );
};
