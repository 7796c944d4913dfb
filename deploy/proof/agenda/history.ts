import { type AgendaChange, agenda, changed, type Details, detailsOf } from '@jangada/proto/booking.ts';
import { done, refused } from '@jangada/proto/command.ts';
import { headers } from '@jangada/proto/envelope.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { type Body, partsOf, streamOf } from '@jangada/proto/message.ts';
import { failed } from '@jangada/proto/run.ts';
import { followed } from '@jangada/proto/saga.ts';
import { eventIn } from '@jangada/runtime/events.ts';
import { headOf } from '@jangada/runtime/heard.ts';
import { allOf, sequenceOf } from '@jangada/runtime/stored.ts';
import { type Store, written } from '@jangada/store/store.ts';
import { eventKeysOf, openDetails } from '@jangada/vault/events.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { sql } from 'kysely';
import type { Drawn } from './commands.ts';

/** What happened, as far as it can be found out afterwards: all that a judgement stands on. */

export interface Given extends Pick<Drawn, 'id' | 'giver' | 'command' | 'denied'> {
  /** When it was given first, in milliseconds since 1970. */
  readonly at: number;
}

/** What whoever gave a command was told of it. */
export interface Told {
  readonly id: string;
  /** When that was stored, in milliseconds since 1970. */
  readonly at: number;
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly code?: Code;
  readonly appointmentId?: string | undefined;
  readonly version?: number | undefined;
  readonly alternatives?: readonly string[] | undefined;
}

interface Stored {
  /** Place in the stream, and when it was stored there, in milliseconds since 1970. */
  readonly sequence: number;
  readonly at: number;
  /** The booking, or whose day it is. */
  readonly id: string;
  readonly version: number;
}

export interface BookingEvent extends Stored {
  readonly kind: 'booking';
  readonly command: string;
  readonly type: Body<typeof changed>['type'];
  /** Undefined where nobody can open them. */
  readonly details: Details | undefined;
}
export interface AgendaEvent extends Stored {
  readonly kind: 'agenda';
  readonly command: string;
  readonly changes: readonly AgendaChange[];
}
export interface SagaEvent extends Stored {
  readonly kind: 'saga';
  readonly body: Body<typeof followed>;
}
export type Event = BookingEvent | AgendaEvent | SagaEvent;

/** A row of the table that follows from the events. */
export interface Row {
  readonly id: string;
  readonly subject: string;
  readonly provider: string;
  readonly room: string | null;
  readonly service: string | null;
  readonly start: string;
  readonly end: string;
  readonly status: string;
  readonly version: number;
}

/** A row of the table of agendas: time that is taken. */
export interface Time {
  readonly agenda: string;
  readonly holder: string;
  readonly from: string;
  readonly until: string;
}

/** What an endpoint of webhooks was told. */
export interface Webhook {
  readonly id: string;
  /** Whether it said so: what it did not may have come all the same. */
  readonly taken: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Dead {
  readonly hop: string;
  readonly reason: string;
}

export interface History {
  readonly given: readonly Given[];
  readonly told: readonly Told[];
  /** In the order in which they were stored. */
  readonly events: readonly Event[];
  readonly rows: readonly Row[];
  readonly times: readonly Time[];
  readonly webhooks: readonly Webhook[];
  readonly dead: readonly Dead[];
  /** Whether bookings had to be confirmed. */
  readonly isHeld: boolean;
}

const subjectIn = (raw: Msg): string => raw.headers?.get('Nats-Subject') ?? '';
const storedAt = (raw: Msg): number => Date.parse(raw.headers?.get('Nats-Time-Stamp') ?? '');

/** What was told of commands from a place in the stream on, and the place behind it. @throws Unavailable */
export async function* toldFrom(
  nc: NatsConnection,
  tenant: string,
  from: number,
): AsyncGenerator<Told & { readonly sequence: number }> {
  const facts = { from, stream: streamOf.fact };
  for await (const raw of allOf(nc, `*.*.${tenant}.*`, facts)) {
    const subject = subjectIn(raw);
    const id = subject.split('.').at(-1) ?? '';
    const common = { id, sequence: sequenceOf(raw), at: storedAt(raw) };
    if (partsOf(done, subject)) {
      const { appointmentId, version } = raw.json<Body<typeof done>>();
      yield { ...common, outcome: 'done', appointmentId, version };
    } else if (partsOf(refused, subject)) {
      const { code, alternatives } = raw.json<Body<typeof refused>>();
      yield { ...common, outcome: 'refused', code, alternatives };
    } else if (partsOf(failed, subject)) {
      yield { ...common, outcome: 'failed', code: headOf(failed, raw).code };
    }
  }
}

const keysAtOnce = 1_000;

/** The keys of bookings that have one. @throws Unavailable */
const keysOf = async (store: Store, vault: Vault, tenant: string, ids: readonly string[]) => {
  const keys = new Map<string, Buffer>();
  for (let from = 0; from < ids.length; from += keysAtOnce) {
    const found = await store.within({ tenant }, (transaction) =>
      eventKeysOf(transaction, vault, tenant, ids.slice(from, from + keysAtOnce)),
    );
    for (const [id, { key }] of found) keys.set(id, key);
  }
  return keys;
};

/** Every event of a tenant, opened. @throws Unavailable, Unprocessable */
export const eventsIn = async (
  nc: NatsConnection,
  store: Store,
  vault: Vault,
  tenant: string,
): Promise<readonly Event[]> => {
  const raws: Msg[] = [];
  for await (const raw of allOf(nc, `event.*.${tenant}.*`, { stream: streamOf.event }))
    if (raw.headers?.has(headers.schema)) raws.push(raw);
  const bookings = new Set(raws.flatMap((raw) => partsOf(changed, subjectIn(raw))?.id ?? []));
  const keys = await keysOf(store, vault, tenant, [...bookings]);
  return raws.flatMap((raw): readonly Event[] => {
    const subject = subjectIn(raw);
    const id = subject.split('.').at(-1) ?? '';
    const common = { sequence: sequenceOf(raw), at: storedAt(raw), id };
    if (partsOf(agenda, subject)) {
      const { version, command, changes } = eventIn(agenda, raw);
      return [{ kind: 'agenda', ...common, version, command, changes }];
    }
    if (partsOf(followed, subject)) {
      const body = eventIn(followed, raw);
      return [{ kind: 'saga', ...common, version: body.version, body }];
    }
    if (!partsOf(changed, subject)) return [];
    const { version, command, type, detailsVersion, details: sealed } = eventIn(changed, raw);
    const key = keys.get(id);
    const details = key && detailsOf(detailsVersion, openDetails(key, { tenant, id, version }, sealed));
    return [{ kind: 'booking', ...common, version, command, type, details }];
  });
};

/** Every row of a tenant. @throws Unavailable */
export const rowsIn = (store: Store, tenant: string): Promise<readonly Row[]> =>
  store.read(
    { tenant },
    written(sql<Row>`
      select id, subject_id as subject, provider_id as provider, room_id as room, service, starts_at as start, ends_at as end,
        status, version
      from bookings where tenant_id = ${tenant} order by id`),
  );

/** All time of a tenant that is taken. @throws Unavailable */
export const timesIn = (store: Store, tenant: string): Promise<readonly Time[]> =>
  store.read(
    { tenant },
    written(sql<Time>`
      select agenda_id as agenda, substr(id, length(agenda_id) + 2) as holder, starts_at as "from", ends_at as until
      from agenda_times where tenant_id = ${tenant} and kind = 'taken' order by id`),
  );
