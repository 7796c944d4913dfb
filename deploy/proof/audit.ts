import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect } from '@jangada/store/store.ts';
import { until } from '@jangada/testkit/until.ts';
import { mutated } from '@jangada/verifier/mutation.ts';
import { keyOf, trailOf } from '@jangada/verifier/test-trail.ts';
import { verify } from '@jangada/verifier/verify.ts';
import { append } from '../../services/audit/ledger.ts';
import { remark } from '../cli/output.ts';
import { roleOf } from '../generate/roles.ts';
import { startJourney } from '../journeys/journey.ts';

/**
 * `npm run proof:audit`: no single change of a trail goes unseen, however it is drawn; how fast the trail verifies; and how
 * many entries a second it keeps beside a running system, and how soon they are sealed. `--minutes` and `--changes` say how
 * long.
 */

const { values: options } = parseArgs({
  options: { minutes: { type: 'string', default: '0.25' }, changes: { type: 'string', default: '10000' } },
});
const keptDays = 730;
const failures: string[] = [];
const hold = (holds: boolean, what: string): void => {
  remark(`${holds ? 'holds' : 'DOES NOT HOLD'}: ${what}`);
  if (!holds) failures.push(what);
};

const small = trailOf(80);
const unseen: string[] = [];
for (let seed = 0; seed < Number(options.changes); seed += 1) {
  const change = mutated(small, seed);
  if ((await verify({ ...change, keyOf, keptDays })).found === 0) unseen.push(`${seed}: ${change.done}`);
}
hold(
  unseen.length === 0,
  `${unseen.length} of ${options.changes} changes unseen ${unseen.slice(0, 5).join('; ')}`,
);

const large = trailOf(200_000, { size: 1_024, sealEach: 8 });
const from = process.cpuUsage();
const report = await verify({ ...large, keyOf, keptDays });
// Of a core's time: what else runs on the machine is no fault of the verifier's.
const { user, system } = process.cpuUsage(from);
const perSecond = Math.round((1e6 * report.entries) / (user + system));
hold(report.found === 0 && perSecond >= 50_000, `${perSecond} entries verified a second, of 50,000`);

await using journey = await startJourney({});
const { local } = journey.system;
await using store = connect('audit', {
  DATABASE_URL: Object.assign(new URL(local.databaseUrl), { username: roleOf('audit') }).href,
  DATABASE_POOL_SIZE: 2,
});
const wantedPerSecond = 2_000;
/** A little more is asked for, so that a pause can be made up for. */
const pacePerSecond = 2_200;
const batch = 200;
const endsAt = performance.now() + Number(options.minutes) * 60_000;
const startedAt = performance.now();
const person = await journey.as('professional');
let kept = 0;
let answered = 0;
const asking = (async () => {
  while (performance.now() < endsAt) {
    if ((await person.query('quantas consultas tenho amanhã?')).status === 200) answered += 1;
    await sleep(500);
  }
})();
while (performance.now() < endsAt) {
  const at = new Date();
  const entries = Array.from({ length: batch }, (_, index) => ({
    ...{
      tenant: `tenant-${index % 20}`,
      subject: `load-${kept + index}`,
      fact: 'run.answered',
      sequence: 0,
      at,
    },
    ...{ actor: 'load', role: null, session: null, purpose: null, decision: 'done' as const, code: null },
    ...{ resource: null, details: { rows: 2, cached: false }, origin: null },
  }));
  await append(store, entries);
  kept += batch;
  // Not faster than what is to be shown.
  await sleep(Math.max(0, startedAt + (1_000 * kept) / pacePerSecond - performance.now()));
}
const rate = Math.round((1_000 * kept) / (performance.now() - startedAt));
await asking;
hold(
  rate >= wantedPerSecond,
  `${rate} entries kept a second beside ${answered} answers, of ${wantedPerSecond}`,
);

const sealedText = `select percentile_disc(0.99) within group (order by extract(epoch from c.at - b.at))::float8 as p99,
    count(*) filter (where c.at is null)::int as open
  from audit_batches b left join lateral (
    select at from audit_checkpoints where at >= b.at order by number limit 1) c on true`;
const sealed = await until('all of it to be sealed', async () => {
  const [row] = await journey.sql<{ p99: number; open: number }>(sealedText);
  return row?.open === 0 ? row : undefined;
});
hold(sealed.p99 <= 2, `sealed after ${sealed.p99.toFixed(2)} s at p99, of 2`);
const { code, stdout } = await journey.jangada('audit', 'verify', '--json');
const { entries, findings } = JSON.parse(stdout) as { entries: number; findings: { fault: string }[] };
hold(
  findings.every(({ fault }) => fault === 'gap') && entries >= kept,
  `${entries} entries verify (exit code ${code})`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
