import { type Name, settings } from '@jangada/config/settings.ts';
import type { Limits } from '@jangada/limits/limits.ts';
import type { LimitClass } from '@jangada/packs/pack.ts';
import type { Service, Status } from '@jangada/runtime/service.ts';
import { jetstreamManager } from '@nats-io/jetstream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Accounts } from './accounts.ts';
import type { RollCall } from './health.ts';
import { Refusal } from './refusal.ts';

/** How the system does, for who holds `admin:system`: figures of services, and the limits of the caller's tenant. */

/** What waits for a service at the broker, in messages. */
interface Waiting {
  readonly waiting: number;
  readonly unacknowledged: number;
  readonly redelivered: number;
}

const brokerWithinMs = 1_000;
/** In the order in which they are shown. */
const classes = Object.keys({
  ai: true,
  data: true,
  api: true,
  tenant: true,
  public: true,
  sessions: true,
  'model-calls': true,
  'model-tokens': true,
  privacy: true,
  signin: true,
  mfa: true,
} satisfies Record<LimitClass, true>) as LimitClass[];

/** Settings that switch something: one of two, or of a few. */
const switches = (Object.keys(settings) as Name[]).filter((name) => {
  const { type, enum: few } = z.toJSONSchema(settings[name].value, { unrepresentable: 'any' });
  return type === 'boolean' || few !== undefined;
});

/** Each switch as services have it; one that they have differently is there for each of its values. */
export const flagsOf = (statuses: readonly Pick<Status, 'name' | 'settings'>[]) =>
  switches.flatMap((name) => {
    const values = new Set(statuses.flatMap(({ settings: shown }) => shown[name] ?? []));
    return [...values].map((value) => {
      const having = statuses.filter(({ settings: shown }) => shown[name] === value);
      return { name, value, services: [...new Set(having.map((status) => status.name))].sort() };
    });
  });

interface Deps {
  readonly rollCall: RollCall;
  readonly limits: Limits;
  readonly accounts: Accounts;
}

export const operationsRoutes = (
  app: FastifyInstance,
  { bus }: Pick<Service, 'bus'>,
  { rollCall, limits, accounts }: Deps,
): void => {
  const broker = jetstreamManager(bus.nc, { checkAPI: false, timeout: brokerWithinMs });
  broker.catch(() => undefined);

  const waitingFor = async ({ consumers }: Status): Promise<Waiting | null> => {
    if (consumers.length === 0) return null;
    const sum = { waiting: 0, unacknowledged: 0, redelivered: 0 };
    try {
      for (const { stream, durable } of consumers) {
        const info = await (await broker).consumers.info(stream, durable);
        sum.waiting += info.num_pending;
        sum.unacknowledged += info.num_ack_pending;
        sum.redelivered += info.num_redelivered;
      }
      return sum;
    } catch {
      return null;
    }
  };

  app.get('/v1/admin/services', async () => {
    const statuses = await rollCall();
    const answered = await Promise.all(
      statuses.map(async (status) => {
        const { name, ready, breaker, inFlight, checks } = status;
        return { name, answered: true, ready, breaker, inFlight, checks, queue: await waitingFor(status) };
      }),
    );
    const silent = [...rollCall.known.keys()]
      .filter((name) => !statuses.some((status) => status.name === name))
      .map((name) => ({ name, answered: false, ready: false }));
    const services = [...answered, ...silent].sort((a, b) => a.name.localeCompare(b.name));
    return { services, flags: flagsOf(statuses) };
  });

  app.get('/v1/admin/limits', async (request) => {
    const { tenant, role, subject: user } = request.signedIn();
    const chosen = await accounts.tenant(tenant);
    if (!chosen) throw new Refusal('AUTH_INVALID');
    const who = { ip: request.ip, user, tenant, role, pack: chosen.pack };
    return { limits: classes.flatMap((limited) => limits.inForce(limited, who)) };
  });
};
