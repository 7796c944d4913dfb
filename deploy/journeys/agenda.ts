import { until } from '@jangada/testkit/until.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { converse } from './conversing.ts';
import { type Journey, sharedJourney } from './journey.ts';
import type { Person } from './person.ts';

/** A practice whose appointments are its bookings: what is asked of its agenda, and what is booked meanwhile. */

let journey: Journey;

beforeAll(async () => {
  journey = await sharedJourney();
});

const zone = 'America/Sao_Paulo';
/** Two days on which it is open from eight to six, with an hour off. */
const [first, second] = (() => {
  for (let day = Temporal.Now.plainDateISO(zone).add({ days: 20 }); ; day = day.add({ days: 1 })) {
    const isShut = (date: Temporal.PlainDate): boolean =>
      [1, 12].includes(date.month) && [1, 25].includes(date.day);
    const next = day.add({ days: 1 });
    if (day.dayOfWeek <= 4 && !isShut(day) && !isShut(next)) return [day, next] as const;
  }
})();
const shown = (date: Temporal.PlainDate, locale: string, time: string): string =>
  new Intl.DateTimeFormat(locale, {
    ...({ day: '2-digit', month: '2-digit', year: 'numeric', hour: '2-digit', minute: '2-digit' } as const),
    timeZone: zone,
  }).format(date.toZonedDateTime({ timeZone: zone, plainTime: time }).epochMilliseconds);
const linesOf = (text = ''): string[] => text.split('\n').filter((line) => line.startsWith('- '));

/** Once the tables have come so far. */
const followed = (start: string, status: string) =>
  until(`a booking at ${start} that is ${status}`, async () => {
    const [row] = await journey.sql(
      `select from bookings b join agenda_times a on a.tenant_id = b.tenant_id and a.id like '% ' || b.id
       where b.tenant_id = 'clinica-vitoria' and b.starts_at = $1 and b.status = $2
         and a.kind = case when b.status = 'cancelled' then 'freed' else 'taken' end`,
      [start, status],
    );
    return row;
  });
const at = (date: Temporal.PlainDate, time: string): string =>
  date.toZonedDateTime({ timeZone: zone, plainTime: time }).toInstant().toString();

interface Told {
  readonly http: number;
  readonly code?: string;
  readonly field?: string;
  readonly commandId?: string;
  readonly status?: string;
  readonly appointmentId?: string;
  readonly bookings?: readonly Record<string, unknown>[];
  readonly nextCursor?: string;
}

/** Each signs in once. */
const people = new Map<string, Promise<Person>>();
const as = (alias: string): Promise<Person> => {
  const person = people.get(alias) ?? journey.as(alias);
  people.set(alias, person);
  return person;
};

const call = async (alias: string, path: string, body?: object): Promise<Told> => {
  const { agent } = await as(alias);
  const headers = { ...agent.headers, 'content-type': 'application/json' };
  const init = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers: agent.headers };
  const response = await fetch(new URL(path, agent.url), init);
  return { ...((await response.json()) as object), http: response.status };
};
const give = async (alias: string, body: object): Promise<Told> => {
  const { commandId } = await call(alias, '/v1/commands', body);
  return until('what came of a command', async () => {
    const told = await call(alias, `/v1/commands/${commandId}`);
    return told.http === 200 && told.status !== 'accepted' ? told : undefined;
  });
};

describe.each([
  {
    locale: 'pt-BR',
    free: `que horários a Dra. Lima tem livres em ${first.toLocaleString('pt-BR')}?`,
    book: `marque a Ana com a Dra. Lima em ${first.toLocaleString('pt-BR')} às 14h`,
    later: `e em ${second.toLocaleString('pt-BR')}?`,
    cancel: `desmarque a consulta da Ana em ${first.toLocaleString('pt-BR')}`,
    done: ['Marcado.', 'Desmarcado.'],
    time: ['14:00', '14:30'],
  },
  {
    locale: 'en',
    free: `which times does Dr. Lima have free on ${first}?`,
    book: `book Ana with Dr. Lima on ${first} at 4pm`,
    later: `and on ${second}?`,
    cancel: `cancel Ana's appointment on ${first}`,
    done: ['Booked.', 'Cancelled.'],
    time: ['16:00', '16:30'],
  },
])(
  'a conversation in $locale',
  ({ locale, free, book, later, cancel, done, time: [begins = '', ends = ''] }) => {
    const times = (date: Temporal.PlainDate, spans: readonly (readonly [string, string])[]): string[] =>
      spans.map(
        ([from, to]) => `- ${shown(date, locale, from)} · ${shown(date, locale, to)} · Dra. Helena Lima`,
      );
    const whole = [
      ['08:00', '12:00'],
      ['13:00', '18:00'],
    ] as const;

    test('asks what is free, books of it, and is told what is free then', async () => {
      const { say, yes } = await converse(journey, 'receptionist');
      expect(linesOf((await say(free)).text)).toEqual(times(first, whole));
      expect((await say(book)).asked?.message).toContain('Ana Prado');
      expect((await yes()).text).toBe(done[0]);
      await followed(at(first, begins), 'scheduled');
      const [morning] = whole;
      const left = [morning, ['13:00', begins], [ends, '18:00']] as const;
      expect(linesOf((await say(free)).text)).toEqual(times(first, left));
      expect(linesOf((await say(later)).text)).toEqual(times(second, whole));

      expect((await say(cancel)).asked?.message).toContain('Ana Prado');
      expect((await yes()).text).toBe(done[1]);
      await followed(at(first, begins), 'cancelled');
      expect(linesOf((await say(free)).text)).toEqual(times(first, whole));
    });
  },
);

describe('an agenda', () => {
  const slot = (subjectId: string, time: string) => ({
    ...{ type: 'ScheduleAppointment', subjectId, providerId: 'doc-2', start: at(second, time) },
    durationMinutes: 45,
  });

  test('lists what a person is booked for between two days, to who may read it, after the command', async () => {
    const made = await give('doctor2', slot('pat-5', '09:00'));
    expect(made).toMatchObject({ status: 'done' });
    const list = (alias: string, from: unknown, to: unknown) =>
      call(alias, `/v1/bookings?subjectId=pat-5&from=${from}&to=${to}`);
    const found = await until('the booking', async () => {
      const told = await list('doctor2', second, second);
      return told.bookings?.length ? told : undefined;
    });
    expect(found.bookings).toMatchObject([{ appointmentId: made.appointmentId, patient: 'Elza Freitas' }]);
    expect((await list('doctor2', first, first)).bookings).toEqual([]);
    expect(await list('doctor2', second, first)).toMatchObject({
      http: 400,
      code: 'INPUT_INVALID',
      field: 'to',
    });
    expect(await list('doctor', second, second)).toMatchObject({ http: 403, code: 'AUTHZ_NO_RELATION' });
    expect((await call('patient', `/v1/bookings?from=${second}&to=${second}`)).bookings).toEqual([]);
  });

  test('is asked for by day and week, counted, and told in rates, as far as who asks reaches', async () => {
    expect(await give('receptionist', slot('pat-6', '10:00'))).toMatchObject({ status: 'done' });
    await followed(at(second, '10:00'), 'scheduled');
    const doctor = await as('doctor2');
    const day = second.toLocaleString('pt-BR');
    const agenda = await doctor.query(`minha agenda de ${day}`);
    expect(linesOf(agenda.content)).toHaveLength(2);
    expect(agenda.content).toContain('Elza Freitas');
    expect((await doctor.query(`how many appointments do I have on ${second}?`)).content).toContain(
      '2 appointments',
    );
    const booked = await doctor.query(`taxa de ocupação do Dr. Serra em ${day}`);
    expect(booked.content).toContain('16,7 %, 90 de 540 minutos');
    expect((await doctor.query(`cancellation rate on ${second}`)).content).toContain(
      '0%, 0 of 2 appointments',
    );

    const patient = await as('patient');
    expect(await patient.query('consultas de Elza Freitas')).toMatchObject({ code: 'AUTHZ_DENIED' });
    expect(linesOf((await patient.query(`horários livres do Dr. Serra em ${day}`)).content)).toHaveLength(4);
    const foreign = await as('foreign-doctor');
    expect(linesOf((await foreign.query(`horários livres em ${day}`)).content)).toEqual(
      [
        ['08:00', '12:00'],
        ['13:00', '18:00'],
      ].flatMap(([from = '', to = '']) =>
        ['Dra. Helena Lima', 'Dr. Caio Serra'].map(
          (name) => `- ${shown(second, 'pt-BR', from)} · ${shown(second, 'pt-BR', to)} · ${name}`,
        ),
      ),
    );
  });

  test('learns whether somebody came, from staff and once it has begun', async () => {
    const { appointmentId } = await give('receptionist', slot('pat-1', '15:00'));
    const attended = { type: 'RecordAttendance', appointmentId, attended: true };
    expect(await give('receptionist', attended)).toMatchObject({ status: 'refused', code: 'STATE_CONFLICT' });
    expect(await give('patient', attended)).toMatchObject({ status: 'refused', code: 'AUTHZ_DENIED' });
    expect(await call('receptionist', '/v1/commands', { ...attended, attended: 'yes' })).toMatchObject({
      ...{ http: 400, code: 'INPUT_INVALID', field: 'attended' },
    });
  });
});
