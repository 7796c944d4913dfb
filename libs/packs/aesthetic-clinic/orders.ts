import type { Orders } from '../pack.ts';

const verbs =
  'marque marca marcar agende agendar encaixe encaixar book schedule remarque remarca remarcar reagende reagendar adie move reschedule rebook postpone desmarque desmarca desmarcar cancele cancela cancelar cancel';

/** How appointments are made, moved and cancelled in a conversation. */
export const orders: Orders = {
  people: 'clients',
  providers: 'providers',
  services: 'services',
  bookings: 'bookings',
  whom: 'client',
  leads: [{ role: 'subject', words: [...verbs.split(' '), "'s", '’s'] }],
  minutes: 30,
  answerWithinMs: 600_000,
};
