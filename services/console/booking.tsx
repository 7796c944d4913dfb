import type { Asked } from './giving.tsx';
import { useLanguage } from './language.ts';
import { FailureNotice, Loading } from './notice.tsx';
import { Moment } from './outcome.tsx';
import type { Bookable, Me, Session } from './session.ts';
import type { Booking } from './timetable.ts';
import { useAsked } from './use-asked.ts';

/** Something that happened to a booking, or followed from it. */
interface Line {
  readonly at: string;
  readonly what: string;
  readonly version: number;
  readonly outcome?: string;
}

type Told = Booking & { readonly events: readonly Line[] };

const toneOf = {
  scheduled: 'held',
  confirmed: 'good',
  cancelled: 'plain',
  attended: 'good',
  no_show: 'bad',
} as const;

/** One booking: what is known of it, what may be done about it, and its story. */
export const BookingShown = ({
  session,
  me,
  of: { names, whom, may },
  id,
  onAsk,
  onMove,
}: {
  session: Session;
  me: Me;
  of: Bookable;
  id: string;
  onAsk: (asked: Asked) => void;
  onMove: (booking: Booking) => void;
}) => {
  const { language, words } = useLanguage();
  const w = words.agenda;
  const asked = useAsked<unknown>(session, `/v1/${names.bookings}/${encodeURIComponent(id)}`);
  if (asked.failure) return <FailureNotice failure={asked.failure} onRetry={asked.again} />;
  if (!asked.value) return <Loading />;
  const booking = asked.value as Told;
  const { start, end, version, service, provider, room, status, events } = booking;
  const whole = new Intl.DateTimeFormat(language, {
    timeZone: me.tenant.zone,
    dateStyle: 'full',
    timeStyle: 'short',
  });
  const minutes = minutesOf(booking);
  const person = String(booking[whom] ?? '–');
  const isOpen = may === 'book' && status !== 'cancelled' && Date.parse(start) > Date.now();
  const ask = (type: 'ConfirmAppointment' | 'CancelAppointment'): void =>
    onAsk({
      given: { type, appointmentId: id, expectedVersion: version },
      ...{ person, provider, service, start, minutes },
    });
  return (
    <>
      <dl className="facts">
        <div>
          <dt>{w.facts.when}</dt>
          <dd>
            <time dateTime={start}>{whole.formatRange(new Date(start), new Date(end))}</time>
          </dd>
        </div>
        <div>
          <dt>{w.facts.person}</dt>
          <dd>{person}</dd>
        </div>
        <div>
          <dt>{w.facts.provider}</dt>
          <dd>
            {provider}
            {room && <span className="fine"> · {room}</span>}
          </dd>
        </div>
        {service && (
          <div>
            <dt>{w.facts.service}</dt>
            <dd>{service}</dd>
          </div>
        )}
      </dl>
      <p className="beside">
        <span className={`tag tag-${toneOf[status]}`}>{w.statuses[status]}</span>
        <span className="fine">{w.version(String(version))}</span>
      </p>
      {isOpen && (
        <div className="confirm-end">
          {status === 'scheduled' && (
            <button type="button" className="button" onClick={() => ask('ConfirmAppointment')}>
              {w.confirm}
            </button>
          )}
          <button type="button" className="button quiet" onClick={() => onMove(booking)}>
            {w.move}
          </button>
          <button type="button" className="button quiet" onClick={() => ask('CancelAppointment')}>
            {w.cancel}
          </button>
        </div>
      )}
      <section className="story">
        <header className="sheet-head">
          <h3>{w.story}</h3>
          <button type="button" className="button quiet" onClick={asked.again}>
            {words.refresh}
          </button>
        </header>
        <Story lines={events} zone={me.tenant.zone} />
      </section>
    </>
  );
};

/** How long a booking lasts. */
export const minutesOf = ({ start, end }: Pick<Booking, 'start' | 'end'>): number =>
  (Date.parse(end) - Date.parse(start)) / 60_000;

const toneOfLine = ({ what, outcome }: Line): string => {
  if (outcome === 'given-up' || what === 'AppointmentSchedulingFailed') return 'bad';
  if (outcome === 'skipped') return 'plain';
  return outcome ? 'good' : 'own';
};

const Story = ({ lines, zone }: { lines: readonly Line[]; zone: string }) => {
  const { words } = useLanguage();
  const w = words.agenda;
  const [events, outcomes] = [w.events, w.outcomes] as Readonly<Record<string, string>>[];
  return (
    <ol className="story-lines">
      {lines.map((line) => (
        <li key={`${line.at} ${line.what}`} className={`story-${toneOfLine(line)}`}>
          <span>
            <strong>{events?.[line.what] ?? line.what}</strong>
            {line.outcome && `: ${outcomes?.[line.outcome] ?? line.outcome}`}
          </span>
          <span className="fine">
            <Moment at={line.at} zone={zone} />
          </span>
        </li>
      ))}
    </ol>
  );
};
