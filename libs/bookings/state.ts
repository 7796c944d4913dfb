import { createHash } from 'node:crypto';
import { agenda, changed, detailsOf } from '@jangada/proto/booking.ts';
import { core, headers, snapshotStream } from '@jangada/proto/envelope.ts';
import type { Bus } from '@jangada/runtime/bus.ts';
import { type Aggregate, eventsOf } from '@jangada/runtime/events.ts';
import { lastOf } from '@jangada/runtime/stored.ts';
import { openDetails } from '@jangada/vault/events.ts';

import { z } from 'zod';
import { type Agenda, evolveAgenda, keyOf, noAgenda, type Of } from './agenda.ts';
import { type Booking, evolve } from './booking.ts';

/** What aggregates have come to, by their events. */

/** An aggregate as it was read, and the place in the stream of its last event. */
export interface Read<T> {
  readonly value: T;
  readonly after: number;
}

/** @throws Unavailable; Unprocessable for what is not sealed for its place */
export const readBooking = async (
  { nc }: Pick<Bus, 'nc'>,
  of: Aggregate,
  key: Buffer,
): Promise<Read<Booking | undefined>> => {
  let value: Booking | undefined;
  let after = 0;
  for await (const { sequence, body } of eventsOf(nc, changed, of)) {
    after = sequence;
    if (!body) continue;
    const { version, at, command, type } = body;
    const details = detailsOf(
      body.detailsVersion,
      openDetails(key, { tenant: of.tenant, id: of.id, version }, body.details),
    );
    value = evolve(value, { id: of.id, version, at, command, type, details });
  }
  return { value, after };
};

/** Says neither whose day it is nor which. */
export const agendaIdOf = (of: Of): string =>
  createHash('sha256').update(keyOf(of)).digest('base64url').slice(0, 22);

const slot = z.object({ from: z.number(), until: z.number() });
/** Raised with the meaning of what an agenda is remembered as: what another release wrote is made again from events. */
const snapshotVersion = 1;
const snapshot = z.object({
  format: z.literal(snapshotVersion),
  after: z.int(),
  agenda: z.object({
    version: z.int(),
    taken: z.record(z.string(), slot),
    opened: z.array(z.object({ within: slot, open: z.array(slot) })),
    openedBy: z.array(z.string()),
  }),
});

/** Events after which it is written down what they came to. */
export const snapshotEvery = 50;

const snapshotSubject = ({ tenant, id }: Aggregate): string =>
  core.snapshot(agenda.name.slice('event.'.length), tenant, id);

const remembered = async ({ nc }: Pick<Bus, 'nc'>, of: Aggregate): Promise<Read<Agenda>> => {
  const last = await lastOf(nc, snapshotSubject(of), snapshotStream);
  try {
    const read = last?.headers?.has(headers.schema) ? snapshot.safeParse(last.json()) : undefined;
    if (read?.success) return { value: read.data.agenda, after: read.data.after };
  } catch {
    // What is no JSON is no snapshot.
  }
  return { value: noAgenda, after: 0 };
};

/** Of an agenda that was `read` before only what has happened since is asked for. @throws Unavailable */
export const readAgenda = async (
  bus: Pick<Bus, 'nc' | 'publish'>,
  of: Aggregate,
  read?: Read<Agenda>,
): Promise<Read<Agenda>> => {
  const before = read ?? (await remembered(bus, of));
  let { value, after } = before;
  for await (const { sequence, body } of eventsOf(bus.nc, agenda, of, before.after)) {
    if (body) value = evolveAgenda(value, body);
    after = sequence;
  }
  if (value.version - (value.version % snapshotEvery) > before.value.version)
    await remember(bus, of, { value, after });
  return { value, after };
};

/** What `readAgenda` reads, for who only reads and writes down nothing. @throws Unavailable */
export const agendaOf = async ({ nc }: Pick<Bus, 'nc'>, of: Aggregate): Promise<Agenda> => {
  let { value, after } = await remembered({ nc }, of);
  for await (const { body } of eventsOf(nc, agenda, of, after)) if (body) value = evolveAgenda(value, body);
  return value;
};

/** A snapshot that cannot be stored is no loss. */
const remember = async (
  bus: Pick<Bus, 'publish'>,
  of: Aggregate,
  { value, after }: Read<Agenda>,
): Promise<void> => {
  const text = JSON.stringify({ format: snapshotVersion, after, agenda: value });
  await bus
    .publish(snapshotSubject(of), text, { [headers.schema]: String(snapshotVersion) })
    .catch(() => undefined);
};
