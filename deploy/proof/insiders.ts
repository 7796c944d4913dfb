import type { Fact } from '../../services/detection/facts.ts';

/**
 * A month of a made-up clinic: who reads about whom, and some who read as nobody should. Everything follows from the seed.
 */

/** A fact, and the account that did it. */
export type Done = Fact & { readonly actor: string };

/** What somebody did whom an alert should name. */
export interface Misdeed {
  readonly kind: keyof typeof misdeeds;
  readonly actor: string;
  readonly from: number;
  readonly to: number;
}

export interface Month {
  readonly accounts: readonly string[];
  /** In the order in which they happened. */
  readonly facts: readonly Done[];
  readonly misdeeds: readonly Misdeed[];
}

/** Each with how long it took: between 0 and 1 from what it is given, by Mulberry32. */
const randomFrom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const zone = 'America/Sao_Paulo';
/** Midnight of a Monday in São Paulo. */
const begins = Date.parse('2026-03-02T03:00:00Z');
const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];
const days = 30;
const clients = 1_200;

interface Work {
  readonly share: number;
  /** Hours of day, the first and how many. */
  readonly from: number;
  readonly hours: number;
  /** Questions in an hour at most, and people whom they are about. */
  readonly reads: number;
  readonly caseload: number;
  /** People in a list that is looked at now and then, at most. */
  readonly list: number;
}

const roles: readonly Work[] = [
  { share: 0.55, from: 8, hours: 8, reads: 5, caseload: 60, list: 8 },
  { share: 0.2, from: 7, hours: 9, reads: 14, caseload: clients, list: 15 },
  { share: 0.1, from: 9, hours: 7, reads: 6, caseload: clients, list: 30 },
  { share: 0.15, from: 18, hours: 5, reads: 2, caseload: 1, list: 0 },
];

interface Worker {
  readonly actor: string;
  readonly work: Work;
  /** Whose people are theirs: from here on. */
  readonly offset: number;
}

/** What one kind of fact has of its own. */
type Deed = { readonly kind: Fact['kind'] } & Record<string, unknown>;

const read = (people: readonly string[], named?: number): Deed => ({
  kind: 'read',
  people,
  ...(named === undefined ? {} : { named: `p${named}`, next: `p${named + 1}` }),
});
const refused = (code: string, isAttack = false): Deed => ({ kind: 'refused', code, isAttack });

/** What is drawn with: a whole number from a range, one of several, and whether something with a probability happens. */
interface Chance {
  from(low: number, high: number): number;
  happens(probability: number): boolean;
}

const somePeople = (chance: Chance, { work, offset }: Worker, count: number): readonly string[] =>
  Array.from({ length: count }, () => `p${(offset + chance.from(0, work.caseload - 1)) % clients}`);

/** What goes wrong in an hour of honest work: names that are not one's own, questions that are not understood, a typing error. */
const slips = (chance: Chance): readonly Deed[] => [
  ...(chance.happens(0.01) ? [refused('AUTHZ_NO_RELATION')] : []),
  ...(chance.happens(0.002) ? [refused('AUTHZ_NO_RELATION'), refused('AUTHZ_NO_RELATION')] : []),
  ...(chance.happens(0.01) ? Array.from({ length: chance.from(1, 3) }, () => refused('AUTHZ_DENIED')) : []),
  ...(chance.happens(0.002) ? [refused('AI_SECURITY_VIOLATION', true)] : []),
  ...(chance.happens(0.0003) ? [{ kind: 'emergency' } as const] : []),
];

const hourOfWork = (chance: Chance, worker: Worker, busy: number): readonly Deed[] => {
  const { reads, list, caseload } = worker.work;
  const count = chance.from(0, Math.round(reads * busy));
  const own = Array.from({ length: count }, () => {
    if (caseload > 1 && chance.happens(0.2)) {
      const id = (worker.offset + chance.from(0, caseload - 1)) % clients;
      return read([`p${id}`], id);
    }
    return read(somePeople(chance, worker, 1));
  });
  const lists =
    list > 0 && chance.happens(0.15) ? [read(somePeople(chance, worker, chance.from(3, list)))] : [];
  // Those who came one after the other are looked up one after the other.
  const first = chance.from(0, clients - 4);
  const row =
    caseload === clients && chance.happens(0.01)
      ? [0, 1, 2].map((by) => read([`p${first + by}`], first + by))
      : [];
  return [...own, ...lists, ...row, ...slips(chance)];
};

/** Each with how long it goes on, in minutes. */
const misdeeds = {
  snooping: (chance) => ({
    deeds: Array.from({ length: chance.from(3, 6) }, () => refused('AUTHZ_NO_RELATION')),
    minutes: chance.from(2, 9),
  }),
  probing: (chance) => ({
    deeds: Array.from({ length: chance.from(6, 15) }, () =>
      refused(chance.happens(0.7) ? 'AUTHZ_DENIED' : 'PURPOSE_NOT_ALLOWED'),
    ),
    minutes: chance.from(3, 40),
  }),
  exporting: (chance) => ({
    deeds: Array.from({ length: chance.from(8, 20) }, () =>
      read(Array.from({ length: 12 }, () => `p${chance.from(0, clients - 1)}`)),
    ),
    minutes: chance.from(10, 40),
  }),
  scraping: (chance, worker) => ({
    deeds: Array.from({ length: chance.from(60, 150) }, () => read(somePeople(chance, worker, 1))),
    minutes: chance.from(10, 45),
  }),
  walking: (chance) => {
    const first = chance.from(0, clients - 40);
    const deeds = Array.from({ length: chance.from(7, 30) }, (_, by) => read([`p${first + by}`], first + by));
    return { deeds, minutes: chance.from(5, 40) };
  },
  nightly: (chance) => ({
    deeds: Array.from({ length: chance.from(6, 14) }, () =>
      read(Array.from({ length: chance.from(2, 5) }, () => `p${chance.from(0, clients - 1)}`)),
    ),
    minutes: chance.from(10, 40),
  }),
  attacking: (chance) => ({
    deeds: Array.from({ length: chance.from(2, 6) }, () => refused('AI_SECURITY_VIOLATION', true)),
    minutes: chance.from(1, 30),
  }),
  trespassing: () => ({ deeds: [refused('TENANT_ISOLATION_VIOLATION')], minutes: 1 }),
  alarming: (chance) => ({
    deeds: Array.from({ length: chance.from(3, 5) }, () => ({ kind: 'emergency' })),
    minutes: chance.from(60, 60 * 60),
  }),
} satisfies Record<string, (chance: Chance, worker: Worker) => { deeds: Deed[]; minutes: number }>;

const kinds = Object.keys(misdeeds) as Misdeed['kind'][];

/** @param each how many misdeeds there are of each kind, by as many people of those who work there */
export const monthOf = (seed: number, size: { readonly accounts: number; readonly each: number }): Month => {
  const random = randomFrom(seed);
  const chance: Chance = {
    from: (low, high) => low + Math.floor(random() * (high - low + 1)),
    happens: (probability) => random() < probability,
  };
  const workers = workersOf(size.accounts, chance);
  const timed: { at: number; actor: string; session: string; deed: Deed }[] = [];
  const put = (worker: Worker, deeds: readonly Deed[], at: number, ms: number): void => {
    const session = `${worker.actor}-${Math.floor(at / dayMs)}`;
    const times = deeds.map(() => at + Math.floor(random() * ms)).sort((a, b) => a - b);
    for (const [index, deed] of deeds.entries())
      timed.push({ at: times[index] ?? at, actor: worker.actor, session, deed });
  };
  for (const worker of workers) for (let day = 0; day < days; day++) workDay(chance, worker, day, put);
  const done = kinds.flatMap((kind) =>
    Array.from({ length: size.each }, (): Misdeed => {
      const insiders = workers.filter(({ work }) => work.caseload > 1);
      const worker = insiders[chance.from(0, insiders.length - 1)] as Worker;
      const { deeds, minutes } = misdeeds[kind](chance, worker);
      // Not in the first week: nothing is usual yet. At night for whom it is night.
      const day = weekday(chance.from(10, days - 4));
      const hour =
        kind === 'nightly' ? chance.from(1, 3) : worker.work.from + chance.from(0, worker.work.hours - 1);
      const from = begins + day * dayMs + hour * hourMs;
      const ms = minutes * minuteMs;
      put(worker, deeds, from, ms);
      return { kind, actor: worker.actor, from, to: from + ms };
    }),
  );
  const facts = timed
    .sort((a, b) => a.at - b.at)
    .map(
      ({ at, actor, session, deed }, sequence) => ({ ...deed, at, actor, session, sequence, zone }) as Done,
    );
  return { accounts: workers.map(({ actor }) => actor), facts, misdeeds: done };
};

const weekday = (day: number): number => (day % 7 > 4 ? day - 2 : day);

const workersOf = (count: number, chance: Chance): readonly Worker[] =>
  roles.flatMap((work, role) =>
    Array.from({ length: Math.max(1, Math.round(count * work.share)) }, (_, at) => ({
      actor: `role${role}-${at}`,
      work: { ...work, from: work.from + chance.from(-1, 1) },
      offset: chance.from(0, clients - 1),
    })),
  );

/** Weekends are free for most; one day in twenty is somebody else's work too, and now and then a little is done in the evening. */
const workDay = (
  chance: Chance,
  worker: Worker,
  day: number,
  put: (worker: Worker, deeds: readonly Deed[], at: number, ms: number) => void,
): void => {
  const isFree = day % 7 > 4 && !chance.happens(0.05);
  if (isFree || chance.happens(0.05)) return;
  const busy = chance.happens(0.05) ? 2 : 1;
  const midnight = begins + day * dayMs;
  for (let hour = worker.work.from; hour < worker.work.from + worker.work.hours; hour++)
    put(worker, hourOfWork(chance, worker, busy), midnight + hour * hourMs, hourMs);
  if (chance.happens(0.02))
    put(worker, [read(somePeople(chance, worker, chance.from(1, 3)))], midnight + 21.5 * hourMs, hourMs);
};
