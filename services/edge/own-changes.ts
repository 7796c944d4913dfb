import { setTimeout as sleep } from 'node:timers/promises';
import type { Limits } from '@jangada/limits/limits.ts';
import type { End } from '@jangada/proto/reply.ts';
import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { LRUCache } from 'lru-cache';
import type { Follower } from './follow.ts';
import type { Identity } from './identity.ts';

/**
 * Who changes the agenda and reads it then finds the change in it. A table that follows from events may be behind, so what a
 * person's last commands came to is remembered with the person, and their reading waits a moment for the table to have come as
 * far. Commands are remembered where every replica finds them, and nothing is looked up for who gave none.
 */

type Person = Pick<Identity, 'tenant' | 'subject'>;

export interface OwnChanges {
  /** Remembers a command of the person's that was stored. */
  note(person: Person, run: string): Promise<void>;
  /** Waits until the table shows what the person changed; false where it does not in time. */
  shown(person: Person): Promise<boolean>;
}

/** Commands that are remembered of one person, and how long after the last. */
const commandsMax = 8;
const rememberedMs = 3_600_000;
const patienceMs = 1_000;
/** Where it was waited in vain, it is only looked for so long: who goes on reading is not kept waiting each time. */
const vainMs = 10_000;
const db = queries<CoreTables>();

/** How far a table is that follows from events: the place of the last that it has taken in, when that was stored and taken in. */
export const standingOf = async (store: Store, tenant: string, name: string) => {
  const [at] = await store.read(
    { tenant },
    db
      .selectFrom('projections')
      .select(['sequence as position', 'event_at as eventAt', 'taken_at as takenAt'])
      .where('tenant_id', '=', tenant)
      .where('name', '=', name),
  );
  return at ?? { position: 0 };
};

/** What of a command is to be shown. */
interface Change {
  /** Place of its last event; 0 where nothing changed. */
  readonly position: number;
  /** The booking that it is about, and the version that this came to. */
  readonly booking: { readonly id: string; readonly version: number } | undefined;
  /** False of a command that may be given again, and carried out then. */
  readonly isFinal: boolean;
}

/** Undefined while nobody knows. */
const changeIn = (end: End | undefined): Change | undefined => {
  if (!end) return undefined;
  const { position = 0, appointmentId: id, version } = (end.type === 'answered' && end.items?.[0]) || {};
  return {
    position: Number(position),
    booking: typeof id === 'string' ? { id, version: Number(version) } : undefined,
    isFinal: end.type === 'answered' || end.type === 'refused',
  };
};

const versionsOf = async (
  store: Store,
  tenant: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> => {
  if (ids.length === 0) return new Map();
  const query = db
    .selectFrom('bookings')
    .select(['id', 'version'])
    .where('tenant_id', '=', tenant)
    .where('id', 'in', ids);
  return new Map((await store.read({ tenant }, query)).map(({ id, version }) => [id, version]));
};

export const openOwnChanges = (
  claims: Pick<Limits, 'claim' | 'holderOf'>,
  follower: Pick<Follower, 'endOf'>,
  store: Store,
  waitMs = patienceMs,
): OwnChanges => {
  const nameOf = ({ tenant, subject }: Person): string => `changed|${tenant}|${subject}`;
  const commandsOf = async (person: Person): Promise<readonly string[]> =>
    (await claims.holderOf(nameOf(person)))?.split(' ') ?? [];
  /** Commands that were seen in the tables: these never go back. */
  const seen = new LRUCache<string, true>({ max: 50_000 });
  const vain = new LRUCache<string, true>({ max: 10_000, ttl: vainMs });

  const isShown = async (tenant: string, runs: readonly string[]): Promise<boolean> => {
    const waiting = runs.filter((run) => !seen.has(`${tenant}.${run}`));
    if (waiting.length === 0) return true;
    const ends = await Promise.all(waiting.map((run) => follower.endOf(tenant, run)));
    const changes = ends.map(changeIn);
    const ids = changes.flatMap((change) => change?.booking?.id ?? []);
    const [{ position }, versions] = await Promise.all([
      standingOf(store, tenant, 'bookings'),
      versionsOf(store, tenant, ids),
    ]);
    // The place is that of the newest event, and an earlier one may still be on its way: a booking says its version itself.
    const shows = ({ booking, position: place }: Change): boolean =>
      place <= position && (!booking || (versions.get(booking.id) ?? 0) >= booking.version);
    const shown = changes.map((change) => change !== undefined && shows(change));
    for (const [at, run] of waiting.entries())
      if (shown[at] && changes[at]?.isFinal) seen.set(`${tenant}.${run}`, true);
    return shown.every(Boolean);
  };

  return {
    note: async (person, run) => {
      const name = nameOf(person);
      // As often as others of the same person's may come in between.
      for (let attempt = 0; attempt < commandsMax; attempt++) {
        const before = await commandsOf(person);
        if (before.includes(run)) return;
        const runs = [...before, run].slice(-commandsMax).join(' ');
        if ((await claims.claim(name, runs, rememberedMs, before.join(' '))) === runs) return;
      }
    },
    shown: async (person) => {
      const runs = await commandsOf(person);
      const { tenant } = person;
      const named = `${tenant}.${runs.join(' ')}`;
      const until = Date.now() + (vain.has(named) ? 0 : waitMs);
      for (let pauseMs = 10; ; pauseMs = Math.min(2 * pauseMs, 100)) {
        if (await isShown(tenant, runs)) return true;
        if (Date.now() + pauseMs > until) break;
        await sleep(pauseMs);
      }
      vain.set(named, true);
      return false;
    },
  };
};
