import { Svcm } from '@nats-io/services';
import { type NatsConnection, NoRespondersError } from '@nats-io/transport-node';
import { z } from 'zod';

/**
 * Who is there, as the broker's protocol of services tells it: each process answers for itself, and one that is dead does not. There
 * is no list that somebody would have to keep true.
 */

/** One process of a service. */
export interface Instance {
  /** Made anew at each start. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly host: string;
  readonly port: number;
  readonly healthCheckPath: string;
  /** Where it listens on the internal network. */
  readonly url: string;
  /** Its share of calls beside the other instances of its service. */
  readonly weight: number;
  readonly startedAt: string;
  /** Whether calls may go there. */
  readonly ready: boolean;
  readonly breaker: string;
  /** Messages in work there when it answered. */
  readonly inFlight: number;
}

const answer = z.object({
  id: z.string(),
  name: z.string(),
  version: z.string(),
  started: z.string(),
  metadata: z.object({
    host: z.string(),
    port: z.coerce.number().int(),
    health: z.string(),
    weight: z.coerce.number().positive(),
  }),
  endpoints: z
    .array(z.object({ data: z.object({ ready: z.boolean(), breaker: z.string(), inFlight: z.number() }) }))
    .min(1),
});

/** Others may be on the same broker, which say other things of themselves: they are none of ours. */
const instanceOf = (said: unknown): Instance[] => {
  const { data } = answer.safeParse(said);
  const state = data?.endpoints[0]?.data;
  if (!data || !state) return [];
  const { id, name, version, started, metadata } = data;
  const { host, port, health, weight } = metadata;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return [
    { id, name, version, host, port, healthCheckPath: health, url, weight, startedAt: started, ...state },
  ];
};

const answerMs = 1_000;

/** Asks who is there, of one service or of all, and takes what comes within `withinMs`. In the order of names and ids. */
export const discover = async (
  nc: NatsConnection,
  name?: string,
  withinMs = answerMs,
): Promise<readonly Instance[]> => {
  const found: Instance[] = [];
  try {
    const client = new Svcm(nc).client({ strategy: 'timer', maxWait: withinMs });
    for await (const said of await client.stats(name)) found.push(...instanceOf(said));
  } catch (error) {
    if (!(error instanceof NoRespondersError)) throw error;
  }
  return found.sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
};

/** Looks this often, so that with both looks that it misses, a dead instance is out within 11 s. */
const lookMs = 5_000;
/** One answer that comes late is none; two are. */
const missesAllowed = 1;

/** Instances as they were last seen, looked for again and again. */
export interface Registry extends Disposable {
  /** Those of a service that calls may go to. */
  ready(name: string): readonly Instance[];
  /** Asks now, beside the times at which it asks anyway. */
  look(): Promise<void>;
}

export const openRegistry = async (
  nc: NatsConnection,
  { everyMs = lookMs, withinMs = answerMs }: { everyMs?: number; withinMs?: number } = {},
): Promise<Registry> => {
  let seen = new Map<string, { instance: Instance; missed: number }>();
  const look = async (): Promise<void> => {
    const answered = await discover(nc, undefined, withinMs);
    const next = new Map(
      [...seen]
        .map(([id, { instance, missed }]) => [id, { instance, missed: missed + 1 }] as const)
        .filter(([, { missed }]) => missed <= missesAllowed),
    );
    for (const instance of answered) next.set(instance.id, { instance, missed: 0 });
    seen = next;
  };
  await look();
  // While the broker is away nobody is dead for it.
  const timer = setInterval(() => void look().catch(() => undefined), everyMs).unref();
  return {
    ready: (name) =>
      [...seen.values()]
        .map(({ instance }) => instance)
        .filter((instance) => instance.name === name && instance.ready && instance.breaker !== 'open'),
    look,
    [Symbol.dispose]: () => clearInterval(timer),
  };
};
