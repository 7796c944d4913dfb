import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/**
 * By what signs the guard knows an attack: data, so that they can be added to and changed while everything runs. Two
 * languages, one form for both: what is done to whom within a few words. `guard-rules.json` holds our own.
 */

export const violations = [
  /** Sets aside the instructions of the one who reads. */
  'instruction_override',
  /** Asks for what only the system knows: prompts, keys, tools. */
  'disclosure',
  /** Makes the reader somebody who may do more. */
  'role_change',
  /** Asks for everything, past the filters. */
  'scope_escape',
  /** Is code for another machine: SQL, chat markup, script. */
  'code',
  /** Is about nothing that is asked here. */
  'out_of_domain',
] as const;
export type Violation = (typeof violations)[number];

const name = z.string().regex(/^[a-zA-Z][a-zA-Z0-9-]{0,39}$/);

const rule = z.strictObject({
  id: name,
  violation: z.enum(violations).exclude(['out_of_domain']),
  /** Looked for among the folded words, each after one space, or in the folded text with its punctuation. */
  within: z.enum(['words', 'text']).default('words'),
  /** 0 to 1: how surely it is an attack. At 0 it is not looked for. */
  weight: z.number().min(0).max(1),
  /** A regular expression in which `{name}` stands for a part and `{..n}` for at most so many words. */
  pattern: z.string().min(3).max(2_000),
});

const rulesFile = z.strictObject({
  /** Words by a name, parted by spaces; an underscore stands for a space within one. */
  parts: z.record(name, z.array(z.string().max(4_000)).max(100)).default({}),
  rules: z.array(rule).max(500).default([]),
});
type RulesFile = z.output<typeof rulesFile>;

export interface Sign extends Pick<z.output<typeof rule>, 'violation' | 'within' | 'weight'> {
  readonly pattern: RegExp;
}

export interface Rules {
  readonly signs: readonly Sign[];
  /** What ends so tells what somebody else asked for, and commands nothing. */
  readonly reported: RegExp;
}

/** Rules that cannot be used. Names the rule or the place, and quotes nothing else. */
export class RulesError extends Error {
  override readonly name = 'RulesError';
}

const alternatives = (lines: readonly string[]): string =>
  `(?:${lines.join(' ').trim().split(/\s+/).join('|').replaceAll('_', ' ')})`;

/** A bound keeps the search linear. */
const gapMax = 20;

const compiled = ({ parts, rules }: RulesFile): Rules => {
  const partNamed = (id: string, part: string): string => {
    const lines = parts[part];
    if (!lines) throw new RulesError(`${id}: there is no part {${part}}`);
    return alternatives(lines);
  };
  const expanded = (id: string, pattern: string): string => {
    const source = pattern.replace(/\{([a-zA-Z][a-zA-Z0-9-]*)\}/g, (_, part: string) => partNamed(id, part));
    if (repeatsRepeated(source)) throw new RulesError(`${id}: repeats without a bound what repeats itself`);
    return source.replace(/\{\.\.(\d+)\}/g, (_, most: string) => {
      if (Number(most) > gapMax) throw new RulesError(`${id}: a gap of more than ${gapMax} words`);
      return `(?: \\S+){0,${most}}?`;
    });
  };
  const regexOf = (id: string, source: string): RegExp => {
    let pattern: RegExp;
    try {
      pattern = new RegExp(source);
    } catch {
      throw new RulesError(`${id}: no regular expression`);
    }
    if (pattern.test('')) throw new RulesError(`${id}: finds itself in nothing`);
    return pattern;
  };
  return {
    signs: rules
      .filter(({ weight }) => weight > 0)
      .map(({ id, violation, within, weight, pattern }) => ({
        ...{ violation, within, weight },
        pattern: regexOf(id, `(?<![a-z])(?:${expanded(id, pattern)})`),
      })),
    reported: regexOf('reports', `\\b${partNamed('reports', 'reports')}(?: \\S+){0,3} ?$`),
  };
};

const endless = /^(?:[*+]|\{\d+,\})/;

/** True of `(a+)+` and the like, on which a search takes a time that grows with every letter. */
const repeatsRepeated = (source: string): boolean => {
  /** For each open group, whether something in it repeats without a bound. */
  const open = [false];
  for (let at = 0; at < source.length; at++) {
    const sign = source[at];
    if (sign === '\\') at++;
    else if (sign === '[')
      while (at < source.length && source[++at] !== ']') at += source[at] === '\\' ? 1 : 0;
    else if (sign === '(') open.push(false);
    else if (sign === ')') {
      const inner = open.pop() ?? false;
      const repeats = endless.test(source.slice(at + 1));
      if (inner && repeats) return true;
      if (inner || repeats) open[open.length - 1] = true;
    } else if (endless.test(source.slice(at))) open[open.length - 1] = true;
  }
  return false;
};

const parsed = (text: string): RulesFile => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new RulesError('no JSON');
  }
  const { data, error } = rulesFile.safeParse(json);
  if (data) return data;
  const [issue] = error.issues;
  throw new RulesError(`${issue?.path.join('.') || 'the file'}: ${issue?.code}`);
};

const own = parsed(readFileSync(join(import.meta.dirname, 'guard-rules.json'), 'utf8'));

export const ownRules: Rules = compiled(own);

/**
 * Our own rules with those of a file over them: a rule of the same id takes the place of ours, parts of the same name are
 * added to ours. An empty text adds nothing.
 * @throws RulesError naming the rule that is wrong, and why
 */
export const rulesWith = (text: string): Rules => {
  if (text.trim() === '') return ownRules;
  const given = parsed(text);
  const ids = new Set(given.rules.map(({ id }) => id));
  if (ids.size < given.rules.length) throw new RulesError('rules: an id that stands there twice');
  const parts = { ...own.parts };
  for (const [part, lines] of Object.entries(given.parts)) parts[part] = [...(parts[part] ?? []), ...lines];
  return compiled({ parts, rules: [...own.rules.filter(({ id }) => !ids.has(id)), ...given.rules] });
};
