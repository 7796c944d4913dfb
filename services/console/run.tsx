import { useEffect, useState } from 'react';
import { textOf } from './failure.ts';
import { Guarded } from './guarded.tsx';
import { useLanguage } from './language.ts';
import { CodeLine, Loading, NextStep, Notice } from './notice.tsx';
import { type Ended, endings, Moment, Outcome, Took } from './outcome.tsx';
import type { Me, Session } from './session.ts';
import { type Fact, groundsOf, type Step, storyOf } from './story.ts';
import { Table } from './table.tsx';
import { useAsked } from './use-asked.ts';

interface Told {
  readonly run: string;
  readonly facts: readonly Fact[];
  /** Where its trace is shown. */
  readonly trace?: string;
}

const triesMax = 5;
const tryAgainMs = 1_000;

const endingOf = (facts: readonly Fact[]): Ended | undefined =>
  endings.find((ended) => facts.some(({ fact }) => fact === `run.${ended}`));

/** How one question was answered: its facts in order, how long each took, and what the decision stood on. */
export const Run = ({ session, me, id, isAll }: { session: Session; me: Me; id: string; isAll: boolean }) => {
  const { words } = useLanguage();
  const w = words.runs;
  const path = `${isAll ? '/v1/admin/runs' : '/v1/runs'}/${encodeURIComponent(id)}`;
  const { value, failure, again } = useAsked<Told>(session, path);
  const [tries, setTries] = useState(0);
  const isPartial = failure?.code === 'NOT_FOUND' || (value !== undefined && !endingOf(value.facts));
  const isWaiting = isPartial && tries < triesMax;
  // Audit keeps a run a moment after it is told.
  useEffect(() => {
    if (!isWaiting) return;
    const timer = setTimeout(() => {
      setTries((count) => count + 1);
      again();
    }, tryAgainMs);
    return () => clearTimeout(timer);
  }, [isWaiting, again]);

  return (
    <>
      <header className="page-head">
        <div>
          <a className="fine" href="#/runs">
            ← {w.title}
          </a>
          <h1 tabIndex={-1}>
            {w.run} <code>{id.slice(0, 8)}</code>
          </h1>
        </div>
        {value?.trace && (
          <a href={value.trace} target="_blank" rel="noreferrer">
            {w.trace}
          </a>
        )}
      </header>
      <Guarded session={session} failure={isWaiting ? undefined : failure} onProved={again}>
        {value ? <Facts facts={value.facts} zone={me.tenant.zone} /> : <Loading />}
      </Guarded>
    </>
  );
};

const Facts = ({ facts, zone }: { facts: readonly Fact[]; zone: string }) => {
  const { language, words } = useLanguage();
  const w = words.runs;
  const { steps, totalMs, isFromAsking } = storyOf(facts);
  const ended = endingOf(facts);
  const last = facts.at(-1);
  const code = last?.code;
  return (
    <div className="sections">
      <p className="beside">
        {ended ? <Outcome ended={ended} /> : <span className="tag tag-plain">{w.going}</span>}
        {last && <Moment at={last.at} zone={zone} />}
        <span>
          <Took ms={totalMs} />
        </span>
        {last && (
          <span className="fine">
            {last.actor} {last.role && `· ${last.role}`} {last.purpose && `· ${last.purpose}`}
          </span>
        )}
      </p>
      {code && (
        <Notice tone={ended === 'failed' ? 'bad' : 'held'} title={textOf(code, language, code)}>
          <NextStep code={code} />
          <CodeLine code={code} />
        </Notice>
      )}
      <section>
        <h2>{w.steps}</h2>
        <Table
          caption={w.steps}
          columns={[w.service, w.fact, { figure: w.took }, w.when]}
          className="waterfall"
        >
          {steps.map((step) => (
            <tr key={step.fact}>
              <th scope="row">{step.service ?? '–'}</th>
              <td>
                {(w.facts as Record<string, string | undefined>)[step.fact] ?? step.fact}
                {step.code && <code className="code-beside">{step.code}</code>}
              </td>
              <td className="figure">
                <Took ms={step.toMs - step.fromMs} />
              </td>
              <td className="bar-cell">
                <Bar step={step} totalMs={totalMs} />
              </td>
            </tr>
          ))}
        </Table>
        <p className="fine below">{isFromAsking ? w.fromAsking : w.fromFirst}</p>
      </section>
      <section>
        <h2>{w.grounds}</h2>
        <dl className="grounds">
          {groundsOf(facts).map(([name, value]) => (
            <div key={name}>
              <dt>{(w.names as Record<string, string | undefined>)[name] ?? name}</dt>
              <dd>{value === 'true' ? w.yes : value === 'false' ? w.no : value}</dd>
            </div>
          ))}
        </dl>
      </section>
    </div>
  );
};

const Bar = ({ step: { fromMs, toMs, code }, totalMs }: { step: Step; totalMs: number }) => {
  const { words } = useLanguage();
  const start = (fromMs / totalMs) * 100;
  const width = Math.max(((toMs - fromMs) / totalMs) * 100, 0.6);
  return (
    <svg
      className={code ? 'bar bar-held' : 'bar'}
      viewBox="0 0 100 10"
      preserveAspectRatio="none"
      role="img"
      aria-label={words.runs.span(Math.round(fromMs), Math.round(toMs))}
    >
      <rect className="bar-track" x="0" y="0" width="100" height="10" rx="1" />
      <rect className="bar-fill" x={Math.min(start, 99.4)} y="0" width={width} height="10" rx="1" />
    </svg>
  );
};
