import { type Calendar, daysOf, type Hours, holidayOn, openAround, workedAround } from './hours.ts';
import {
  common,
  contains,
  type Interval,
  lasting,
  merged,
  minutesOf,
  overlaps,
  without,
} from './intervals.ts';
import { shown } from './wall-clock.ts';

/** What a booking has to fit into. */
export interface Agenda {
  readonly place: Calendar;
  /** When the provider works, by the clock of the place; absent for whoever works while it is open. */
  readonly provider?: Hours;
  /** What is booked, in any order. */
  readonly busy: readonly Interval[];
}

/** A time as people say it, by the clock of the place, or one moment. */
type When = Temporal.PlainDateTime | Temporal.Instant;

/** Whether a time will do, and why not. */
export type Verdict =
  | { readonly fits: true; readonly at: Interval }
  /** Daylight saving skips it; `next` is the first moment that there is. */
  | { readonly fits: false; readonly reason: 'NO_SUCH_TIME'; readonly next: Temporal.Instant }
  /** The clock shows it twice. */
  | {
      readonly fits: false;
      readonly reason: 'AMBIGUOUS_TIME';
      readonly instants: readonly [Temporal.Instant, Temporal.Instant];
    }
  | { readonly fits: false; readonly reason: 'HOLIDAY'; readonly holiday: string }
  /** `open` is when it is open on the days in question. */
  | { readonly fits: false; readonly reason: 'OUTSIDE_HOURS'; readonly open: readonly Interval[] }
  /** It is open, and the provider works at other times. */
  | { readonly fits: false; readonly reason: 'NOT_AVAILABLE'; readonly available: readonly Interval[] }
  | { readonly fits: false; readonly reason: 'OVERLAPS'; readonly with: readonly Interval[] };

export type Reason = Extract<Verdict, { fits: false }>['reason'];

/** Open, and worked by the provider, on the days around; in order and merged. */
const workable = ({ place, provider }: Agenda, within: Interval): Interval[] => {
  const open = merged(openAround(place, within));
  return provider ? common(open, merged(workedAround(provider, place.zone, within))) : open;
};

/**
 * Says whether a booking of so many real minutes fits, and if not, the first reason in the order in which a person would look:
 * is there such a time, is it open, does the provider work, is it taken. Busy times are told as intervals only: who has them is not
 * for whoever asks.
 *
 * @throws RangeError unless it lasts
 */
export const check = (agenda: Agenda, when: When, minutes: number): Verdict => {
  const { place, busy } = agenda;
  const time =
    when instanceof Temporal.Instant ? ({ times: 'once', at: when } as const) : shown(when, place.zone);
  if (time.times === 'never') return { fits: false, reason: 'NO_SUCH_TIME', next: time.next };
  if (time.times === 'twice') return { fits: false, reason: 'AMBIGUOUS_TIME', instants: time.at };
  const at = lasting(time.at, minutes);
  const isIn = (hours: readonly Interval[]): boolean => hours.some((one) => contains(one, at));

  const open = merged(openAround(place, at));
  if (!isIn(open)) {
    const [holiday] = [...daysOf(at, place.zone)].flatMap((date) => holidayOn(place, date) ?? []);
    return holiday === undefined
      ? { fits: false, reason: 'OUTSIDE_HOURS', open }
      : { fits: false, reason: 'HOLIDAY', holiday };
  }
  const available = workable(agenda, at);
  if (!isIn(available)) return { fits: false, reason: 'NOT_AVAILABLE', available };
  const taken = busy.filter((one) => overlaps(one, at));
  return taken.length > 0 ? { fits: false, reason: 'OVERLAPS', with: merged(taken) } : { fits: true, at };
};

/** Of what length a slot is, and how far apart slots begin, counted from each opening; in real minutes. */
export interface SlotSize {
  readonly minutes: number;
  /** As long as a slot, where it is not said. */
  readonly stepMinutes?: number;
}

/** Time within a span that is open, worked and not taken; in order and merged. */
export const freeTime = (agenda: Agenda, within: Interval): Interval[] =>
  common([within], without(workable(agenda, within), merged(agenda.busy)));

/** Every slot that is free, in order. With a step shorter than a slot they overlap each other. @throws RangeError unless both last */
export function* freeSlots(
  agenda: Agenda,
  within: Interval,
  { minutes, stepMinutes = minutes }: SlotSize,
): Generator<Interval> {
  if (!(stepMinutes > 0)) throw new RangeError('slots begin some time apart');
  const free = freeTime(agenda, within);
  let at = 0;
  for (const opening of openAround(agenda.place, within)) {
    for (
      let slot = lasting(opening.from, minutes);
      Temporal.Instant.compare(slot.from, opening.to) < 0;
      slot = lasting(slot.from.add({ minutes: stepMinutes }), minutes)
    ) {
      for (let one = free[at]; one && Temporal.Instant.compare(one.to, slot.from) <= 0; one = free[at])
        at += 1;
      const one = free[at];
      if (!one) return;
      if (contains(one, slot)) yield slot;
    }
  }
}

/** The next slots that are free from a time on; from the first of two where the clock shows it twice. */
export const alternatives = (
  agenda: Agenda,
  when: When,
  { count, withinDays, ...size }: SlotSize & { readonly count: number; readonly withinDays: number },
): Interval[] => {
  const from = when instanceof Temporal.Instant ? when : firstOf(when, agenda.place.zone);
  const within = {
    from,
    to: from.toZonedDateTimeISO(agenda.place.zone).add({ days: withinDays }).toInstant(),
  };
  return freeSlots(agenda, within, size).take(count).toArray();
};

const firstOf = (local: Temporal.PlainDateTime, zone: string): Temporal.Instant => {
  const time = shown(local, zone);
  if (time.times === 'never') return time.next;
  return time.times === 'twice' ? time.at[0] : time.at;
};

/** How much of what could be booked is. What is booked outside those hours does not count. */
export interface Utilisation {
  readonly bookedMinutes: number;
  readonly availableMinutes: number;
  /** From 0 to 1; absent where nothing could be booked. */
  readonly share?: number;
}

export const utilisation = (agenda: Agenda, within: Interval): Utilisation => {
  const hours = common([within], workable(agenda, within));
  const bookedMinutes = minutesOf(common(hours, merged(agenda.busy)));
  const availableMinutes = minutesOf(hours);
  return {
    bookedMinutes,
    availableMinutes,
    ...(availableMinutes > 0 ? { share: bookedMinutes / availableMinutes } : {}),
  };
};
