import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { startPostgres } from '@jangada/servers/postgres.ts';
import { home } from '../local.ts';
import { migrate } from '../migrate.ts';
import {
  auditedSince,
  type Candidate,
  type Durability,
  type Ground,
  type Name,
  names,
  startMoleculer,
  startMonolith,
  startOurs,
  startUnguarded,
} from './candidates.ts';
import { connected, fill } from './dataset.ts';
import { cpuSum, type Load, type Measured, median, openLoad, peakMb } from './measure.ts';
import { document, type Row, tables, versions } from './report.ts';

/** `npm run bench`: our run of five steps beside two baselines, on one machine. */

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    seconds: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const usage = `npm run bench -- [options]
  --quick            short phases, few clinics: to see that it works. Writes no RESULTS.md
  --only <names>     some of ${names.join(',')}. Writes no RESULTS.md
  --seconds <n>      length of a phase; 7 by default`;
const wanted = options.only?.split(',') ?? names;
const chosen = names.filter((name) => wanted.includes(name));

if (options.help || chosen.length !== wanted.length || process.platform !== 'linux') {
  console.error(
    process.platform === 'linux' ? usage : 'the benchmark reads CPU time from /proc and runs on Linux only',
  );
  process.exit(options.help ? 0 : 2);
}

const { quick } = options;
const seconds = Number(options.seconds ?? (quick ? 1 : 7));
const rounds = quick ? 1 : 3;
const clinics = quick ? 60 : 600;
const rampMs = quick ? 300 : 1_500;
const warmUp = { inFlight: 64, rampMs: 0, measureMs: quick ? 1_000 : 10_000 };
/** A run costs as little as it will when one more warm-up saves no more than this share of it. */
const settled = 0.05;
const mostWarmUps = quick ? 1 : 10;
const levels = [1, 64, 256] as const;

const began = performance.now();
const say = (line: string): void =>
  console.error(
    styleText('dim', `${((performance.now() - began) / 1_000).toFixed(0).padStart(4)} s  `) + line,
  );

const starts: Record<Name, (ground: Ground) => Promise<Candidate>> = {
  ours: (ground) => startOurs(ground, 'relaxed'),
  unguarded: startUnguarded,
  monolith: startMonolith,
  moleculer: startMoleculer,
};

/** A candidate under measurement, with what was measured so far, by runs in flight. */
interface Entrant {
  readonly name: string;
  readonly candidate: Candidate;
  readonly load: Load;
  readonly auditedBefore: number;
  readonly phases: ReadonlyMap<number, Measured[]>;
}

/** Until V8 has compiled what is hot, which takes runs and not seconds. */
const warm = async (load: Load): Promise<void> => {
  let before = Number.POSITIVE_INFINITY;
  for (let times = 1; times <= mostWarmUps; times++) {
    const now = cpuSum(await load.run(warmUp));
    if (now > before * (1 - settled)) return;
    before = now;
  }
};

const enter = async (name: string, candidate: Candidate): Promise<Entrant> => {
  const auditedBefore = await candidate.audited();
  const load = await openLoad(candidate);
  await warm(load);
  return { name, candidate, load, auditedBefore, phases: new Map(levels.map((level) => [level, []])) };
};

const measure = async ({ candidate, load, phases }: Entrant): Promise<void> => {
  for (const inFlight of levels) {
    const measured = await load.run({ inFlight, rampMs, measureMs: seconds * 1_000 });
    phases.get(inFlight)?.push(measured);
    say(
      `${candidate.title}: ${inFlight} in flight, ${measured.runsPerSecond.toFixed(0)} runs/s, p50 ${measured.p50.toFixed(2)} ms, others use ${(measured.foreign * 100).toFixed(0)} %`,
    );
  }
};

const rowOf = async ({ name, candidate, load, auditedBefore, phases }: Entrant): Promise<Row> => {
  const at = (level: number): Measured => median(phases.get(level) ?? []);
  const { answered, failed, fromCache, complaint } = load.totals;
  if (complaint) say(`${candidate.title} answered wrongly: ${complaint}`);
  return {
    name,
    title: candidate.title,
    unloaded: at(1),
    at64: at(64),
    at256: at(256),
    rssMb: peakMb(candidate),
    repeats: phases.get(1)?.length ?? 0,
    runs: answered,
    failed,
    fromCache,
    audited: {
      expected: answered * candidate.factsPerRun,
      found: await auditedSince(candidate, auditedBefore, answered),
    },
  };
};

/** Candidates take turns, so that what disturbs the machine for a while does not disturb only one of them. */
const compare = async (ground: Ground): Promise<{ rows: readonly Row[]; servers: readonly string[] }> => {
  await using stack = new AsyncDisposableStack();
  const entrants: Entrant[] = [];
  for (const name of chosen) {
    say(`starting ${name}`);
    const entrant = await enter(name, stack.use(await starts[name](ground)));
    stack.use(entrant.load);
    entrants.push(entrant);
  }
  for (let round = 1; round <= rounds; round++) for (const entrant of entrants) await measure(entrant);
  const rows: Row[] = [];
  for (const entrant of entrants) rows.push(await rowOf(entrant));
  const software = entrants.flatMap(({ candidate }) => candidate.software);
  return { rows, servers: [...new Set([await postgresVersion(ground), ...software])] };
};

const oursAlone = async (ground: Ground, durability: Durability): Promise<Row> => {
  say('starting ours again, with an fsync before every acknowledgement');
  await using candidate = await startOurs(ground, durability);
  const entrant = await enter('ours', candidate);
  using _load = entrant.load;
  await measure(entrant);
  return rowOf(entrant);
};

const postgresVersion = ({ postgres }: Ground): Promise<string> =>
  connected(postgres.url, async (client) => {
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return `PostgreSQL ${rows[0]?.server_version}`;
  });

const folder = join(home(), 'bench');

const measureAll = async (): Promise<{ rows: readonly Row[]; servers: readonly string[] }> => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  say('starting PostgreSQL and making the records');
  await using postgres = await startPostgres({ dir: join(folder, 'postgres'), durability: 'always' });
  await migrate(postgres.url);
  await fill(postgres.url, clinics);
  const ground = { home: folder, postgres, clinics };
  const { rows, servers } = await compare(ground);
  return { rows: chosen.includes('ours') ? [...rows, await oursAlone(ground, 'always')] : rows, servers };
};

// What fails before its end leaves its logs behind.
const { rows, servers } = await measureAll();
rmSync(folder, { recursive: true, force: true });
console.log(`\n${tables(rows)}\n`);

if (!quick && options.only === undefined) {
  const file = join(import.meta.dirname, 'RESULTS.md');
  const [date = ''] = new Date().toISOString().split('T');
  writeFileSync(
    file,
    document(rows, { command: 'npm run bench', date, versions: versions(servers), seconds }),
  );
  say(`wrote ${file}`);
}
const wrong = rows.filter(({ failed, audited }) => failed > 0 || audited.found !== audited.expected);
for (const { title, failed, audited } of wrong)
  console.error(`${title}: ${failed} runs failed, ${audited.found} of ${audited.expected} audit rows found`);
process.exitCode = wrong.length > 0 ? 1 : 0;
