import { packOf } from '@jangada/packs/registry.ts';
import { ofCommand } from '@jangada/proto/assurance.ts';
import { type Code, hintsOf, stepUp } from '@jangada/proto/errors.ts';
import { describe, expect, test } from 'vitest';
import { type Change, type Facts, refusalOf } from './checks.ts';

const pack = packOf('aesthetic-clinic');
const refusal = (own: Partial<Facts>): Code | undefined =>
  refusalOf({
    pack,
    command: give,
    role: 'admin',
    person: undefined,
    assurance: 'aal2',
    signedInMsAgo: 1_000,
    inTenant: true,
    inCare: false,
    apart: false,
    ...own,
  });

const give: Change = {
  action: 'give_consent',
  subjectId: 'cli-1',
  level: 'health',
  basis: 'person',
  channel: 'desk',
};
const withdraw: Change = {
  action: 'withdraw_consent',
  subjectId: 'cli-1',
  level: 'contact',
  channel: 'desk',
};
const open: Change = { action: 'open_relationship', providerId: 'pro-1', subjectId: 'cli-1', basis: 'care' };
const close: Change = { action: 'close_relationship', providerId: 'pro-1', subjectId: 'cli-1' };
const emergency = {
  action: 'break_glass',
  subjectId: 'cli-1',
  reason: 'emergency',
  explanation: 'unconscious',
} as const;

const client: Partial<Facts> = { role: 'client', person: 'cli-1' };
const professional: Partial<Facts> = { role: 'aesthetic_professional', person: 'pro-1' };
const ghost: Partial<Facts> = { role: 'constructor', person: 'cli-1' };

describe.each([give, withdraw])('$action', (command) => {
  test.each<[string, Partial<Facts>, Code | undefined]>([
    ['by the person', client, undefined],
    ['by another person', { ...client, person: 'cli-2' }, 'AUTHZ_DENIED'],
    ['by somebody who is nobody', { role: 'client' }, 'AUTHZ_DENIED'],
    ['by who cares for the person', { ...professional, inCare: true }, undefined],
    ['by who does not', professional, 'AUTHZ_NO_RELATION'],
    ['by an administrator', {}, undefined],
    ['by an unknown role', ghost, 'AUTHZ_DENIED'],
    ['about nobody of this tenant', { inTenant: false }, 'TENANT_ISOLATION_VIOLATION'],
    ['of a level that there is not', { command: { ...command, level: 'everything' } }, 'INPUT_INVALID'],
  ])('%s', (_who, own, code) => {
    expect(refusal({ command, ...own })).toBe(code);
  });
});

describe.each([open, close])('$action', (command) => {
  test.each<[string, Partial<Facts>, Code | undefined]>([
    ['by an administrator with a second factor', {}, undefined],
    ['by one without', { assurance: 'aal1' }, 'MFA_REQUIRED'],
    ['by one who gave it too long ago', { signedInMsAgo: 300_001 }, 'AUTH_STEP_UP'],
    ['by a professional', { ...professional, inCare: true }, 'AUTHZ_DENIED'],
    ['by the person', client, 'AUTHZ_DENIED'],
    ['by an unknown role', ghost, 'AUTHZ_DENIED'],
    ['about nobody of this tenant', { inTenant: false }, 'TENANT_ISOLATION_VIOLATION'],
  ])('%s', (_who, own, code) => {
    expect(refusal({ command, ...own })).toBe(code);
  });
});

describe.each<Change>([
  { action: 'place_hold', class: 'billing_data', reason: 'a lawsuit' },
  { action: 'release_hold', class: 'billing_data' },
  { action: 'approve_retention', tick: '2026-11-21', class: 'billing_data', root: '00' },
])('$action', (command) => {
  test.each<[string, Partial<Facts>, Code | undefined]>([
    ['by an administrator with a second factor', { inTenant: false }, undefined],
    ['by one without', { assurance: 'aal1' }, 'MFA_REQUIRED'],
    ['by one who gave it too long ago', { signedInMsAgo: 300_001 }, 'AUTH_STEP_UP'],
    ['by a professional', { ...professional, inCare: true }, 'AUTHZ_DENIED'],
    ['by an unknown role', ghost, 'AUTHZ_DENIED'],
    [
      'of a class that there is not',
      { command: { ...command, class: 'secrets' } as Change },
      'INPUT_INVALID',
    ],
  ])('%s', (_who, own, code) => {
    expect(refusal({ command, ...own })).toBe(code);
  });
});

describe('break_glass', () => {
  test.each<[string, Partial<Facts>, Code | undefined]>([
    ['by a professional', {}, undefined],
    ['without a reason', { command: { ...emergency, reason: '' } }, 'AUTHZ_DENIED'],
    ['for a reason that is none', { command: { ...emergency, reason: 'curiosity' } }, 'AUTHZ_DENIED'],
    [
      'with an explanation that is none',
      { command: { ...emergency, explanation: '         why' } },
      'AUTHZ_DENIED',
    ],
    ['without an explanation', { command: { ...emergency, explanation: ' \n' } }, 'AUTHZ_DENIED'],
    ['by a client', { role: 'client' }, 'AUTHZ_DENIED'],
    ['by an administrator, who cares for nobody', { role: 'admin' }, 'AUTHZ_DENIED'],
    ['by somebody who is nobody', { person: undefined }, 'AUTHZ_DENIED'],
    ['without a second factor', { assurance: 'aal1' }, 'AUTH_STEP_UP'],
    ['with one of five minutes ago', { signedInMsAgo: 300_000 }, undefined],
    ['with one of more than five minutes ago', { signedInMsAgo: 300_001 }, 'AUTH_STEP_UP'],
    ['with one of no known time', { signedInMsAgo: Number.NaN }, 'AUTH_STEP_UP'],
    ['about nobody of this tenant', { inTenant: false }, 'TENANT_ISOLATION_VIOLATION'],
    ['about whom they care for already', { inCare: true }, 'INPUT_INVALID'],
  ])('%s', (_who, own, code) => {
    expect(refusal({ command: emergency, ...professional, ...own })).toBe(code);
  });
});

const privacy = {
  action: 'open_privacy_request',
  subjectId: 'cli-1',
  type: 'deletion',
  recipient: '',
} as const;

describe('open_privacy_request', () => {
  test.each<[string, Partial<Facts>, Code | undefined]>([
    ['by the person', client, undefined],
    ['by another person', { ...client, person: 'cli-2' }, 'DSR_IDENTITY'],
    ['where nobody would look for it', { ...client, apart: true }, 'NOT_FOUND'],
    ['there by another person', { ...client, person: 'cli-2', apart: true }, 'DSR_IDENTITY'],
  ])('%s', (_who, own, code) => {
    expect(refusal({ command: privacy, ...own })).toBe(code);
  });
});

describe('a step-up', () => {
  const review: Change = { action: 'review_privacy_request', request: 'r1', approved: true };
  const hold = { action: 'place_hold', class: 'billing_data', reason: 'a lawsuit' } as const;
  // One of each, as somebody who may give it does.
  const given: { readonly [A in Change['action']]: Partial<Facts> } = {
    give_consent: { command: give },
    withdraw_consent: { command: withdraw },
    open_relationship: { command: open },
    close_relationship: { command: close },
    break_glass: { command: emergency, ...professional },
    open_privacy_request: { command: privacy, ...client },
    review_privacy_request: { command: review },
    tell_privacy_recipient: {
      command: { action: 'tell_privacy_recipient', request: 'r1', recipient: 'laboratory' },
    },
    place_hold: { command: hold },
    release_hold: { command: { action: 'release_hold', class: 'billing_data' } },
    approve_retention: {
      command: { action: 'approve_retention', tick: '2026-11-21', class: 'billing_data', root: '00' },
    },
  };

  test.each(Object.entries(given))('is what %s takes exactly where the table says so', (action, own) => {
    expect(refusal(own)).toBeUndefined();
    const proved = [
      { assurance: 'aal1' },
      { signedInMsAgo: 300_001 },
      { signedInMsAgo: Number.NaN },
    ] as const;
    const refused = proved.map((little) => hintsOf(refusal({ ...own, ...little }) ?? 'NOT_FOUND'));
    const takes = ofCommand[action as Change['action']] === 'step-up';
    expect(refused).toEqual(proved.map(() => (takes ? stepUp : {})));
  });

  test('is not what changes of consent take, and nothing else', () => {
    const free = Object.entries(ofCommand).filter(([, takes]) => takes !== 'step-up');
    expect(free.map(([action]) => action)).toEqual(['give_consent', 'withdraw_consent']);
  });
});
