import * as auth from '@jangada/proto/auth.ts';
import { messages } from '@jangada/proto/catalogue.ts';
import { replayed } from '@jangada/proto/letter.ts';
import type { Body, Head, Message } from '@jangada/proto/message.ts';
import { swept } from '@jangada/proto/retention.ts';
import * as run from '@jangada/proto/run.ts';
import type { Heard } from '@jangada/runtime/heard.ts';
import { sampleOf } from '@jangada/testkit/conformance.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import { warmer } from '@jangada/trust/pass.ts';
import { describe, expect, test } from 'vitest';
import { contract } from './contract.ts';
import { entryOf, forgedEntryOf } from './handler.ts';

const pass = passFor('quantas consultas tem Ana Lima?', { sub: 'user-7', rol: 'client', rid: 'run-1' });
const storedAt = new Date('2026-11-21T12:00:00.000Z');

const heard = (message: Message, own: Partial<Heard> = {}): Heard => ({
  message,
  tenant: 'casa',
  id: 'run-1',
  pass,
  traceparent: undefined,
  sequence: 42,
  storedAt,
  delivery: 1,
  schedule: undefined,
  ...own,
});
/** What audit sees of a body. */
const headOf = (message: Message, body: unknown): Head<Message> => message.headOf(body);
const entryFor = <M extends Message>(message: M, own: Partial<Body<M>> = {}, about: Partial<Heard> = {}) =>
  entryOf(
    heard(message, about),
    message.headOf({ ...(sampleOf(message) as object), ...own }) as Head<Message>,
  );

describe('an entry', () => {
  test('says who, when, in which session and for which purpose', () => {
    expect(entryFor(run.answered)).toMatchObject({
      tenant: 'casa',
      subject: 'run-1',
      fact: 'run.answered',
      sequence: 42,
      at: storedAt,
      actor: 'user-7',
      role: 'client',
      session: 'session-1',
      purpose: 'care',
    });
  });

  test('keeps from where the call came as it is sealed', () => {
    expect(entryFor(run.answered, {}, { pass: { ...pass, from: 'sealed' } }).origin).toBe('sealed');
    const ofDoor = entryFor(auth.opened, { from: 'sealed' }, { pass: undefined });
    expect([ofDoor.origin, ofDoor.details]).toEqual(['sealed', { amr: ['pwd', 'otp', 'mfa'] }]);
    expect(entryFor(swept, {}, { pass: undefined }).origin).toBeNull();
  });

  test('names who looked at the trail, or had a dead letter sent again', () => {
    const own = { actor: 'ana', from: 'sealed' };
    expect(
      entryFor(auth.viewed, { ...own, what: 'audit', run: undefined }, { pass: undefined }),
    ).toMatchObject({
      actor: 'ana',
      origin: 'sealed',
      resource: 'trail',
      details: { what: 'audit', run: null },
    });
    const letter = { sequence: 7, hop: 'intent', message: 'run.requested', run: 'run-1' };
    expect(entryFor(replayed, { actor: 'ana', ...letter }, { pass: undefined })).toMatchObject({
      actor: 'ana',
      resource: 'message',
      details: letter,
    });
  });

  test('of what nobody asked for names the system', () => {
    expect(entryFor(swept, {}, { pass: undefined })).toMatchObject({
      actor: 'system',
      role: null,
      session: null,
      purpose: null,
      resource: 'retention',
    });
  });

  test('of the door names the account that did it, and whose session it was', () => {
    const own = { actor: 'casa-admin', account: 'casa-ana', reason: 'revoked' as const };
    expect(entryFor(auth.revoked, own, { pass: undefined, id: 'session-9' })).toMatchObject({
      subject: 'session-9',
      actor: 'casa-admin',
      resource: 'account',
      details: { account: 'casa-ana', reason: 'revoked' },
    });
    const refused = entryFor(auth.denied, { actor: 'casa-ana', code: 'AUTH_INVALID' }, { pass: undefined });
    expect(refused).toMatchObject({ actor: 'casa-ana', code: 'AUTH_INVALID', details: {} });
  });

  test('of an end tells when it was asked', () => {
    const asked = { askedAt: new Date(pass.iat).toISOString() };
    expect(entryFor(run.answered).details).toMatchObject(asked);
    expect(entryFor(run.fetched).details).not.toMatchObject(asked);
  });

  test('is the same for every delivery of its fact', () => {
    expect(entryFor(run.fetched, {}, { delivery: 3 })).toEqual(entryFor(run.fetched));
  });
});

describe('of a message whose pass nobody signed, an entry', () => {
  const met = { message: run.understood, stream: 'FACTS', sequence: 7, storedAt };

  test('stands in no tenant’s trail and says nothing that a forger wrote', () => {
    expect(forgedEntryOf(met)).toEqual({
      tenant: '_',
      subject: 'run-understood-202611211200',
      fact: 'ctx.forged',
      sequence: 7,
      at: storedAt,
      actor: 'unknown',
      ...{ role: null, session: null, purpose: null, origin: null },
      decision: 'denied',
      code: 'CTX_INVALID',
      resource: 'message',
      details: { message: 'run.understood', stream: 'FACTS' },
    });
  });

  test('is one for all of a kind in a minute', () => {
    const keyOf = (own: Partial<typeof met>) => forgedEntryOf({ ...met, ...own }).subject;
    expect(keyOf({ sequence: 8, storedAt: new Date(storedAt.getTime() + 59_000) })).toBe(keyOf({}));
    expect(keyOf({ storedAt: new Date(storedAt.getTime() + 60_000) })).not.toBe(keyOf({}));
  });
});

describe('a decision', () => {
  test.each<[Message, string]>([
    [run.understood, 'allowed'],
    [run.permitted, 'allowed'],
    [run.fetched, 'done'],
    [run.answered, 'done'],
    [run.refused, 'denied'],
    [run.interrupted, 'denied'],
    [run.failed, 'failed'],
    [run.cancelled, 'done'],
    [swept, 'done'],
    [auth.opened, 'done'],
    [auth.revoked, 'done'],
    [auth.changed, 'done'],
    [auth.reused, 'denied'],
    [auth.denied, 'denied'],
    [auth.replayed, 'denied'],
    [auth.locked, 'denied'],
  ])('is kept of $name: %s', (message, decision) => {
    expect(entryFor(message).decision).toBe(decision);
  });

  test('to refuse is kept with its code', () => {
    expect(entryFor(run.refused, { code: 'AI_SECURITY_VIOLATION', attack: 'code' })).toMatchObject({
      details: { attack: 'code' },
    });
    expect(entryFor(run.refused, { code: 'AUTHZ_NO_RELATION', intent: 'client_query' })).toMatchObject({
      decision: 'denied',
      code: 'AUTHZ_NO_RELATION',
      details: { intent: 'client_query' },
    });
  });

  test('is kept with what it stood on, and the purpose that held', () => {
    const decision: run.Decision = {
      policy: 'clinic@1.0.0#abc',
      purpose: 'care',
      reach: 'related',
      flags: { lgpdCompliant: true, purposeSpecified: false, dataMinimized: true, retentionPolicy: true },
    };
    const { pur: _pur, ...silent } = pass;
    for (const message of [run.permitted, run.refused])
      expect(entryFor(message, { decision }, { pass: silent })).toMatchObject({
        purpose: 'care',
        details: { decision },
      });
  });

  test('to ask back, and the answer, are kept each with the other’s name', () => {
    expect(entryFor(run.interrupted)).toMatchObject({
      code: 'AUTHZ_NO_RELATION',
      details: { asked: 'break_glass', decision: { refusedBy: 'relation' } },
    });
    expect(entryFor(run.understood, { answers: 'run-1' })).toMatchObject({ details: { answers: 'run-1' } });
  });

  test('that failed is kept with its code and where', () => {
    expect(entryFor(run.failed, { code: 'DEADLINE', hop: 'data-access' })).toMatchObject({
      code: 'DEADLINE',
      details: { hop: 'data-access' },
    });
  });

  test('to read is kept with which columns of what, how many rows, and whether they were cached', () => {
    const { plan, asOf } = sampleOf(run.fetched);
    const entry = entryFor(run.fetched, { rows: [{ name: 'Ana' }, { name: 'Bia' }], cached: true });
    expect(entry.resource).toBe(plan.source);
    expect(entry.details).toEqual({ ask: plan.ask, fields: plan.fields, rows: 2, cached: true, asOf });
  });
});

describe('a question without an answer', () => {
  const visitor = { pass: { ...pass, rol: 'public' } };
  const nobody = { pass: { ...pass, sub: warmer.subject, rol: warmer.role } };
  const { plan } = sampleOf(run.fetched);
  const list = { plan: { ...plan, ask: 'list' as const }, rows: [] };
  const article = { ...list, topics: ['admission'], interest: true as const };
  const unansweredOf = (entry: ReturnType<typeof entryFor>) => entry.details.unanswered;

  test.each<[string, ReturnType<typeof entryFor>, object | undefined]>([
    [
      'not understood',
      entryFor(run.refused, { code: 'INTENT_UNCLASSIFIED' }),
      { kind: 'gap', reason: 'not_understood' },
    ],
    ['of two things', entryFor(run.refused, { code: 'INTENT_UNCLEAR' }), { kind: 'gap', reason: 'unclear' }],
    ['without rows', entryFor(run.fetched, list), { kind: 'gap', reason: 'nothing_found' }],
    [
      'of a visitor',
      entryFor(run.refused, { code: 'INTENT_UNCLASSIFIED' }, visitor),
      { kind: 'lead', reason: 'not_understood' },
    ],
    [
      'of a visitor, without rows',
      entryFor(run.fetched, article, visitor),
      { kind: 'lead', reason: 'nothing_found' },
    ],
    [
      'of a visitor who may come',
      entryFor(run.fetched, { ...article, rows: [{ article: 'a' }] }, visitor),
      { kind: 'lead', reason: 'interest' },
    ],
    ['answered', entryFor(run.fetched, { ...article, rows: [{ article: 'a' }] }), undefined],
    ['about a figure', entryFor(run.fetched, { ...list, plan, rows: [{ count: 0 }] }), undefined],
    ['refused', entryFor(run.refused, { code: 'AUTHZ_DENIED' }, visitor), undefined],
    ['told', entryFor(run.answered, { rows: 0 }, visitor), undefined],
    ['of nobody', entryFor(run.refused, { code: 'INTENT_UNCLASSIFIED' }, nobody), undefined],
    [
      'of nobody, with rows',
      entryFor(run.fetched, { ...article, rows: [{ article: 'a' }] }, nobody),
      undefined,
    ],
  ])('is kept as what it is: %s', (_question, entry, unanswered) => {
    expect(unansweredOf(entry)).toEqual(unanswered);
  });

  test('is kept with what it was narrowed to, where that is about nobody', () => {
    expect(entryFor(run.fetched, article).details).toMatchObject({ topics: ['admission'] });
    expect(entryFor(run.fetched, list).details['topics']).toBeUndefined();
  });
});

describe('an answer that is its rows', () => {
  test('is kept with which columns of what, as a reading is', () => {
    const read = { source: 'appointments', ask: 'list' as const, fields: ['start'] };
    expect(entryFor(run.answered, { read, rows: 3 })).toMatchObject({
      resource: 'appointments',
      details: { ask: 'list', fields: ['start'], rows: 3, cached: false },
    });
    expect(entryFor(run.answered)).toMatchObject({ resource: null });
  });

  test.each([run.found, run.fetched, run.answered])('is kept with whom it was about: $name', (message) => {
    const people = { seen: ['kT2aZ0q1'], named: 'kT2aZ0q1', next: 'b7Xp_wQz' };
    expect(entryFor(message, { people }).details).toMatchObject({ people });
  });
});

describe('the trail', () => {
  test('hears every fact that there is', () => {
    const facts = messages.filter(({ kind }) => kind === 'fact').map(({ name }) => name);
    expect(contract.on.map(({ name }) => name).sort()).toEqual(facts.sort());
  });

  test.each(contract.on.map((message) => [message.name, message] as const))(
    'holds neither the question nor a value of a row: %s',
    (_name, message) => {
      const question = 'quantas consultas tem Ana Lima?';
      const plan = { ...sampleOf(run.permitted).plan, filter: { subject: 'Ana Lima' } };
      const rows = [{ name: 'Ana Lima', phone: '+55 11 90000-0010' }];
      const said = { ...sampleOf(message), question, plan, ...(message === run.fetched ? { rows } : {}) };
      const entry = entryOf(heard(message), headOf(message, message.body.parse(said)));
      expect(JSON.stringify(entry)).not.toMatch(/Ana|Lima|90000|quantas/);
    },
  );
});
