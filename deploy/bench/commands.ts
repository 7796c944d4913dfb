import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openBus } from '@jangada/runtime/bus.ts';
import { startPostgres } from '@jangada/servers/postgres.ts';
import { until } from '@jangada/testkit/until.ts';
import type pg from 'pg';
import { remark } from '../cli/output.ts';
import { home } from '../local.ts';
import { migrate } from '../migrate.ts';
import { type Ground, startOurs } from './candidates.ts';
import { connected, fill } from './dataset.ts';
import { openPlain, type Slot } from './plain.ts';
import { cpuMs, type Process } from './processes.ts';
import { tenantOf } from './questions.ts';
import { machine, versions } from './report.ts';

/**
 * `npm run bench:commands`: bookings by commands, from the door to what came of them, beside a plain transaction of PostgreSQL that
 * does the same work: a row under an exclusion constraint and a line of audit. `--quick` only shows that it works.
 */

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, seconds: { type: 'string' } },
});
const { quick } = options;
const seconds = Number(options.seconds ?? (quick ? 1 : 10));
const rounds = quick ? 1 : 3;
const levels = [1, 64] as const;
const clinics = 20;
const providers = 3;
/** What is wanted on two cores. */
const wanted = { p50Ms: 10, perSecond: 500 };

const beginning = Temporal.Now.instant().round('hour').add({ hours: 24 }).epochMilliseconds;
let drawn = 0;
/** Neighbours are of other clinics; days fill one after the other. */
const nextSlot = (): Slot => {
  const index = drawn++;
  const clinic = (index % clinics) + 1;
  const nth = Math.floor(index / clinics);
  const start = beginning + Math.floor(nth / providers) * 30 * 60_000;
  return {
    ...{ tenant: tenantOf(clinic), clinic, provider: `pro-${nth % providers}`, subject: `cli-${nth % 40}` },
    start: new Date(start).toISOString(),
  };
};

/** Milliseconds from when it was given. */
interface Took {
  /** Until it was accepted, and so stored. */
  readonly accepted: number;
  /** Until it was carried out. */
  readonly done: number;
}
interface Candidate {
  readonly title: string;
  readonly processes: readonly Process[];
  book(slot: Slot): Promise<Took>;
}
interface Measured {
  readonly accepted: number;
  readonly done: number;
  readonly doneP99: number;
  readonly perSecond: number;
  readonly cpu: ReadonlyMap<string, number>;
}

const sorted = (figures: readonly number[]): readonly number[] => figures.toSorted((a, b) => a - b);
const at = (figures: readonly number[], share: number): number =>
  sorted(figures)[Math.min(figures.length - 1, Math.floor(figures.length * share))] ?? Number.NaN;

const measure = async ({ book, processes }: Candidate, inFlight: number, ms: number): Promise<Measured> => {
  const took: Took[] = [];
  const before = processes.map(cpuMs);
  const startedAt = performance.now();
  const isOver = (): boolean => performance.now() - startedAt > ms;
  const one = async (): Promise<void> => {
    while (!isOver()) took.push(await book(nextSlot()));
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  const elapsed = performance.now() - startedAt;
  const used = processes.map((process, index) => cpuMs(process) - (before[index] ?? 0));
  return {
    accepted: at(
      took.map(({ accepted }) => accepted),
      0.5,
    ),
    done: at(
      took.map(({ done }) => done),
      0.5,
    ),
    doneP99: at(
      took.map(({ done }) => done),
      0.99,
    ),
    perSecond: (1_000 * took.length) / elapsed,
    cpu: new Map(processes.map(({ name }, index) => [name, (used[index] ?? 0) / took.length])),
  };
};

const folder = join(home(), 'bench-commands');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
// After all that works in it.
await using _folder = {
  [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
};
remark('starting PostgreSQL, making the records, starting the services');
await using postgres = await startPostgres({ dir: join(folder, 'postgres'), durability: 'always' });
await migrate(postgres.url);
await fill(postgres.url, clinics);
const ground: Ground = { home: folder, postgres, clinics };
await using ours = await startOurs(ground, 'relaxed');
const { local, keys } = ours.system;

/** Hears what the broker tells the edge: that a command came to its end is stored. */
const edge = await openBus('edge', {
  NATS_URL: local.natsUrl,
  NATS_NKEY_SEED: keys.broker['edge']?.seed ?? '',
});
const ended = new Map<string, number>();
const waiting = new Map<string, () => void>();
edge.nc.subscribe('live.*.*', {
  callback: (_error, message) => {
    const run = message.subject.split('.').at(-1) ?? '';
    ended.set(run, performance.now());
    waiting.get(run)?.();
  },
});
const endOf = async (run: string): Promise<number> => {
  if (!ended.has(run))
    await new Promise<void>((resolve, reject) => {
      const vain = setTimeout(() => reject(new Error(`${run} has not ended after 30 s`)), 30_000);
      waiting.set(run, () => {
        clearTimeout(vain);
        resolve();
      });
    });
  const endedAt = ended.get(run) ?? Number.NaN;
  ended.delete(run);
  waiting.delete(run);
  return endedAt;
};

const agent = new Agent({ keepAlive: true, maxSockets: 128 });
const post = (
  path: string,
  body: object,
  token = '',
): Promise<{ status: number; run: string; body: unknown }> =>
  new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    };
    request(new URL(path, local.edgeUrl), { method: 'POST', agent, headers }, (response) => {
      const run = String(response.headers['jangada-run'] ?? '');
      json(response).then((told) => resolve({ status: response.statusCode ?? 0, run, body: told }), reject);
    })
      .on('error', reject)
      .end(text);
  });

if (ours.target.dialect.kind !== 'agui') throw new Error('ours are signed in to');
const tokens: string[] = [];
for (const credentials of ours.target.dialect.people)
  tokens.push(((await post('/v1/auth/token', credentials)).body as { access_token: string }).access_token);

const commands: Candidate = {
  title: 'Jangada, a command',
  processes: ours.processes,
  book: async ({ clinic, provider: providerId, subject: subjectId, start }) => {
    const givenAt = performance.now();
    const command = { type: 'ScheduleAppointment', subjectId, providerId, start, durationMinutes: 30 };
    const { status, run, body } = await post('/v1/commands', command, tokens[clinic - 1]);
    if (status !== 202) throw new Error(`a command was answered ${status}: ${JSON.stringify(body)}`);
    const accepted = performance.now() - givenAt;
    return { accepted, done: (await endOf(run)) - givenAt };
  },
};
await using plain = await openPlain(postgres.url);
const postgresProcess = ours.processes.find(({ name }) => name === 'postgresql');
const transaction: Candidate = {
  title: 'a transaction of PostgreSQL',
  processes: postgresProcess ? [postgresProcess] : [],
  book: async (slot) => {
    const givenAt = performance.now();
    await plain.book(slot);
    const done = performance.now() - givenAt;
    return { accepted: done, done };
  },
};

const candidates = [commands, transaction];
const phases = new Map(
  candidates.map((one) => [one, new Map(levels.map((level) => [level as number, [] as Measured[]]))]),
);
for (const candidate of candidates) await measure(candidate, 64, quick ? 1_000 : 20_000);
for (let round = 0; round < rounds; round++)
  for (const candidate of candidates)
    for (const level of levels) {
      const measured = await measure(candidate, level, seconds * 1_000);
      phases.get(candidate)?.get(level)?.push(measured);
      remark(
        `${candidate.title}: ${level} in flight, ${measured.perSecond.toFixed(0)} a second, p50 ${measured.done.toFixed(2)} ms`,
      );
    }

const countOf = (client: pg.Client, text: string): Promise<number> =>
  client.query<{ count: number }>(text).then(({ rows }) => rows[0]?.count ?? 0);
const given = drawn - plain.booked();
/** Every command was carried out, none twice, and all of them are in the table and the trail. */
const counts = await until(
  'the table and the trail to have all',
  async () => {
    await sleep(500);
    const found = await connected(postgres.url, async (client) => ({
      table: await countOf(
        client,
        `select count(*)::int as count from bookings where tenant_id like 'bench-%'`,
      ),
      trail: await countOf(
        client,
        `select count(*)::int as count from audit_entries where fact = 'command.done' and tenant_id like 'bench-%'`,
      ),
    }));
    return found.table >= given && found.trail >= given ? found : undefined;
  },
  120_000,
);
await edge.close();
agent.destroy();

const median = (candidate: Candidate, level: number, of: (measured: Measured) => number): number =>
  at((phases.get(candidate)?.get(level) ?? []).map(of), 0.5);
const cpuOf = ({ cpu }: Measured): number => [...cpu.values()].reduce((sum, one) => sum + one, 0);
const columns: readonly (readonly [head: string, level: number, of: (measured: Measured) => number])[] = [
  ['accepted p50 ms', 1, ({ accepted }) => accepted],
  ['done p50 ms', 1, ({ done }) => done],
  ['done p99 ms', 1, ({ doneP99 }) => doneP99],
  ['a second @64', 64, ({ perSecond }) => perSecond],
  ['done p50 @64 ms', 64, ({ done }) => done],
  ['CPU ms @64', 64, cpuOf],
];
const figures = (candidate: Candidate): readonly number[] =>
  columns.map(([, level, of]) => median(candidate, level, of));
const [own, others] = [figures(commands), figures(transaction)];
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const names = [...(phases.get(commands)?.get(64)?.[0]?.cpu.keys() ?? [])];
const byProcess = names
  .map((name) => [name, median(commands, 64, ({ cpu }) => cpu.get(name) ?? 0)] as const)
  .filter(([, used]) => used >= 0.005)
  .sort(([, one], [, other]) => other - one)
  .map(([name, used]) => `${name} ${used.toFixed(2)}`);
const [date = ''] = new Date().toISOString().split('T');
const document = `# Commands, beside a plain transaction

${date}, ${machine()}. \`npm run bench:commands\`; ${versions(ours.software)}.

${line(['', ...columns.map(([head]) => head)])}
${line(['---', ...columns.map(() => '---')])}
${line([commands.title, ...own.map((figure) => figure.toPrecision(3))])}
${line([transaction.title, ...others.map((figure) => figure.toPrecision(3))])}
${line(['ratio', ...own.map((figure, index) => (figure / (others[index] ?? Number.NaN)).toFixed(2))])}

CPU of a command by process, in ms: ${byProcess.join(', ')}.

A booking of half an hour with one of ${providers} providers in each of ${clinics} clinics, none of which collide. Ours come in over HTTP and
are accepted once the broker has stored them; done is when what came of one is stored, too. All services run, everything on, the
generator on the same machine. The transaction is a connection of a pool of 16: a row under the same exclusion constraints, and a line
of audit. PostgreSQL syncs every commit; the broker syncs each second. Medians of ${rounds} phases of ${seconds} s. Wanted on two cores: ${wanted.p50Ms} ms
and ${wanted.perSecond} a second.
`;
console.log(document);
if (!quick) writeFileSync(join(import.meta.dirname, 'COMMANDS.md'), document);
const wrong = Object.entries(counts).filter(([, count]) => count !== given);
for (const [where, count] of wrong) console.error(`${count} in the ${where} of ${given} commands`);
process.exitCode = wrong.length > 0 ? 1 : 0;
