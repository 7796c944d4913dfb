import { bookingIdOf } from '@jangada/bookings/booking.ts';
import type { Details } from '@jangada/proto/booking.ts';
import type { Command } from '@jangada/proto/command.ts';
import { judgeAgendas, judgeAnswers, judgeRows } from './answers.ts';
import { judgeFollowed } from './followed.ts';
import type { BookingEvent, Given, History } from './history.ts';
import {
  dayOf,
  isCancelled,
  type Model,
  openModel,
  type Standing,
  slotOf,
  takenUp,
  undoing,
  type Wrong,
} from './model.ts';
import { openRefusals } from './refusals.ts';

/**
 * Whether a history is one that could have been: each command had its effect once or was refused for a reason that held, nobody
 * was in two places, and what follows from the events follows. Pure. Names what is wrong, one line each.
 */
export const violationsOf = (history: History): readonly string[] => {
  const found: string[] = [];
  const wrong = (what: string): void => void found.push(what);
  const model = replay(history, wrong);
  judgeAnswers(history, wrong);
  judgeAgendas(history, model, wrong);
  judgeRows(history, model, wrong);
  judgeFollowed(history, model, wrong);
  return found;
};

type OfBooking = Exclude<Command, { type: 'RegisterAvailability' }>;

const eventOf = (command: OfBooking): BookingEvent['type'] => {
  if (command.type === 'ScheduleAppointment') return 'AppointmentScheduled';
  if (command.type === 'RescheduleAppointment') return 'AppointmentRescheduled';
  if (command.type === 'ConfirmAppointment') return 'AppointmentConfirmed';
  if (command.type === 'CancelAppointment') return 'AppointmentCancelled';
  return command.attended ? 'AppointmentAttended' : 'AppointmentMissed';
};

/** Goes through the events in order: each has to be right after those before it, and each refusal at some moment of its time. */
const replay = (history: History, wrong: Wrong): Model => {
  const model = openModel();
  const given = new Map(history.given.map((one) => [one.id, one]));
  const waiting = openRefusals(history);
  const opened = new Set<string>();
  const versions = new Map<string, number>();
  waiting.judge(model, Number.NEGATIVE_INFINITY, history.events[0]?.at ?? Number.POSITIVE_INFINITY);
  for (const [index, event] of history.events.entries()) {
    const aggregate = `${event.kind} ${event.id}`;
    const expected = (versions.get(aggregate) ?? 0) + 1;
    if (event.version !== expected)
      wrong(`${aggregate} goes on with version ${event.version}, not ${expected}`);
    versions.set(aggregate, event.version);
    if (event.kind === 'saga') continue;
    const { command: id } = event;
    const cause = given.get(id);
    if (event.kind === 'booking') {
      const { details } = event;
      if (!details) {
        wrong(`booking ${event.id} cannot be read`);
        continue;
      }
      judgeEvent(model, { ...event, details }, cause, wrong);
      model.apply({ ...event, details });
    } else if (cause?.command.type === 'RegisterAvailability' && !opened.has(id)) {
      opened.add(id);
      model.open(cause.command, dayOf(cause.command));
    } else if (!cause && !id.startsWith(undoing('')))
      wrong(`${aggregate} was changed by ${id}, which nobody gave`);
    waiting.judge(model, event.at, history.events[index + 1]?.at ?? Number.POSITIVE_INFINITY);
  }
  for (const { told, command } of waiting.left())
    wrong(`${told.id} (${command.type}) was refused with ${told.code}, which held at no moment`);
  return model;
};

/** One event of a booking, by what was before it. */
const judgeEvent = (
  model: Model,
  event: BookingEvent & { readonly details: Details },
  cause: Given | undefined,
  wrong: Wrong,
): void => {
  const { id, type, command: by, details, version } = event;
  const what = `version ${version} of booking ${id}`;
  const before = model.bookings.get(id);
  if (before && isCancelled(before)) wrong(`${what} changes what was cancelled`);
  if (by === undoing(id)) {
    if (!before || type !== 'AppointmentCancelled') wrong(`${what} is no undoing`);
    return;
  }
  if (!cause) {
    wrong(`${what} was made by ${by}, which nobody gave`);
    return;
  }
  const { command } = cause;
  if (cause.denied) wrong(`${what} was made by ${by}, which had to be refused with ${cause.denied}`);
  if (command.type === 'RegisterAvailability' || eventOf(command) !== type) {
    wrong(`${what} is ${type}, and ${by} a ${command.type}`);
    return;
  }
  const about = command.type === 'ScheduleAppointment' ? bookingIdOf(by) : command.appointmentId;
  if (about !== id) wrong(`${what} was made by ${by}, which is about ${about}`);
  if (
    'expectedVersion' in command &&
    command.expectedVersion !== undefined &&
    command.expectedVersion !== version - 1
  )
    wrong(`${what} was made by ${by}, which expected ${command.expectedVersion}`);
  if (details.by !== cause.giver.sub) wrong(`${what} names ${details.by} for who gave ${by}`);
  const expected = detailsAfter(command, before);
  const { by: _by, hash: _hash, ...said } = details;
  if (JSON.stringify(sorted(said)) !== JSON.stringify(sorted(expected)))
    wrong(`${what} says ${JSON.stringify(said)}, not ${JSON.stringify(expected)}`);
  if (type === 'AppointmentConfirmed' && before?.type === type) wrong(`${what} was confirmed already`);
  if (type !== 'AppointmentScheduled' && type !== 'AppointmentRescheduled') return;
  const slot = slotOf(details);
  const other = model.inTheWay(id, details, slot);
  if (other) wrong(`${what} takes time of booking ${other.id}, for ${takenUp(details).join(' or ')}`);
  if (!model.isThere(details.providerId, slot))
    wrong(`${what} is when provider ${details.providerId} is not there`);
};

const sorted = (fields: object): [string, unknown][] =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));

type Said = Omit<Details, 'by' | 'hash'>;

/** What a booking has to be after a command. */
const detailsAfter = (command: OfBooking, before: Standing | undefined): Partial<Said> => {
  const { by: _by, hash: _hash, ...kept } = before?.details ?? ({} as Partial<Details>);
  if (command.type !== 'ScheduleAppointment' && command.type !== 'RescheduleAppointment') return kept;
  const lasts =
    command.durationMinutes === undefined
      ? (before?.slot.until ?? 0) - (before?.slot.from ?? 0)
      : command.durationMinutes * 60_000;
  const times = { start: command.start, end: new Date(Date.parse(command.start) + lasts).toISOString() };
  if (command.type === 'RescheduleAppointment')
    return { ...kept, ...times, ...(command.roomId === undefined ? {} : { roomId: command.roomId }) };
  const { subjectId, providerId, roomId, service } = command;
  return { subjectId, providerId, ...times, ...(roomId ? { roomId } : {}), ...(service ? { service } : {}) };
};
