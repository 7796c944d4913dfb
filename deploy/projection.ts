import { changed } from '@jangada/proto/booking.ts';
import { headers } from '@jangada/proto/envelope.ts';
import { partsOf, streamOf } from '@jangada/proto/message.ts';
import { eventIn } from '@jangada/runtime/events.ts';
import { type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import type { JetStreamManager } from '@nats-io/jetstream';
import { sql } from 'kysely';
import { type Event, projectIn, projection } from '../services/projection/bookings.ts';

/** Makes the table of bookings anew from their events, and shows that it is the same. */

export interface Rebuilt {
  readonly tenant: string;
  readonly events: number;
  /** SHA-256 of the rows, in the order of their ids. */
  readonly before: string;
  readonly after: string;
}

const batch = 500;

/** All events of a tenant from a place in the stream on, in order. */
export const eventsOfTenant = async (
  jsm: JetStreamManager,
  tenant: string,
  from = 1,
): Promise<readonly Event[]> => {
  const found: Event[] = [];
  const subject = `${changed.name}.${tenant}.*`;
  try {
    for (let next = from; ; next = (found.at(-1)?.sequence ?? 0) + 1) {
      const before = found.length;
      const query = { seq: next, next_by_subj: subject, batch };
      for await (const raw of await jsm.direct.getBatch(streamOf.event, query)) {
        const id = partsOf(changed, raw.subject)?.id ?? '';
        if (raw.header.has(headers.schema))
          found.push({ tenant, id, sequence: raw.seq, storedAt: raw.time, body: eventIn(changed, raw) });
      }
      if (found.length === before) return found;
    }
  } catch (error) {
    // The broker answers a batch that would be empty with 404.
    if (error instanceof Error && 'code' in error && error.code === 404) return found;
    throw error;
  }
};

const checksumOf = async (transaction: Transaction, tenant: string): Promise<string> => {
  const [row] = await transaction.rows(
    written(sql<{ checksum: string }>`
      select encode(sha256(convert_to(coalesce(string_agg(to_jsonb(b)::text, chr(10) order by id), ''), 'UTF8')), 'hex') as checksum
      from bookings b where tenant_id = ${tenant}`),
  );
  return row?.checksum ?? '';
};

/** In one transaction, up to where the projection had come; it waits meanwhile and goes on from there. */
export const rebuild = async (
  {
    store,
    jsm,
    vault,
  }: { readonly store: Pick<Store, 'within'>; readonly jsm: JetStreamManager; readonly vault: Vault },
  tenant: string,
): Promise<Rebuilt> => {
  // Most of them before it is locked: a transaction that says nothing for long is ended.
  const early = await eventsOfTenant(jsm, tenant);
  return store.within({ tenant }, async (transaction) => {
    await transaction.rows(written(sql`lock table bookings in share row exclusive mode`));
    const [at] = await transaction.rows(
      written(sql<{ sequence: number }>`
        select sequence from projections where tenant_id = ${tenant} and name = ${projection}`),
    );
    // What the projection took in until it was locked out.
    const late = await eventsOfTenant(jsm, tenant, (early.at(-1)?.sequence ?? 0) + 1);
    const events = [...early, ...late].filter(({ sequence }) => sequence <= (at?.sequence ?? 0));
    const before = await checksumOf(transaction, tenant);
    await transaction.rows(written(sql`delete from bookings where tenant_id = ${tenant}`));
    if (events.length > 0) await projectIn(transaction, vault, tenant, events);
    const after = await checksumOf(transaction, tenant);
    return { tenant, events: events.length, before, after };
  });
};
