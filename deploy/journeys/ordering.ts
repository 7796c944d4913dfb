import { until } from '@jangada/testkit/until.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { converse } from './conversing.ts';
import { type Journey, sharedJourney } from './journey.ts';

/** Appointments that are made, moved and cancelled in a conversation, in both languages. */

let journey: Journey;

beforeAll(async () => {
  journey = await sharedJourney();
});

const zone = 'America/Sao_Paulo';
/** Far enough that midnight changes nothing of which day is meant. */
const [first, second] = [3, 5].map((days) => Temporal.Now.plainDateISO(zone).add({ days })) as [
  Temporal.PlainDate,
  Temporal.PlainDate,
];
const weekday = (date: Temporal.PlainDate, locale: string): string =>
  date.toLocaleString(locale, { weekday: 'long' });
const instant = (date: Temporal.PlainDate, time: string): string =>
  date.toZonedDateTime({ timeZone: zone, plainTime: time }).toInstant().toString();

const conversationOf = (alias: string) => converse(journey, alias);

interface Booking {
  readonly subject_id: string;
  readonly provider_id: string;
  readonly at: string;
  readonly minutes: number;
  readonly status: string;
  readonly version: number;
}

const bookings = () =>
  journey.sql<Booking>(
    `select subject_id, provider_id, status, version,
       to_char(starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at,
       (extract(epoch from ends_at - starts_at) / 60)::int as minutes
     from bookings where tenant_id = 'clinica-aurora' and starts_at between $1 and $2 order by starts_at`,
    [instant(first, '00:00'), instant(second, '23:59')],
  );
/** Once the table has come so far. */
const booked = (wanted: Partial<Booking>) =>
  until(`a booking ${JSON.stringify(wanted)}`, async () =>
    (await bookings()).find((row) =>
      Object.entries(wanted).every(([name, value]) => row[name as keyof Booking] === value),
    ),
  );

describe.each([
  {
    locale: 'pt-BR',
    who: 'professional',
    book: `marque o Bruno com a Dra. Lima ${weekday(first, 'pt-BR')} às 14h`,
    move: `remarque para ${weekday(second, 'pt-BR')}`,
    cancel: 'desmarque',
    done: ['Marcado.', 'Remarcado.', 'Desmarcado.'],
    facts: ['Cliente', 'Profissional', 'Quando'],
    time: '14:00',
  },
  {
    locale: 'en',
    who: 'professional',
    book: `book Bruno with Dr. Lima on ${weekday(first, 'en')} at 4pm`,
    move: `move it to ${weekday(second, 'en')}`,
    cancel: 'cancel it',
    done: ['Booked.', 'Moved.', 'Cancelled.'],
    facts: ['Client', 'Professional', 'When'],
    time: '16:00',
  },
])('a conversation in $locale', ({ who, book, move, cancel, done, facts, time }) => {
  test('books after a yes and not before, moves what it spoke of, and cancels it', async () => {
    const { say, yes, again } = await conversationOf(who);
    const before = await bookings();
    const { asked } = await say(book);
    expect(asked?.facts).toEqual([
      { name: facts[0], value: 'Bruno Rocha' },
      { name: facts[1], value: 'Dra. Paula Lima' },
      { name: facts[2], value: expect.stringContaining(String(first.year)) },
    ]);
    expect(asked?.message).toContain('Bruno Rocha');
    expect(await bookings()).toEqual(before);

    const yesTo = await yes();
    expect(yesTo).toMatchObject({ text: done[0], code: undefined, asked: undefined });
    const one = { subject_id: 'cli-2', provider_id: 'pro-1', minutes: 30 };
    const made = await booked({ ...one, at: instant(first, time), version: 1 });
    expect(made.status).toBe('scheduled');
    // A yes that comes again is told what came of the first, and books nothing.
    expect((await again(asked?.id ?? '')).text).toBe(done[0]);

    const moving = await say(move);
    expect(moving.asked?.message).toContain('Bruno Rocha');
    expect((await yes()).text).toBe(done[1]);
    await booked({ ...one, at: instant(second, time), version: 2 });

    expect((await say(cancel)).asked?.message).toContain('Dra. Paula Lima');
    expect((await yes()).text).toBe(done[2]);
    await booked({ ...one, at: instant(second, time), version: 3, status: 'cancelled' });
    expect((await bookings()).length).toBe(before.length + 1);
  });
});

describe('what changes the agenda in a conversation', () => {
  const day = weekday(second, 'pt-BR');

  test('asks for what was not said, and says what else is free where the time is taken', async () => {
    const { say, yes } = await conversationOf('professional');
    const lacking = await say('marque a Carla com a Dra. Lima');
    expect(lacking).toMatchObject({ text: 'Para que dia e a que horas?', asked: undefined });
    const { asked } = await say(`${day} às 8h`);
    expect(asked?.message).toContain('Carla Dias');
    expect((await yes()).text).toBe('Marcado.');

    const other = await conversationOf('admin');
    expect((await other.say(`marque o Diego com a Dra. Lima ${day} às 8h`)).asked).toBeDefined();
    const taken = await other.yes();
    expect(taken).toMatchObject({ code: 'SLOT_TAKEN', message: expect.stringContaining('08:30, 08:45') });
    expect((await other.say('às 8:30')).asked?.message).toContain('Diego Melo');
    expect((await other.yes()).text).toBe('Marcado.');
    // The test that follows compares the table: it has to have come so far.
    await booked({ at: instant(second, '08:30') });
  });

  test('reads nobody before it is said whom it is for', async () => {
    const { say } = await conversationOf('admin');
    const { run, text } = await say(`marque com a Dra. Lima ${day} às 9h`);
    expect(text).toBe('Para quem é a consulta?');
    const read = await until('what was read in the trail', async () => {
      const [entry] = await journey.sql<{ details: object }>(
        `select details from audit_entries where fact = 'run.fetched' and subject_id like $1`,
        [`${run}%`],
      );
      return entry?.details;
    });
    expect(read).toMatchObject({ rows: 0 });
  });

  test('is done by no answer but a yes, and audited each way', async () => {
    const { agent, say, no } = await conversationOf('professional');
    const before = await bookings();
    const { asked } = await say(`marque a Ana com a Dra. Lima ${day} às 11h`);
    await no();
    expect(agent.pendingInterrupts).toEqual([]);
    const { id: by } = await journey.as('professional');
    await until('the no in the trail', async () => {
      const entries = await journey.sql(
        `select from audit_entries where fact = 'access.refused' and code = 'CANCELLED' and actor = $1`,
        [by],
      );
      return entries.length > 0;
    });
    expect(await journey.auditOf(asked?.id ?? '')).toMatchObject([
      { fact: 'run.understood' },
      { fact: 'run.permitted' },
      { fact: 'run.fetched' },
      { fact: 'run.interrupted', details: { asked: 'change_agenda' } },
    ]);
    expect(await bookings()).toEqual(before);
  });

  test.each([
    ['a client for another', 'client2', 'marque o Diego com a Dra. Lima', 'AUTHZ_DENIED'],
    [
      'a professional for whom they do not care for',
      'professional',
      'book Elisa Prado with Dr. Castro',
      'AUTHZ_NO_RELATION',
    ],
    [
      'a professional who cancels what is of such a one',
      'professional',
      'desmarque a Elisa Prado',
      'AUTHZ_NO_RELATION',
    ],
  ])('is not for %s', async (_whose, alias, question, code) => {
    const { say } = await conversationOf(alias);
    const { asked, ...refused } = await say(question);
    expect(refused).toMatchObject({ code });
    expect(asked).toBeUndefined();
  });

  test('is for a client themselves, who need not say so', async () => {
    const { say, yes } = await conversationOf('client2');
    const { asked } = await say(`quero marcar limpeza de pele com a Dra. Lima ${day} às 17h`);
    expect(asked?.facts).toContainEqual({ name: 'Cliente', value: 'Bruno Rocha' });
    expect((await yes()).text).toBe('Marcado.');
    await booked({ subject_id: 'cli-2', at: instant(second, '17:00'), minutes: 60 });
  });

  test('is refused where nobody can be asked for a yes', async () => {
    const { stdout } = await journey.jangada(
      ...['ask', '--as', 'professional', '--json', `marque a Ana com a Dra. Lima ${day} às 11h`],
    );
    expect(JSON.parse(stdout)).toMatchObject({ code: 'CONFIRMATION_REQUIRED' });
  });
});
