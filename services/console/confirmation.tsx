import type { Interrupt } from '@ag-ui/client';
import { type FormEvent, useEffect, useId, useState } from 'react';
import { type Asked, askedBy, endOf, type Verdict } from './interrupt.ts';
import { useLanguage } from './language.ts';
import { Notice } from './notice.tsx';

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
 * chosen beforehand, and too late there is only the no.
 */
export const Confirmation = ({
  interrupt,
  verdict,
  zone,
  onAnswer,
}: {
  interrupt: Interrupt;
  /** What was said to it already. */
  verdict: Verdict | undefined;
  zone: string;
  onAnswer: (verdict: Verdict, given: Readonly<Record<string, string>>) => void;
}) => {
  const { language, words } = useLanguage();
  const w = words.confirm;
  const id = useId();
  const end = endOf(interrupt);
  const isLate = useIsPast(end);
  const asked = askedBy(interrupt);
  const message = interrupt.message ?? w.title;

  if (verdict)
    return (
      <Notice tone={verdict === 'yes' ? 'good' : 'held'} title={verdict === 'yes' ? w.accepted : w.declined}>
        <p>{message}</p>
      </Notice>
    );
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = [...new FormData(event.currentTarget)];
    onAnswer('yes', Object.fromEntries(form.map(([name, value]) => [name, String(value)])));
  };
  const isSoon = end === undefined || end - Date.now() < dayMs;
  const until = new Intl.DateTimeFormat(language, {
    timeZone: zone,
    timeStyle: 'short',
    ...(isSoon ? {} : { dateStyle: 'short' }),
  });
  return (
    <form className="confirm" aria-labelledby={`${id}-title`} onSubmit={submit}>
      <h4 id={`${id}-title`}>{w.title}</h4>
      <p>{message}</p>
      {isLate && <Notice tone="held" title={w.late} />}
      {!isLate && asked?.map((one) => <Entry key={one.name} asked={one} />)}
      {!isLate && !asked && <Notice tone="held">{w.elsewhere}</Notice>}
      <div className="confirm-end">
        {!isLate && asked && (
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
  );
};

/** Texts longer than this take more than a line. */
const lineMax = 120;

const Entry = ({ asked: { name, label, hint, isRequired, input } }: { asked: Asked }) => {
  const { words } = useLanguage();
  const id = useId();
  const about = { id, name, required: isRequired, ...(hint ? { 'aria-describedby': `${id}-hint` } : {}) };
  if (input.kind === 'check')
    return (
      <label className="check">
        <input type="checkbox" name={name} required={isRequired} />
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
        <select {...about} className="tall" defaultValue="">
          <option value="">{words.confirm.choose}</option>
          {input.options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
      {input.kind === 'text' && (input.maxLength ?? Number.POSITIVE_INFINITY) > lineMax && (
        <textarea {...about} rows={3} minLength={input.minLength} maxLength={input.maxLength} />
      )}
      {input.kind === 'text' && (input.maxLength ?? Number.POSITIVE_INFINITY) <= lineMax && (
        <div className="field-box">
          <input {...about} autoComplete="off" minLength={input.minLength} maxLength={input.maxLength} />
        </div>
      )}
      {input.kind === 'number' && (
        <div className="field-box">
          <input {...about} type="number" min={input.min} max={input.max} step={input.step} />
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
