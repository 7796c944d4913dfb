import type { Given, History, Told } from './history.ts';
import { isCancelled, type Model, wantedBy } from './model.ts';

/** Whether a command was refused for a reason that held at some moment between its giving and its answer. Pure. */

interface Refusal extends Given {
  readonly told: Told;
}

/** What the broker stored a moment ago may not have been seen yet. */
const slackMs = 1_000;

/** Refusals that wait for a moment at which they hold. */
export const openRefusals = (history: History) => {
  const told = new Map(
    history.told.filter(({ outcome }) => outcome === 'refused').map((one) => [one.id, one]),
  );
  const later = history.given
    .flatMap((one): Refusal[] => {
      const own = told.get(one.id);
      return own ? [{ ...one, told: own }] : [];
    })
    .sort((one, other) => one.at - other.at);
  const open = new Set<Refusal>();
  const never: Refusal[] = [];
  return {
    /** The model stands so from one moment to another. */
    judge: (model: Model, from: number, until: number): void => {
      for (let [next] = later; next && next.at - slackMs <= until; [next] = later)
        open.add(later.shift() as Refusal);
      for (const one of open)
        if (holds(model, one)) open.delete(one);
        else if (one.told.at < from) {
          open.delete(one);
          never.push(one);
        }
    },
    left: (): readonly Refusal[] => [...never, ...open, ...later],
  };
};

/** Whether a command has to be refused as it was, as things stand. */
const holds = (model: Model, { command, denied, told }: Refusal): boolean => {
  const booking = 'appointmentId' in command ? model.bookings.get(command.appointmentId) : undefined;
  if (told.code === 'NOT_FOUND') return 'appointmentId' in command && !booking;
  if (denied) return told.code === denied;
  switch (told.code) {
    case 'VERSION_CONFLICT': {
      const expected = 'expectedVersion' in command ? command.expectedVersion : undefined;
      return expected !== undefined && booking !== undefined && booking.version !== expected;
    }
    case 'STATE_CONFLICT':
      if (!booking) return false;
      return (
        isCancelled(booking) ||
        (command.type === 'ConfirmAppointment' && booking.type === 'AppointmentConfirmed')
      );
    case 'SLOT_TAKEN':
    case 'OUTSIDE_HOURS': {
      if (command.type !== 'ScheduleAppointment' && command.type !== 'RescheduleAppointment') return false;
      const providerId =
        command.type === 'ScheduleAppointment' ? command.providerId : booking?.details.providerId;
      if (providerId === undefined) return false;
      return wantedBy(command, booking).some(({ slot, roomId }) =>
        told.code === 'OUTSIDE_HOURS'
          ? !model.isThere(providerId, slot)
          : model.inTheWay(booking?.id ?? '', { providerId, ...(roomId ? { roomId } : {}) }, slot) !==
            undefined,
      );
    }
    default:
      return false;
  }
};
