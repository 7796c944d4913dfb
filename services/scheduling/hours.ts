import type { Slot } from '@jangada/bookings/agenda.ts';

/** What the clock on a tenant's wall means in real time. Pure. */

/** A day there, which daylight saving may make 23 or 25 hours long. */
export const dayOn = (date: Temporal.PlainDate, zone: string): Slot => ({
  from: date.toZonedDateTime(zone).epochMilliseconds,
  until: date.add({ days: 1 }).toZonedDateTime(zone).epochMilliseconds,
});

/** The day there of a moment, in milliseconds since 1970. */
export const dayAt = (ms: number, zone: string): Slot =>
  dayOn(Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainDate(), zone);
