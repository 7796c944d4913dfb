import type { Overall } from './health.ts';
import type { Status } from './service.ts';

/** A service that is looked for, whether it answers or not. */
export type Expected = Pick<Status, 'name' | 'kind' | 'spares'>;

export interface SystemHealth {
  readonly status: Overall;
  /** Why it is not healthy, in words that name services and their dependencies, and nothing else. */
  readonly reasons: readonly string[];
  readonly services: Readonly<Record<string, Overall>>;
}

interface Finding {
  readonly health: Overall;
  readonly reason?: string;
}

/** Instances whose breaker is open have stopped to take messages. */
const works = ({ ready, breaker }: Status): boolean => ready && breaker !== 'open';

const faultOf = ({ checks, breaker, ready }: Status): string => {
  const ill = checks.filter(({ status }) => status !== 'healthy').map(({ name }) => name);
  if (ill.length > 0) return `has no ${ill.join(', ')}`;
  return breaker === 'open' ? 'rests, its breaker is open' : ready ? 'works' : 'drains';
};

const find = (instances: readonly Status[]): Finding => {
  const [first] = instances;
  if (!first) return { health: 'unhealthy', reason: 'does not answer' };
  const away = instances.filter((one) => !works(one));
  const [worst] = away;
  if (worst && away.length === instances.length) return { health: 'unhealthy', reason: faultOf(worst) };
  if (worst)
    return {
      health: 'degraded',
      reason: `${faultOf(worst)} in ${away.length} of ${instances.length} instances`,
    };
  const worse = instances.find(({ checks }) => checks.some(({ status }) => status !== 'healthy'));
  return worse ? { health: 'degraded', reason: faultOf(worse) } : { health: 'healthy' };
};

/**
 * Health of the system from that of its services. Healthy: each of them is, in all its instances. Unhealthy: one that questions or
 * commands cannot do without has no instance that works. All else is degraded: what a sink hears waits for it in the broker, and
 * what a hop may spare is spared.
 */
export const overallOf = (expected: readonly Expected[], statuses: readonly Status[]): SystemHealth => {
  if (statuses.length === 0) return { status: 'unhealthy', reasons: ['no service answers'], services: {} };
  const spared = new Set([...expected, ...statuses].flatMap(({ spares }) => spares));
  const kinds = new Map([...expected, ...statuses].map(({ name, kind }) => [name, kind]));
  const found = [...kinds].map(([name, kind]) => {
    const finding = find(statuses.filter((status) => status.name === name));
    const isEssential = kind !== 'sink' && !spared.has(name);
    return {
      name,
      ...finding,
      ofSystem: finding.health === 'unhealthy' && !isEssential ? 'degraded' : finding.health,
    };
  });
  const status = (['unhealthy', 'degraded'] as const).find((bad) =>
    found.some(({ ofSystem }) => ofSystem === bad),
  );
  return {
    status: status ?? 'healthy',
    reasons: found.flatMap(({ name, reason }) => (reason ? [`${name} ${reason}`] : [])),
    services: Object.fromEntries(found.map(({ name, health }) => [name, health])),
  };
};
