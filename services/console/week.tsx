import { type CSSProperties, type KeyboardEvent, type ReactNode, useId, useRef, useState } from 'react';
import { useLanguage } from './language.ts';
import { type Block, type Booking, type Day, type Free, stepMinutes, type Timetable } from './timetable.ts';
import { momentOf, wallAt } from './wall.ts';

/** Days beside each other, as a grid of times. Free ones and bookings are reached by the arrow keys. */

/** Where it stands in the grid, for the style sheet. */
const placed = (from: number, minutes: number): CSSProperties =>
  ({ '--from': from, '--for': minutes }) as CSSProperties;

/** Minutes from which a booking has room for a second line. */
const twoLines = 40;

/** What one may do with the grid. */
interface Choosing {
  /** Absent where nothing is booked here. */
  readonly onFree?: ((at: number) => void) | undefined;
  readonly onBooking: (booking: Booking) => void;
}

export const Week = ({
  of: { from, until, days },
  label,
  zone,
  whom,
  moving,
  choosing,
}: {
  of: Timetable;
  label: string;
  zone: string;
  whom: string;
  /** The booking that a new time is chosen for. */
  moving: string | undefined;
  choosing: Choosing;
}) => {
  const { language, words } = useLanguage();
  const w = words.agenda;
  const id = useId();
  const grid = useRef<HTMLElement>(null);
  const [here, setHere] = useState('');
  const hours = Array.from({ length: (until - from) / 60 }, (_, at) => from + at * 60);
  const keys = days.flatMap(keysOf);
  // One place of the grid is in the order of tabs; arrows lead from there.
  const stop = keys.includes(here) ? here : keys[0];
  const now = wallAt(Date.now(), zone);
  const go = (event: KeyboardEvent<HTMLElement>): void => {
    const places = [...(grid.current?.querySelectorAll<HTMLElement>('[data-at]') ?? [])];
    const next = nextOf(event.key, places, document.activeElement);
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  const dayOf = (day: string, style: 'long' | 'short'): string =>
    new Intl.DateTimeFormat(language, {
      timeZone: 'UTC',
      weekday: style,
      day: 'numeric',
      ...(style === 'long' ? { month: 'long' } : {}),
    }).format(new Date(`${day}T00:00:00Z`));
  const clock = new Intl.DateTimeFormat(language, { timeZone: zone, timeStyle: 'short' });
  const timeOf = (day: string, minutes: number): string => clock.format(momentOf({ day, minutes }, zone));
  const reaching = (key: string) => ({
    'data-at': key,
    tabIndex: key === stop ? 0 : -1,
    onFocus: () => setHere(key),
  });
  const freeShown = (day: string, { at, minutes }: Free): ReactNode => {
    const place = { className: 'week-free', style: placed(minutes - from, stepMinutes) };
    const time = clock.format(at);
    if (!choosing.onFree)
      return (
        <div key={at} {...place}>
          <span className="unseen">{w.free(time)}</span>
        </div>
      );
    return (
      <button
        key={at}
        type="button"
        {...place}
        {...reaching(freeKeyOf(day, minutes))}
        aria-label={w.free(time)}
        onClick={() => choosing.onFree?.(at)}
      >
        {time}
      </button>
    );
  };
  const blockShown = (day: string, block: Block): ReactNode => {
    const { booking } = block;
    const style = placed(block.from - from, block.until - block.from);
    if (!booking)
      return (
        <div key={`${day} ${block.from}`} className="week-taken" style={style}>
          <span>
            <span className="unseen">{`${timeOf(day, block.from)}–${timeOf(day, block.until)} `}</span>
            {w.taken}
          </span>
        </div>
      );
    const isMoving = booking.appointmentId === moving;
    return (
      <button
        key={booking.appointmentId}
        type="button"
        className={`week-booking week-${isMoving ? 'moving' : booking.status}`}
        style={style}
        {...reaching(keyOf(day, block))}
        onClick={() => choosing.onBooking(booking)}
      >
        <span className="week-who">{String(booking[whom] ?? '–')}</span>
        <span className={block.until - block.from < twoLines ? 'unseen' : 'week-what'}>
          <time dateTime={booking.start}>{clock.format(new Date(booking.start))}</time> {booking.service}
        </span>
        <span className="unseen">, {w.statuses[booking.status]}</span>
      </button>
    );
  };

  return (
    <>
      <p id={id} className="unseen">
        {w.keys}
      </p>
      <section
        ref={grid}
        className={days.length === 1 ? 'week week-one' : 'week'}
        style={{ '--days': days.length, '--long': until - from } as CSSProperties}
        aria-label={label}
        aria-describedby={id}
        onKeyDown={go}
      >
        <div className="week-hours" aria-hidden="true">
          {hours.map((minutes) => (
            <span key={minutes} style={placed(minutes - from, 60)}>
              {timeOf(days[0]?.day ?? now.day, minutes)}
            </span>
          ))}
        </div>
        {days.map((one) => (
          <section key={one.day} className="week-day" aria-label={dayOf(one.day, 'long')}>
            <p className={one.day === now.day ? 'week-name week-today' : 'week-name'} aria-hidden="true">
              {dayOf(one.day, 'short')}
            </p>
            <div className="week-times">
              {timesOf(one).map((time) =>
                'at' in time ? freeShown(one.day, time) : blockShown(one.day, time),
              )}
              {one.day === now.day && now.minutes > from && now.minutes < until && (
                <div className="week-now" style={placed(now.minutes - from, 0)} aria-hidden="true" />
              )}
            </div>
          </section>
        ))}
      </section>
    </>
  );
};

const keyOf = (day: string, { from }: Block): string => `${day} ${from} taken`;

const freeKeyOf = (day: string, minutes: number): string => `${day} ${minutes}`;

/** What there is on a day in the order of its times, in which it is read out. */
const timesOf = ({ free, blocks }: Day): readonly (Free | Block)[] => {
  const beginOf = (time: Free | Block): number => ('at' in time ? time.minutes : time.from);
  return [...free, ...blocks].toSorted((one, other) => beginOf(one) - beginOf(other));
};

const keysOf = (day: Day): string[] =>
  timesOf(day).flatMap((time) => {
    if ('at' in time) return freeKeyOf(day.day, time.minutes);
    return time.booking ? keyOf(day.day, time) : [];
  });

/** Where an arrow leads: along the day, or to what is nearest on the day beside. */
const nextOf = (
  key: string,
  places: readonly HTMLElement[],
  from: Element | null,
): HTMLElement | undefined => {
  const read = (place: Element): { day: string; minutes: number } => {
    const [day = '', minutes] = (place.getAttribute('data-at') ?? '').split(' ');
    return { day, minutes: Number(minutes) };
  };
  if (!from?.hasAttribute('data-at')) return undefined;
  const here = read(from);
  const all = places
    .map((place) => ({ place, ...read(place) }))
    .toSorted((one, other) => one.minutes - other.minutes);
  const own = all.filter(({ day }) => day === here.day);
  const at = own.findIndex(({ place }) => place === from);
  const beside = (isNext: boolean): HTMLElement | undefined => {
    const days = [...new Set(all.map(({ day }) => day))].sort();
    const day = days[days.indexOf(here.day) + (isNext ? 1 : -1)];
    return all
      .filter((one) => one.day === day)
      .toSorted(
        (one, other) => Math.abs(one.minutes - here.minutes) - Math.abs(other.minutes - here.minutes),
      )[0]?.place;
  };
  switch (key) {
    case 'ArrowDown':
      return own[at + 1]?.place;
    case 'ArrowUp':
      return own[at - 1]?.place;
    case 'Home':
      return own[0]?.place;
    case 'End':
      return own.at(-1)?.place;
    case 'ArrowRight':
      return beside(true);
    case 'ArrowLeft':
      return beside(false);
    default:
      return undefined;
  }
};
