import { createHash } from 'node:crypto';
import { agenda, changed } from '@jangada/proto/booking.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { partsOf, streamOf } from '@jangada/proto/message.ts';
import { eventIn } from '@jangada/runtime/events.ts';
import { type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import type { JetStreamManager } from '@nats-io/jetstream';
import { sql } from 'kysely';
import { projectIn, projection } from '../services/projection/bookings.ts';
import type { Event } from '../services/projection/event.ts';

/** Makes the tables of bookings and agendas anew from their events, and shows that they are the same. */

export interface Rebuilt {
  readonly tenant: string;
  readonly events: number;
  /** SHA-256 over the rows of each table, in the order of their ids. */
  readonly before: string;
  readonly after: string;
}

/** Events, or rows, that are in memory at once; twice as many while one lot is awaited. */
const batch = 1_000;

interface Lot {
  readonly events: readonly Event[];
  /** Place in the stream of the last message; undefined where there is none any more. */
  readonly last: number | undefined;
}

/** The events of a tenant, in order; the next lot is on its way while one is worked on. */
export async function* eventsOfTenant(
  jsm: JetStreamManager,
  tenant: string,
): AsyncGenerator<readonly Event[]> {
  const read = (from: number): Promise<Lot> => {
    const lot = lotOf(jsm, tenant, from);
    // Told to whoever awaits it.
    lot.catch(() => undefined);
    return lot;
  };
  for (let next = read(1); ; ) {
    const { events, last } = await next;
    if (last === undefined) return;
    next = read(last + 1);
    yield events;
  }
}

const lotOf = async (jsm: JetStreamManager, tenant: string, seq: number): Promise<Lot> => {
  const events: Event[] = [];
  let last: number | undefined;
  const query = { seq, next_by_subj: `event.*.${tenant}.*`, batch };
  try {
    for await (const raw of await jsm.direct.getBatch(streamOf.event, query)) {
      last = raw.seq;
      const message = [changed, agenda].find((one) => partsOf(one, raw.subject));
      if (!message || !raw.header.has(headers.schema)) continue;
      const { id = '' } = partsOf(message, raw.subject) ?? {};
      events.push({ tenant, id, sequence: raw.seq, storedAt: raw.time, body: eventIn(message, raw) });
    }
  } catch (error) {
    // The broker answers a batch that would be empty with 404.
    if (!(error instanceof Error && 'code' in error && error.code === 404)) throw error;
  }
  return { events, last };
};

interface Page {
  readonly rows: number;
  readonly last: string;
  readonly digest: Buffer;
}

const tables = ['bookings', 'agenda_times'] as const;
type Table = (typeof tables)[number];

/** A lot of rows after an id: no statement and no memory grows with the table. */
const pageOf = async (
  transaction: Transaction,
  table: Table,
  tenant: string,
  after: string,
): Promise<Page | undefined> => {
  const [page] = await transaction.rows(
    written(sql<Page>`
      select count(*)::int as rows, max(id) as last,
        sha256(convert_to(string_agg(to_jsonb(b)::text, chr(10) order by id), 'UTF8')) as digest
      from (select * from ${sql.table(table)} where tenant_id = ${tenant} and id > ${after} order by id limit ${batch}) b`),
  );
  return page && page.rows > 0 ? page : undefined;
};

/** The checksum of a tenant's rows. `seen` is told of each lot of ids once it is in it. */
const checksumOf = async (
  transaction: Transaction,
  tenant: string,
  seen: (table: Table, after: string, last: string) => Promise<unknown> = async () => undefined,
): Promise<string> => {
  const hash = createHash('sha256');
  for (const table of tables) {
    hash.update(table);
    for (let after = ''; ; ) {
      const page = await pageOf(transaction, table, tenant, after);
      if (!page) break;
      hash.update(page.digest);
      await seen(table, after, page.last);
      after = page.last;
    }
  }
  return hash.digest('hex');
};

/** In one transaction, up to where the projection had come; it waits meanwhile and goes on from there. */
export const rebuild = (
  {
    store,
    jsm,
    vault,
  }: { readonly store: Pick<Store, 'within'>; readonly jsm: JetStreamManager; readonly vault: Vault },
  tenant: string,
): Promise<Rebuilt> =>
  store.within({ tenant }, async (transaction) => {
    // In the order in which the projection writes them.
    await transaction.rows(written(sql`lock table agenda_times, bookings in share row exclusive mode`));
    const [at] = await transaction.rows(
      written(sql<{ sequence: number }>`
        select sequence from projections where tenant_id = ${tenant} and name = ${projection}`),
    );
    const before = await checksumOf(transaction, tenant, (table, after, last) =>
      transaction.rows(
        written(
          sql`delete from ${sql.table(table)} where tenant_id = ${tenant} and id > ${after} and id <= ${last}`,
        ),
      ),
    );
    const upTo = at?.sequence ?? 0;
    let count = 0;
    for await (const lot of eventsOfTenant(jsm, tenant)) {
      const events = lot.filter(({ sequence }) => sequence <= upTo);
      if (events.length > 0) await projectIn(transaction, vault, tenant, events);
      count += events.length;
      if (events.length < lot.length) break;
    }
    const after = await checksumOf(transaction, tenant);
    return { tenant, events: count, before, after };
  });
