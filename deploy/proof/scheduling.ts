import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { requested } from '@jangada/proto/command.ts';
import { streamOf } from '@jangada/proto/message.ts';
import { openBus, Refused } from '@jangada/runtime/bus.ts';
import { deadMessages, letterOf } from '@jangada/runtime/dead-letters.ts';
import { publishRequest } from '@jangada/runtime/emit.ts';
import { connect } from '@jangada/store/store.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import { until } from '@jangada/testkit/until.ts';
import { startWebhookEndpoint } from '@jangada/testkit/webhook.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import { passSealer } from '@jangada/trust/pass.ts';
import { numbersOf } from '@jangada/verifier/mutation.ts';
import { jetstreamManager } from '@nats-io/jetstream';
import pg from 'pg';
import { remark, table } from '../cli/output.ts';
import { rebuild } from '../projection.ts';
import { startSystem } from '../system.ts';
import { rootEnv, vaultFrom } from '../vault.ts';
import { commandsOf, type Drawn, tenant, worldSql, zone } from './agenda/commands.ts';
import { eventsIn, type Given, rowsIn, timesIn, toldFrom } from './agenda/history.ts';
import { violationsOf } from './agenda/judge.ts';
import { openTroubles } from './agenda/troubles.ts';

/**
 * `npm run proof:scheduling`: commands drawn at random over two processes each of scheduling, saga and projection, which die and
 * freeze while the broker and the database go away and receivers refuse. Afterwards every command had its effect once or none, nobody
 * is in two places, all that follows has followed, and the table is what the events say. `--commands 20000` is the whole;
 * `--seed` draws the same commands and troubles again, though not at the same moments; with `--hold` bookings have to be
 * confirmed within so many minutes.
 */

const { values: options } = parseArgs({
  options: {
    commands: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    hold: { type: 'string', default: '1' },
    'in-flight': { type: 'string', default: '48' },
  },
});
const [count, seed, holdMinutes, inFlight] = [
  options.commands,
  options.seed,
  options.hold,
  options['in-flight'],
].map(Number) as [number, number, number, number];
const receiverKey = 'a key that both have';
const settleMs = 15 * 60_000;
/** Who waits so long for an answer never gets it. */
const patienceMs = 5 * 60_000;

remark(`--seed ${seed}`);
const home = mkdtempSync(join(tmpdir(), 'jangada-proof-'));
// After all that works in it. What does not hold leaves its logs behind.
await using _home = {
  [Symbol.asyncDispose]: async () => {
    if (process.exitCode === 0) rmSync(home, { recursive: true, force: true });
    else remark(`${home} is kept`);
  },
};
await using billing = await startWebhookEndpoint(receiverKey);
await using people = await startWebhookEndpoint(receiverKey);
const names = ['scheduling', 'saga', 'projection'] as const;
await using system = await startSystem({
  ...{ home, port: 0, durability: 'relaxed', only: names },
  env: {
    WEBHOOK_HOSTS: `${billing.host},${people.host}`,
    WEBHOOK_KEYS: JSON.stringify({ [tenant]: receiverKey }),
    BILLING_URLS: JSON.stringify({ [tenant]: billing.url }),
    NOTIFICATION_URLS: JSON.stringify({ [tenant]: people.url }),
    BOOKING_HOLD_MINUTES: String(holdMinutes),
    BOOKING_REMINDER_HOURS: '0',
  },
});
await system.ready();
const { local, keys, servers, services } = system;
const { nats, postgres } = servers;
if (!nats || !postgres) throw new Error('the proof takes servers of its own away, not those that are given');
const replicas = await Promise.all(names.map((name) => system.replica(name, {})));

const administrator = new pg.Client({ connectionString: local.databaseUrl });
await administrator.connect();
await administrator.query(worldSql);
await administrator.end();

// As services connect: a broker that starts again does not lose them.
const operator = await openBus('operator', {
  NATS_URL: local.natsUrl,
  NATS_NKEY_SEED: local.operatorSeed,
});
const { nc } = operator;
const jsm = await jetstreamManager(nc, { checkAPI: false });
const edge = await openBus('edge', {
  NATS_URL: local.natsUrl,
  NATS_NKEY_SEED: keys.broker['edge']?.seed ?? '',
});
const voice = { bus: edge, bodies: openBodies(() => keys.setOf('message')) };
const sign = passSealer(signerFrom(() => keys.setOf('pass')));

/** Asks again where a server was away. */
const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unavailable || error instanceof Refused)) throw error;
      await sleep(100);
    }
  }
};

/** Gives a command as the edge does. `name` makes it another message of the same command. */
const give = async ({ id, giver, command }: Drawn, name: string): Promise<void> => {
  const own = { ...giver, tid: tenant, rid: id, zone, exp: Date.now() + 3_600_000 };
  const pass = await sign(passFor(JSON.stringify(command), own));
  const cause = { tenant, id, pass, traceparent: '' };
  await patiently(() => publishRequest(voice, requested, cause, { command }, false, name));
};

const answered = new Set<string>();
const waiting = new Map<string, () => void>();
const watching = new AbortController();
const watch = (async () => {
  for (let from = 1; !watching.signal.aborted; await sleep(25)) {
    try {
      for await (const { sequence, id } of toldFrom(nc, tenant, from)) {
        from = sequence + 1;
        answered.add(id);
        waiting.get(id)?.();
      }
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
    }
  }
})();
const answerTo = (id: string): Promise<void> => {
  if (answered.has(id)) return Promise.resolve();
  const told = new Promise<void>((resolve) => waiting.set(id, resolve));
  return Promise.race([told, sleep(patienceMs, undefined, { ref: false })]);
};

const given: Given[] = [];
const run = crypto.randomUUID().slice(0, 8);
const commands = commandsOf(seed, count, { run, today: Temporal.Now.plainDateISO(zone) });
const carryOn = async (queue: Iterator<Drawn>): Promise<void> => {
  for (let next = queue.next(); !next.done; next = queue.next()) {
    const { id, giver, command, denied, again } = next.value;
    given.push({ id, giver, command, denied, at: Date.now() });
    await give(next.value, 'first');
    if (again === 'same' || again === 'anew') await give(next.value, again === 'same' ? 'first' : again);
    await answerTo(id);
    if (again === 'later') await give(next.value, again);
  }
};

/** Nothing waits, nothing is in work, and no schedule will bring anything. */
const isSettled = async (): Promise<boolean> => {
  await sleep(250);
  const consumers = await Promise.all(
    [
      [streamOf.intake, 'scheduling'],
      [streamOf.event, 'projection'],
      [streamOf.event, 'saga'],
      [streamOf.tick, 'saga'],
    ].map(([stream = '', name = '']) => jsm.consumers.info(stream, name)),
  );
  if (consumers.some(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending > 0)) return false;
  const { state } = await jsm.streams.info(streamOf.tick, { subjects_filter: 'sched.saga.>' });
  return Object.keys(state.subjects ?? {}).length === 0;
};

remark(`${count} commands, ${inFlight} at a time`);
const startedAt = performance.now();
const progress = setInterval(
  () =>
    remark(
      `${answered.size} of ${given.length} are answered, ${billing.told.length + people.told.length} webhooks sent`,
    ),
  10_000,
);
const troubles = openTroubles(
  {
    processes: [...services.values(), ...replicas],
    servers: { nats, postgres },
    receivers: { billing, people },
  },
  numbersOf(seed + 1),
);
const queue = commands.values();
await Promise.all(Array.from({ length: inFlight }, () => carryOn(queue)));
const seconds = (performance.now() - startedAt) / 1_000;
await troubles.over();
remark('the troubles are over; what is left is done');
await until('everything to come to its end', () => isSettled().catch(() => false), settleMs);
watching.abort();
await watch;
clearInterval(progress);

const vault = await vaultFrom(rootEnv(keys));
await using store = connect('operator', { DATABASE_URL: local.databaseUrl, DATABASE_POOL_SIZE: 2 });
const events = await eventsIn(nc, store, vault, tenant);
const rows = await rowsIn(store, tenant);
const times = await timesIn(store, tenant);
const dead = (await Array.fromAsync(deadMessages(jsm))).map(letterOf);
const webhooks = [...billing.told, ...people.told];
const told = await Array.fromAsync(toldFrom(nc, tenant, 1));
const violations = [
  ...violationsOf({ given, told, events, rows, times, webhooks, dead, isHeld: holdMinutes > 0 }),
  ...(billing.forged + people.forged > 0 ? ['a webhook was not signed, or too late'] : []),
];
const rebuilt = await rebuild({ store, jsm, vault }, tenant);
if (rebuilt.before !== rebuilt.after)
  violations.push(`the table made anew is ${rebuilt.after}, and was ${rebuilt.before}`);

const tally = (of: readonly string[]): (readonly [string, number])[] =>
  [...Map.groupBy(of, (one) => one)].map(([name, all]) => [name, all.length] as const).sort();
const outcomes = new Map(told.map((one) => [one.id, one]));
process.stdout.write(
  `${table(
    ['commands', 'done', 'refused', 'given again'],
    tally(given.map(({ command }) => command.type)).map(([type]) => {
      const own = commands.filter(({ command }) => command.type === type);
      const ended = (outcome: string) => own.filter(({ id }) => outcomes.get(id)?.outcome === outcome).length;
      return [type, ended('done'), ended('refused'), own.filter(({ again }) => again !== 'no').length];
    }),
  )}\n\n${table(['refused with', ''], tally(told.flatMap(({ code }) => code ?? [])))}\n\n${table(
    ['trouble', 'times'],
    [...troubles.counted].sort(),
  )}\n\n${table(
    ['kept', ''],
    [
      ...tally(events.map(({ kind }) => `events of ${kind}`)),
      ['rows', rows.length],
      ['webhooks', webhooks.length],
      ['dead letters', dead.length],
    ],
  )}\n
${(count / seconds).toFixed(0)} commands a second for ${seconds.toFixed(0)} s; the table made anew of ${rebuilt.events} events is ${rebuilt.after === rebuilt.before ? 'identical' : 'DIFFERENT'}; ${violations.length} violations; --seed ${seed}\n`,
);
for (const violation of violations.slice(0, 20)) remark(violation);
await edge.close();
await operator.close();
process.exitCode = violations.length === 0 ? 0 : 1;
