import { createHash } from 'node:crypto';
import type { RetentionRule } from './pack.ts';

/** How long data are kept, counted as the law counts: in whole days of the calendar where the tenant is. */

/** One unit, so that it can be told in words: `P20Y`, `P6M`, `P90D`. */
export const period = /^P[1-9]\d{0,4}[YMD]$/;

/** Any four years that follow each other hold each length that so many years can have in days. */
const starts = [2021, 2022, 2023, 2024].map((year) => new Temporal.PlainDate(year, 3, 1));

/** Whether a period is too short for what the law wants, from whichever day it is counted. */
export const isBelowLegalMin = ({ keep, legalMin }: Pick<RetentionRule, 'keep' | 'legalMin'>): boolean =>
  legalMin !== undefined &&
  starts.some((relativeTo) => Temporal.Duration.compare(keep, legalMin, { relativeTo }) < 0);

/**
 * The moment before which what a rule counts from must lie for its time to be over. The day that it fell on does not count
 * and the last day counts whole; a period from a 29 February ends with the 1 March of a year without one (Código Civil,
 * art. 132).
 */
export const cutoffOf = (
  { keep }: Pick<RetentionRule, 'keep'>,
  now: Temporal.Instant,
  zone: string,
): Temporal.ZonedDateTime =>
  now.toZonedDateTimeISO(zone).toPlainDate().subtract(keep).toZonedDateTime({ timeZone: zone });

/** Names what a rule says: another wherever anything of it is another. 16 digits in hex. */
export const versionOf = (rule: RetentionRule): string =>
  createHash('sha256')
    .update(JSON.stringify(Object.entries(rule).sort(([one], [other]) => (one < other ? -1 : 1))))
    .digest('hex')
    .slice(0, 16);

/** Of what a system keeps of its own work, in whatever pack. */
export const ownWork: readonly RetentionRule[] = [
  {
    class: 'audit_logs',
    legalMin: 'P6M',
    keep: 'P2Y',
    anchor: 'created',
    action: 'delete',
    basis: 'Lei 12.965/2014, art. 15: records of access; LGPD, art. 37: record of processing',
    jurisdiction: 'BR',
    table: 'audit_entries',
    ageColumn: 'at',
    key: ['subject_id', 'fact'],
  },
  {
    class: 'feedback',
    keep: 'P2Y',
    anchor: 'created',
    action: 'delete',
    basis: 'LGPD, art. 7, IX: legitimate interest in better answers',
    jurisdiction: 'BR',
    table: 'feedback',
    ageColumn: 'at',
  },
  {
    class: 'alerts',
    keep: 'P2Y',
    anchor: 'created',
    action: 'delete',
    basis: 'LGPD, art. 46: security of processing; as long as the records of access that they are about',
    jurisdiction: 'BR',
    table: 'alerts',
    ageColumn: 'at',
  },
  {
    class: 'reading_habits',
    keep: 'P90D',
    anchor: 'created',
    action: 'delete',
    basis: 'LGPD, art. 46: security of processing; of who reads no more nothing is usual',
    jurisdiction: 'BR',
    table: 'alert_states',
    ageColumn: 'at',
  },
  {
    class: 'system_logs',
    keep: 'P90D',
    anchor: 'created',
    action: 'delete',
    basis: 'LGPD, art. 46: security of processing',
    jurisdiction: 'BR',
  },
];
