import type { Pack } from '../pack.ts';

const is = (column: string, value: string) => ({ column, value });
/** How somebody is reached or known, and found again. */
const contact = (index: 'cpf' | 'email' | 'phone') => ({ class: 'discretionary', index }) as const;

/** What can be asked of the clinic's tables, and which columns an answer may hold. */
export const sources: Pack['sources'] = {
  appointments: {
    table: 'appointments',
    resource: 'appointments',
    fields: {
      start: { column: 'appointments.start_time', kind: 'plain' },
      client: { column: 'clients.name', kind: 'personal' },
      provider: { column: 'providers.name', kind: 'plain' },
      service: { column: 'appointments.service', kind: 'plain' },
      minutes: { column: 'appointments.duration_minutes', kind: 'plain' },
      status: { column: 'appointments.status', kind: 'plain' },
    },
    list: ['start', 'client', 'provider', 'service', 'status'],
    subject: { column: 'appointments.client_id', table: 'clients' },
    provider: { column: 'appointments.provider_id', table: 'providers' },
    at: 'appointments.start_time',
    order: { column: 'appointments.start_time', type: 'timestamptz' },
    states: {
      scheduled: is('appointments.status', 'scheduled'),
      confirmed: is('appointments.status', 'confirmed'),
      completed: is('appointments.status', 'completed'),
      cancelled: is('appointments.status', 'cancelled'),
      no_show: is('appointments.status', 'no_show'),
    },
    usually: [],
    perDay: {
      confirmed: "count(*) filter (where appointments.status = 'confirmed')::int",
      average_minutes: 'round(avg(appointments.duration_minutes))::int',
    },
    asks: ['list', 'count', 'perDay'],
  },
  clients: {
    table: 'clients',
    resource: 'clients',
    fields: {
      name: { column: 'clients.name', kind: 'personal' },
      email: { column: 'clients.email', kind: 'personal', mask: 'email', sealed: contact('email') },
      phone: { column: 'clients.phone', kind: 'personal', mask: 'phone', sealed: contact('phone') },
      cpf: { column: 'clients.cpf', kind: 'personal', mask: 'hide', sealed: contact('cpf') },
      status: { column: 'clients.status', kind: 'plain' },
    },
    list: ['name', 'email', 'phone', 'status'],
    subject: { column: 'clients.id', table: 'clients' },
    order: { column: 'clients.name_search', type: 'text' },
    states: { active: is('clients.status', 'active'), inactive: is('clients.status', 'inactive') },
    usually: [is('clients.status', 'active')],
    asks: ['list', 'count'],
  },
  aesthetic_records: {
    table: 'aesthetic_records',
    resource: 'aesthetic_records',
    fields: {
      date: { column: 'aesthetic_records.recorded_at', kind: 'plain' },
      client: { column: 'clients.name', kind: 'personal' },
      kind: { column: 'aesthetic_records.kind', kind: 'plain' },
      description: {
        column: 'aesthetic_records.description',
        kind: 'personal',
        sealed: { class: 'clinical' },
      },
    },
    list: ['date', 'client', 'kind', 'description'],
    subject: { column: 'aesthetic_records.client_id', table: 'clients' },
    at: 'aesthetic_records.recorded_at',
    order: { column: 'aesthetic_records.recorded_at', type: 'timestamptz' },
    states: {},
    usually: [],
    asks: ['list', 'count', 'perDay'],
  },
  billing: {
    table: 'billing',
    resource: 'billing',
    fields: {
      date: { column: 'billing.issued_at', kind: 'plain' },
      client: { column: 'clients.name', kind: 'personal' },
      service: { column: 'billing.service', kind: 'plain' },
      amount: { column: 'billing.amount', kind: 'plain' },
      status: { column: 'billing.status', kind: 'plain' },
    },
    list: ['date', 'client', 'service', 'amount', 'status'],
    subject: { column: 'billing.client_id', table: 'clients' },
    provider: { column: 'billing.provider_id', table: 'providers' },
    at: 'billing.issued_at',
    amount: 'billing.amount',
    order: { column: 'billing.issued_at', type: 'timestamptz' },
    states: {
      open: is('billing.status', 'open'),
      paid: is('billing.status', 'paid'),
      settled: is('billing.status', 'settled'),
    },
    // What was billed are the charges; payments and transfers only move them.
    usually: [is('billing.kind', 'charge')],
    perDay: { amount: 'sum(billing.amount)::text' },
    asks: ['list', 'count', 'total', 'perDay'],
  },
  providers: {
    table: 'providers',
    resource: 'appointments',
    fields: {
      name: { column: 'providers.name', kind: 'plain' },
      speciality: { column: 'providers.speciality', kind: 'plain' },
    },
    list: ['name', 'speciality'],
    order: { column: 'providers.name_search', type: 'text' },
    states: {},
    usually: [],
    asks: ['list', 'count'],
  },
  services: {
    table: 'services',
    resource: 'billing',
    fields: {
      name: { column: 'services.name', kind: 'plain' },
      price: { column: 'services.price', kind: 'plain' },
    },
    list: ['name', 'price'],
    amount: 'services.price',
    order: { column: 'services.name', type: 'text' },
    states: {},
    usually: [],
    asks: ['list', 'count'],
  },
  cosmetic_products: {
    table: 'cosmetic_products',
    resource: 'clients',
    fields: {
      name: { column: 'cosmetic_products.name', kind: 'plain' },
      category: { column: 'cosmetic_products.category', kind: 'plain' },
    },
    list: ['name', 'category'],
    order: { column: 'cosmetic_products.name', type: 'text' },
    states: {},
    usually: [],
    asks: ['list', 'count'],
  },
};
