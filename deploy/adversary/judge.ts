import { until } from '@jangada/testkit/until.ts';
import type { AttackCase } from './case.ts';
import { audited, closeAliases, standsFor } from './codes.ts';
import type { Observed } from './driver.ts';
import type { Effects } from './effects.ts';

/** Compares what was observed with every field of `expected` that is known; the others are listed, not passed. */
export interface Judgement {
  /** What is not as expected; empty for a pass. */
  readonly wrong: readonly string[];
  /** Fields that were not looked at. */
  readonly informative: readonly string[];
}

/** Outcomes that follow from what every driver reports. Others are for the driver to say. */
const outcomes: Readonly<Record<string, (seen: Observed) => boolean>> = {
  reject: ({ refused }) => refused === true,
  rate_limited: ({ refused, code }) => refused === true && /LIMIT|QUOTA|OVERLOADED/.test(code ?? ''),
  zero_rows: ({ rows }) => rows === 0,
  error: ({ sqlstate }) => sqlstate !== undefined,
  zero_rows_or_error: ({ rows, sqlstate }) => rows === 0 || sqlstate !== undefined,
  term_and_dlq: ({ letter, refused }) => letter !== undefined && refused === true,
  clamped_or_rejected: ({ refused, holds }) => refused === true || holds?.includes('clamped') === true,
  close: ({ close }) => close !== undefined,
  zero_hits: ({ figures }) => figures?.['hits'] === 0,
};

/** Fields that say something about the case and not about what happens. */
const remarks = new Set(['note', 'severity', 'outcome', 'window_s', 'by']);

export const judge = async (one: AttackCase, seen: Observed, effects: Effects): Promise<Judgement> => {
  const { expected, area } = one;
  const wrong: string[] = [];
  const informative: string[] = [];
  const expect = (holds: boolean, what: string): void => {
    if (!holds) wrong.push(what);
  };

  const holds = seen.holds?.includes(expected.outcome) || outcomes[expected.outcome]?.(seen) === true;
  if (holds || expected.outcome in outcomes || seen.holds)
    expect(holds, `outcome is not ${expected.outcome}`);
  else wrong.push(`the driver knows no outcome ${expected.outcome}`);

  for (const [field, value] of Object.entries(expected)) {
    if (remarks.has(field) || value === undefined) continue;
    if (field === 'code') {
      const told = seen.code?.split('/') ?? [undefined];
      const all = told.every((code) => standsFor(code, String(value), area));
      expect(seen.silent === true || all, `code is ${seen.code}, not ${value}`);
    } else if (field === 'close')
      expect(
        seen.close === value || (closeAliases[Number(value)] ?? []).some(({ ours }) => ours === seen.close),
        `close is ${seen.close}, not ${value}`,
      );
    else if (field === 'sqlstate')
      expect(seen.sqlstate === value, `sqlstate is ${seen.sqlstate}, not ${value}`);
    else if (field === 'rows' && seen.rows !== undefined)
      expect(seen.rows === value, `${seen.rows} rows, not ${value}`);
    else if (field === 'max_ms')
      expect((seen.ms ?? 0) <= Number(value), `${Math.round(seen.ms ?? 0)} ms, not within ${value}`);
    else if (field === 'headers')
      for (const header of value as string[])
        expect(
          seen.headers?.some((name) => name.toLowerCase() === header.toLowerCase()) === true,
          `no header ${header}`,
        );
    else if (field === 'audit')
      expect(await isRecorded(String(value), seen, effects), `no record of ${value}`);
    else if (field === 'must_not') {
      for (const rule of value as string[]) {
        const broken = await breaks(one, rule, seen, effects);
        if (broken === undefined) informative.push(`must_not ${rule}`);
        else expect(!broken, `it did ${rule}`);
      }
    } else if (seen.figures && field in seen.figures) {
      const figure = seen.figures[field];
      expect(agrees(field, figure, value), `${field} is ${figure}, not ${JSON.stringify(value)}`);
    } else informative.push(field);
  }
  return { wrong, informative };
};

/** A limit is met from its side; anything else is met exactly. */
const agrees = (field: string, figure: number | boolean | string | undefined, value: unknown): boolean => {
  if (typeof figure === 'number' && typeof value === 'number') {
    if (/(?:^|_)max(?:_|$)/.test(field)) return figure <= value;
    if (/(?:^|_)min(?:_|$)/.test(field)) return figure >= value;
  }
  return figure === (typeof value === 'object' ? JSON.stringify(value) : value);
};

const isRecorded = async (name: string, seen: Observed, effects: Effects): Promise<boolean> => {
  const by = audited[name]?.by;
  if (by === 'letter') return seen.letter !== undefined;
  if (by === 'broker') return /Violation/.test(effects.logged());
  const found = async (): Promise<boolean> =>
    by === 'altered'
      ? (await effects.noticedBy('data-access')) > 0
      : by === 'metric'
        ? (await effects.noticedBy('edge')) > 0
        : (await effects.entries()).some(
            ({ fact, code }) => fact === name || (code !== null && code === seen.code),
          );
  return until(`a record of ${name}`, found, 3_000).catch(() => false);
};

const downstream = async (effects: Effects): Promise<boolean> => {
  // A refusal is itself a fact, so that audit hears of it; it goes to nobody else.
  const facts = (await effects.stored('FACTS')).filter(
    ({ subject }) => !/^run\.(refused|failed)\./.test(subject),
  );
  return facts.length > 0 || (await effects.admitted()) > 0;
};

/** Whether something happened that must not; undefined where nobody looked. */
const breaks = async (
  { area, how }: AttackCase,
  rule: string,
  seen: Observed,
  effects: Effects,
): Promise<boolean | undefined> => {
  const [what = '', word = ''] = rule.split(':');
  const needle = seen.secrets?.[word] ?? word;
  const holdsNeedle = (text: string): boolean => text.toLowerCase().includes(needle.toLowerCase());
  switch (what) {
    case 'pg.query':
      // Ids are the tenants' own and carry no tag: permission asks, under the asker's own tenant, whether one is theirs.
      if (area === 'tenant' && how.entry === 'nats.req') return (await effects.reads()) > 0;
      return (await effects.queries()) > 0;
    case 'sql.references':
      return (await effects.queriesOn(word)) > 0;
    case 'nats.publish':
      return word === 'reply' ? (await effects.stored('REPLY')).length > 0 : downstream(effects);
    case 'log.contains':
      return holdsNeedle(effects.logged());
    case 'span.contains':
      return holdsNeedle(effects.spans());
    case 'response.contains':
      return seen.told?.some(holdsNeedle) === true;
    case 'dlq.contains':
      return (await effects.stored('DEAD')).some((message) =>
        holdsNeedle([message.string(), ...[...(message.header ?? [])].flat(2)].join('\n')),
      );
    default:
      return rule in (seen.figures ?? {})
        ? seen.figures?.[rule] !== 0 && seen.figures?.[rule] !== false
        : undefined;
  }
};
