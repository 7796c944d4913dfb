import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkpoints as published } from '@jangada/proto/envelope.ts';
import { until } from '@jangada/testkit/until.ts';
import type { Report } from '@jangada/verifier/report.ts';
import { beforeAll, expect, test } from 'vitest';
import { checkpointLog } from '../local.ts';
import { type Journey, sharedJourney } from './journey.ts';
import type { Person } from './person.ts';

/** The trail shows by itself that it is whole, also of what was said while nobody kept it. */

let journey: Journey;
let person: Person;

beforeAll(async () => {
  journey = await sharedJourney();
  person = await journey.as('professional');
});

const report = async (...args: string[]): Promise<Report> =>
  JSON.parse((await journey.jangada('audit', 'verify', ...args, '--json')).stdout) as Report;
/** What was said of which there is no entry is told too; messages that nobody signed leave such, and were sent here. */
const faultsOf = ({ findings }: Report) => findings.filter(({ fault }) => fault !== 'gap');

test('what was said while audit was away is kept once it is back, nothing missing and nothing twice', async () => {
  const audit = journey.system.services.get('audit');
  const asked = Promise.all(Array.from({ length: 6 }, () => person.query('quantas consultas tenho amanhã?')));
  await audit?.suspend();
  const runs = (await asked).map(({ runId }) => runId);
  audit?.resume();
  await journey.system.ready();
  const factsOf = async (run: string) =>
    (await journey.stored('FACTS', `*.*.*.${run}`)).map(({ subject }) => subject).sort();
  for (const run of runs) {
    const facts = await factsOf(run);
    expect(facts.length).toBeGreaterThan(2);
    const kept = () =>
      journey.sql<{ subject: string }>(
        `select fact || '.' || tenant_id || '.' || subject_id as subject from audit_entries where subject_id = $1 order by 1`,
        [run],
      );
    await until('every fact to be kept', async () => (await kept()).length === facts.length);
    expect((await kept()).map(({ subject }) => subject).sort()).toEqual(facts);
  }
  const verified = await until('all of it to be sealed', async () => {
    const now = await report();
    return now.unsealed === 0 ? now : undefined;
  });
  expect(faultsOf(verified)).toEqual([]);
});

test('its export verifies without the system, and is itself in it; checkpoints are at the broker and in a file', async () => {
  const at = (name: string) => join(journey.home, name);
  const files = ['--checkpoints', at('checkpoints.copy'), '--key', at('key.json')];
  expect(await journey.jangada('audit', 'export', '--to', at('trail.ndjson'), ...files)).toMatchObject({
    code: 0,
  });
  const elsewhere = await report('--dump', at('trail.ndjson'), ...files);
  expect(elsewhere.entries).toBeGreaterThan(10);
  expect(faultsOf(elsewhere)).toEqual([]);
  expect(readFileSync(at('key.json'), 'utf8')).not.toMatch(/"d"/);
  await until('the export to be in the trail', async () => {
    const entries = await journey.sql(
      `select from audit_entries where tenant_id = '_' and fact = 'trail.viewed' and actor = 'operator'`,
    );
    return entries.length > 0;
  });
  const appended = readFileSync(checkpointLog(journey.home), 'utf8').trimEnd().split('\n');
  const said = (await journey.stored('CHECKPOINTS', published.subject)).map((message) => message.string());
  expect(said.slice(0, appended.length)).toEqual(appended.slice(0, said.length));
});
