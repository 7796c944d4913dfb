import { setTimeout as sleep } from 'node:timers/promises';
import type { Contract } from '@jangada/hop/hop.ts';
import { filterOf, streamOf } from '@jangada/proto/message.ts';
import { isEnd, reply } from '@jangada/proto/reply.ts';
import { endings } from '@jangada/proto/run.ts';
import { judgeOverheard, overhear } from '@jangada/testkit/overheard.ts';
import { followToEnd, type Placed } from '@jangada/testkit/sse.ts';
import { until } from '@jangada/testkit/until.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect, consumersOf } from '../topology.ts';
import { factNamed, type Journey, startJourney } from './journey.ts';
import { type Person, textOf } from './person.ts';

/** Parts of the system die under load. Every run gets its answer, none gets two, and audit misses nothing. */

overhear('elsewhere');
const contracts = await collect();
let journey: Journey;
let professional: Person;
let visits: Asking;
let prices: Asking;

beforeAll(async () => {
  journey = await startJourney();
  professional = await journey.as('professional');
  visits = { person: professional, question, told: /consulta/ };
  prices = {
    person: await journey.as('analyst'),
    question: () => 'qual o preço spot de H100 na Azure?',
    told: /preço/,
  };
});
afterAll(() => journey?.[Symbol.asyncDispose]());

const inFlight = 64;
/** From a service's return to the last answer that its death held up. The broker waits 3 s before it delivers again. */
const recoveredWithinMs = 5_000;

/** How long PostgreSQL is away; the services notice at once. */
const outageMs = 4_000;

/** Who asks what, and what every answer says. */
interface Asking {
  readonly person: Person;
  readonly question: () => string;
  readonly told: RegExp;
}

/** A run as its client saw it. */
interface Seen {
  readonly asking: Asking;
  readonly run: string;
  readonly events: Placed[];
  /** How often its stream broke and was resumed. */
  resumed: number;
  endedAt: number;
}

/** No two questions alike, so that none is answered from the cache. */
let asked = 0;
const question = (): string => {
  const day = new Date(Date.UTC(2_010, 0, 1 + asked++)).toISOString().slice(0, 10);
  return `quantas consultas de Ana Lima em ${day}?`;
};

const follow = async (seen: Seen): Promise<void> => {
  const { person, question: next } = seen.asking;
  const text = next();
  const open = (lastEventId: string | undefined) =>
    lastEventId === undefined
      ? person.run(text, seen.run, { steps: true, state: true, activity: true })
      : person.resume(seen.run, lastEventId);
  await followToEnd(seen.events, open, { withinMs: 30_000, onResume: () => seen.resumed++ });
  seen.endedAt = Date.now();
};

interface UnderWay {
  readonly runs: readonly Seen[];
  readonly answered: Promise<unknown>;
}

const startRuns = (asking = visits): UnderWay => {
  const runs = Array.from({ length: inFlight }, () => ({
    asking,
    run: crypto.randomUUID(),
    events: [],
    resumed: 0,
    endedAt: 0,
  }));
  return { runs, answered: Promise.all(runs.map(follow)) };
};

const isAnswered = ({ endedAt }: Seen): boolean => endedAt > 0;

/** Starts runs and resolves when the first is answered: the others are on their way then. */
const underWay = async (): Promise<UnderWay> => {
  const started = startRuns();
  await until('the first answer', () => started.runs.some(isAnswered));
  return started;
};

/** Starts work until a service is caught with some in its hands, and leaves it frozen in the middle of it. */
const caughtWith = async <W>(
  name: string,
  start: () => W,
  isOverAlready: (started: W) => boolean,
): Promise<W> => {
  const service = journey.system.services.get(name);
  const consumer = contracts.filter((contract) => contract.name === name).flatMap(consumersOf)[0];
  const held = async (): Promise<number> => {
    const { stream, durable } = consumer ?? { stream: '', durable: '' };
    return (await journey.jsm.consumers.info(stream, durable)).num_ack_pending;
  };
  const isCaught = async (): Promise<boolean> => {
    if ((await held()) === 0) return false;
    service?.kill('SIGSTOP');
    if ((await held()) > 0) return true;
    service?.kill('SIGCONT');
    return false;
  };
  for (;;) {
    const started = start();
    let caught = false;
    await until('work to come by', async () => {
      caught = await isCaught();
      return caught || isOverAlready(started);
    });
    if (caught) return started;
  }
};

const caughtWithRuns = (name: string, asking = visits): Promise<UnderWay> =>
  caughtWith(
    name,
    () => startRuns(asking),
    ({ runs }) => runs.every(isAnswered),
  );

/** Subjects of the facts of these runs; one that is stored twice stands twice. */
const factsOf = async (runs: readonly Seen[]): Promise<string[]> => {
  const ours = (subject: string) => runs.some(({ run }) => subject.split('.').at(-1)?.startsWith(run));
  return (await journey.stored(streamOf.fact)).map(({ subject }) => subject).filter(ours);
};

const isEnding = (subject: string): boolean => endings.some(({ name }) => name === factNamed(subject));

/** What must hold of runs, whatever happened to them. */
const expectWhole = async (runs: readonly Seen[]): Promise<void> => {
  for (const { asking, run, events } of runs) {
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => `${run}:${index + 1}`));
    expect(events.at(-1)?.event.type).toBe('RUN_FINISHED');
    expect(textOf(events)).toMatch(asking.told);
  }
  // The end is told and recorded at the same time, in two streams.
  const facts = await until('the end of every run to be recorded', async () => {
    const known = await factsOf(runs);
    return known.filter(isEnding).length >= runs.length ? known : undefined;
  });
  expect(facts.filter(isEnding).map(factNamed)).toEqual(runs.map(() => 'run.answered'));
  expect(new Set(facts).size).toBe(facts.length);

  const ends = new Map<string, number>();
  for (const message of await journey.stored(streamOf.reply, filterOf(reply))) {
    const count = journey.opened(reply, message).parts.filter(isEnd).length;
    ends.set(message.subject, (ends.get(message.subject) ?? 0) + count);
  }
  const told = runs.map(({ run }) => [...ends].filter(([subject]) => subject.includes(run)));
  expect(told.map((each) => each.map(([, count]) => count))).toEqual(runs.map(() => [1]));

  await until('an audit entry of every fact', async () => {
    const rows = await journey.sql<{ subject: string }>(
      `select fact || '.' || tenant_id || '.' || subject_id as subject from audit_entries
       where split_part(subject_id, '_', 1) = any($1)`,
      [runs.map(({ run }) => run)],
    );
    expect(rows.length).toBeLessThanOrEqual(facts.length);
    return rows.length === facts.length;
  });
};

const pidOf = async (name: string): Promise<number | undefined> =>
  (await journey.system.statuses()).find((status) => status.name === name && status.ready)?.pid;

/** Kills a service and waits for its return. */
const killed = async (name: string): Promise<void> => {
  const service = journey.system.services.get(name);
  const before = service?.pid;
  service?.kill('SIGKILL');
  await until(
    `${name} to answer again`,
    async () => {
      const pid = await pidOf(name);
      return pid !== undefined && pid !== before;
    },
    40_000,
  );
};

/** Kills a service and expects all answers soon after its return. */
const kill = async (name: string, { runs, answered }: UnderWay): Promise<void> => {
  await killed(name);
  const returnedAt = Date.now();
  await answered;
  expect(Math.max(...runs.map(({ endedAt }) => endedAt)) - returnedAt).toBeLessThan(recoveredWithinMs);
};

/** Gives consent, asking again under the same id until it is done, and returns what the command is called. */
const command = (commandId: string): Promise<string> =>
  until(
    `command ${commandId}`,
    async () => {
      const response = await fetch(new URL('/v1/consents', professional.agent.url), {
        method: 'POST',
        headers: { ...professional.agent.headers, 'content-type': 'application/json' },
        body: JSON.stringify({ action: 'give', subjectId: 'cli-1', level: 'health', commandId }),
      }).catch(() => undefined);
      return response?.ok ? (response.headers.get('jangada-run') ?? undefined) : undefined;
    },
    30_000,
  );

describe('kill -9', () => {
  test('of the edge: clients come back and get exactly the rest', async () => {
    // None is answered before the edge dies, however busy the machine.
    const answering = journey.system.services.get('response-generation');
    answering?.kill('SIGSTOP');
    const started = startRuns();
    await until('every run to have begun', () => started.runs.every(({ events }) => events.length > 0));
    const killing = kill('edge', started);
    answering?.kill('SIGCONT');
    await killing;
    expect(started.runs.filter(({ resumed }) => resumed > 0)).toHaveLength(inFlight);
    await expectWhole(started.runs);
  });

  const isOfRuns = (contract: Contract): boolean =>
    contract.kind === 'hop' && contract.on.name.startsWith('run.');

  test.each(contracts.filter(isOfRuns).map(({ name }) => name))(
    'of %s: the next process takes over what it had',
    async (name) => {
      // Of what a clinic is asked nothing goes by tools.
      const started = await caughtWithRuns(name, name === 'tools' ? prices : visits);
      await kill(name, started);
      await expectWhole(started.runs);
    },
  );

  test('of access: every command has its effect, once', async () => {
    const start = () => {
      const ids = Array.from({ length: inFlight }, () => crypto.randomUUID());
      const state = { done: new Map<string, string>(), all: Promise.resolve<unknown>(undefined) };
      state.all = Promise.all(ids.map(async (id) => state.done.set(id, await command(id))));
      return state;
    };
    const { done, all } = await caughtWith('access', start, (state) => state.done.size === inFlight);
    await killed('access');
    await all;
    const rows = await journey.sql<{ count: number }>(
      'select count(*)::int from consents where id = any($1)',
      [[...done.values()]],
    );
    expect(rows).toEqual([{ count: inFlight }]);
  });

  test('of audit: it hears later what it did not hear then', async () => {
    const started = await caughtWithRuns('audit');
    await kill('audit', started);
    await expectWhole(started.runs);
  });
});

test('answers continue while Redis is away, and who is connected is told, and told again when it is back', async () => {
  const { redis } = journey.system.servers;
  using socket = await professional.socket();
  const told = (state: string) =>
    until(`the status ${state}`, () => socket.frames.find(({ payload }) => payload['state'] === state));
  await told('connected');
  const { runs, answered } = await underWay();
  await redis?.stop();
  const stoppedAt = performance.now();
  const { type, payload } = await told('degraded');
  expect(performance.now() - stoppedAt).toBeLessThan(10_000);
  expect({ type, payload }).toEqual({
    type: 'status',
    payload: {
      state: 'degraded',
      checks: ['redis'],
      notices: ['As respostas podem demorar mais que o normal'],
    },
  });
  await answered;
  await expectWhole(runs);
  const without = await professional.query(question());
  expect(without).toMatchObject({ status: 200, type: 'response' });
  await redis?.restart();
  expect(await told('healthy')).toMatchObject({ payload: { checks: [], notices: [] } });
});

test('runs wait while PostgreSQL is away, and are then answered', async () => {
  const { postgres } = journey.system.servers;
  await using lock = await journey.lock('appointments');
  const { runs, answered } = startRuns();
  await lock.caught('data-access');
  // Stopped in order, it would end the holder of the lock first and answer who waits for it.
  await postgres?.kill();
  await sleep(outageMs);
  expect(runs.filter(isAnswered)).toEqual([]);
  const resting = (await journey.system.statuses()).filter(({ breaker }) => breaker !== 'closed');
  expect(resting.length).toBeGreaterThan(0);
  await postgres?.restart();
  await answered;
  await expectWhole(runs);
});

test('prices are told as they are stored while tools is away, with a notice, and seen to when it is back', async () => {
  const service = journey.system.services.get('tools');
  const suspended = service?.suspend();
  service?.kill('SIGKILL');
  await suspended;
  const ask = () => prices.person.query('compare spot H100 on Azure and GCP');
  const without = await ask();
  expect(without).toMatchObject({
    ...{ status: 200, type: 'response', degraded: true, items: [{ provider: 'GCP' }, { provider: 'Azure' }] },
    notices: [expect.stringMatching(/source outside cannot be asked .* \(the oldest of \d/)],
    recommendation: { findings: [{ kind: 'cheapest', row: 0 }] },
  });
  expect(await journey.factsOf(without.runId)).not.toContain('run.found');
  expect(await journey.counted('data-access', 'hop_spared_total', 'hop="tools"')).toBeGreaterThan(0);

  service?.resume();
  await until('tools to answer', async () => (await pidOf('tools')) !== undefined, 40_000);
  // That nobody is there is remembered for a moment.
  const seen = await until('prices that tools saw to', async () => {
    const answer = await ask();
    return (await journey.factsOf(answer.runId)).includes('run.found') ? answer : undefined;
  });
  expect(seen).toMatchObject({ status: 200, degraded: false });
});

test('all that was told here the genuine clients take', async () => {
  const { whole, pieced } = await judgeOverheard();
  expect(whole + pieced).toBeGreaterThan(0);
});
