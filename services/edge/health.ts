import {
  type Check,
  healthDocument,
  overall,
  type Probes,
  runProbes,
  version,
} from '@jangada/runtime/health.ts';
import { overallOf } from '@jangada/runtime/overall.ts';
import { rollCall as rollCallOf } from '@jangada/runtime/roll-call.ts';
import type { Service, Status } from '@jangada/runtime/service.ts';
import type { FastifyInstance } from 'fastify';

/** Health of the whole system, as its services say it of themselves. */

const answersWithinMs = 300;
const rememberMs = 1_000;
/** Whoever has answered before and does not now is waited for this much longer before it counts as away. */
const lateMs = 1_000;

/** The checks that are asked for from outside, and whose word counts for each. */
const sources: Readonly<Record<string, (status: Status) => Check[]>> = {
  database: ({ checks }) => checks.filter(({ name }) => name === 'database'),
  redis: ({ checks }) => checks.filter(({ name }) => name === 'redis'),
  ai_service: ({ checks }) => checks.filter(({ name }) => name === 'ai_service'),
  security: ({ name, ready }) =>
    name === 'permission' ? [{ name, status: ready ? 'healthy' : 'unhealthy' }] : [],
};

/** Healthy when somebody vouches for it and nobody says otherwise. */
export const merge = (statuses: readonly Status[]): Check[] =>
  Object.entries(sources).map(([name, from]): Check => {
    const said = statuses.flatMap(from);
    if (said.length === 0) return { name, status: 'unhealthy', details: 'no service answered for it' };
    const bad = said.find(({ status }) => status === 'unhealthy');
    return bad ? { ...bad, name } : { name, status: 'healthy' };
  });

/** What every service says of itself. One question to all of them serves everybody who asks within a second. */
export interface RollCall {
  (): Promise<readonly Status[]>;
  /** Who has answered since this edge started, as they last did: of them it is news when they do not. */
  readonly known: ReadonlyMap<string, Status>;
}

/** One answer serves everybody who asks within a second. */
const remembered = <T>(ask: () => Promise<T>): (() => Promise<T>) => {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined;
  return () => {
    // By a clock that nobody sets: one that is set back would make an answer last until it has caught up.
    if (!last || performance.now() - last.at > rememberMs) last = { at: performance.now(), answer: ask() };
    return last.answer;
  };
};

export const openRollCall = ({ bus }: Pick<Service, 'bus'>): RollCall => {
  const known = new Map<string, Status>();
  const ask = async (): Promise<readonly Status[]> => {
    // A broker that is away answers for nobody.
    const statuses = await rollCallOf(bus.nc, undefined, answersWithinMs).catch(() => []);
    for (const status of statuses) known.set(status.name, status);
    return statuses;
  };
  return Object.assign(remembered(ask), { known });
};

export const healthRoutes = (
  app: FastifyInstance,
  { bus }: Pick<Service, 'bus'>,
  { probes, accepting, rollCall }: { probes: Probes; accepting: () => boolean; rollCall: RollCall },
): void => {
  for (const url of ['/v1/health', '/health']) {
    app.get(url, async () => {
      const websocket: Check = { name: 'websocket', status: accepting() ? 'healthy' : 'unhealthy' };
      return healthDocument([...merge(await rollCall()), websocket]);
    });
  }

  /** Who is late is looked for once as well: whoever asks need not have signed in. */
  const look = remembered(async () => {
    const statuses = await rollCall();
    const late = [...rollCall.known.keys()].filter(
      (name) => !statuses.some((status) => status.name === name),
    );
    const answers = late.length > 0 ? await rollCallOf(bus.nc, late, lateMs).catch(() => []) : [];
    const belated = answers.filter(({ name }) => late.includes(name));
    return overallOf([...rollCall.known.values()], [...statuses, ...belated]);
  });
  app.get('/v1/health/overall', async () => ({
    ...(await look()),
    timestamp: new Date().toISOString(),
    version,
  }));

  app.get('/v1/ready', async (_request, reply) => {
    const checks = await runProbes({ broker: () => bus.nc.flush(), ...probes });
    const ready = accepting() && overall(checks) === 'healthy';
    return reply.code(ready ? 200 : 503).send({ ready, checks });
  });
};
