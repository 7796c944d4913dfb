import type { Pack } from '../pack.ts';
import { ownWork } from '../retention.ts';
import * as tables from './0001_tables.ts';
import * as audience from './0002_audience.ts';
import * as searchable from './0003_searchable.ts';
import { concepts } from './concepts.ts';
import { demo } from './demo.ts';
import { fhir } from './fhir.ts';
import { intents, leads, states } from './intents.ts';
import { sources } from './sources.ts';
import { wording } from './wording.ts';

const megabytes = (count: number): number => count * 1_000_000;
const recordOfHealth = {
  legalMin: 'P20Y',
  keep: 'P20Y',
  anchor: 'lastEntry',
  action: 'delete',
  basis: 'Lei 13.787/2018, art. 6',
  jurisdiction: 'BR',
  person: 'resident_id',
} as const;
const defence = {
  keep: 'P5Y',
  anchor: 'created',
  action: 'delete',
  basis: 'Código de Defesa do Consumidor, art. 27: defence against claims',
  jurisdiction: 'BR',
} as const;
const minutes = (count: number): number => count * 60_000;
const staff = ['manager', 'nurse', 'carer'];

/** A home for people in need of care, their families, and whoever wants to know what the home is like. */
export const pack: Pack = {
  name: 'care-home',
  version: '1.0.0',
  compliance: ['LGPD', 'UK_GDPR', 'CQC', 'ISO_27001'],
  purposes: {
    care: {
      roles: [...staff, 'family'],
      resources: [
        'residents',
        'care_events',
        'medications',
        'appointments',
        'inquiries',
        'consents',
        'articles',
      ],
    },
    // Nothing about anybody, so that a grant for it opens nothing about anybody.
    information: { roles: [...staff, 'family', 'public'], resources: ['articles'] },
    statistics: {
      roles: ['manager', 'nurse'],
      resources: ['residents', 'care_events', 'medications', 'appointments', 'inquiries'],
      groupMin: 5,
    },
  },
  clientTools: ['show_chart', 'show_table'],
  defaultPurpose: 'care',
  consent: {
    levels: ['contact', 'care', 'health'],
    // What somebody agreed to stays readable when they have taken it back, so `consents` takes none.
    needed: {
      residents: 'contact',
      appointments: 'care',
      inquiries: 'care',
      care_events: 'health',
      medications: 'health',
    },
  },
  emergency: {
    reasons: ['emergency', 'continuity_of_care', 'legal_duty'],
    // Families are related to residents too, and are nobody's emergency service.
    roles: ['nurse', 'carer'],
    explanationMin: 10,
    holdsMs: minutes(30),
    answerWithinMs: minutes(10),
  },
  roles: {
    manager: {
      reach: 'tenant',
      masked: [],
      permissions: [
        'read:residents',
        'write:residents',
        'delete:residents',
        'read:care_events',
        'read:medications',
        'read:appointments',
        'write:appointments',
        'delete:appointments',
        'read:inquiries',
        'write:inquiries',
        'read:consents',
        'read:articles',
        'write:articles',
        'admin:users',
        'admin:system',
        'admin:security',
      ],
    },
    nurse: {
      reach: 'related',
      masked: ['phone'],
      permissions: [
        'read:residents',
        'write:residents',
        'read:care_events',
        'write:care_events',
        'read:medications',
        'write:medications',
        'read:appointments',
        'write:appointments',
        'read:inquiries',
        'write:inquiries',
        'read:consents',
        'read:articles',
      ],
    },
    carer: {
      reach: 'related',
      masked: ['phone'],
      permissions: [
        'read:residents',
        'read:care_events',
        'write:care_events',
        'read:appointments',
        'read:articles',
      ],
    },
    family: {
      reach: 'related',
      masked: [],
      permissions: [
        'read:residents',
        'read:appointments',
        'read:inquiries',
        'write:inquiries',
        'read:articles',
      ],
    },
    // Whoever has not signed in.
    public: {
      reach: 'tenant',
      masked: [],
      permissions: ['read:articles'],
      defaultPurpose: 'information',
    },
  },
  intents,
  concepts,
  apart: ['cloud-pricing'],
  leads,
  states,
  sources,
  wording,
  fhir,
  retention: [
    {
      class: 'resident_data',
      legalMin: 'P20Y',
      keep: 'P20Y',
      anchor: 'created',
      action: 'delete',
      // Whom a record of health is about; longer while one names them.
      basis: 'Lei 13.787/2018, art. 6',
      jurisdiction: 'BR',
      table: 'residents',
      ageColumn: 'created_at',
      unlessReferencedBy: ['care_events', 'medications', 'resident_appointments', 'care_inquiries'].map(
        (table) => ({ table, column: 'resident_id' }),
      ),
    },
    { ...recordOfHealth, class: 'care_events', table: 'care_events', ageColumn: 'occurred_at' },
    { ...recordOfHealth, class: 'medications', table: 'medications', ageColumn: 'due_at' },
    {
      ...defence,
      class: 'appointment_data',
      table: 'resident_appointments',
      ageColumn: 'start_time',
    },
    {
      ...defence,
      class: 'inquiries',
      action: 'anonymise',
      columns: { resident_id: { says: 'anonymised' }, message: 'nothing', opened_at: 'month' },
      basis: `${defence.basis}; how many there were is kept without whose they were (LGPD, art. 16, IV)`,
      table: 'care_inquiries',
      ageColumn: 'opened_at',
    },
    ...ownWork,
  ],
  // Nobody's record is destroyed unseen.
  reviewed: ['care_events', 'medications'],
  recipients: [{ name: 'pharmacy', classes: ['medications'], purpose: 'care' }],
  limits: [
    { name: 'ai-user', class: 'ai', key: 'user', max: 20, windowMs: minutes(1) },
    { name: 'ai-tenant', class: 'ai', key: 'tenant', max: 1_000, windowMs: minutes(1) },
    { name: 'data-user', class: 'data', key: 'user', max: 50, windowMs: minutes(15) },
    { name: 'api-user', class: 'api', key: 'user', max: 100, windowMs: minutes(15) },
  ],
  // What the home tells everybody changes seldom, and is asked for most.
  caches: [
    {
      name: 'public-kb',
      sources: ['articles'],
      roles: ['public'],
      ttlSeconds: 3_600,
      maxBytes: megabytes(100),
      warm: [
        'quais são os preços?',
        'quais os horários de visita?',
        'tell me about pricing',
        'what are the visiting hours?',
      ],
    },
    { name: 'kb', sources: ['articles'], ttlSeconds: 1_800, maxBytes: megabytes(50) },
  ],
  demo,
  migrations: {
    'care-home/0001_tables': tables,
    'care-home/0002_audience': audience,
    'care-home/0003_searchable': searchable,
  },
};
