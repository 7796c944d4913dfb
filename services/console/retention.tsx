import { Guarded } from './guarded.tsx';
import { useLanguage } from './language.ts';
import { Loading } from './notice.tsx';
import { Moment, Took } from './outcome.tsx';
import { PageHead } from './page-head.tsx';
import { type Plan, Plans } from './plans.tsx';
import type { Language } from './preferences.ts';
import type { Me, Session } from './session.ts';
import { Table } from './table.tsx';
import { useAsked } from './use-asked.ts';

/** Of kinds of data, in one language. */
type Names = Readonly<Record<string, string>>;

interface Rule {
  readonly class: string;
  /** One unit of ISO 8601. */
  readonly keep: string;
  readonly held: boolean;
  /** Whether its rows are in the database, where the nightly removal finds them. */
  readonly here: boolean;
}

interface Report {
  readonly tick: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly removed: readonly { readonly class: string; readonly before: string; readonly deleted: number }[];
}

interface Hold {
  readonly class: string;
  readonly reason: string;
  readonly placedAt: string;
  readonly releasedAt: string | null;
}

interface Told {
  readonly classes: Readonly<Record<Language, Names>>;
  readonly rules: readonly Rule[];
  readonly nextAt: string;
  readonly zone: string;
  readonly reports: readonly Report[];
  readonly holds: readonly Hold[];
  readonly plans: readonly Plan[];
}

/** How long data are kept, what was removed, and what is held. */
export const Retention = ({ session, me }: { session: Session; me: Me }) => {
  const { language, words } = useLanguage();
  const w = words.retention;
  const { zone } = me.tenant;
  const { value, failure, again } = useAsked<Told>(session, '/v1/admin/retention');
  const names = value?.classes[language] ?? {};
  return (
    <>
      <PageHead title={w.title} onRefresh={again} />
      <p className="lead">{w.lead}</p>
      <Guarded session={session} failure={failure} onProved={again}>
        {value ? (
          <div className="sections below">
            <p className="beside">
              <span className="tag tag-plain">{w.next}</span>
              <Moment at={value.nextAt} zone={zone} />
              <span className="fine">{value.zone}</span>
            </p>
            <section>
              <h2>{w.rules}</h2>
              <Rules rules={value.rules} names={names} />
            </section>
            <section>
              <h2>{w.plans.title}</h2>
              {value.plans.length > 0 ? (
                <Plans session={session} me={me} plans={value.plans} names={names} onApproved={again} />
              ) : (
                <p className="lead">{w.plans.none}</p>
              )}
            </section>
            <section>
              <h2>{w.holds}</h2>
              {value.holds.length > 0 ? (
                <Holds holds={value.holds} names={names} zone={zone} />
              ) : (
                <p className="lead">{w.noHolds}</p>
              )}
            </section>
            <section>
              <h2>{w.reports}</h2>
              {value.reports.length > 0 ? (
                <Reports reports={value.reports} names={names} zone={zone} />
              ) : (
                <>
                  <p>{w.none}</p>
                  <p className="lead">{w.noneLead}</p>
                </>
              )}
            </section>
          </div>
        ) : (
          <Loading />
        )}
      </Guarded>
    </>
  );
};

const Rules = ({ rules, names }: { rules: readonly Rule[]; names: Names }) => {
  const { language, words } = useLanguage();
  const w = words.retention;
  const told = (keep: string): string => {
    const count = Number.parseInt(keep.slice(1), 10);
    const say = { Y: w.years, M: w.months, D: w.days }[keep.slice(-1)] ?? w.days;
    return say(new Intl.NumberFormat(language).format(count), count === 1);
  };
  return (
    <Table caption={w.rules} columns={[w.kind, { figure: w.kept }, w.state]}>
      {rules.map(({ class: kind, keep, held, here }) => (
        <tr key={kind}>
          <th scope="row">{names[kind] ?? kind}</th>
          <td className="figure">{told(keep)}</td>
          <td>
            {held ? (
              <span className="tag tag-held">{w.held}</span>
            ) : (
              <span className={`tag tag-${here ? 'good' : 'plain'}`}>{here ? w.applied : w.elsewhere}</span>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
};

const Holds = ({ holds, names, zone }: { holds: readonly Hold[]; names: Names; zone: string }) => {
  const { words } = useLanguage();
  const w = words.retention;
  return (
    <Table caption={w.holds} columns={[w.kind, w.reason, w.placed, w.released]}>
      {holds.map(({ class: kind, reason, placedAt, releasedAt }) => (
        <tr key={`${kind} ${placedAt}`}>
          <th scope="row">{names[kind] ?? kind}</th>
          <td>{reason}</td>
          <td>
            <Moment at={placedAt} zone={zone} />
          </td>
          <td>
            {releasedAt ? (
              <Moment at={releasedAt} zone={zone} />
            ) : (
              <span className="tag tag-held">{w.inForce}</span>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
};

const Reports = ({ reports, names, zone }: { reports: readonly Report[]; names: Names; zone: string }) => {
  const { words } = useLanguage();
  const w = words.retention;
  return (
    <Table caption={w.reports} columns={[w.started, w.removed, { figure: w.took }]}>
      {reports.map(({ tick, startedAt, finishedAt, removed }) => (
        <tr key={tick}>
          <th scope="row">
            <Moment at={startedAt} zone={zone} />
          </th>
          <td>
            <Removed of={removed} names={names} />
          </td>
          <td className="figure">
            {finishedAt ? <Took ms={Date.parse(finishedAt) - Date.parse(startedAt)} /> : w.running}
          </td>
        </tr>
      ))}
    </Table>
  );
};

const Removed = ({ of: removed, names }: { of: Report['removed']; names: Names }) => {
  const { language, words } = useLanguage();
  const w = words.retention;
  const some = removed.filter(({ deleted }) => deleted > 0);
  if (some.length === 0) return <span className="fine">{w.nothing}</span>;
  // A day of the calendar, of whichever zone.
  const day = new Intl.DateTimeFormat(language, { timeZone: 'UTC', dateStyle: 'short' });
  return (
    <ul>
      {some.map(({ class: kind, before, deleted }) => (
        <li key={kind}>
          {w.count(
            new Intl.NumberFormat(language).format(deleted),
            names[kind] ?? kind,
            day.format(new Date(before)),
          )}
        </li>
      ))}
    </ul>
  );
};
