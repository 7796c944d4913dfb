import { z } from 'zod';
import { codes } from './errors.ts';
import { type Message, message } from './message.ts';

/**
 * Commands that change the agenda. Each is a message with the pass of the person who gives it, and ends in one fact; whoever
 * gives one with the id of an earlier one has given that one.
 */

const id = z.string().min(1).max(64);
const instant = z.iso.datetime();
/** Counted by the events that the reader of it had seen; without it, it is carried out whatever came meanwhile. */
const expectedVersion = z.int().min(1).optional();
/** How long a booking may last. */
export const durationMinutes = z.int().min(5).max(720);

/** How far ahead a booking may begin: packs keep the keys of events by when they were made, and reckon with a year. */
export const aheadMaxDays = 366;

/** Times that are offered in the place of one that is not free. */
export const alternativesMax = 5;

export const command = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ScheduleAppointment'),
    subjectId: id,
    providerId: id,
    roomId: id.optional(),
    start: instant,
    durationMinutes,
    service: z.string().min(1).max(100).optional(),
  }),
  z.object({
    type: z.literal('RescheduleAppointment'),
    appointmentId: id,
    start: instant,
    /** What is not named stays as it is. */
    durationMinutes: durationMinutes.optional(),
    roomId: id.optional(),
    expectedVersion,
  }),
  z.object({ type: z.literal('CancelAppointment'), appointmentId: id, expectedVersion }),
  z.object({ type: z.literal('ConfirmAppointment'), appointmentId: id, expectedVersion }),
  z.object({
    type: z.literal('RecordAttendance'),
    appointmentId: id,
    /** Whether who was booked came. */
    attended: z.boolean(),
    expectedVersion,
  }),
  z.object({
    type: z.literal('RegisterAvailability'),
    providerId: id,
    /** In the tenant's time zone. */
    day: z.iso.date(),
    /** When the provider is there on that day, instead of what was registered before. */
    open: z.array(z.object({ from: instant, until: instant })).max(10),
  }),
]);
export type Command = z.output<typeof command>;

/** What a yes to a command says that somebody was shown. */
export const confirmation = z.strictObject({ confirmed: z.literal(true) });
export const confirmationSchema: Readonly<Record<string, unknown>> = z.toJSONSchema(confirmation);

const type = z.enum(command.options.map((one) => one.shape.type.value));
const locale = z.enum(['en', 'pt-BR']);

export const requested = message({
  name: 'command.requested',
  kind: 'intake',
  says: 'A signed-in person gave a command on the agenda, and the edge admitted it.',
  body: z.object({ command }),
  sealed: { head: z.object({ type }), headOf: (body) => ({ type: body.command.type }) },
});

export const done = message({
  name: 'command.done',
  kind: 'fact',
  says: 'A command on the agenda was carried out.',
  ends: true,
  body: z.object({
    type,
    locale,
    /** What it is about, and the version that it has come to; absent where it is about a day. */
    appointmentId: id.optional(),
    version: z.int().optional(),
    /**
     * Place of its last event among those that tables follow from: one that has come so far shows it, unless events before that
     * are still to be taken in. Of a booking its version is certain.
     */
    position: z.int().optional(),
  }),
});

export const refused = message({
  name: 'command.refused',
  kind: 'fact',
  says: 'A command on the agenda was refused; nothing changed.',
  ends: true,
  body: z.object({
    type,
    locale,
    code: z.enum(codes),
    alternatives: z.array(instant).max(alternativesMax).optional(),
  }),
});

/** What a command comes to is one of these, once: of a process that was frozen meanwhile nobody hears the other. */
export const outcomes: readonly Message[] = [done, refused];

/** Where either is stored. */
export const outcomeSubject = (tenant: string, id: string): string => `command.*.${tenant}.${id}`;

/** What whoever gave a command is told when it was carried out. */
export const doneText: Readonly<Record<Command['type'], Readonly<Record<z.output<typeof locale>, string>>>> =
  {
    ScheduleAppointment: { en: 'Booked.', 'pt-BR': 'Marcado.' },
    RescheduleAppointment: { en: 'Moved.', 'pt-BR': 'Remarcado.' },
    CancelAppointment: { en: 'Cancelled.', 'pt-BR': 'Desmarcado.' },
    ConfirmAppointment: { en: 'Confirmed.', 'pt-BR': 'Confirmado.' },
    RecordAttendance: { en: 'Recorded.', 'pt-BR': 'Registrado.' },
    RegisterAvailability: { en: 'The hours are registered.', 'pt-BR': 'Horários registrados.' },
  };

/** What times are free instead, in a zone. */
export const freeText = (
  alternatives: readonly string[],
  to: z.output<typeof locale>,
  timeZone: string,
): string => {
  const format = new Intl.DateTimeFormat(to, { timeZone, hour: '2-digit', minute: '2-digit' });
  const times = alternatives.map((at) => format.format(new Date(at))).join(', ');
  return to === 'en' ? `Free on that day: ${times}` : `Livres nesse dia: ${times}`;
};
