import { bookingRules } from '../bookings/bookings.ts';
import type { Pack } from '../pack.ts';
import { ownWork } from '../retention.ts';
import * as tables from './0001_tables.ts';
import * as sealed from './0002_sealed.ts';
import * as consents from './0003_consents.ts';
import { demo } from './demo.ts';
import { fhir } from './fhir.ts';
import { intents, leads, states } from './intents.ts';
import { orders } from './orders.ts';
import { sources } from './sources.ts';
import { wording } from './wording.ts';

const minutes = (count: number): number => count * 60_000;

/** An aesthetic clinic in Brazil. */
export const pack: Pack = {
  name: 'aesthetic-clinic',
  version: '1.0.0',
  compliance: ['LGPD', 'ANVISA', 'PROFESSIONAL_COUNCILS', 'ISO_27001'],
  purposes: {
    care: {
      roles: ['admin', 'aesthetic_professional', 'client'],
      resources: ['clients', 'appointments', 'billing', 'aesthetic_records', 'consents'],
    },
    billing: { roles: ['admin', 'client'], resources: ['clients', 'appointments', 'billing', 'consents'] },
    administration: {
      roles: ['admin'],
      resources: ['clients', 'appointments', 'billing', 'consents'],
      assurance: 'aal2',
    },
    statistics: {
      roles: ['admin', 'aesthetic_professional'],
      resources: ['clients', 'appointments', 'billing', 'aesthetic_records'],
      groupMin: 5,
    },
  },
  bookings: 'appointments',
  orders,
  clientTools: ['show_chart', 'show_table'],
  defaultPurpose: 'care',
  consent: {
    levels: ['contact', 'service', 'health'],
    // What somebody agreed to stays readable when they have taken it back, so `consents` takes none.
    needed: { clients: 'contact', appointments: 'service', billing: 'service', aesthetic_records: 'health' },
  },
  // Whoever tries ids one after the other is no person who works.
  endsSessions: ['sequential_ids'],
  emergency: {
    reasons: ['emergency', 'continuity_of_care', 'legal_duty'],
    explanationMin: 10,
    holdsMs: minutes(30),
    answerWithinMs: minutes(10),
  },
  roles: {
    admin: {
      reach: 'tenant',
      masked: [],
      permissions: [
        'read:clients',
        'write:clients',
        'delete:clients',
        'read:appointments',
        'write:appointments',
        'delete:appointments',
        'read:billing',
        'write:billing',
        'delete:billing',
        'read:aesthetic_records',
        'write:aesthetic_records',
        'read:consents',
        'admin:users',
        'admin:system',
        'admin:security',
      ],
    },
    aesthetic_professional: {
      reach: 'related',
      masked: ['email', 'phone', 'cpf'],
      permissions: [
        'read:clients',
        'write:clients',
        'read:appointments',
        'write:appointments',
        'read:billing',
        'read:aesthetic_records',
        'write:aesthetic_records',
        'read:consents',
      ],
    },
    client: {
      reach: 'related',
      masked: [],
      permissions: [
        'read:own_clients',
        'write:own_clients',
        'read:own_appointments',
        'write:own_appointments',
        'read:own_billing',
        'read:own_consents',
      ],
    },
  },
  intents,
  leads,
  states,
  sources,
  wording,
  fhir,
  retention: [
    {
      class: 'client_data',
      keep: 'P10Y',
      anchor: 'created',
      action: 'delete',
      basis:
        'Código Civil, art. 205: defence against claims; longer while a record names the client (LGPD, art. 16, I)',
      jurisdiction: 'BR',
      table: 'clients',
      ageColumn: 'created_at',
      unlessReferencedBy: ['appointments', 'billing', 'aesthetic_records'].map((table) => ({
        table,
        column: 'client_id',
      })),
    },
    {
      class: 'aesthetic_records',
      legalMin: 'P20Y',
      keep: 'P25Y',
      anchor: 'lastEntry',
      action: 'delete',
      // Five years more than the law wants, to defend rights.
      basis: 'Lei 13.787/2018, art. 6; LGPD, art. 11, II, d',
      jurisdiction: 'BR',
      table: 'aesthetic_records',
      ageColumn: 'recorded_at',
      person: 'client_id',
    },
    {
      class: 'appointment_data',
      keep: 'P5Y',
      anchor: 'created',
      action: 'delete',
      basis: 'Código de Defesa do Consumidor, art. 27: defence against claims',
      jurisdiction: 'BR',
      table: 'appointments',
      ageColumn: 'start_time',
    },
    ...bookingRules,
    {
      class: 'billing_data',
      legalMin: 'P5Y',
      keep: 'P7Y',
      anchor: 'created',
      action: 'delete',
      // Tax papers, from the year after.
      basis: 'CTN, arts. 173, 174, 195; LGPD, art. 16, I',
      jurisdiction: 'BR',
      table: 'billing',
      ageColumn: 'issued_at',
    },
    ...ownWork,
  ],
  // Nobody's record is destroyed unseen.
  reviewed: ['aesthetic_records'],
  recipients: [{ name: 'accountant', classes: ['billing_data'], purpose: 'tax' }],
  limits: [
    { name: 'ai-user', class: 'ai', key: 'user', max: 20, windowMs: minutes(1) },
    // A clinic has few staff and many clients, who together must not crowd the staff out.
    { name: 'ai-role', class: 'ai', key: 'role', max: 600, windowMs: minutes(1), roles: { client: 0.5 } },
    { name: 'ai-tenant', class: 'ai', key: 'tenant', max: 1_000, windowMs: minutes(1) },
    { name: 'data-user', class: 'data', key: 'user', max: 50, windowMs: minutes(15) },
    { name: 'api-user', class: 'api', key: 'user', max: 100, windowMs: minutes(15) },
  ],
  demo,
  migrations: {
    'aesthetic-clinic/0001_tables': tables,
    'aesthetic-clinic/0002_sealed': sealed,
    'aesthetic-clinic/0003_consents': consents,
  },
};
