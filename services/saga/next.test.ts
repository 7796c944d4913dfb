import { bookingIdOf, evolve } from '@jangada/bookings/booking.ts';
import { describe, expect, test } from 'vitest';
import { type Followed, next, nextAt, type Rules, type So, type Step } from './next.ts';
import { nameOf, said, type Tenant } from './wording.ts';

const hour = 3_600_000;
const start = Date.parse('2030-05-06T13:00:00Z');
const bookedAt = start - 72 * hour;
const rules: Rules = { holdMs: 0, remindMs: 24 * hour };
const holding: Rules = { ...rules, holdMs: 2 * hour };

const details = {
  ...{ subjectId: 'cli-1', providerId: 'pro-1', by: 'user-1', hash: 'h', service: 'Laser' },
  ...{ start: new Date(start).toISOString(), end: new Date(start + hour / 2).toISOString() },
};
type Type = Parameters<typeof evolve>[1]['type'];
const bookingOf = (...types: Type[]) => {
  const id = bookingIdOf('cmd-1');
  let booking: ReturnType<typeof evolve> | undefined;
  for (const [index, type] of types.entries()) {
    const at = new Date(bookedAt + index * 60_000).toISOString();
    booking = evolve(booking, { id, version: index + 1, at, command: `cmd-${index + 1}`, type, details });
  }
  if (!booking) throw new Error('something happened');
  return booking;
};
const booked = bookingOf('AppointmentScheduled');
const confirmed = bookingOf('AppointmentScheduled', 'AppointmentConfirmed');
const cancelled = bookingOf('AppointmentScheduled', 'AppointmentCancelled');

type Short = readonly [step: Step, outcome: 'done' | 'skipped' | 'given-up', of?: number, confirmBy?: number];
const steps = (...taken: Short[]): Followed[] =>
  taken.map(([step, outcome, of = 1, confirmBy], index) => ({
    ...{ type: 'StepTaken', version: index + 1, at: details.start, of, tick: 7 },
    ...{ step, outcome },
    ...(confirmBy === undefined ? {} : { confirmBy: new Date(confirmBy).toISOString() }),
  }));
const so = (booking = booked, log: readonly Followed[] = [], own: Partial<So> = {}): So => ({
  ...{ booking, log, now: bookedAt + 1_000, tick: { sequence: 8, of: undefined } },
  ...own,
});
const take = (step: Step, confirmBy?: number) => ({ type: 'take', step, confirmBy });

describe('what follows from a booking', () => {
  test('is that it is charged, told, and reminded of a day before; and nothing more', () => {
    const log = steps(['bill', 'done'], ['notify', 'done'], ['remind', 'done']);
    expect(next(so(), rules)).toEqual(take('bill'));
    expect(next(so(booked, log.slice(0, 1)), rules)).toEqual(take('notify'));
    expect(next(so(booked, log.slice(0, 2)), rules)).toBeUndefined();
    expect(nextAt(so(booked, log.slice(0, 2)), rules)).toBe(start - 24 * hour);
    const tomorrow = { now: start - 24 * hour };
    expect(next(so(booked, log.slice(0, 2), tomorrow), rules)).toEqual(take('remind'));
    expect(next(so(booked, log, tomorrow), rules)).toBeUndefined();
    expect(nextAt(so(booked, log, tomorrow), rules)).toBeUndefined();
  });

  test('is no reminder of what was booked within that day, has begun, or where nobody wants any', () => {
    const log = steps(['bill', 'done'], ['notify', 'done']);
    const late = { ...booked, at: start - hour };
    expect(next(so(late, log, { now: start - hour / 2 }), rules)).toBeUndefined();
    expect(nextAt(so(late, log, { now: start - hour / 2 }), rules)).toBeUndefined();
    expect(next(so(booked, log, { now: start }), rules)).toBeUndefined();
    expect(next(so(booked, log, { now: start - hour }), { ...rules, remindMs: 0 })).toBeUndefined();
  });

  test('follows from each change anew, and is charged once', () => {
    const log = steps(['bill', 'done'], ['notify', 'done']);
    expect(next(so(confirmed, log), rules)).toEqual(take('notify'));
    expect(next(so(confirmed, [...log, ...steps(['notify', 'skipped', 2])]), rules)).toBeUndefined();
  });
});

describe('a booking that cannot be charged', () => {
  const log = steps(['bill', 'given-up']);

  test('is undone, and nobody is told of what they never heard of', () => {
    expect(next(so(booked, log), rules)).toEqual({ type: 'fail', reason: 'billing' });
    const undone = [...log, ...steps(['void', 'done', 2])];
    expect(next(so(cancelled, undone), rules)).toBeUndefined();
  });

  test.each([
    ['that nobody answered for', log],
    ['that is on its way', []],
  ])('is cancelled with its charge %s', (_which, before) => {
    expect(next(so(cancelled, before), rules)).toEqual(take('void'));
    expect(next(so(cancelled, [...before, ...steps(['void', 'done', 2])]), rules)).toBeUndefined();
  });

  test('of a tenant that charges nobody has no charge to be voided', () => {
    expect(next(so(cancelled, steps(['bill', 'skipped'])), rules)).toBeUndefined();
  });

  test('and has begun stays', () => {
    expect(next(so(booked, log, { now: start }), rules)).toBeUndefined();
    expect(next(so(booked, [], { now: start }), rules)).toBeUndefined();
  });
});

describe('a booking that waits to be confirmed', () => {
  const at = bookedAt + 2 * hour;
  const log = steps(['bill', 'done'], ['notify', 'done', 1, at]);

  test('is undone in reverse when its time is over, to the moment', () => {
    expect(nextAt(so(booked, log), holding)).toBe(at);
    expect(next(so(booked, log, { now: at - 1 }), holding)).toBeUndefined();
    expect(next(so(booked, log, { now: at }), holding)).toEqual({ type: 'fail', reason: 'unconfirmed' });
    expect(next(so(cancelled, log, { now: at }), holding)).toEqual(take('void'));
    const voided = [...log, ...steps(['void', 'done', 2])];
    expect(next(so(cancelled, voided, { now: at }), holding)).toEqual(take('notify'));
    expect(
      next(so(cancelled, [...voided, ...steps(['notify', 'done', 2])], { now: at }), holding),
    ).toBeUndefined();
    expect(nextAt(so(cancelled, voided), holding)).toBeUndefined();
  });

  test('and was charged late is asked first, and waits from then on', () => {
    const late = { now: at + 5 * hour };
    const charged = log.slice(0, 1);
    expect(nextAt(so(booked, charged), holding)).toBe(start - 24 * hour);
    expect(next(so(booked, charged, late), holding)).toEqual(take('notify', at + 7 * hour));
    const asked = [...charged, ...steps(['notify', 'done', 1, at + 7 * hour])];
    expect(next(so(booked, asked, late), holding)).toBeUndefined();
    expect(nextAt(so(booked, asked, late), holding)).toBe(at + 7 * hour);
  });

  test('because it was asked so is undone although none has to be any more, and is reminded of that', () => {
    const lasting = steps(['bill', 'done'], ['notify', 'done', 1, start - hour]);
    expect(next(so(booked, lasting, { now: start - 24 * hour }), rules)).toEqual(
      take('remind', start - hour),
    );
    expect(next(so(booked, log, { now: at }), rules)).toEqual({ type: 'fail', reason: 'unconfirmed' });
  });

  test('and was asked when none had to be is not undone', () => {
    const unasked = steps(['bill', 'done'], ['notify', 'done']);
    expect(next(so(booked, unasked, { now: at + hour }), holding)).toBeUndefined();
    expect(nextAt(so(booked, unasked), holding)).toBe(start - 24 * hour);
  });

  test('and is moved is asked anew', () => {
    const moved = bookingOf('AppointmentScheduled', 'AppointmentRescheduled');
    expect(next(so(moved, log, { now: at }), holding)).toEqual(take('notify', at + 2 * hour));
  });

  test('and is confirmed stays', () => {
    const told = [...log, ...steps(['notify', 'done', 2])];
    expect(next(so(confirmed, told, { now: bookedAt + 3 * hour }), holding)).toBeUndefined();
    expect(nextAt(so(confirmed, told), holding)).toBe(start - 24 * hour);
  });
});

describe('a notification that nobody took', () => {
  const log = steps(['bill', 'skipped'], ['notify', 'given-up']);

  test('leaves the booking as it is, and is tried again only where its tick is sent again', () => {
    expect(next(so(booked, log), rules)).toBeUndefined();
    expect(next(so(booked, log, { tick: { sequence: 7, of: 1 } }), rules)).toBeUndefined();
    expect(next(so(booked, log, { tick: { sequence: 9, of: 1 } }), rules)).toEqual(take('notify'));
    const again = [...log, ...steps(['notify', 'given-up']).map((one) => ({ ...one, tick: 9 }))];
    expect(next(so(booked, again, { tick: { sequence: 9, of: 1 } }), rules)).toBeUndefined();
  });
});

describe('what nobody took', () => {
  const later = { tick: { sequence: 9, of: undefined } };

  test('of a reminder is tried again where its tick is sent again', () => {
    const log = steps(['bill', 'done'], ['notify', 'given-up'], ['remind', 'given-up']);
    const due = { now: start - 24 * hour };
    expect(next(so(booked, log, { ...due, tick: { sequence: 7, of: undefined } }), rules)).toBeUndefined();
    expect(next(so(booked, log, { ...due, ...later }), rules)).toEqual(take('remind'));
    const again = [...log, ...steps(['remind', 'given-up']).map((one) => ({ ...one, tick: 9 }))];
    expect(next(so(booked, again, { ...due, ...later }), rules)).toBeUndefined();
  });

  test.each([
    ['by nobody', undefined],
    ['by the command that made it', 1],
    ['by the command that cancelled it', 2],
  ])('of what was undone %s is tried again where its tick is sent again', (_how, of) => {
    const told = steps(['bill', 'done'], ['notify', 'done'], ['void', 'given-up', 2]);
    expect(next(so(cancelled, told, { tick: { sequence: 7, of } }), rules)).toEqual(take('notify'));
    expect(next(so(cancelled, told, { tick: { sequence: 9, of } }), rules)).toEqual(take('void'));
    const untold = steps(
      ['bill', 'done'],
      ['notify', 'done'],
      ['void', 'done', 2],
      ['notify', 'given-up', 2],
    );
    expect(next(so(cancelled, untold, { tick: { sequence: 7, of } }), rules)).toBeUndefined();
    expect(next(so(cancelled, untold, { tick: { sequence: 9, of } }), rules)).toEqual(take('notify'));
  });
});

describe('what is said', () => {
  const tenant: Tenant = { id: 'casa', locale: 'pt-BR', zone: 'America/Sao_Paulo' };
  const text = (
    booking = booked,
    step: Step = 'notify',
    own: Partial<Tenant> = {},
    confirmBy?: number,
  ): string => JSON.parse(said({ ...tenant, ...own }, booking, step, confirmBy)).text;

  test('is in the tenant’s language and by its clock', () => {
    expect(text()).toMatch(/^Seu horário está marcado para segunda-feira, 6 de maio de 2030.*10:00\.$/);
    expect(text(booked, 'remind')).toMatch(/^Lembrete: .*10:00\.$/);
    expect(text(cancelled)).toMatch(/foi cancelado\.$/);
    expect(text(confirmed, 'notify', { locale: 'en', zone: 'Europe/Lisbon' })).toMatch(
      /^Your booking on Monday, May 6, 2030 at 2:00\sPM is confirmed\.$/,
    );
    expect(text(booked, 'notify', {}, bookedAt + 2 * hour)).toMatch(
      /Confirme até sexta-feira, 3 de maio de 2030.*12:00/,
    );
  });

  test('names the person by their id, and has a name that every attempt at it shares', () => {
    expect(JSON.parse(said(tenant, booked, 'bill', undefined))).toEqual({
      ...{ type: 'charge.opened', appointmentId: booked.id, version: 1, subjectId: 'cli-1' },
      ...{ providerId: 'pro-1', service: 'Laser', minutes: 30 },
    });
    const names = [
      nameOf(tenant, booked, 'notify'),
      nameOf(tenant, booked, 'remind'),
      nameOf(tenant, confirmed, 'notify'),
      nameOf({ ...tenant, id: 'other' }, booked, 'notify'),
    ];
    expect(new Set(names).size).toBe(4);
    expect(nameOf(tenant, booked, 'notify')).toBe(names[0]);
  });

  test('of a charge has one name for good, so that nobody is charged twice', () => {
    expect(nameOf(tenant, confirmed, 'bill')).toBe(nameOf(tenant, booked, 'bill'));
    expect(nameOf(tenant, cancelled, 'void')).toBe(nameOf(tenant, booked, 'void'));
    expect(nameOf(tenant, booked, 'void')).not.toBe(nameOf(tenant, booked, 'bill'));
    expect(nameOf({ ...tenant, id: 'other' }, booked, 'bill')).not.toBe(nameOf(tenant, booked, 'bill'));
  });
});
