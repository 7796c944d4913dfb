import type { Agenda } from '@jangada/bookings/agenda.ts';
import { type Read, readAgenda } from '@jangada/bookings/state.ts';
import type { Bus } from '@jangada/runtime/bus.ts';
import type { Aggregate } from '@jangada/runtime/events.ts';
import { LRUCache } from 'lru-cache';

/**
 * Agendas as this process has read them, so that each is read from its first event once. What happened since is asked of the broker
 * each time, and it refuses what is appended after anything older.
 */
export interface Agendas {
  /** @throws Unavailable */
  read(bus: Pick<Bus, 'nc' | 'publish'>, of: Aggregate): Promise<Read<Agenda>>;
  /** Has it read from its first event the next time. */
  forget(of: Aggregate): void;
}

/** A day of a provider or room each, a few kilobytes. */
const kept = 2_000;

export const openAgendas = (): Agendas => {
  const known = new LRUCache<string, Read<Agenda>>({ max: kept });
  const nameOf = ({ tenant, id }: Aggregate): string => `${tenant} ${id}`;
  return {
    read: async (bus, of) => {
      const read = await readAgenda(bus, of, known.get(nameOf(of)));
      known.set(nameOf(of), read);
      return read;
    },
    forget: (of) => void known.delete(nameOf(of)),
  };
};
