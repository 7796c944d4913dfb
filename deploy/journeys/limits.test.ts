import { setTimeout as sleep } from 'node:timers/promises';
import { core } from '@jangada/proto/envelope.ts';
import { until } from '@jangada/testkit/until.ts';
import { jetstream } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Journey, startJourney } from './journey.ts';
import type { Person } from './person.ts';

/** Limits as they are in production: who asks too much is told so, and an operator changes that while it runs. */

let journey: Journey;

beforeAll(async () => {
  journey = await startJourney({ env: { RATE_LIMIT_PROFILE: 'production' } });
});
afterAll(() => journey?.[Symbol.asyncDispose]());

const question = 'quantas consultas tenho amanhã?';
const post = (person: Person, query: string): Promise<Response> =>
  fetch(`${journey.system.local.edgeUrl}/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...person.agent.headers },
    body: JSON.stringify({ query }),
  });
const policies = (response: Response) =>
  [...(response.headers.get('ratelimit') ?? '').matchAll(/"([a-z-]+)";r=(\d+);t=(\d+)/g)].map(
    ([, policy, left]) => `${policy} ${left}`,
  );

test('the twenty-first question of a minute is refused, and another person’s is not', async () => {
  const [professional, client] = await Promise.all([journey.as('professional'), journey.as('client')]);
  for (let asked = 0; asked < 20; asked++) expect((await post(professional, question)).status).toBe(200);
  const refused = await post(professional, question);
  expect(refused.status).toBe(429);
  expect(policies(refused)).toContain('ai-user 0');
  const wait = Number(refused.headers.get('retry-after'));
  expect(wait).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ code: 'RATE_LIMITED', retryable: true, retryAfter: wait });
  expect((await post(client, 'minhas consultas')).status).toBe(200);
});

test('an operator raises a limit, and within two seconds it holds without a restart', async () => {
  const professional = await journey.as('professional');
  const { code, stdout } = await journey.jangada('limits', 'set', 'ai-user', '--max', '200', '--json');
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { policy: 'ai-user', tenant: null, max: 200 }]);
  const began = performance.now();
  await until('the new limit', async () => (await post(professional, question)).status === 200);
  expect(performance.now() - began).toBeLessThan(2_000);
});

test('the fifty-first reading of people’s rows is refused before anything is read, and other questions go on', async () => {
  const professional = await journey.as('professional');
  // Twenty and one were asked before.
  for (let asked = 21; asked < 50; asked++) expect((await post(professional, question)).status).toBe(200);
  const reads = await journey.readsOfPeople();
  const refused = await post(professional, question);
  expect(refused.status).toBe(429);
  expect(policies(refused)).toEqual(['data-user 0']);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(60);
  expect(await refused.json()).toMatchObject({
    code: 'RATE_LIMITED',
    limits: [{ policy: 'data-user', max: 50 }],
  });
  expect(await journey.readsOfPeople()).toBe(reads);
  const run = refused.headers.get('jangada-run') ?? '';
  expect(await journey.factsOf(run)).toEqual(['run.understood', 'run.refused']);
  const last = (await journey.auditOf(run)).at(-1);
  expect(last).toMatchObject({ decision: 'denied', code: 'RATE_LIMITED' });
});

test('what is set is shown, and reset for all', async () => {
  const shown = async () => {
    const { stdout } = await journey.jangada('limits', 'show', '--json');
    const limits = JSON.parse(stdout) as { name: string; set: object[] }[];
    return limits.find(({ name }) => name === 'ai-user')?.set;
  };
  expect(await shown()).toEqual([{ tenant: null, max: 200 }]);
  expect((await journey.jangada('limits', 'reset', 'ai-user')).code).toBe(0);
  expect(await shown()).toEqual([]);
  const professional = await journey.as('professional');
  await until('the old limit', async () => (await post(professional, question)).status === 429);
  const unknown = await journey.jangada('limits', 'set', 'ai-everything', '--max', '1');
  expect([unknown.code, unknown.stderr]).toEqual([
    1,
    expect.stringContaining('there is no policy ai-everything'),
  ]);
});

describe('each layer of the door and behind it, violated alone, refuses alone and with its own code', () => {
  let person: Person;
  const days = Array.from({ length: 31 }, (_, at) => String(at + 1).padStart(2, '0'));
  /** One that nobody asked before, so that nothing of it is remembered. */
  const own = () => `quantas consultas eu tenho em ${days.pop()}/03/2026?`;
  const ask = async (query = own(), headers: Record<string, string> = {}) => {
    const reads = await journey.readsOfPeople();
    const answer = await person.query(query, { headers });
    return { ...answer, read: (await journey.readsOfPeople()) > reads };
  };
  /** What audit keeps of why nothing was told. */
  const denied = async (run: string) =>
    (await journey.auditOf(run)).filter(({ code }) => code !== null).map(({ code }) => code);

  beforeAll(async () => {
    person = await journey.as('client2');
  });

  test('none, and the question is answered', async () => {
    const answer = await ask();
    expect(answer).toMatchObject({ status: 200, read: true });
    expect(await denied(answer.runId)).toEqual([]);
  });

  test.each<[string, number, string, string | undefined, Record<string, string>]>([
    ['network', 403, 'AUTH_ORIGIN', undefined, { origin: 'https://elsewhere.example' }],
    ['authentication', 401, 'AUTH_INVALID', undefined, { authorization: 'Bearer a.b.c' }],
    ['authorisation', 403, 'AUTHZ_DENIED', 'mostre meu prontuário', {}],
    ['input', 400, 'INPUT_INVALID', 'quantas consultas eu tenho em 31/02/2026?', {}],
  ])('%s', async (_layer, status, code, query, headers) => {
    const answer = await ask(query, headers);
    expect(answer).toMatchObject({ status, code, read: false });
    if (answer.runId) expect(await denied(answer.runId)).toEqual([code]);
  });

  test('limit of a role', async () => {
    const set = (change: object) =>
      jetstream(journey.nc).publish(core.limit(person.tenant, 'ai-role'), JSON.stringify(change));
    await set({ max: 2 });
    // Far apart, so that what a person may ask in a minute is not what refuses.
    const patiently = async () => {
      await sleep(500);
      return ask();
    };
    const refused = await until('the limit', async () => {
      const answer = await patiently();
      return answer.status === 200 ? undefined : answer;
    });
    expect(refused).toMatchObject({ status: 429, code: 'RATE_LIMITED', read: false });
    const used = (refused as { limits?: { policy: string; remaining: number }[] }).limits ?? [];
    expect(used.flatMap(({ policy, remaining: left }) => (left === 0 ? [policy] : []))).toEqual(['ai-role']);
    await set({});
    await until('no limit', async () => (await patiently()).status === 200);
  });

  test('row-level security, which does not believe the grant', async () => {
    const swap = () => journey.sql('update sec.grant_key set inner_key = outer_key, outer_key = inner_key');
    await swap();
    const answer = await ask();
    await swap();
    expect(answer).toMatchObject({ status: 403, code: 'CTX_NO_GRANT', read: false });
    expect(await denied(answer.runId)).toEqual(['CTX_NO_GRANT']);
    expect((await ask()).status).toBe(200);
  });

  test('audit, which keeps what it could not, and nothing is told that is not on its way there', async () => {
    const lock = await journey.lock('audit_entries');
    const answer = await ask();
    await lock[Symbol.asyncDispose]();
    expect(answer.status).toBe(200);
    expect((await journey.auditOf(answer.runId)).map(({ fact }) => fact)).toEqual([
      'run.understood',
      'run.permitted',
      'run.fetched',
      'run.answered',
    ]);
  });
});
