import { Unavailable } from '@jangada/hop/outcome.ts';
import { type Details, detailsOf, statusAfter } from '@jangada/proto/booking.ts';
import { type Store, type Transaction, written } from '@jangada/store/store.ts';
import { eventKeysOf, openDetails } from '@jangada/vault/events.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { sql } from 'kysely';
import { projectAgendas } from './agendas.ts';
import { type BookingEvent, type Event, isOfAgenda, isOfBooking } from './event.ts';

/** Makes rows of bookings, and of the time that they take, from their events. */

/** The name under which it says how far it has come. */
export const projection = 'bookings';

/** Events of one tenant, in any order and however often. @throws Unavailable, Unprocessable */
export const project = (
  store: Pick<Store, 'within'>,
  vault: Vault,
  tenant: string,
  events: readonly Event[],
): Promise<void> =>
  store.within({ tenant }, (transaction) => projectIn(transaction, vault, tenant, events)).catch(apart);

/** Events of any tenants; what fails of one keeps none of the others waiting. @throws as `project`, after all were tried */
export const projectAll = async (
  store: Pick<Store, 'within'>,
  vault: Vault,
  events: readonly Event[],
): Promise<void> => {
  const byTenant = Map.groupBy(events, ({ tenant }) => tenant);
  const tried = await Promise.allSettled(
    [...byTenant].map(([tenant, own]) => project(store, vault, tenant, own)),
  );
  const failed = tried.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
};

/** The last of each, which says all of its booking; in the order of their ids, as every other process takes them. */
const lastOf = (events: readonly BookingEvent[]): readonly BookingEvent[] => {
  const last = new Map<string, BookingEvent>();
  for (const event of events)
    if (event.body.version > (last.get(event.id)?.body.version ?? 0)) last.set(event.id, event);
  return [...last.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
};

export const projectIn = async (
  transaction: Transaction,
  vault: Vault,
  tenant: string,
  events: readonly Event[],
): Promise<void> => {
  await projectAgendas(transaction, tenant, events.filter(isOfAgenda));
  const last = lastOf(events.filter(isOfBooking));
  const ids = last.map(({ id }) => id);
  const keys = await eventKeysOf(transaction, vault, tenant, ids);
  const readable = last.flatMap((event) => {
    const known = keys.get(event.id);
    return known ? [{ ...event, details: detailsIn(event, known.key) }] : [];
  });
  const unread = ids.filter((id) => !keys.has(id));
  if (readable.length > 0) await transaction.rows(written(upsert(tenant, readable)));
  if (unread.length > 0)
    await transaction.rows(
      written(sql`delete from bookings where tenant_id = ${tenant} and id = any(${unread}::text[])`),
    );
  const newest = events.reduce((one, other) => (other.sequence > one.sequence ? other : one));
  await transaction.rows(
    written(sql`
      insert into projections (tenant_id, name, sequence, event_at)
      values (${tenant}, ${projection}, ${newest.sequence}, ${newest.storedAt})
      on conflict (tenant_id, name) do update
        set sequence = excluded.sequence, event_at = excluded.event_at, taken_at = clock_timestamp()
        where projections.sequence < excluded.sequence`),
  );
};

const detailsIn = ({ tenant, id, body }: BookingEvent, key: Buffer): Details =>
  detailsOf(body.detailsVersion, openDetails(key, { tenant, id, version: body.version }, body.details));

type Readable = BookingEvent & { readonly details: Details };

const upsert = (tenant: string, events: readonly Readable[]) => {
  const column = <T>(of: (event: Readable) => T): readonly T[] => events.map(of);
  return sql`
    insert into bookings (tenant_id, id, subject_id, provider_id, room_id, service, starts_at, ends_at, status, version, changed_at)
    select ${tenant}, * from unnest(
      ${column(({ id }) => id)}::text[], ${column(({ details }) => details.subjectId)}::text[],
      ${column(({ details }) => details.providerId)}::text[], ${column(({ details }) => details.roomId ?? null)}::text[],
      ${column(({ details }) => details.service ?? null)}::text[], ${column(({ details }) => details.start)}::timestamptz[],
      ${column(({ details }) => details.end)}::timestamptz[], ${column(({ body }) => statusAfter[body.type])}::text[],
      ${column(({ body }) => body.version)}::int[], ${column(({ body }) => body.at)}::timestamptz[])
    on conflict (tenant_id, id) do update set
      subject_id = excluded.subject_id, provider_id = excluded.provider_id, room_id = excluded.room_id,
      service = excluded.service, starts_at = excluded.starts_at, ends_at = excluded.ends_at, status = excluded.status,
      version = excluded.version, changed_at = excluded.changed_at
      where bookings.version < excluded.version`;
};

/** What lies over another that has not been moved yet comes again when it has. */
const apart = (error: unknown): never => {
  const { cause } = error as { cause?: { code?: string } };
  throw cause?.code === '23P01' ? new Unavailable('an event before this one', error) : error;
};
