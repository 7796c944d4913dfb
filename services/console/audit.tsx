import { type FormEvent, useState } from 'react';
import { Field } from './field.tsx';
import { Guarded } from './guarded.tsx';
import { useLanguage } from './language.ts';
import { Moment } from './outcome.tsx';
import type { Me, Session } from './session.ts';
import type { Fact } from './story.ts';
import { Pages, Table } from './table.tsx';
import { queryOf, usePages } from './use-asked.ts';

type Entry = Fact & { readonly about: string };

const decisions = ['allowed', 'denied', 'failed', 'done'] as const;
const names = ['actor', 'about', 'fact', 'code', 'decision', 'from', 'to'] as const;

/** A day of the calendar here, as the instant at which it begins. */
const instantOf = (day: string, plusDays = 0): string | undefined => {
  if (!day) return undefined;
  const at = new Date(`${day}T00:00:00`);
  at.setDate(at.getDate() + plusDays);
  return at.toISOString();
};

/** Who did what, to what, and with what outcome. */
export const Audit = ({ session, me }: { session: Session; me: Me }) => {
  const { words } = useLanguage();
  const w = words.audit;
  const [sought, setSought] = useState<Readonly<Record<string, string | undefined>>>({});
  const entries = usePages<Entry>(session, `/v1/admin/audit${queryOf(sought)}`);

  const search = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const given = Object.fromEntries(names.map((name) => [name, String(form.get(name) ?? '').trim()]));
    setSought({ ...given, from: instantOf(given['from'] ?? ''), to: instantOf(given['to'] ?? '', 1) });
  };

  return (
    <>
      <header className="page-head">
        <h1 tabIndex={-1}>{w.title}</h1>
      </header>
      <p className="lead">{w.lead}</p>
      <Guarded session={session} failure={entries.failure} onProved={entries.again}>
        <form className="search" onSubmit={search}>
          <Field label={w.actor} name="actor" autoComplete="off" spellCheck={false} />
          <Field label={w.about} name="about" autoComplete="off" spellCheck={false} />
          <Field label={w.fact} name="fact" list="facts" autoComplete="off" spellCheck={false} />
          <Field label={w.code} name="code" autoComplete="off" spellCheck={false} />
          <div className="field">
            <label htmlFor="decision">{w.decision}</label>
            <select id="decision" name="decision" className="tall">
              <option value="">{w.any}</option>
              {decisions.map((one) => (
                <option key={one} value={one}>
                  {w.decisions[one]}
                </option>
              ))}
            </select>
          </div>
          <Field label={w.from} name="from" type="date" />
          <Field label={w.to} name="to" type="date" />
          <button type="submit" className="button" disabled={entries.isAsking}>
            {w.search}
          </button>
          <datalist id="facts">
            {Object.keys(words.runs.facts).map((fact) => (
              <option key={fact} value={fact} />
            ))}
          </datalist>
        </form>
        <Pages of={entries} none={w.none} noneLead={w.noneLead}>
          {(items) => (
            <Table caption={w.title} columns={[w.when, w.fact, w.decision, w.actor, w.resource, w.id]}>
              {items.map((entry) => (
                <tr key={`${entry.about} ${entry.fact}`}>
                  <td>
                    <Moment at={entry.at} zone={me.tenant.zone} />
                  </td>
                  <td>
                    <code>{entry.fact}</code>
                  </td>
                  <td>
                    <span className={`tag tag-${toneOf(entry.decision)}`}>
                      {(w.decisions as Record<string, string>)[entry.decision]}
                    </span>
                    {entry.code && <code className="code-beside">{entry.code}</code>}
                  </td>
                  <td>
                    {entry.actor}
                    {entry.role && <span className="fine"> {entry.role}</span>}
                  </td>
                  <td>{entry.resource ?? '–'}</td>
                  <td>
                    {entry.fact.startsWith('run.') ? (
                      <a href={`#/all-runs/${entry.about}`}>
                        <code>{entry.about.slice(0, 8)}</code>
                      </a>
                    ) : (
                      <code>{entry.about.slice(0, 8)}</code>
                    )}
                  </td>
                </tr>
              ))}
            </Table>
          )}
        </Pages>
      </Guarded>
    </>
  );
};

const toneOf = (decision: string): string =>
  decision === 'denied' ? 'held' : decision === 'failed' ? 'bad' : decision === 'allowed' ? 'good' : 'plain';
