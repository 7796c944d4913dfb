import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { headers } from '@jangada/proto/envelope.ts';
import { type Body, subjectOf } from '@jangada/proto/message.ts';
import { idle, type swept } from '@jangada/proto/retention.ts';
import { until } from '@jangada/testkit/until.ts';
import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { remark, table } from '../cli/output.ts';
import { startJourney } from '../journeys/journey.ts';

/**
 * `npm run proof:retention`: so many rows whose time is over go, beside people who ask, and those hardly notice; the report
 * balances, one row is shown to have been listed, and what is on hold stays. `--rows 200000` is the whole; `--perSecond` is how
 * many questions there are, `--seconds` for how long they are asked alone, before and after.
 */

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '20' },
    perSecond: { type: 'string', default: '10' },
  },
});
const [rows, seconds, perSecond] = [options.rows, options.seconds, options.perSecond].map(Number) as [
  number,
  number,
  number,
];
/** How much longer the slowest of a hundred questions may take while rows go. */
const ratioMax = 1.5;
const tenant = 'clinica-aurora';
const [removed, held] = ['billing_data', 'appointment_data'];

const failures: string[] = [];
const hold = (holds: boolean, what: string): void => {
  remark(`${holds ? 'holds' : 'DOES NOT HOLD'}: ${what}`);
  if (!holds) failures.push(what);
};

await using journey = await startJourney({});
const { sql, jangada } = journey;
const person = await journey.as('admin');

const months =
  'janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro'.split(' ');
let asked = 0;
/** Of another day each time, so that no cache has it. */
const question = (): string => {
  const day = Temporal.PlainDate.from('2015-01-01').add({ days: asked++ });
  return `quantas consultas em ${day.day} de ${months[day.month - 1]} de ${day.year}?`;
};

interface Asking {
  /** Milliseconds from when each was due to be asked until it was answered, the shortest first. */
  readonly took: number[];
  wrong: number;
}

/** Asks at an even pace, whether or not the last was answered, until told to stop. */
const askUntil = async (isOver: () => boolean): Promise<Asking> => {
  const asking: Asking = { took: [], wrong: 0 };
  const open: Promise<void>[] = [];
  for (let due = performance.now(); !isOver(); due += 1_000 / perSecond) {
    await sleep(Math.max(0, due - performance.now()));
    const ask = async (): Promise<void> => {
      const { status } = await person.query(question());
      if (status !== 200) asking.wrong += 1;
      asking.took.push(performance.now() - due);
    };
    open.push(ask());
  }
  await Promise.all(open);
  return asking;
};
const askFor = (limitSeconds: number): Promise<Asking> => {
  const end = performance.now() + limitSeconds * 1_000;
  return askUntil(() => performance.now() > end);
};
const together = (...all: readonly Asking[]): Asking => ({
  took: all.flatMap(({ took }) => took).sort((one, other) => one - other),
  wrong: all.reduce((sum, { wrong }) => sum + wrong, 0),
});
const at = ({ took }: Asking, share: number): number =>
  took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? Number.NaN;

const insert = (text: string, ...values: unknown[]) => sql(text, [tenant, ...values]);
remark(`${rows} rows whose time is over`);
await insert(
  `insert into billing (tenant_id, id, client_id, kind, status, amount, issued_at)
   select $1, 'over-' || n, 'cli-1', 'charge', 'paid', 1, now() - interval '9 years' - n * interval '1 second' from generate_series(1, $2::int) n`,
  rows,
);
await insert(
  `insert into appointments (tenant_id, id, client_id, provider_id, service, start_time, duration_minutes, status)
   values ($1, 'on-hold', 'cli-1', 'pro-1', 'x', now() - interval '9 years', 30, 'completed')`,
);
await sql('analyze billing; analyze appointments');
await insert(`insert into legal_holds (tenant_id, class, reason) values ($1, $2, 'a lawsuit')`, held);

remark('questions alone, first to warm up');
await askFor(Math.min(5, seconds));
const before = await askFor(seconds);

const run = JSON.parse((await jangada('retention', 'run', '--tenant', tenant, '--json')).stdout) as {
  sequence: number;
};
const tick = `asked-${run.sequence}`;
const startedAt = performance.now();
const told = { plannedAt: 0, finishedAt: 0 };
const asking = askUntil(() => told.finishedAt > 0);
const hours = 4 * 3_600_000;
const reportOf = async (): Promise<Body<typeof swept> | undefined> => {
  const [row] = await sql<{ report: Body<typeof swept> }>(
    'select report from retention_runs where tenant_id = $1 and tick = $2 and finished_at is not null',
    [tenant, tick],
  );
  return row?.report;
};
const lineOf = (report: Body<typeof swept> | undefined, name: string) =>
  report?.rules.find((line) => line.class === name);

const waiting = await until('the list', async () => lineOf(await reportOf(), removed), hours);
told.plannedAt = performance.now();
remark(
  `listed ${waiting.planned} after ${Math.round(told.plannedAt - startedAt)} ms, and waits: ${waiting.needs}`,
);
await insert(
  `insert into retention_approvals (tenant_id, tick, class, root, approved_by)
   select tenant_id, tick, class, root, 'somebody' from retention_plans
   where tenant_id = $1 and tick = $2 and needs is not null and finished_at is null`,
  tick,
);
// What was approved is taken up with the next look for idle sessions; here at once.
const sent = newHeaders();
sent.set(headers.schema, String(idle.version));
await jetstream(journey.nc).publish(
  subjectOf(idle, tenant, ''),
  JSON.stringify({ staleAfterSeconds: 3_600 }),
  {
    headers: sent,
  },
);
let saidAt = performance.now();
const report = await until(
  'what was agreed to',
  async () => {
    if (performance.now() - saidAt > 5_000) {
      saidAt = performance.now();
      const [left] = await sql<{ n: number }>(
        `select count(*)::int as n from billing where id like 'over-%'`,
      );
      remark(`${rows - (left?.n ?? 0)} of ${rows} are gone`);
    }
    const now = await reportOf();
    return now?.rules.some(({ state }) => state === 'waiting') ? undefined : now;
  },
  hours,
);
told.finishedAt = performance.now();
const beside = together(await asking);
remark('questions alone again');
const alone = together(before, await askFor(seconds));

const line = lineOf(report, removed);
const { planned = 0, deleted = 0, held: kept = 0, statutory = 0, failed = 0 } = line ?? {};
hold(
  planned === rows && planned === deleted + kept + statutory + failed && deleted === rows,
  `the report balances: ${planned} planned, ${deleted} deleted, ${kept} held, ${statutory} due no more, ${failed} failed`,
);
const [left] = await sql<{ n: number }>(`select count(*)::int as n from billing where id like 'over-%'`);
hold(left?.n === 0, `${left?.n} rows are left`);
const agrees = await jangada('retention', 'report', '--tenant', tenant);
hold(agrees.code === 0, `the report agrees with the list that is kept ${agrees.stderr.trim()}`);
const proofFile = join(journey.home, 'listed.json');
const shown = await jangada('retention', 'proof', tick, `over-${Math.ceil(rows / 2)}`);
writeFileSync(proofFile, shown.stdout);
const verified = await jangada('retention', 'verify', proofFile, '--json');
hold(
  verified.code === 0 && (JSON.parse(verified.stdout) as { isTold: boolean }).isTold,
  `one row of the ${rows} is shown to have been listed, and the trail to have been told`,
);
const [onHold] = await sql(`select from appointments where id = 'on-hold'`);
hold(onHold !== undefined && lineOf(report, held)?.held === 1, 'what is on hold stays');
const ratio = at(beside, 0.99) / at(alone, 0.99);
hold(ratio <= ratioMax, `p99 beside is ${ratio.toFixed(2)} of p99 alone, of ${ratioMax} at most`);
hold(alone.wrong + beside.wrong === 0, `${alone.wrong + beside.wrong} questions were not answered`);

const ms = (value: number): number => Math.round(value);
process.stdout.write(
  `${table(
    ['questions', 'asked', 'p50 ms', 'p99 ms', 'longest ms'],
    (
      [
        ['alone', alone],
        ['beside the removal', beside],
      ] as const
    ).map(([name, of]) => [name, of.took.length, ...[0.5, 0.99, 1].map((share) => ms(at(of, share)))]),
  )}\n\n${table(
    ['rows', 'listed in ms', 'removed in ms', 'a second'],
    [
      [
        rows,
        ms(told.plannedAt - startedAt),
        ms(told.finishedAt - told.plannedAt),
        ms((1_000 * rows) / (told.finishedAt - told.plannedAt)),
      ],
    ],
  )}\n`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
