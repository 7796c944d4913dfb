import { bookingIdOf } from '@jangada/bookings/booking.ts';
import { changed } from '@jangada/proto/booking.ts';
import { streamOf, subjectOf } from '@jangada/proto/message.ts';
import { until } from '@jangada/testkit/until.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Journey, sharedJourney, webhookEndpoint } from './journey.ts';
import type { Person } from './person.ts';

/** Commands on the agenda, from the door to the table that follows from them. */

let journey: Journey;

beforeAll(async () => {
  journey = await sharedJourney();
});

interface Told {
  readonly http: number;
  readonly run: string;
  readonly status?: string;
  readonly code?: string;
  readonly field?: string;
  readonly commandId?: string;
  readonly appointmentId?: string;
  readonly version?: number;
  readonly alternatives?: readonly string[];
  readonly steps?: readonly object[];
  readonly events?: readonly object[];
}

const day = Temporal.Now.plainDateISO('UTC').add({ days: 40 }).toString();
const at = (time: string): string => `${day}T${time}:00-03:00`;
const slot = (start: string, own: object = {}): object => ({
  ...{
    type: 'ScheduleAppointment',
    subjectId: 'cli-4',
    providerId: 'pro-1',
    start: at(start),
    durationMinutes: 30,
  },
  ...own,
});

/** Each signs in once. */
const people = new Map<string, Promise<Person>>();
const as = (alias: string): Promise<Person> => {
  const person = people.get(alias) ?? journey.as(alias);
  people.set(alias, person);
  return person;
};

const call = async (alias: string, path: string, body?: object, key?: string): Promise<Told> => {
  const { agent } = await as(alias);
  const headers = {
    ...agent.headers,
    'content-type': 'application/json',
    ...(key ? { 'idempotency-key': key } : {}),
  };
  const init = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers: agent.headers };
  const response = await fetch(new URL(path, agent.url), init);
  const said = (await response.json()) as Omit<Told, 'http' | 'run'>;
  return { ...said, http: response.status, run: response.headers.get('jangada-run') ?? '' };
};
const outcome = (alias: string, commandId: string): Promise<Told> =>
  until(`the outcome of ${commandId}`, async () => {
    const told = await call(alias, `/v1/commands/${commandId}`);
    // An edge that is busy says to ask again.
    return told.http === 200 && told.status !== 'accepted' ? told : undefined;
  });
const give = async (alias: string, body: object, key?: string): Promise<Told> => {
  const accepted = await call(alias, '/v1/commands', body, key);
  expect(accepted).toMatchObject({ http: 202, status: 'accepted' });
  return { ...(await outcome(alias, accepted.commandId ?? '')), run: accepted.run };
};

describe('a command on the agenda', () => {
  test('is accepted, carried out, told by its id, audited, counted, and in the table soon after', async () => {
    const told = await give('professional', slot('09:00'), 'a-key');
    expect(told).toMatchObject({ status: 'done', version: 1 });
    const same = await give('professional', slot('09:00'), 'a-key');
    // What follows goes on meanwhile.
    expect({ ...same, steps: undefined }).toEqual({ ...told, steps: undefined });
    expect(await call('professional', '/v1/commands', slot('10:00'), 'a-key')).toMatchObject({
      http: 409,
      code: 'RUN_CONFLICT',
    });
    const [row] = await until('the booking', () =>
      journey
        .sql<{ status: string; subject_id: string }>(
          'select status, subject_id from bookings where id = $1',
          [told.appointmentId],
        )
        .then((rows) => (rows.length > 0 ? rows : undefined)),
    );
    expect(row).toEqual({ status: 'scheduled', subject_id: 'cli-4' });
    const listed = (await call('professional', '/v1/bookings?subjectId=cli-4')) as Told & {
      readonly bookings: readonly object[];
      readonly projection: { readonly position: number };
    };
    expect(listed.bookings).toContainEqual(
      expect.objectContaining({ appointmentId: told.appointmentId, version: 1, status: 'scheduled' }),
    );
    expect(listed.projection).toMatchObject({ position: expect.any(Number), eventAt: expect.any(String) });
    expect(await call('professional', '/v1/bookings?subjectId=cli-8')).toMatchObject({
      code: 'AUTHZ_NO_RELATION',
    });
    expect(await journey.auditOf(told.run)).toMatchObject([
      { fact: 'command.done', decision: 'done', details: { action: 'ScheduleAppointment', version: 1 } },
    ]);
    expect(await journey.counted('scheduling', 'appointments_booked_total')).toBe(1);

    const cancelled = await give('admin', {
      type: 'CancelAppointment',
      appointmentId: told.appointmentId,
      expectedVersion: 1,
    });
    expect(cancelled).toMatchObject({ status: 'done', version: 2 });
    expect(await journey.counted('scheduling', 'appointments_cancelled_total')).toBe(1);
    expect(await call('client2', `/v1/commands/${told.commandId}`)).toMatchObject({ http: 404 });
  });

  test.each([
    ['of no type', { type: 'Else' }, 'type'],
    ['that lacks something', { ...slot('09:00'), providerId: undefined }, 'providerId'],
    ['with something more', { ...slot('09:00'), tenant: 'x' }, 'tenant'],
    ['at no time', slot('99:00'), 'start'],
  ])('%s is no command', async (_which, body, field) => {
    expect(await call('professional', '/v1/commands', body)).toMatchObject({
      http: 400,
      code: 'INPUT_INVALID',
      field,
    });
  });

  test('is for oneself, or for who is in one’s care', async () => {
    for (const [alias, subjectId, code] of [
      ['client', 'cli-4', 'AUTHZ_DENIED'],
      ['professional', 'cli-8', 'AUTHZ_NO_RELATION'],
      ['professional', 'nobody', 'TENANT_ISOLATION_VIOLATION'],
    ] as const) {
      const told = await give(alias, slot('11:00', { subjectId }));
      expect(told).toMatchObject({ status: 'refused', code });
      expect(await journey.auditOf(told.run)).toMatchObject([
        { fact: 'command.refused', decision: 'denied', code },
      ]);
    }
  });

  test('is one of two hundred for a slot: one is carried out, also when a process is killed', async () => {
    const replica = await journey.system.replica('scheduling', {});
    const processes = async () =>
      JSON.parse((await journey.jangada('mesh', 'registry', '--json')).stdout) as { name: string }[];
    await until(
      'two processes',
      async () => (await processes()).filter(({ name }) => name === 'scheduling').length === 2,
    );
    const commands = Array.from({ length: 200 }, async (_, count) => {
      // Who is not let in at once asks again, for the same.
      const { commandId = '', run } = await until('the command to be accepted', async () => {
        const told = await call(
          'admin',
          '/v1/commands',
          slot('14:00', { roomId: 'room-1' }),
          `slot-${count}`,
        );
        return told.http === 202 ? told : undefined;
      });
      return { ...(await outcome('admin', commandId)), run };
    });
    const killed = until('some to be in hand', async () => {
      const { num_ack_pending: inHand } = await journey.jsm.consumers.info(streamOf.intake, 'scheduling');
      return inHand > 0;
    }).then(() => replica.kill('SIGKILL'));
    const outcomes = await Promise.all(commands);
    await killed;
    await replica.stop();
    const [done, ...others] = outcomes.filter(({ status }) => status === 'done');
    expect(others).toEqual([]);
    const refused = outcomes.filter(({ status }) => status === 'refused');
    expect(refused).toHaveLength(199);
    for (const one of refused) {
      expect(one.code).toBe('SLOT_TAKEN');
      expect(one.alternatives).toHaveLength(5);
    }
    // The store and the table that follows from it say the same.
    const made = outcomes.map(({ run }) => subjectOf(changed, 'clinica-aurora', bookingIdOf(run)));
    const stored = (await journey.stored(streamOf.event)).map(({ subject }) => subject);
    expect(stored.filter((subject) => made.includes(subject))).toEqual([
      subjectOf(changed, 'clinica-aurora', done?.appointmentId ?? ''),
    ]);
    const rows = await until('the booking', () =>
      journey
        .sql<{ id: string }>(`select id from bookings where room_id = 'room-1' and starts_at = $1`, [
          at('14:00'),
        ])
        .then((found) => (found.length > 0 ? found : undefined)),
    );
    expect(rows).toEqual([{ id: done?.appointmentId }]);
  });

  interface Listed extends Told {
    readonly bookings: readonly { readonly appointmentId: string }[];
    readonly projection: { readonly stale?: true };
  }
  const listed = async (alias: string): Promise<Listed> =>
    (await call(alias, `/v1/bookings?providerId=pro-1&from=${day}T00:00:00Z&to=${day}T23:59:00Z`)) as Listed;

  test('is in what whoever gave it reads next, or they are told that it is not yet', async () => {
    const projecting = journey.system.services.get('projection');
    if (!projecting) throw new Error('there is no projection');
    await projecting.suspend();
    let appointmentId: string | undefined;
    try {
      ({ appointmentId } = await give('professional', slot('08:00')));
      const behind = await listed('professional');
      expect(behind.projection).toMatchObject({ stale: true });
      expect(behind.bookings.map((one) => one.appointmentId)).not.toContain(appointmentId);
      // Whoever changed nothing waits for nothing.
      expect((await listed('professional2')).projection).not.toHaveProperty('stale');
    } finally {
      projecting.resume();
    }
    const read = await until('the table to come so far', async () => {
      const told = await listed('professional');
      return told.projection.stale ? undefined : told;
    });
    expect(read.bookings.map((one) => one.appointmentId)).toContain(appointmentId);
  });

  test('takes time that everybody sees who may book, and nobody by whom it is taken', async () => {
    const path = `/v1/agenda?providerId=pro-1&from=${at('08:00')}&to=${at('10:00')}`;
    const shown = (await call('client2', path)) as Told & {
      readonly taken: readonly object[];
      readonly open: readonly object[];
    };
    expect(shown).toEqual({
      ...{ http: 200, run: '', providerId: 'pro-1', asOf: expect.any(String) },
      open: [{ from: `${day}T11:00:00.000Z`, until: `${day}T13:00:00.000Z` }],
      taken: [{ from: `${day}T11:00:00.000Z`, until: `${day}T11:30:00.000Z` }],
    });
    expect(
      await call('client2', `/v1/agenda?providerId=pro-1&from=${day}T00:00:00Z&to=2099-01-01T00:00:00Z`),
    ).toMatchObject({ http: 400, code: 'INPUT_INVALID', field: 'to' });
    const care = await call('nurse', `/v1/agenda?providerId=pro-1&from=${day}T00:00:00Z&to=${day}T01:00:00Z`);
    expect(care).toMatchObject({ http: 404, code: 'NOT_FOUND' });
  });

  test('is given by the command line, which shows how far the table is and makes it anew', async () => {
    const given = await journey.jangada(
      ...['command', 'ScheduleAppointment', '--as', 'admin', '--json', 'subjectId=cli-4', 'providerId=pro-1'],
      ...[`start=${at('16:00')}`, 'durationMinutes=30'],
    );
    expect(JSON.parse(given.stdout)).toMatchObject({ status: 'done', version: 1 });
    const status = async () => JSON.parse((await journey.jangada('projection', 'status', '--json')).stdout);
    await until('nothing to wait', async () => (await status()).pending === 0);
    const rebuilt = JSON.parse((await journey.jangada('projection', 'rebuild', '--json')).stdout);
    expect(rebuilt).toMatchObject([{ tenant: 'clinica-aurora' }]);
    expect(rebuilt[0].after).toBe(rebuilt[0].before);
  });
});

describe('what follows from a booking', () => {
  interface Line {
    readonly what: string;
    readonly outcome?: string;
  }
  const show = async (id: string): Promise<string[]> => {
    const { stdout, stderr } = await journey.jangada('saga', 'show', id, '--json');
    if (stdout === '') throw new Error(stderr);
    return (JSON.parse(stdout) as Line[]).map(({ what, outcome }) =>
      [what, outcome].filter(Boolean).join(' '),
    );
  };
  const followed = ['AppointmentScheduled', 'bill done', 'notify done'];
  /** What the endpoint was told of a booking, each by its name however often. */
  const toldOf = async (id: string): Promise<unknown[]> => {
    const { told } = await webhookEndpoint();
    const own = told.filter(({ body }) => body['appointmentId'] === id);
    return [...new Map(own.map((one) => [one.id, one.body['type']])).values()];
  };

  test('is told outside, shown by the command line, and audited', async () => {
    const { appointmentId = '', commandId = '' } = await give('admin', slot('18:00'));
    await until('its steps', async () => (await show(appointmentId)).length === followed.length);
    expect(await show(appointmentId)).toEqual(followed);
    expect(await toldOf(appointmentId)).toEqual(['charge.opened', 'booking.made']);
    const steps = [
      { at: expect.any(String), what: 'bill', version: 1, outcome: 'done' },
      { at: expect.any(String), what: 'notify', version: 1, outcome: 'done' },
    ];
    expect((await outcome('admin', commandId)).steps).toEqual(steps);
    const booking = await until('the booking', async () => {
      const read = await call('admin', `/v1/bookings/${appointmentId}`);
      return read.http === 200 ? read : undefined;
    });
    expect(booking).toMatchObject({
      appointmentId,
      version: 1,
      status: 'scheduled',
      start: expect.any(String),
    });
    expect(booking.events).toEqual([
      { at: expect.any(String), what: 'AppointmentScheduled', version: 1 },
      ...steps,
    ]);
    // Another's, one of another tenant and one that is not there are the same.
    for (const [alias, id] of [
      ['client', appointmentId],
      ['foreign', appointmentId],
      ['admin', 'none'],
      ['admin', 'a.b>*'],
    ] as const)
      expect(await call(alias, `/v1/bookings/${encodeURIComponent(id)}`)).toMatchObject({
        ...{ http: 404, code: 'NOT_FOUND' },
      });
    const shown = (await journey.jangada('saga', 'show', appointmentId)).stdout;
    expect(shown).toMatch(/AppointmentScheduled +1\n/);
    expect(await journey.jangada('saga', 'show', 'none')).toMatchObject({ code: 1 });
    const [entry] = await until('its entry in the trail', async () => {
      const entries = await journey.sql<{ decision: string; details: object }>(
        `select decision, details from audit_entries where fact = 'saga.ended' and subject_id like $1 || '-%'`,
        [appointmentId],
      );
      return entries.length > 0 ? entries : undefined;
    });
    expect(entry).toMatchObject({ decision: 'done', details: { appointmentId, version: 1 } });
  });

  test('is done once by whoever is left where others are killed in the midst', async () => {
    const endpoint = await webhookEndpoint();
    const replica = await journey.system.replica('saga', {});
    try {
      endpoint.behave('silent');
      const before = endpoint.told.length;
      const made = await Promise.all(
        ['19:00', '20:00', '21:00', '22:00'].map((start) => give('admin', slot(start))),
      );
      await until('some of them to be under way', () => endpoint.told.length > before);
      for (const process of [replica, journey.system.services.get('saga')]) process?.kill('SIGKILL');
      endpoint.behave({ status: 204 });
      for (const { appointmentId = '' } of made) {
        await until('its steps', async () => (await show(appointmentId)).length >= followed.length, 60_000);
        expect(await show(appointmentId)).toEqual(followed);
        expect(await toldOf(appointmentId)).toEqual(['charge.opened', 'booking.made']);
      }
      expect(endpoint.forged).toBe(0);
    } finally {
      await replica.stop();
    }
  });
});
