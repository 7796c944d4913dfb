import { useState } from 'react';
import { Choice } from './choice.tsx';
import { Guarded } from './guarded.tsx';
import { useLanguage } from './language.ts';
import { type Ended, endings, Moment, Outcome, Took } from './outcome.tsx';
import type { Me, Session } from './session.ts';
import { Pages, Table } from './table.tsx';
import { queryOf, usePages } from './use-asked.ts';

interface Run {
  readonly run: string;
  readonly ended: Ended;
  readonly at: string;
  readonly actor: string;
  readonly role: string | null;
  readonly code: string | null;
  readonly intent: string | null;
  readonly tookMs: number | null;
}

/** Runs that are over: one's own, or everybody's for who may see them. */
export const Runs = ({ session, me }: { session: Session; me: Me }) => {
  const { words } = useLanguage();
  const w = words.runs;
  const [whose, setWhose] = useState<'own' | 'all'>('own');
  const [ended, setEnded] = useState<Ended | ''>('');
  const isAll = whose === 'all';
  const path = `${isAll ? '/v1/admin/runs' : '/v1/runs'}${queryOf({ ended })}`;
  const runs = usePages<Run>(session, path);

  return (
    <>
      <header className="page-head">
        <h1 tabIndex={-1}>{w.title}</h1>
        <div className="choices">
          {me.permissions.includes('admin:security') && (
            <Choice label={w.whose} value={whose} of={{ own: w.own, all: w.all }} onChange={setWhose} />
          )}
          <Choice
            label={w.ended}
            value={ended}
            of={{ '': w.any, ...Object.fromEntries(endings.map((one) => [one, w.endings[one]])) }}
            onChange={(value) => setEnded(value as Ended | '')}
          />
          <button type="button" className="button quiet" onClick={runs.again}>
            {words.refresh}
          </button>
        </div>
      </header>
      <Guarded session={session} failure={runs.failure} onProved={runs.again}>
        <Pages of={runs} none={ended ? w.noneSuch : w.none} noneLead={ended ? w.noneSuchLead : w.noneLead}>
          {(items) => (
            <Table
              caption={w.title}
              columns={[w.when, w.outcome, w.about, ...(isAll ? [w.who] : []), { figure: w.took }, w.run]}
            >
              {items.map((run) => (
                <tr key={`${run.run} ${run.ended}`}>
                  <td>
                    <Moment at={run.at} zone={me.tenant.zone} />
                  </td>
                  <td>
                    <Outcome ended={run.ended} />
                    {run.code && <code className="code-beside">{run.code}</code>}
                  </td>
                  <td>{run.intent ?? '–'}</td>
                  {isAll && (
                    <td>
                      {run.actor}
                      {run.role && <span className="fine"> {run.role}</span>}
                    </td>
                  )}
                  <td className="figure">
                    <Took ms={run.tookMs} />
                  </td>
                  <td>
                    <a href={`#/${isAll ? 'all-runs' : 'runs'}/${run.run}`}>
                      <code>{run.run.slice(0, 8)}</code>
                    </a>
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
