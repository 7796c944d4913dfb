import { bookingRules } from '../bookings/bookings.ts';
import type { Pack } from '../pack.ts';
import { ownWork } from '../retention.ts';
import * as tables from './0001_tables.ts';
import { demo } from './demo.ts';
import { intents, leads, states } from './intents.ts';
import { orders, sources } from './sources.ts';
import { wording } from './wording.ts';

const minutes = (count: number): number => count * 60_000;

/** A practice whose appointments are its bookings. */
export const pack: Pack = {
  name: 'clinic-scheduling',
  version: '1.0.0',
  compliance: ['LGPD', 'HIPAA'],
  purposes: {
    care: {
      roles: ['coordinator', 'receptionist', 'doctor', 'patient'],
      resources: ['patients', 'appointments', 'agenda', 'consents'],
    },
    administration: {
      roles: ['coordinator'],
      resources: ['patients', 'appointments', 'agenda', 'consents'],
      assurance: 'aal2',
    },
    statistics: {
      roles: ['coordinator', 'doctor'],
      resources: ['patients', 'appointments', 'agenda'],
      groupMin: 5,
    },
  },
  defaultPurpose: 'care',
  bookings: 'appointments',
  orders,
  clientTools: ['show_chart', 'show_table'],
  consent: {
    levels: ['contact', 'service', 'health'],
    needed: { patients: 'contact', appointments: 'service' },
  },
  // Whoever tries ids one after the other is no person who works.
  endsSessions: ['sequential_ids'],
  roles: {
    coordinator: {
      reach: 'tenant',
      masked: [],
      permissions: [
        'read:patients',
        'write:patients',
        'delete:patients',
        'read:appointments',
        'write:appointments',
        'delete:appointments',
        'read:agenda',
        'read:consents',
        'admin:users',
        'admin:system',
        'admin:security',
      ],
    },
    receptionist: {
      reach: 'tenant',
      masked: [],
      permissions: [
        'read:patients',
        'write:patients',
        'read:appointments',
        'write:appointments',
        'read:agenda',
        'read:consents',
      ],
    },
    doctor: {
      reach: 'related',
      masked: ['phone'],
      permissions: [
        'read:patients',
        'read:appointments',
        'write:appointments',
        'read:agenda',
        'read:consents',
      ],
    },
    // The agenda is about nobody: of it everything is everybody's own.
    patient: {
      reach: 'related',
      masked: [],
      permissions: [
        'read:own_patients',
        'read:own_appointments',
        'write:own_appointments',
        'read:own_agenda',
        'read:own_consents',
      ],
    },
  },
  intents,
  leads,
  states,
  sources,
  wording,
  retention: [
    {
      class: 'patient_data',
      keep: 'P10Y',
      anchor: 'created',
      action: 'delete',
      basis:
        'Código Civil, art. 205: defence against claims; longer while an appointment names the patient (LGPD, art. 16, I)',
      jurisdiction: 'BR',
      table: 'patients',
      ageColumn: 'created_at',
      unlessReferencedBy: [{ table: 'bookings', column: 'subject_id' }],
    },
    ...bookingRules,
    ...ownWork.map((rule) =>
      rule.class === 'audit_logs'
        ? {
            ...rule,
            legalMin: 'P6Y',
            keep: 'P7Y',
            basis: `45 CFR § 164.316(b)(2)(i): six years; ${rule.basis}`,
            jurisdiction: 'US',
          }
        : rule,
    ),
  ],
  limits: [
    { name: 'ai-user', class: 'ai', key: 'user', max: 20, windowMs: minutes(1) },
    // A practice has few staff and many patients, who together must not crowd the staff out.
    { name: 'ai-role', class: 'ai', key: 'role', max: 600, windowMs: minutes(1), roles: { patient: 0.5 } },
    { name: 'ai-tenant', class: 'ai', key: 'tenant', max: 1_000, windowMs: minutes(1) },
    { name: 'data-user', class: 'data', key: 'user', max: 50, windowMs: minutes(15) },
    { name: 'api-user', class: 'api', key: 'user', max: 100, windowMs: minutes(15) },
  ],
  demo,
  migrations: { 'clinic-scheduling/0001_tables': tables },
};
