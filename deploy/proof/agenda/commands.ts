import { bookingIdOf } from '@jangada/bookings/booking.ts';
import { type Command, command as shape } from '@jangada/proto/command.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { numbersOf } from '@jangada/verifier/mutation.ts';
import { agreedSql, tenantSql } from '../../test-database.ts';

/** Commands drawn at random, of several people who want the same few hours of the same few providers and rooms. */

export const tenant = 'agenda';
export const zone = 'America/Sao_Paulo';

const providers = ['p1', 'p2', 'p3'] as const;
const rooms = ['r1', 'r2'] as const;
/** One whom nothing is agreed with. */
const reserved = 'c6';
const subjects = ['c1', 'c2', 'c3', 'c4', 'c5', reserved] as const;
const inCare: readonly string[] = ['c1', 'c2', 'c3', reserved];

/** Who is there, and who is in the care of whom, as SQL. */
export const worldSql = `${tenantSql(tenant)}
  insert into providers (tenant_id, id, name, name_search)
    select '${tenant}', 'p' || n, 'Eva', 'eva' from generate_series(1, ${providers.length}) n;
  insert into clients (tenant_id, id, name, name_search)
    select '${tenant}', 'c' || n, 'Ana', 'ana' from generate_series(1, ${subjects.length - 1}) n;
  ${agreedSql}
  insert into clients (tenant_id, id, name, name_search) values ('${tenant}', '${reserved}', 'Ana', 'ana');
  insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from)
    select '${tenant}', 'p1', c, 'assigned', now() - interval '1 day' from unnest(array[${inCare.map((id) => `'${id}'`)}]) c;`;

/** Who gives a command. */
export interface Giver {
  readonly sub: string;
  readonly rol: string;
  readonly per?: string;
}
const admin: Giver = { sub: 'u-admin', rol: 'admin' };
const professional: Giver = { sub: 'u-professional', rol: 'aesthetic_professional', per: 'p1' };
const client: Giver = { sub: 'u-client', rol: 'client', per: 'c1' };

export interface Drawn {
  readonly id: string;
  readonly giver: Giver;
  readonly command: Command;
  /** What it has to be refused with, however the agenda is. */
  readonly denied: Code | undefined;
  /**
   * Given once more at once; as the broker tells apart, or as it does after it has forgotten the first, or after it has
   * come to its end.
   */
  readonly again: 'no' | 'same' | 'anew' | 'later';
}

/** Why somebody may not change the agenda of a person, or with none the hours of a provider. */
const deniedTo = (giver: Giver, subject: string | undefined, provider: string): Code | undefined => {
  if (giver === client) return subject === client.per ? undefined : 'AUTHZ_DENIED';
  if (subject === undefined)
    return giver === admin || provider === professional.per ? undefined : 'AUTHZ_DENIED';
  if (giver === professional && !inCare.includes(subject)) return 'AUTHZ_NO_RELATION';
  return subject === reserved ? 'CONSENT_REQUIRED' : undefined;
};

/** So many commands fall upon the same days before the days move on by one. */
const perDay = 60;
/** Days that are booked at the same time. */
const window = 3;
/** The first is so far ahead, and the last before the year that may be booked is over. */
const [firstDay, dayCount] = [3, 350];
/** Commands that those about an appointment look back. */
const lookBack = 40;

/**
 * The commands of a seed, the same each time. Names begin with `run`, so that one run's are no other's.
 * @param today the first day is a few after it, in the tenant's zone
 */
export const commandsOf = (
  seed: number,
  count: number,
  { run, today }: { readonly run: string; readonly today: Temporal.PlainDate },
): readonly Drawn[] => {
  const next = numbersOf(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  const pick = <T>(some: readonly T[]): T => some[below(some.length)] as T;
  const chance = (share: number): boolean => next() < share;
  const made: { readonly id: string; readonly subject: string; readonly provider: string }[] = [];

  const dayFor = (index: number): Temporal.PlainDate =>
    today.add({ days: firstDay + ((Math.floor(index / perDay) + below(window)) % dayCount) });
  const instantOn = (day: Temporal.PlainDate, minutes: number): string =>
    day.toZonedDateTime(zone).add({ minutes }).toInstant().toString({ smallestUnit: 'millisecond' });
  /** From seven in the morning to half past eleven at night, which is tomorrow in UTC. */
  const startOn = (day: Temporal.PlainDate): string => instantOn(day, 7 * 60 + below(67) * 15);
  const lasting = (): number => pick([5, 15, 30, 30, 45, 60, 90]);

  const scheduled = (index: number): Pick<Drawn, 'giver' | 'command' | 'denied'> => {
    const giver = pick([admin, admin, professional, client]);
    const subjectId = giver === client && chance(0.9) ? 'c1' : pick(subjects);
    const providerId = pick(providers);
    const isPast = chance(0.01);
    const command: Command = {
      type: 'ScheduleAppointment',
      ...{ subjectId, providerId, durationMinutes: lasting() },
      ...(chance(0.5) ? { roomId: pick(rooms) } : {}),
      ...(chance(0.3) ? { service: 'Peeling' } : {}),
      start: startOn(isPast ? today.subtract({ days: 2 }) : dayFor(index)),
    };
    const denied = deniedTo(giver, subjectId, providerId) ?? (isPast ? 'INPUT_INVALID' : undefined);
    return { giver, command, denied };
  };

  const about = (index: number): Pick<Drawn, 'giver' | 'command' | 'denied'> => {
    const giver = pick([admin, admin, admin, professional, client]);
    const appointment = pick(made.slice(-lookBack)) ?? { id: 'none', subject: 'c1', provider: 'p1' };
    const common = {
      appointmentId: appointment.id,
      ...(chance(0.4) ? { expectedVersion: 1 + below(3) } : {}),
    };
    const command: Command = pick<() => Command>([
      () => ({
        ...{ type: 'RescheduleAppointment', ...common, start: startOn(dayFor(index)) },
        ...(chance(0.3) ? { durationMinutes: lasting() } : {}),
        ...(chance(0.3) ? { roomId: pick(rooms) } : {}),
      }),
      () => ({ type: 'CancelAppointment', ...common }),
      () => ({ type: 'ConfirmAppointment', ...common }),
    ])();
    return { giver, command, denied: deniedTo(giver, appointment.subject, appointment.provider) };
  };

  const registered = (index: number): Pick<Drawn, 'giver' | 'command' | 'denied'> => {
    const giver = pick([admin, professional, client]);
    const providerId = pick(providers);
    const day = dayFor(index);
    const from = (hours: number, until: number) => ({
      from: instantOn(day, hours * 60),
      until: instantOn(day, until * 60),
    });
    const open = pick([
      [from(0, 24)],
      [from(7, 24)],
      [from(7, 24)],
      [from(8, 12), from(13, 20)],
      [from(9, 18)],
      [],
    ]);
    const command: Command = { type: 'RegisterAvailability', providerId, day: day.toString(), open };
    return { giver, command, denied: deniedTo(giver, undefined, providerId) };
  };

  return Array.from({ length: count }, (_, index) => {
    const id = `${run}-${index}`;
    const kind = next();
    const drawn = kind < 0.6 ? scheduled(index) : kind < 0.96 ? about(index) : registered(index);
    const { command } = drawn;
    if (command.type === 'ScheduleAppointment' && !drawn.denied)
      made.push({ id: bookingIdOf(id), subject: command.subjectId, provider: command.providerId });
    // As the edge has read it: a pass is for exactly that text.
    return {
      id,
      ...drawn,
      command: shape.parse(command),
      again: chance(0.12) ? pick(['same', 'anew', 'later']) : 'no',
    };
  });
};
