import { bookingsOf, ordersOf } from '../bookings/bookings.ts';
import type { Pack, Source } from '../pack.ts';

const about = {
  people: 'patients',
  providers: 'practitioners',
  services: 'visit_types',
  whom: 'patient',
};

/** How appointments are made, moved and cancelled in a conversation, said as in any clinic. */
export const orders = ordersOf({ ...about, saidAs: 'aesthetic-clinic' });

const bookings = bookingsOf(about);
const { listed: _listed, projection: _projection, ...own } = bookings;

/** Bookings as they are asked about: what is cancelled is meant where it is said. */
const appointments: Source = {
  ...own,
  list: ['start', 'end', 'patient', 'provider', 'service', 'status'],
  usually: [{ column: 'bookings.status', value: 'cancelled', isNot: true }],
  // Whoever has not been yet has neither come nor stayed away.
  shares: {
    cancelled: Object.keys(bookings.states),
    no_show: ['attended', 'no_show'],
    attended: ['attended', 'no_show'],
  },
  asks: ['list', 'count', 'perDay', 'share'],
};

/** What can be asked of the clinic's agenda, and which columns an answer may hold. */
export const sources: Pack['sources'] = {
  appointments,
  bookings,
  free_times: {
    table: 'agenda_times',
    resource: 'agenda',
    fields: {
      start: { column: 'agenda_times.starts_at', kind: 'plain' },
      end: { column: 'agenda_times.ends_at', kind: 'plain' },
      provider: { column: 'practitioners.name', kind: 'plain' },
    },
    list: ['start', 'end', 'provider'],
    provider: { column: 'agenda_times.agenda_id', table: 'practitioners' },
    at: 'agenda_times.starts_at',
    order: { column: 'agenda_times.starts_at', type: 'timestamptz' },
    timetable: { providers: 'practitioners', minutes: 15, days: 7 },
    states: {},
    usually: [],
    asks: ['list', 'count', 'share'],
  },
  patients: {
    table: 'patients',
    resource: 'patients',
    fields: {
      id: { column: 'patients.id', kind: 'plain' },
      name: { column: 'patients.name', kind: 'personal' },
      phone: {
        column: 'patients.phone',
        kind: 'personal',
        mask: 'phone',
        sealed: { class: 'discretionary', index: 'phone' },
      },
    },
    list: ['name', 'phone'],
    overview: ['id', 'name', 'phone'],
    subject: { column: 'patients.id', table: 'patients' },
    order: { column: 'patients.name_search', type: 'text' },
    states: {},
    usually: [],
    asks: ['list', 'count'],
    listed: true,
  },
  practitioners: {
    table: 'practitioners',
    resource: 'agenda',
    fields: {
      id: { column: 'practitioners.id', kind: 'plain' },
      name: { column: 'practitioners.name', kind: 'plain' },
      speciality: { column: 'practitioners.speciality', kind: 'plain' },
    },
    list: ['name', 'speciality'],
    overview: ['id', 'name', 'speciality'],
    provider: { column: 'practitioners.id', table: 'practitioners' },
    order: { column: 'practitioners.name_search', type: 'text' },
    states: {},
    usually: [],
    asks: ['list', 'count'],
    listed: true,
  },
  visit_types: {
    table: 'visit_types',
    resource: 'agenda',
    fields: {
      name: { column: 'visit_types.name', kind: 'plain' },
      minutes: { column: 'visit_types.duration_minutes', kind: 'plain' },
    },
    list: ['name', 'minutes'],
    order: { column: 'visit_types.name', type: 'text' },
    states: {},
    usually: [],
    asks: ['list', 'count'],
    listed: true,
  },
};
