import { useEffect } from 'react';
import { Guarded } from './guarded.tsx';
import { useLanguage } from './language.ts';
import { Letters } from './letters.tsx';
import { Loading } from './notice.tsx';
import { Moment } from './outcome.tsx';
import { PageHead } from './page-head.tsx';
import type { Me, Session } from './session.ts';
import { Table } from './table.tsx';
import { useAsked } from './use-asked.ts';

interface Check {
  readonly name: string;
  readonly status: 'healthy' | 'unhealthy';
  readonly optional?: true;
}

interface Service {
  readonly name: string;
  readonly answered: boolean;
  readonly ready: boolean;
  readonly breaker?: 'closed' | 'half-open' | 'open';
  readonly inFlight?: number;
  readonly checks?: readonly Check[];
  readonly queue?: {
    readonly waiting: number;
    readonly unacknowledged: number;
    readonly redelivered: number;
  } | null;
}

interface Limit {
  readonly name: string;
  readonly class: string;
  readonly key: 'ip' | 'user' | 'tenant' | 'role';
  readonly max: number;
  readonly windowMs: number;
  readonly atOnce?: true;
}

interface Flag {
  readonly name: string;
  readonly value: string;
  readonly services: readonly string[];
}

interface Connection {
  readonly id: string;
  readonly user: string;
  readonly createdAt: string;
  readonly lastActivity: string;
}

/** Often enough for who looks on, and a third of what one may ask in all. */
const refreshMs = 30_000;

/** How the system does now. */
export const Operations = ({ session, me }: { session: Session; me: Me }) => {
  const { words } = useLanguage();
  const w = words.operations;
  const services = useAsked<{ services: Service[]; flags: Flag[] }>(session, '/v1/admin/services');
  const limits = useAsked<{ limits: Limit[] }>(session, '/v1/admin/limits');
  const connections = useAsked<{ connections: Connection[] }>(session, '/v1/admin/connections');
  const { again } = services;
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && again(), refreshMs);
    return () => clearInterval(timer);
  }, [again]);
  const all = (): void => {
    for (const asked of [services, limits, connections]) asked.again();
  };

  return (
    <>
      <PageHead title={w.title} onRefresh={all} />
      <Guarded session={session} failure={services.failure} onProved={all}>
        <div className="sections">
          <section>
            <h2>{w.services}</h2>
            {services.value ? <Services services={services.value.services} /> : <Loading />}
          </section>
          <section>
            <h2>{w.letters.title}</h2>
            <Letters session={session} me={me} />
          </section>
          <section>
            <h2>{w.connections}</h2>
            {connections.value?.connections.length === 0 && <p className="lead">{w.noConnections}</p>}
            {connections.value && connections.value.connections.length > 0 && (
              <Connections connections={connections.value.connections} zone={me.tenant.zone} />
            )}
          </section>
          <section>
            <h2>{w.limits}</h2>
            {limits.value ? <Limits limits={limits.value.limits} /> : <Loading />}
          </section>
          <section>
            <h2>{w.flags}</h2>
            {services.value ? <Flags flags={services.value.flags} /> : <Loading />}
          </section>
        </div>
      </Guarded>
    </>
  );
};

const stateOf = ({ answered, ready, checks = [] }: Service): 'silent' | 'unready' | 'degraded' | 'ready' => {
  if (!answered) return 'silent';
  if (!ready) return 'unready';
  return checks.some(({ status }) => status === 'unhealthy') ? 'degraded' : 'ready';
};
const tones = { silent: 'bad', unready: 'bad', degraded: 'held', ready: 'good' } as const;

const Services = ({ services }: { services: readonly Service[] }) => {
  const { language, words } = useLanguage();
  const w = words.operations;
  const figure = (value: number | undefined): string =>
    value === undefined ? '–' : new Intl.NumberFormat(language).format(value);
  return (
    <Table
      caption={w.services}
      columns={[
        w.service,
        w.state,
        w.breaker,
        ...[w.inFlight, w.waiting, w.unacknowledged, w.redelivered].map((figure) => ({ figure })),
      ]}
    >
      {services.map((service) => {
        const state = stateOf(service);
        const ill = (service.checks ?? []).filter(({ status }) => status === 'unhealthy');
        return (
          <tr key={service.name}>
            <th scope="row">{service.name}</th>
            <td>
              <span className={`tag tag-${tones[state]}`}>{w.states[state]}</span>
              {ill.length > 0 && (
                <span className="fine under">{w.without(ill.map(({ name }) => name).join(', '))}</span>
              )}
            </td>
            <td>
              {service.breaker && (
                <span className={service.breaker === 'closed' ? undefined : 'tag tag-held'}>
                  {w.breakers[service.breaker]}
                </span>
              )}
            </td>
            <td className="figure">{figure(service.inFlight)}</td>
            <td className="figure">{figure(service.queue?.waiting)}</td>
            <td className="figure">{figure(service.queue?.unacknowledged)}</td>
            <td className="figure">{figure(service.queue?.redelivered)}</td>
          </tr>
        );
      })}
    </Table>
  );
};

const Connections = ({ connections, zone }: { connections: readonly Connection[]; zone: string }) => {
  const { words } = useLanguage();
  const w = words.operations;
  return (
    <Table caption={w.connections} columns={[w.who, w.since, w.lastHeard]}>
      {connections.map(({ id, user, createdAt, lastActivity }) => (
        <tr key={id}>
          <th scope="row">{user}</th>
          <td>
            <Moment at={createdAt} zone={zone} />
          </td>
          <td>
            <Moment at={lastActivity} zone={zone} />
          </td>
        </tr>
      ))}
    </Table>
  );
};

const Limits = ({ limits }: { limits: readonly Limit[] }) => {
  const { language, words } = useLanguage();
  const w = words.operations;
  const span = ({ windowMs, atOnce }: Limit): string => {
    if (atOnce) return w.atOnce;
    const [value, unit] =
      windowMs % 60_000 === 0 ? [windowMs / 60_000, 'minute'] : [windowMs / 1_000, 'second'];
    return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(
      Number(value),
    );
  };
  return (
    <Table caption={w.limits} columns={[w.policy, w.counts, w.by, { figure: w.most }, w.within]}>
      {limits.map((limit) => (
        <tr key={limit.name}>
          <th scope="row">{limit.name}</th>
          <td>{limit.class}</td>
          <td>{w.keys[limit.key]}</td>
          <td className="figure">{new Intl.NumberFormat(language).format(limit.max)}</td>
          <td>{span(limit)}</td>
        </tr>
      ))}
    </Table>
  );
};

const Flags = ({ flags }: { flags: readonly Flag[] }) => {
  const { words } = useLanguage();
  const w = words.operations;
  return (
    <Table caption={w.flags} columns={[w.flag, w.value, w.where]}>
      {flags.map(({ name, value, services }) => (
        <tr key={`${name} ${value}`}>
          <th scope="row">
            <code>{name}</code>
          </th>
          <td>
            <code>{value}</code>
          </td>
          <td>{services.join(', ')}</td>
        </tr>
      ))}
    </Table>
  );
};
