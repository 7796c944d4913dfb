import { describe, expect, test } from 'vitest';
import { type Alert, decide } from './decide.ts';
import { type Entry, type Fact, factOf } from './facts.ts';
import { nothingYet, type State } from './state.ts';

const zone = 'America/Sao_Paulo';
/** Three in the afternoon of a Monday in São Paulo. */
const monday = Date.parse('2026-03-02T18:00:00Z');
const [minute, hour] = [60_000, 3_600_000];

let sequence = 0;
type Own<K extends Fact['kind']> = Partial<Omit<Extract<Fact, { kind: K }>, 'kind' | 'at'>>;
const about = (at: number) => ({ sequence: ++sequence, at, zone, session: 's1' });
const read = (at: number, people: readonly string[], own: Own<'read'> = {}): Fact => ({
  ...about(at),
  kind: 'read',
  people,
  ...own,
});
const refused = (at: number, code: string, own: Own<'refused'> = {}): Fact => ({
  ...about(at),
  ...{ kind: 'refused', code, isAttack: false },
  ...own,
});
const emergency = (at: number): Fact => ({ ...about(at), kind: 'emergency' });
const some = <T>(count: number, of: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => of(at));

const after = (facts: readonly Fact[], from: State = nothingYet): { state: State; alerts: Alert[] } => {
  const alerts: Alert[] = [];
  const state = facts.reduce((before, fact) => {
    const [next, found] = decide(before, fact);
    alerts.push(...found);
    return next;
  }, from);
  return { state, alerts };
};
const raisedBy = (facts: readonly Fact[], from?: State): string[] =>
  after(facts, from).alerts.map(({ rule }) => rule);

/** Two weeks in which somebody read about four people in each of six hours of each working day. */
const usual = (): State => {
  const days = [0, 1, 2, 3, 4, 7, 8, 9, 10, 11].map((day) => monday - 14 * 24 * hour + day * 24 * hour);
  const { state, alerts } = after(
    days.flatMap((day) =>
      some(6, (at) => some(4, (who) => read(day - 3 * hour + at * hour, [`p${who}`]))).flat(),
    ),
  );
  expect(alerts).toEqual([]);
  return state;
};

describe('refusals', () => {
  const denied = (at: number) => refused(at, 'AUTHZ_NO_RELATION');

  test('for want of a relationship: three within ten minutes, and once an hour', () => {
    expect(raisedBy([denied(monday), denied(monday + minute)])).toEqual([]);
    expect(raisedBy(some(4, (at) => denied(monday + at * minute)))).toEqual(['relation_denials']);
    expect(raisedBy(some(4, (at) => denied(monday + at * 6 * minute)))).toEqual([]);
  });

  test('one after the other: more than five, with nothing read between', () => {
    const no = (at: number) => refused(monday + at * minute, 'AUTHZ_DENIED');
    expect(raisedBy(some(6, no))).toEqual(['refusals_in_a_row']);
    expect(raisedBy([...some(5, no), read(monday + 6 * minute, []), ...some(5, no)])).toEqual([]);
    expect(raisedBy(some(9, () => refused(monday, 'INTENT_UNCLEAR')))).toEqual([]);
  });

  test('of another tenant’s: the first one is critical', () => {
    const { alerts } = after([refused(monday, 'TENANT_ISOLATION_VIOLATION')]);
    expect(alerts).toMatchObject([{ rule: 'tenant_mismatch', severity: 'critical', session: 's1' }]);
  });

  test('as an attack: the second of a session', () => {
    const attack = (session: string) => refused(monday, 'AI_SECURITY_VIOLATION', { isAttack: true, session });
    expect(raisedBy([attack('s1'), attack('s2')])).toEqual([]);
    expect(raisedBy([attack('s1'), attack('s2'), attack('s1'), attack('s1')])).toEqual(['attacks']);
  });
});

describe('emergencies', () => {
  test('each is to be looked at, and the third within three days today', () => {
    const each = [0, 24, 48].map((at) => emergency(monday + at * hour));
    expect(raisedBy(each)).toEqual(['emergency', 'emergency', 'emergency', 'emergencies']);
    expect(raisedBy([0, 48, 96].map((at) => emergency(monday + at * hour)))).not.toContain('emergencies');
  });
});

describe('reading', () => {
  test('about more than twenty people in an hour, where nothing else is known', () => {
    const crowd = (count: number) => [
      read(
        monday,
        some(count, (at) => `p${at}`),
      ),
    ];
    expect(raisedBy(crowd(20))).toEqual([]);
    expect(after(crowd(21)).alerts).toMatchObject([{ rule: 'people_per_hour', value: 21, limit: 20 }]);
  });

  test('about many people is usual for whom it is usual, and three times as many is not', () => {
    const most = (at: number, count: number) =>
      read(
        monday + at * hour,
        some(count, (who) => `p${at}-${who}`),
      );
    const { state } = after(some(30, (at) => most(at, 15)));
    expect(raisedBy([most(31, 45)], state)).toEqual([]);
    expect(raisedBy([most(31, 46)], state)).toEqual(['people_per_hour']);
  });

  test('far more often than usual', () => {
    expect(
      raisedBy(
        some(20, () => read(monday, ['p1'])),
        usual(),
      ),
    ).toEqual([]);
    expect(
      raisedBy(
        some(21, () => read(monday, ['p1'])),
        usual(),
      ),
    ).toEqual(['volume']);
  });

  test('about several people when one never works', () => {
    const crowd = some(9, (at) => `p${at}`);
    expect(raisedBy([read(monday, crowd)], usual())).toEqual([]);
    expect(raisedBy([read(monday + 11 * hour, crowd)], usual())).toEqual(['off_hours']);
    expect(raisedBy([read(monday + 11 * hour, crowd.slice(1))], usual())).toEqual([]);
  });

  test('what was raised is not what is usual, for a week', () => {
    const crowd = (day: number) =>
      read(
        monday + day * 24 * hour,
        some(21, (at) => `p${at}`),
      );
    const { state } = after([crowd(0)], usual());
    expect(raisedBy([crowd(1)], state)).toEqual(['people_per_hour']);
    expect(raisedBy([crowd(8)], state)).toEqual([]);
  });

  test('of ids one after the other, up or down, whatever is looked at between', () => {
    const ids = (order: readonly number[]) =>
      order.flatMap((id, at) => [
        read(monday + at * minute, [`p${id}`], { named: `p${id}`, next: `p${id + 1}` }),
        read(monday + at * minute, [`p${id}`]),
      ]);
    expect(raisedBy(ids([1, 2, 3, 4, 5]))).toEqual([]);
    expect(raisedBy(ids([1, 2, 3, 4, 5, 6, 7]))).toEqual(['sequential_ids']);
    expect(raisedBy(ids([9, 8, 7, 6, 5, 4]))).toEqual(['sequential_ids']);
    expect(raisedBy(ids([1, 3, 5, 7, 9, 11, 13]))).toEqual([]);
  });
});

test('a fact that is heard again changes nothing, and one that comes late still counts', () => {
  const denials = some(3, (at) => refused(monday + at * minute, 'AUTHZ_NO_RELATION'));
  const [first, second, third] = denials as [Fact, Fact, Fact];
  const { state } = after([first, second]);
  expect(decide(state, second)).toEqual([state, []]);
  expect(raisedBy([first, second, first, second])).toEqual([]);
  expect(raisedBy([first, third, second])).toEqual(['relation_denials']);
});

test('what is known of a person stays small', () => {
  const busy = some(900, (at) =>
    read(
      monday + at * hour,
      some(50, (who) => `p${who}`),
    ),
  );
  const { state } = after([
    ...busy,
    ...some(300, () => refused(monday, 'AI_SECURITY_VIOLATION', { isAttack: true, session: `${sequence}` })),
  ]);
  expect(JSON.stringify(state).length).toBeLessThan(64_000);
});

describe('a fact of the trail', () => {
  const entry = (own: Partial<Entry>): Fact | undefined =>
    factOf(
      {
        fact: 'run.fetched',
        sequence: 1,
        at: new Date(monday),
        role: 'client',
        session: 's1',
        code: null,
        details: {},
        ...own,
      },
      zone,
    );
  const people = { seen: ['p1'], named: 'p1', next: 'p2' };

  test.each<[string, Partial<Entry>, object | undefined]>([
    ['rows', { details: { people } }, { kind: 'read', people: ['p1'], named: 'p1', next: 'p2', at: monday }],
    ['a figure', { details: { rows: 1 } }, { kind: 'read', people: [] }],
    ['rows by their name', { fact: 'run.answered', details: { people } }, { kind: 'read', people: ['p1'] }],
    ['an answer', { fact: 'run.answered' }, undefined],
    [
      'a refusal',
      { fact: 'run.refused', code: 'AUTHZ_DENIED' },
      { kind: 'refused', code: 'AUTHZ_DENIED', isAttack: false },
    ],
    [
      'an attack',
      { fact: 'run.refused', code: 'AI_SECURITY_VIOLATION', details: { attack: 'injection' } },
      { isAttack: true },
    ],
    ['an emergency', { fact: 'access.changed', details: { action: 'break_glass' } }, { kind: 'emergency' }],
    [
      'an answered interrupt',
      { fact: 'run.understood', details: { answers: 'run-0' } },
      { kind: 'emergency' },
    ],
    ['a question', { fact: 'run.understood' }, undefined],
    ['a consent', { fact: 'access.changed', details: { action: 'give_consent' } }, undefined],
    ['a visitor’s', { role: 'public', details: { people } }, undefined],
  ])('%s', (_what, own, fact) => {
    if (fact) expect(entry(own)).toMatchObject(fact);
    else expect(entry(own)).toBeUndefined();
  });
});
