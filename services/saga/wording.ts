import { createHash } from 'node:crypto';
import type { Booking } from '@jangada/bookings/booking.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import type { Step } from './next.ts';

/** What is said outside of a booking. Pure. Whoever hears it knows the person by their id, so no name and no address leaves. */

export interface Tenant {
  readonly id: string;
  readonly locale: Locale;
  readonly zone: string;
}

type About = 'made' | 'moved' | 'confirmed' | 'cancelled' | 'reminder';

/** Nobody is told of what is over. */
const aboutOf: Readonly<Partial<Record<Booking['type'], About>>> = {
  AppointmentScheduled: 'made',
  AppointmentRescheduled: 'moved',
  AppointmentConfirmed: 'confirmed',
  AppointmentCancelled: 'cancelled',
};

const sentences: Readonly<Record<Locale, Readonly<Record<About, (when: string) => string>>>> = {
  en: {
    made: (when) => `You are booked for ${when}.`,
    moved: (when) => `Your booking has moved to ${when}.`,
    confirmed: (when) => `Your booking on ${when} is confirmed.`,
    cancelled: (when) => `Your booking on ${when} is cancelled.`,
    reminder: (when) => `A reminder: you are booked for ${when}.`,
  },
  'pt-BR': {
    made: (when) => `Seu horário está marcado para ${when}.`,
    moved: (when) => `Seu horário passou para ${when}.`,
    confirmed: (when) => `Seu horário de ${when} está confirmado.`,
    cancelled: (when) => `Seu horário de ${when} foi cancelado.`,
    reminder: (when) => `Lembrete: seu horário é ${when}.`,
  },
};

const confirming: Readonly<Record<Locale, (when: string) => string>> = {
  en: (when) => ` Please confirm by ${when}; otherwise it lapses.`,
  'pt-BR': (when) => ` Confirme até ${when}; senão, o horário será liberado.`,
};

const shown = (ms: number, { locale, zone }: Tenant): string =>
  new Intl.DateTimeFormat(locale, { timeZone: zone, dateStyle: 'full', timeStyle: 'short' }).format(ms);

export const isOfCharge = (step: Step): boolean => step === 'bill' || step === 'void';

/**
 * The same for every attempt at one step, so that whoever hears it twice knows. A booking is charged once, whatever it has become
 * between two attempts.
 */
export const nameOf = (tenant: Tenant, { id, version }: Booking, step: Step): string =>
  createHash('sha256')
    .update(JSON.stringify([tenant.id, id, isOfCharge(step) ? 0 : version, step]))
    .digest('base64url')
    .slice(0, 22);

/** The body of what is said, as JSON. `confirmBy`, in milliseconds since 1970, is where the person is asked to confirm. */
export const said = (tenant: Tenant, booking: Booking, step: Step, confirmBy: number | undefined): string => {
  const { id, version, details, slot } = booking;
  const { subjectId, providerId, service } = details;
  const whose = {
    appointmentId: id,
    version,
    subjectId,
    providerId,
    ...(service === undefined ? {} : { service }),
  };
  if (isOfCharge(step)) {
    const minutes = (slot.until - slot.from) / 60_000;
    return JSON.stringify({ type: step === 'bill' ? 'charge.opened' : 'charge.voided', ...whose, minutes });
  }
  const about = step === 'remind' ? 'reminder' : aboutOf[booking.type];
  if (!about) throw new Error(`nobody is told of ${booking.type}`);
  const ask = confirmBy === undefined ? '' : confirming[tenant.locale](shown(confirmBy, tenant));
  return JSON.stringify({
    type: `booking.${about}`,
    ...whose,
    start: details.start,
    end: details.end,
    timeZone: tenant.zone,
    locale: tenant.locale,
    text: `${sentences[tenant.locale][about](shown(slot.from, tenant))}${ask}`,
  });
};
