import { useState } from 'react';
import { useLanguage } from './language.ts';
import { FailureNotice, Loading } from './notice.tsx';
import { Age } from './outcome.tsx';
import type { Session } from './session.ts';
import { type Fact, readingsOf } from './story.ts';
import { useAsked } from './use-asked.ts';

/** Where an answer comes from and how old that is; asked for when somebody wants to know. */
export const Sources = ({ session, run }: { session: Session; run: string }) => {
  const { words } = useLanguage();
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="sources" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{words.sources.title}</summary>
      {isOpen && <Readings session={session} run={run} />}
    </details>
  );
};

const Readings = ({ session, run }: { session: Session; run: string }) => {
  const { language, words } = useLanguage();
  const w = words.sources;
  const { value, failure, again } = useAsked<{ facts: readonly Fact[] }>(
    session,
    `/v1/runs/${encodeURIComponent(run)}`,
  );
  if (failure) return <FailureNotice failure={failure} onRetry={again} />;
  if (!value) return <Loading />;
  const readings = readingsOf(value.facts);
  return (
    <ul className="readings">
      {readings.length === 0 && <li>{w.none}</li>}
      {readings.map(({ source, rows, at, isCached }) => (
        <li key={source}>
          <strong>{source}</strong>
          <span className="fine">
            {w.rows(new Intl.NumberFormat(language).format(rows), rows)} · {w.read} <Age at={at} />
            {isCached && ` · ${words.chat.cached}`}
          </span>
        </li>
      ))}
    </ul>
  );
};
