import { headers } from '@jangada/proto/envelope.ts';
import { type Message, streamOf, subjectOf } from '@jangada/proto/message.ts';
import * as run from '@jangada/proto/run.ts';
import { written } from '@jangada/runtime/emit.ts';
import { sampleOf } from '@jangada/testkit/conformance.ts';
import { keyPair, passFor } from '@jangada/testkit/identity.ts';
import { until } from '@jangada/testkit/until.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { grantSealer } from '@jangada/trust/grant.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import { type Pass, passSealer } from '@jangada/trust/pass.ts';
import { jetstream } from '@nats-io/jetstream';
import { type MsgHdrs, headers as newHeaders, PermissionViolationError } from '@nats-io/transport-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs, type Journey, sharedJourney } from './journey.ts';

/** Messages that must not get through: they die with a reason, and an operator sees to them. */

let journey: Journey;

beforeAll(async () => {
  journey = await sharedJourney();
});

interface Letter {
  readonly sequence: number;
  readonly hop: string;
  readonly reason: string;
  readonly tenant: string;
  readonly run: string;
}

const dlq = async (...args: string[]): Promise<unknown> => {
  const { code, stdout, stderr } = await journey.jangada('dlq', ...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
};
const letterOf = (id: string): Promise<Letter> =>
  until('a dead letter', async () =>
    ((await dlq('list')) as Letter[]).find((letter) => letter.run.startsWith(id)),
  );

/** A pass that the edge could have signed: the test holds the keys of its own system. */
const signedPass = async (question: string): Promise<{ pass: Pass; carried: MsgHdrs }> => {
  const pass = passFor(question, { tid: 'clinica-aurora', sub: 'clinica-aurora-admin' });
  const carried = newHeaders();
  carried.set(headers.pass, await passSealer(signerFrom(() => journey.system.keys.setOf('pass')))(pass));
  return { pass, carried };
};

/** Publishes as the operator, who may send what is dead on its way again and so may send anything. */
const publish = (message: Message, { tid, rid }: Pass, body: object, carried: MsgHdrs): Promise<unknown> => {
  const bodies = openBodies(() => journey.system.keys.setOf('message'));
  const cause = { tenant: tid, id: rid, pass: undefined, traceparent: '' };
  // Only a service can seal a body; the head is told of one that it could have.
  const said = { ...message, headOf: () => message.headOf(sampleOf(message)) };
  const { subject, bytes, carried: beside } = written({ bodies }, said, cause, body);
  for (const [name, value] of Object.entries(beside)) carried.set(name, value);
  return jetstream(journey.nc).publish(subject, bytes, { headers: carried });
};

describe('a message that nobody can process', () => {
  test('is kept with its reason, told to who asked, audited, and dies again when it is replayed', async () => {
    const { pass, carried } = await signedPass('x');
    await publish(run.requested, pass, { query: 'Zuleide Canária' }, carried);

    const letter = await letterOf(pass.rid);
    expect(letter).toMatchObject({ hop: 'intent', tenant: 'clinica-aurora' });
    expect(letter.reason).toMatch(/^MSG_POISON: the body does not match run\.requested: question/);
    expect(await journey.factsOf(pass.rid)).toEqual(['run.failed']);
    expect(await journey.endsOf(pass.rid)).toMatchObject([{ type: 'failed', code: 'MSG_POISON' }]);
    expect(await journey.auditOf(pass.rid)).toMatchObject([{ decision: 'failed', code: 'MSG_POISON' }]);

    expect(await dlq('show', String(letter.sequence))).toMatchObject({
      ...letter,
      headers: { 'Jangada-Dead-Reason': letter.reason },
    });
    expect(await dlq('replay', String(letter.sequence))).toMatchObject([{ sequence: letter.sequence }]);
    const again = await letterOf(pass.rid);
    expect(again.sequence).toBeGreaterThan(letter.sequence);
    expect(again.reason).toBe(letter.reason);
    expect(await journey.endsOf(pass.rid)).toHaveLength(1);
  });

  test('goes on to its answer once its cause is corrected', async () => {
    const admin = await journey.as('admin');
    await journey.sql('revoke purpose_care from app_tenant_care');
    const failed = await admin.query('histórico da cliente Ana Lima');
    expect(failed).toMatchObject({ status: 500, code: 'INTERNAL' });
    const letter = await letterOf(failed.runId);
    expect(letter).toMatchObject({ hop: 'data-access', reason: expect.stringContaining('42501') });

    await journey.sql('grant purpose_care to app_tenant_care');
    await dlq('replay', String(letter.sequence));
    const facts = await until('the answer', async () => {
      const known = await journey.factsOf(failed.runId);
      return known.includes('run.answered') ? known : undefined;
    });
    expect(facts.slice(-2)).toEqual(['run.fetched', 'run.answered']);
    expect((await dlq('list')) as Letter[]).not.toContainEqual(
      expect.objectContaining({ run: failed.runId }),
    );
  });
});

test('a fact whose pass nobody signed leaves an entry in the system’s trail, and none in that of the tenant it names', async () => {
  const before = await journey.sql<{ at: Date }>(`select now() as at`);
  const pass = passFor('x', { tid: 'clinica-aurora', sub: 'clinica-aurora-admin' });
  const carried = newHeaders();
  carried.set(headers.pass, await passSealer(keyPair('pass').signer)(pass));
  await publish(run.understood, pass, sampleOf(run.understood), carried);
  const found = await until('the entry', async () => {
    const entries = await journey.sql(
      `select tenant_id, actor, decision, code from audit_entries where fact = 'ctx.forged' and at >= $1`,
      [before[0]?.at],
    );
    return entries.length > 0 ? entries : undefined;
  });
  expect(found).toEqual([{ tenant_id: '_', actor: 'unknown', decision: 'denied', code: 'CTX_INVALID' }]);
  // Audit hears in order: had it believed any of it, this would be there by now.
  const { runId } = await (await journey.as('admin')).query('quantos clientes?');
  await journey.auditOf(runId);
  expect(await journey.sql('select from audit_entries where subject_id = $1', [pass.rid])).toEqual([]);
});

describe('a permission that the permission service did not give', () => {
  /** A real `run.permitted`, to be copied by a forger. */
  const permitted = async (): Promise<{ body: object; grant: string }> => {
    const { runId } = await (await journey.as('admin')).query('quantas consultas este ano?');
    const [stored] = await journey.stored(streamOf.fact, `run.permitted.*.${runId}`);
    if (!stored) throw new Error('the run was not permitted');
    return { body: journey.opened(run.permitted, stored), grant: stored.header.get(headers.grant) };
  };

  test('cannot be published by another service', async () => {
    const intent = await connectAs(journey.system, 'intent');
    const denials: unknown[] = [];
    void (async () => {
      for await (const status of intent.status()) if (status.type === 'error') denials.push(status.error);
    })();
    const { pass, carried } = await signedPass('x');
    const { body, grant } = await permitted();
    carried.set(headers.grant, grant);
    const subject = subjectOf(run.permitted, pass.tid, pass.rid);
    intent.publish(subject, JSON.stringify(body), { headers: carried });
    await intent.flush();
    await intent.close();
    expect(denials).toEqual([expect.any(PermissionViolationError)]);
    expect(denials).toMatchObject([{ operation: 'publish', subject }]);
    expect(await journey.stored(streamOf.fact, `run.*.*.${pass.rid}`)).toEqual([]);
  });

  test.each<[string, (real: string, pass: Pass) => string | undefined | Promise<string>]>([
    ['no grant', () => undefined],
    ['the grant of another run', (real) => real],
    [
      'a grant that somebody else signed',
      (_real, { rid, tid, sub, exp }) =>
        grantSealer(keyPair('grant').signer, () => ({ kid: 'database', secret: Buffer.alloc(32) }))({
          ...{ rid, tid, sub, exp, ph: '', reach: 'tenant', pur: 'care', fields: [], limit: 50 },
        }),
    ],
  ])('is refused with %s, and audited, though an operator sent it', async (_what, forge) => {
    const { body, grant } = await permitted();
    const { pass, carried } = await signedPass('x');
    const forged = await forge(grant, pass);
    if (forged) carried.set(headers.grant, forged);
    const reads = await journey.readsOfPeople();
    await publish(run.permitted, pass, body, carried);
    expect(await letterOf(pass.rid)).toMatchObject({
      hop: 'data-access',
      reason: expect.stringMatching(/^CTX_NO_GRANT/),
    });
    expect((await journey.auditOf(pass.rid)).at(-1)).toMatchObject({
      fact: 'run.failed',
      decision: 'failed',
      code: 'CTX_NO_GRANT',
    });
    expect(await journey.factsOf(pass.rid)).toEqual(['run.permitted', 'run.failed']);
    expect(await journey.readsOfPeople()).toBe(reads);
  });
});
