/**
 * When a clock on the wall shows a time: once on most days, never when daylight saving skips it, twice when it is put back.
 * Which of the two is meant only a person can say, so nothing is chosen here.
 */
export type Shown =
  | { readonly times: 'once'; readonly at: Temporal.Instant }
  /** `next` is the moment of the change, the first that there is after the time that is not. */
  | { readonly times: 'never'; readonly next: Temporal.Instant }
  | { readonly times: 'twice'; readonly at: readonly [Temporal.Instant, Temporal.Instant] };

/** @throws RangeError for a zone that nobody knows */
export const shown = (local: Temporal.PlainDateTime, zone: string): Shown => {
  const first = local.toZonedDateTime(zone, { disambiguation: 'earlier' });
  const last = local.toZonedDateTime(zone, { disambiguation: 'later' });
  if (first.equals(last)) return { times: 'once', at: first.toInstant() };
  if (first.toPlainDateTime().equals(local))
    return { times: 'twice', at: [first.toInstant(), last.toInstant()] };
  // The earlier reading of a time that is not lies before the change, less than a day.
  const change = first.getTimeZoneTransition('next');
  if (!change) throw new RangeError(`a time is missing in ${zone}, and no change of its clocks is known`);
  return { times: 'never', next: change.toInstant() };
};
