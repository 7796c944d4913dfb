import type { Pack, Source } from '@jangada/packs/pack.ts';
import { foldName, type ReadRow } from '@jangada/packs/read.ts';
import type { Order, Plan } from '@jangada/proto/plan.ts';
import { type Arrangement, providersMax } from '@jangada/proto/run.ts';

/** Reads rows about nobody under the grant of the run. */
type Read = (source: Source, plan: Plan) => Promise<readonly ReadRow[]>;

/** Services of a tenant that are known by their words. */
const servicesMax = 100;

/** What an order takes beside the people it may be about: who provides it, and which service it names. */
export const arrangementOf = async (
  { orders, sources }: Pack,
  { type, provider, byMe, said }: Order,
  read: Read,
): Promise<Arrangement | undefined> => {
  const [providers, services] = [sources[orders?.providers ?? ''], sources[orders?.services ?? '']];
  if (!orders || !providers || !services || type !== 'ScheduleAppointment') return undefined;
  const filter = { ...(provider ? { provider } : {}), ...(byMe ? { mine: true } : {}) };
  const list = { ask: 'list' as const, joins: [] };
  const [found, offered] = await Promise.all([
    provider || byMe
      ? read(providers, {
          ...{ ...list, source: orders.providers, filter },
          ...{ fields: ['id', 'name'], limit: providersMax },
        })
      : [],
    read(services, {
      ...{ ...list, source: orders.services, filter: {} },
      ...{ fields: ['name', 'minutes'], limit: servicesMax },
    }),
  ]);
  const service = serviceIn(
    said,
    offered.map(({ name, minutes }) => ({ name: String(name), minutes: Number(minutes) })),
  );
  return {
    providers: found.slice(0, providersMax).map(({ id, name }) => ({ id: String(id), name: String(name) })),
    ...(service ? { service } : {}),
  };
};

type Service = NonNullable<Arrangement['service']>;

/** The service all of whose words were said; of several the one with the most. */
export const serviceIn = (said: string, services: readonly Service[]): Service | undefined => {
  const heard = new Set(wordsOf(said));
  const named = services
    .map((service) => ({
      service,
      // "Limpeza de pele" is meant by "limpeza da pele" too.
      wanted: wordsOf(service.name).filter((word) => word.length > 2),
    }))
    .filter(({ wanted }) => wanted.length > 0 && wanted.every((word) => heard.has(word)));
  return named.toSorted((one, other) => other.wanted.length - one.wanted.length)[0]?.service;
};

const wordsOf = (text: string): readonly string[] => foldName(text).match(/[\p{L}\p{N}]+/gu) ?? [];
