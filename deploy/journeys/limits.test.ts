import { until } from '@jangada/testkit/until.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
