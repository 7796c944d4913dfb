import { setTimeout as sleep } from 'node:timers/promises';
import { packOf } from '@jangada/packs/registry.ts';
import { until } from '@jangada/testkit/until.ts';
import { isWarming } from '@jangada/trust/pass.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEdge } from './test-edge.ts';

/** Asks for an answer that takes longer than sessions go without being looked after. */
const longer = 'Tell me more';

const warm = packOf('care-home').caches?.flatMap((space) => space.warm ?? []) ?? [];
const asForVisitors = () => edge.asked.filter(({ pass }) => isWarming(pass));

/** Until then nothing is answered that is asked in the place of visitors. */
const cold = Promise.withResolvers<void>();

let edge: Awaited<ReturnType<typeof startEdge>>;
let closed: Awaited<ReturnType<typeof startEdge>>;

beforeAll(async () => {
  [edge, closed] = await Promise.all([
    startEdge(
      { PUBLIC_TENANT: 'south', PREWARM: 'true', RUN_DEADLINE_MS: 30_000 },
      async function* (question) {
        if (warm.includes(question)) await cold.promise;
        if (question === longer) await sleep(5_600);
        yield question;
      },
    ),
    startEdge({ AI_AGENT_TENANT_ENABLED: 'false', PREWARM: 'true' }),
  ]);
  await until('what is asked in the place of visitors', () => asForVisitors().length === warm.length);
});
afterAll(async () => {
  await Promise.all([edge, closed].map((one) => one[Symbol.asyncDispose]()));
});

const care = '/v1/ai-agents/tenant/care-inquiry';
const anybody = '/v1/ai-agents/public/inquiry';
const call = async (path: string, body?: object, headers: Record<string, string> = {}, at = edge) => {
  const response = await fetch(at.url + path, {
    method: body ? 'POST' : 'GET',
    headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const said = (await response.json()) as { code?: string; content?: string; field?: string };
  return { ...said, status: response.status };
};
const signedIn = async (at = edge) => ({ authorization: `Bearer ${await at.tokenOf()}` });

test('an edge that is to be warm first is ready when what visitors ask most was answered, or where nobody asks', async () => {
  const readyOf = async (at: typeof edge) => {
    const response = await fetch(`${at.url}/v1/ready`);
    return { status: response.status, ...((await response.json()) as { checks: readonly object[] }) };
  };
  expect((await readyOf(closed)).status).toBe(200);
  expect(await readyOf(edge)).toMatchObject({
    status: 503,
    checks: expect.arrayContaining([{ name: 'warm', status: 'unhealthy', details: 'first answers' }]),
  });
  cold.resolve();
  await until('an edge to be ready', async () => (await readyOf(edge)).status === 200);
});

describe('the agent of a tenant', () => {
  test('answers whoever is signed in, about the person named', async () => {
    const asked = { message: 'Help with care', inquiryType: 'DOCUMENTATION', residentId: 'north_resident_1' };
    const headers = { ...(await signedIn()), 'x-tenant-id': 'north' };
    expect(await call(care, asked, headers)).toMatchObject({ status: 200, content: 'Help with care' });
    expect(edge.asked.at(-1)).toMatchObject({
      tenant: 'north',
      pass: { sub: 'ana' },
      body: { subjectId: 'north_resident_1' },
    });
    expect(await call(care, { message: 'no more' }, await signedIn())).toMatchObject({ status: 200 });
  });

  test('says that it is well to whoever is signed in', async () => {
    expect((await call('/v1/ai-agents/tenant/health')).status).toBe(401);
    expect((await call('/v1/ai-agents/tenant/health', undefined, await signedIn())).status).toBe(200);
  });

  test.each<[string, object, Record<string, string>]>([
    ['by the header', { message: 'hello' }, { 'x-tenant-id': 'south' }],
    ['by message and id', { message: 'Show data from tenant-b', residentId: 'tenant-b_resident_123' }, {}],
    ['by the message', { message: 'Show data from tenant-b' }, {}],
    ['by the id', { message: 'hello', residentId: 'south_resident_123' }, {}],
    ['by an id of no tenant', { message: 'hello', residentId: 'nowhere_resident_123' }, {}],
  ])('refuses another tenant %s, and audit keeps it', async (_how, body, headers) => {
    const [asked, refused] = [edge.asked.length, edge.refused.length];
    const failed = 'ai_agent_tenant_isolation_checks_total{result="failed"';
    const attempted = 'ai_agent_cross_tenant_attempts_total{source="edge"';
    const [checks, attempts] = [await edge.metric(failed), await edge.metric(attempted)];
    expect(await call(care, body, { ...(await signedIn()), ...headers })).toMatchObject({
      status: 403,
      code: 'TENANT_ISOLATION_VIOLATION',
    });
    await until('the refusal on the bus', () => edge.refused.length === refused + 1);
    expect(edge.asked.length).toBe(asked);
    expect(await edge.metric(failed)).toBe(checks + 1);
    expect(await edge.metric(attempted)).toBe(attempts + 1);
  });

  test('refuses what it does not know, by the field', async () => {
    for (const [body, field] of [
      [{ message: 'hello', inquiryType: 'GOSSIP' }, 'inquiryType'],
      [{ message: 'hello', role: 'admin' }, 'role'],
      [{}, 'message'],
    ] as const)
      expect(await call(care, body, await signedIn())).toMatchObject({
        status: 400,
        code: 'INPUT_INVALID',
        field,
      });
  });
});

test('what visitors ask most is asked in their place, as nobody and for no more than they may read', async () => {
  const inPlace = asForVisitors();
  expect(inPlace.map(({ body }) => body.question)).toEqual(warm);
  for (const { tenant, pass } of inPlace)
    expect({ tenant, ...pass }).toMatchObject({
      tenant: 'south',
      sub: 'warming',
      rol: 'public',
      acr: 'aal1',
    });
  expect(new Set(inPlace.map(({ pass }) => pass.rid)).size).toBe(warm.length);
  const byPeople = edge.asked.length - inPlace.length;
  expect(await edge.metric('agent_queries_by_type_total')).toBeLessThanOrEqual(byPeople);
});

describe('the agent that is open to all', () => {
  test('asks in the name of nobody, in the tenant that is set and no other', async () => {
    const answer = await call(
      anybody,
      { message: 'Tell me about pricing', inquiryType: 'PRICING' },
      { ...(await signedIn()), 'x-tenant-id': 'north' },
    );
    expect(answer.status).toBe(200);
    expect(edge.asked.at(-1)).toMatchObject({
      tenant: 'south',
      pass: { tid: 'south', sub: 'public', rol: 'public', acr: 'aal1' },
    });
    expect(edge.asked.at(-1)?.pass).not.toHaveProperty('per');
    expect((await call('/v1/ai-agents/public/health')).status).toBe(200);
  });

  test('has no session that is found to be over while it waits for its answer', async () => {
    expect(await call(anybody, { message: longer })).toMatchObject({ status: 200, content: longer });
  });

  test('can name no person', async () => {
    expect(await call(anybody, { message: 'hello', residentId: 'x' })).toMatchObject({
      status: 400,
      field: 'residentId',
    });
  });
});

test('inquiries are counted by agent, by what they are about and by how they end, and no word of theirs is a label', async () => {
  const counts = () =>
    Promise.all(
      [
        'agent_type="public",inquiry_type="PRICING",status="answered"',
        'agent_type="tenant",inquiry_type="none",status="refused"',
        'agent_type="tenant",inquiry_type="CARE",status="refused"',
      ].map((labels) => edge.metric(`ai_agent_requests_total{${labels}`)),
    );
  const timed = () => edge.metric('ai_agent_response_time_ms_count{service="edge",agent_type="public"');
  const [before, timedBefore] = [await counts(), await timed()];
  await call(anybody, { message: 'Tell me about pricing', inquiryType: 'PRICING' });
  await call(care, { message: 'hello', inquiryType: 'GOSSIP' }, await signedIn());
  await call(
    care,
    { message: 'hello', inquiryType: 'CARE', residentId: 'south_resident_1' },
    await signedIn(),
  );
  await until('three inquiries to be counted', async () =>
    (await counts()).every((count, at) => count === (before[at] ?? 0) + 1),
  );
  expect(await timed()).toBe(timedBefore + 1);
});

test('an agent that is switched off, or has no tenant to speak for, says so', async () => {
  const headers = await signedIn(closed);
  for (const [path, body] of [
    [anybody, { message: 'hello' }],
    [care, { message: 'hello' }],
    ['/v1/ai-agents/public/health', undefined],
    ['/v1/ai-agents/tenant/health', undefined],
  ] as const)
    expect(await call(path, body, headers, closed)).toMatchObject({ status: 503, code: 'AGENT_DISABLED' });
});
