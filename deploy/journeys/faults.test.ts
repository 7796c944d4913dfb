import { streamOf } from '@jangada/proto/message.ts';
import { isEnd, reply } from '@jangada/proto/reply.ts';
import { endings } from '@jangada/proto/run.ts';
import { until } from '@jangada/testkit/until.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { factNamed, type Journey, startJourney } from './journey.ts';
import { isOver, type Person, type Placed, textOf } from './person.ts';

/** Parts of the system die under load. Every run gets its answer, none gets two, and audit misses nothing. */

let journey: Journey;
let professional: Person;

beforeAll(async () => {
  journey = await startJourney();
  professional = await journey.as('professional');
});
afterAll(() => journey?.[Symbol.asyncDispose]());

const inFlight = 64;
/** From a service's return to the last answer that its death held up. The broker waits 3 s before it delivers again. */
const recoveredWithinMs = 5_000;

/** A run as its client saw it. */
interface Seen {
  readonly run: string;
  readonly events: Placed[];
  endedAt: number;
}

/** No two questions alike, so that none is answered from the cache. */
let asked = 0;
const question = (): string => {
  const day = new Date(Date.UTC(2_010, 0, 1 + asked++)).toISOString().slice(0, 10);
  return `quantas consultas de Ana Lima em ${day}?`;
};

/** Follows a run to its end as a client does: it asks again until it is heard, and resumes where a stream broke. */
const follow = async (seen: Seen): Promise<void> => {
  const text = question();
  await until(
    `the end of run ${seen.run}`,
    async () => {
      const last = seen.events.at(-1);
      try {
        const stream = last ? professional.resume(seen.run, last.id) : professional.run(text, seen.run);
        for await (const placed of stream) seen.events.push(placed);
      } catch {
        // The edge is away, or went away midway.
      }
      return isOver(seen.events);
    },
    30_000,
  );
  seen.endedAt = Date.now();
};

/** Starts many runs and resolves when the first is answered: all services are busy with the others then. */
const underWay = async (): Promise<{ runs: readonly Seen[]; answered: Promise<unknown> }> => {
  const runs = Array.from({ length: inFlight }, () => ({ run: crypto.randomUUID(), events: [], endedAt: 0 }));
  const follows = runs.map(follow);
  await Promise.race(follows);
  return { runs, answered: Promise.all(follows) };
};

/** Times of the facts of these runs, by fact and run, in ms since 1970; a fact stored twice stands twice. */
const factsOf = async (runs: readonly Seen[]) => {
  const ours = (subject: string) => runs.some(({ run }) => subject.split('.').at(-1)?.startsWith(run));
  return (await journey.stored(streamOf.fact))
    .filter(({ subject }) => ours(subject))
    .map(({ subject, timestamp }) => ({ subject, fact: factNamed(subject), at: Date.parse(timestamp) }));
};

/** What must hold of runs, whatever happened to them. */
const expectWhole = async (runs: readonly Seen[]): Promise<void> => {
  for (const { run, events } of runs) {
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => `${run}:${index + 1}`));
    expect(events.at(-1)?.event.type).toBe('RUN_FINISHED');
    expect(textOf(events)).toMatch(/consulta/);
  }
  const facts = await factsOf(runs);
  const endingFacts = facts.filter(({ fact }) => endings.some(({ name }) => name === fact));
  expect(endingFacts.map(({ fact }) => fact)).toEqual(runs.map(() => 'run.answered'));
  expect(new Set(facts.map(({ subject }) => subject)).size).toBe(facts.length);

  const ends = new Map<string, number>();
  for (const message of await journey.stored(streamOf.reply)) {
    const count = reply.body.parse(message.json()).parts.filter(isEnd).length;
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

/** How many of these runs had not ended at a moment, by the broker's word. */
const unfinishedAt = async (moment: number, runs: readonly Seen[]): Promise<number> =>
  (await factsOf(runs)).filter(({ fact, at }) => fact === 'run.answered' && at > moment).length;

const pidOf = async (name: string): Promise<number | undefined> =>
  (await journey.system.statuses()).find((status) => status.name === name && status.ready)?.pid;

describe('kill -9 of', () => {
  test.each(['edge', 'intent', 'permission', 'data-access', 'response-generation', 'audit'])(
    '%s costs no run its answer',
    async (name) => {
      const service = journey.system.services.get(name);
      const before = service?.pid;
      const { runs, answered } = await underWay();
      const killedAt = Date.now();
      service?.kill('SIGKILL');
      await until(`${name} to answer again`, async () => {
        const pid = await pidOf(name);
        return pid !== undefined && pid !== before;
      });
      const returnedAt = Date.now();
      await answered;
      expect(await unfinishedAt(killedAt, runs)).toBeGreaterThan(0);
      expect(Math.max(...runs.map(({ endedAt }) => endedAt)) - returnedAt).toBeLessThan(recoveredWithinMs);
      await expectWhole(runs);
    },
  );
});

test('answers continue while Redis is away', async () => {
  const { redis } = journey.system.servers;
  const { runs, answered } = await underWay();
  await redis?.stop();
  await answered;
  await expectWhole(runs);
  const without = await professional.query(question());
  expect(without).toMatchObject({ status: 200, type: 'response' });
  await redis?.restart();
});

test('runs wait while PostgreSQL is away, and are then answered', async () => {
  const { postgres } = journey.system.servers;
  const { runs, answered } = await underWay();
  await postgres?.stop();
  await until('a service to rest', async () =>
    (await journey.system.statuses()).some(({ breaker }) => breaker === 'open'),
  );
  expect(runs.filter(({ endedAt }) => endedAt === 0).length).toBeGreaterThan(0);
  await postgres?.restart();
  await answered;
  await expectWhole(runs);
});
