import { z } from 'zod';
import type { Calendar } from './hours.ts';

/** When a place is open, as somebody writes it down: a calendar without its zone, which is the tenant's. */

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time as 08:30');
const span = z
  .tuple([time, time])
  .refine(
    ([from, to]) => from < to || to === '00:00',
    'a span ends after it begins, or at 00:00, which is the end of the day',
  );
const spans = z.array(span).max(10);
const date = z.iso.date();
const yearly = z
  .string()
  .regex(/^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, 'a date as 2026-04-03, or each year as 12-25');
const daysMax = 1_000;

const few = <T extends object>(days: T): boolean => Object.keys(days).length <= daysMax;

export const declared = z.strictObject({
  /** Days by their number, 1 for Monday. */
  week: z.partialRecord(z.enum(['1', '2', '3', '4', '5', '6', '7']), spans),
  exceptions: z.record(date, spans).refine(few, `at most ${daysMax} days`).optional(),
  holidays: z
    .record(z.union([date, yearly]), z.string().min(1).max(100))
    .refine(few, `at most ${daysMax} days`)
    .optional(),
});
export type Declared = z.output<typeof declared>;

export const calendarOf = ({ week, exceptions, holidays }: Declared, zone: string): Calendar => ({
  zone,
  week,
  ...(exceptions ? { exceptions } : {}),
  ...(holidays ? { holidays } : {}),
});
