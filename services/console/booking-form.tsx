import { type FormEvent, useId, useState } from 'react';
import { Field } from './field.tsx';
import type { Asked } from './giving.tsx';
import { useLanguage } from './language.ts';
import { FailureNotice, Loading } from './notice.tsx';
import type { Bookable, Me, Session } from './session.ts';
import { useAsked, usePages } from './use-asked.ts';
import { momentOf, readWall, wallAt, writtenOf } from './wall.ts';

/** Somebody, or something, by a name. */
export interface Named {
  readonly id: string;
  readonly name: string;
}

interface Service {
  readonly name: string;
  readonly minutes: number;
}

/** For whom and what one may book. */
export interface BookingChoice {
  readonly people: ReturnType<typeof usePages<Named, string>>;
  /** Undefined until it is known. Who may not see what services there are books without one. */
  readonly services: readonly Service[] | undefined;
  again(): void;
}

/** Read once it is wanted, and then kept however often something is booked. */
export const useBookingChoice = (session: Session, { names }: Bookable, isWanted: boolean): BookingChoice => {
  const pathOf = (name: string): string | undefined => (isWanted ? `/v1/${name}` : undefined);
  const people = usePages<Named, string>(session, pathOf(names.people), names.people);
  const services = useAsked<Readonly<Record<string, readonly Service[]>>>(session, pathOf(names.services));
  return {
    people,
    services: services.isAsking ? undefined : (services.value?.[names.services] ?? []),
    again: () => {
      people.again();
      services.again();
    },
  };
};

/** Asks for whom, what and how long a new booking is. Nothing is given yet. */
export const BookingForm = ({
  me,
  of: { minutes },
  provider,
  choice: { people, services },
  at,
  onAsked,
}: {
  me: Me;
  of: Bookable;
  provider: Named;
  choice: BookingChoice;
  /** When it was to be by the grid, in ms since 1970. */
  at: number;
  onAsked: (asked: Asked) => void;
}) => {
  const { words } = useLanguage();
  const w = words.agenda;
  const id = useId();
  const { zone } = me.tenant;
  const [lasts, setLasts] = useState(String(minutes));

  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const person = people.items?.find((one) => one.id === form.get('person'));
    const wall = readWall(String(form.get('start')));
    if (!person || !wall) return;
    const service = String(form.get('service') ?? '');
    const start = new Date(momentOf(wall, zone)).toISOString();
    const durationMinutes = Number(lasts);
    onAsked({
      given: {
        type: 'ScheduleAppointment',
        ...{ subjectId: person.id, providerId: provider.id, start, durationMinutes },
        ...(service ? { service } : {}),
      },
      ...{ person: person.name, provider: provider.name, service: service || null },
      ...{ start, minutes: durationMinutes },
    });
  };

  if (people.failure) return <FailureNotice failure={people.failure} onRetry={people.again} />;
  if (!people.items || !services) return <Loading />;
  return (
    <form className="stack" onSubmit={submit}>
      <div className="field">
        <label htmlFor={`${id}-person`}>{w.person}</label>
        <select
          id={`${id}-person`}
          name="person"
          className="tall"
          required
          defaultValue={people.items.length === 1 ? people.items[0]?.id : ''}
        >
          <option value="">{words.confirm.choose}</option>
          {people.items.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
        {people.next && (
          <button
            type="button"
            className="button quiet"
            disabled={people.isAsking}
            onClick={() => void people.next?.()}
          >
            {w.morePeople}
          </button>
        )}
      </div>
      {services.length > 0 && (
        <div className="field">
          <label htmlFor={`${id}-service`}>{w.service}</label>
          <select
            id={`${id}-service`}
            name="service"
            className="tall"
            onChange={({ target }) =>
              setLasts(String(services.find(({ name }) => name === target.value)?.minutes ?? minutes))
            }
          >
            <option value="">{w.noService}</option>
            {services.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </div>
      )}
      <div className="pair">
        <Field
          label={w.when}
          name="start"
          type="datetime-local"
          required
          defaultValue={writtenOf(wallAt(at, zone))}
        />
        <Field
          label={w.minutes}
          name="minutes"
          type="number"
          min={5}
          max={720}
          required
          value={lasts}
          onChange={({ target }) => setLasts(target.value)}
        />
      </div>
      <button type="submit" className="button">
        {w.goOn}
      </button>
    </form>
  );
};
