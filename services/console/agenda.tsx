import { useMemo, useState } from 'react';
import { BookingShown, minutesOf } from './booking.tsx';
import { type BookingChoice, BookingForm, type Named, useBookingChoice } from './booking-form.tsx';
import { Choice } from './choice.tsx';
import { type Asked, Giving } from './giving.tsx';
import { useLanguage } from './language.ts';
import { FailureNotice, Loading, Notice } from './notice.tsx';
import type { Bookable, Me, Session } from './session.ts';
import { Sheet } from './sheet.tsx';
import { type Booking, type Hours, timetableOf } from './timetable.ts';
import { queryOf, useAsked, usePages } from './use-asked.ts';
import { momentOf, plusDays, wallAt, weekOf } from './wall.ts';
import { Week } from './week.tsx';

/** What lies over the agenda. */
type Over =
  | { readonly kind: 'new'; readonly at: number }
  | { readonly kind: 'booking'; readonly id: string }
  | { readonly kind: 'asked'; readonly asked: Asked };

type View = 'day' | 'week';

/** Who has little room sees one day. */
const viewAtFirst = (): View => (matchMedia('(max-width: 52rem)').matches ? 'day' : 'week');

/** Whose agenda is shown: of those there are to book with, oneself first. */
export const Agenda = ({ session, me, of }: { session: Session; me: Me; of: Bookable }) => {
  const { words } = useLanguage();
  const w = words.agenda;
  const { names } = of;
  const providers = usePages<Named, string>(session, `/v1/${names.providers}`, names.providers);
  const [chosen, setChosen] = useState(me.person ?? '');
  const [books, setBooks] = useState(false);
  const choice = useBookingChoice(session, of, books);
  const { items } = providers;
  const provider = items?.find(({ id }) => id === chosen) ?? items?.[0];
  return (
    <>
      <header className="page-head">
        <h1 tabIndex={-1}>{w.title}</h1>
        {items && provider && (
          <div className="choices">
            <Choice
              label={w.provider}
              value={provider.id}
              of={Object.fromEntries(items.map(({ id, name }) => [id, name]))}
              onChange={setChosen}
            />
            {providers.next && (
              <button
                type="button"
                className="button quiet"
                disabled={providers.isAsking}
                onClick={() => void providers.next?.()}
              >
                {w.morePeople}
              </button>
            )}
          </div>
        )}
      </header>
      <p className="lead">{w.lead}</p>
      {providers.failure && <FailureNotice failure={providers.failure} onRetry={providers.again} />}
      {!items && !providers.failure && <Loading />}
      {items && !provider && (
        <div className="empty">
          <h2>{w.nobody}</h2>
          <p className="lead">{w.nobodyLead}</p>
        </div>
      )}
      {provider && (
        <Days key={provider.id} {...{ session, me, of, provider, choice }} onBook={() => setBooks(true)} />
      )}
    </>
  );
};

/** A week of somebody's agenda as it was read. */
interface Read {
  readonly hours: Hours;
  readonly bookings: readonly Booking[];
  /** True where there are more than are shown. */
  readonly isPartial: boolean;
  /** True where the table of bookings does not show yet what was changed here. */
  readonly isStale: boolean;
}

interface Page {
  readonly projection?: { readonly stale?: true };
  readonly nextCursor?: string;
}

/** Of a week one sees 300 bookings. */
const pagesMax = 6;

const bookingsAt = async (session: Session, path: string): Promise<Omit<Read, 'hours'>> => {
  const name = path.slice('/v1/'.length, path.indexOf('?'));
  const bookings: Booking[] = [];
  let [cursor, isStale] = ['', false];
  for (let count = 0; count < pagesMax && (count === 0 || cursor); count++) {
    const page = await session.call<Page>(cursor ? `${path}&cursor=${cursor}` : path);
    bookings.push(...((page as Readonly<Record<string, unknown>>)[name] as readonly Booking[]));
    isStale ||= page.projection?.stale === true;
    cursor = page.nextCursor ?? '';
  }
  return { bookings, isPartial: cursor !== '', isStale };
};

/** `path` is that of bookings; of hours the same is asked. */
const readWeek = async (session: Session, path: string): Promise<Read> => {
  const [hours, rest] = await Promise.all([
    session.call<Hours>(`/v1/agenda${path.slice(path.indexOf('?'))}`),
    bookingsAt(session, path),
  ]);
  return { hours, ...rest };
};

const Days = ({
  session,
  me,
  of,
  provider,
  choice,
  onBook,
}: {
  session: Session;
  me: Me;
  of: Bookable;
  provider: Named;
  choice: BookingChoice;
  /** Something is to be booked, so that the choice is wanted. */
  onBook: () => void;
}) => {
  const { language, words } = useLanguage();
  const w = words.agenda;
  const { zone } = me.tenant;
  const [view, setView] = useState(viewAtFirst);
  const [day, setDay] = useState(() => wallAt(Date.now(), zone).day);
  const [over, setOver] = useState<Over>();
  const [moving, setMoving] = useState<Booking>();
  const week = weekOf(day);
  const [from, to] = [week[0] ?? day, plusDays(week[0] ?? day, 7)].map((one) =>
    new Date(momentOf({ day: one, minutes: 0 }, zone)).toISOString(),
  );
  const path = `/v1/${of.names.bookings}${queryOf({ providerId: provider.id, from, to })}`;
  const { value, failure, isAsking, again } = useAsked(session, path, readWeek);
  const shown = useMemo(
    () =>
      value &&
      timetableOf(view === 'day' ? [day] : weekOf(day), zone, value.hours, value.bookings, Date.now()),
    [value, view, day, zone],
  );
  const format = (style: 'full' | 'medium'): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat(language, { timeZone: 'UTC', dateStyle: style });
  const dateOf = (one: string): Date => new Date(`${one}T00:00:00Z`);
  const title =
    view === 'day'
      ? format('full').format(dateOf(day))
      : format('medium').formatRange(dateOf(week[0] ?? day), dateOf(week[6] ?? day));
  const clock = new Intl.DateTimeFormat(language, { timeZone: zone, timeStyle: 'short' });
  const step = (by: 1 | -1): void => setDay(plusDays(day, view === 'day' ? by : 7 * by));
  const close = (): void => setOver(undefined);
  const refresh = (): void => {
    again();
    choice.again();
  };

  /** Asks for a booking that is moved, or else for a new one. */
  const choose = (at: number): void => {
    if (!moving) {
      onBook();
      setOver({ kind: 'new', at });
      return;
    }
    const { appointmentId, version: expectedVersion, provider: name, service, start: before } = moving;
    const start = new Date(at).toISOString();
    setMoving(undefined);
    setOver({
      kind: 'asked',
      asked: {
        given: { type: 'RescheduleAppointment', appointmentId, start, expectedVersion },
        ...{ person: String(moving[of.whom] ?? '–'), provider: name, service, start, before },
        minutes: minutesOf(moving),
      },
    });
  };

  return (
    <>
      <div className="agenda-bar">
        <div>
          <h2 aria-live="polite">{title}</h2>
          <p className="fine">
            {value && (
              <>
                {w.asOf} <time dateTime={value.hours.asOf}>{clock.format(new Date(value.hours.asOf))}</time>
              </>
            )}
          </p>
        </div>
        <div className="choices">
          <Choice label={w.view} value={view} of={w.views} onChange={setView} />
          <span className="turns">
            <button type="button" className="button quiet" onClick={() => step(-1)}>
              <span aria-hidden="true">‹</span>
              <span className="unseen">{w.earlier[view]}</span>
            </button>
            <button
              type="button"
              className="button quiet"
              onClick={() => setDay(wallAt(Date.now(), zone).day)}
            >
              {w.today}
            </button>
            <button type="button" className="button quiet" onClick={() => step(1)}>
              <span aria-hidden="true">›</span>
              <span className="unseen">{w.later[view]}</span>
            </button>
          </span>
          <button type="button" className="button quiet" disabled={isAsking} onClick={refresh}>
            {words.refresh}
          </button>
        </div>
      </div>
      {moving && (
        <Notice tone="held" title={w.moving(String(moving[of.whom] ?? '–'))}>
          <button type="button" className="button quiet" onClick={() => setMoving(undefined)}>
            {w.stay}
          </button>
        </Notice>
      )}
      {value?.isStale && <Notice tone="held" title={w.stale} />}
      {value?.isPartial && <Notice tone="held" title={w.partial} />}
      {failure && <FailureNotice failure={failure} onRetry={again} />}
      {!value && !failure && <Loading />}
      {shown && (
        <Week
          of={shown}
          label={w.grid(provider.name, title)}
          zone={zone}
          whom={of.whom}
          moving={moving?.appointmentId}
          choosing={{
            onFree: of.may === 'book' ? choose : undefined,
            onBooking: ({ appointmentId: id }) => setOver({ kind: 'booking', id }),
          }}
        />
      )}
      {over && (
        <Sheet title={over.kind === 'new' ? w.make : provider.name} onClose={close}>
          {over.kind === 'new' && (
            <BookingForm
              {...{ me, of, provider, choice }}
              at={over.at}
              onAsked={(asked) => setOver({ kind: 'asked', asked })}
            />
          )}
          {over.kind === 'booking' && (
            <BookingShown
              session={session}
              me={me}
              of={of}
              id={over.id}
              onAsk={(asked) => setOver({ kind: 'asked', asked })}
              onMove={(booking) => {
                setMoving(booking);
                close();
              }}
            />
          )}
          {over.kind === 'asked' && (
            <Giving
              session={session}
              me={me}
              asked={over.asked}
              onDone={again}
              onLook={(id) => setOver({ kind: 'booking', id })}
              onClose={close}
            />
          )}
        </Sheet>
      )}
    </>
  );
};
