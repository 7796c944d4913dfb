import type { agenda, changed } from '@jangada/proto/booking.ts';
import type { Body } from '@jangada/proto/message.ts';

/** An event of a booking or of an agenda, as it is projected. */
export interface Event {
  readonly tenant: string;
  /** The booking, or the agenda, of which it hides whose day that is. */
  readonly id: string;
  /** Place in the stream, and when it was stored there. */
  readonly sequence: number;
  readonly storedAt: Date;
  readonly body: Body<typeof changed> | Body<typeof agenda>;
}

export type AgendaEvent = Event & { readonly body: Body<typeof agenda> };
export type BookingEvent = Event & { readonly body: Body<typeof changed> };

export const isOfAgenda = (event: Event): event is AgendaEvent => 'changes' in event.body;
export const isOfBooking = (event: Event): event is BookingEvent => !isOfAgenda(event);
