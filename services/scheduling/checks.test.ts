import { packOf } from '@jangada/packs/registry.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { expect, test } from 'vitest';
import { type Facts, refusalOf } from './checks.ts';

const pack = packOf('aesthetic-clinic');
const known = { inTenant: true, inCare: true, consents: true };
const admin: Facts = {
  ...{
    type: 'ScheduleAppointment',
    pack,
    role: 'admin',
    person: undefined,
    subject: 'cli-1',
    provider: 'pro-1',
  },
  known,
};
const professional: Facts = { ...admin, role: 'aesthetic_professional', person: 'pro-1' };
const client: Facts = { ...admin, role: 'client', person: 'cli-1' };

test.each<[string, Facts, Code | undefined]>([
  ['an administrator', { ...admin, known: { ...known, inCare: false } }, undefined],
  [
    'an administrator for who has not agreed',
    { ...admin, known: { ...known, consents: false } },
    'CONSENT_REQUIRED',
  ],
  ['a professional for who is in their care', professional, undefined],
  [
    'a professional for who is not',
    { ...professional, known: { ...known, inCare: false } },
    'AUTHZ_NO_RELATION',
  ],
  ['a client for themself', { ...client, known: { ...known, inCare: false, consents: false } }, undefined],
  ['a client for another', { ...client, subject: 'cli-2' }, 'AUTHZ_DENIED'],
  ['somebody who is nobody', { ...client, person: undefined }, 'AUTHZ_DENIED'],
  ['an unknown role', { ...admin, role: 'constructor' }, 'AUTHZ_DENIED'],
  [
    'anybody for nobody of this tenant',
    { ...admin, known: { ...known, inTenant: false } },
    'TENANT_ISOLATION_VIOLATION',
  ],
  ['anybody where there is no agenda', { ...admin, pack: packOf('cloud-pricing') }, 'AUTHZ_DENIED'],
  ['a professional for their own hours', { ...professional, subject: undefined }, undefined],
  [
    'a professional for another’s hours',
    { ...professional, subject: undefined, provider: 'pro-2' },
    'AUTHZ_DENIED',
  ],
  ['an administrator for anybody’s hours', { ...admin, subject: undefined }, undefined],
  ['a client of whether they came themselves', { ...client, type: 'RecordAttendance' }, 'AUTHZ_DENIED'],
  [
    'staff of whether they came themselves',
    { ...admin, person: 'cli-1', type: 'RecordAttendance' },
    'AUTHZ_DENIED',
  ],
  ['a client for hours', { ...client, subject: undefined }, 'AUTHZ_DENIED'],
])('%s', (_who, facts, code) => {
  expect(refusalOf(facts)).toBe(code);
});
