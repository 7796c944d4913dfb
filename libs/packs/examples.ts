import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Concept } from '@jangada/nlu/features.ts';
import { type Example, elsewhere } from '@jangada/nlu/learn.ts';
import { functionWords, type Language, words } from '@jangada/nlu/text.ts';
import type { Cue, Pack } from './pack.ts';

/**
 * What people ask, by what they mean. A pack's are in its folder, `examples/<language>.txt`: a label in brackets, then
 * a sentence a line; two labels joined by `+` for what asks for both. Those of `examples/<language>.test.txt` are never learned from,
 * nor those of `examples/<language>.blind.txt`, which were written before anybody looked at what is misunderstood, and those of
 * `examples/<language>.seen.txt`, which were once blind and by which it was chosen what to learn.
 * What wants the agenda changed stands apart, in `examples/orders.<language>.txt`.
 */

const languages: readonly Language[] = ['pt-BR', 'en'];

const linesOf = (path: string): string[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '')
    : [];

/** The sentences of a file, each with the label in brackets that stands above it; none where there is no file. */
export const labelledIn = (path: string): Example[] => {
  let label = '';
  return linesOf(path).flatMap((line) => {
    const heading = /^\[(.+)\]$/.exec(line)?.[1]?.replaceAll(' ', '');
    if (heading === undefined) return [{ text: line, label }];
    label = heading;
    return [];
  });
};

/** What a pack's sentences are for: to learn from, or to be tested by. */
export type Part = 'learn' | 'test' | 'blind' | 'seen';

/** What a pack's folder holds in one language. */
export const ownExamples = (
  pack: string,
  language: Language,
  part: Part,
  of: 'questions' | 'orders' = 'questions',
): Example[] => {
  const name = of === 'orders' ? `orders.${language}` : language;
  const file = part === 'learn' ? name : `${name}.${part}`;
  return labelledIn(join(import.meta.dirname, pack, 'examples', `${file}.txt`));
};

/** What is asked of assistants and of no pack. */
const askedElsewhere = (): Example[] =>
  languages.flatMap((language) =>
    linesOf(join(import.meta.dirname, `elsewhere.${language}.txt`)).map((text) => ({
      text,
      label: elsewhere,
    })),
  );

/** True of a cue that means its intent by itself. */
export const meansAlone = ({ weight }: Pick<Cue, 'weight'>): boolean => weight > 0.7;

/**
 * Examples out of the words that intents say, for a pack that brings none: each cue within sentences of no pack, of
 * which only the words that hold a sentence together are left, so that these speak for nothing.
 */
const examplesOfCues = (pack: Pick<Pack, 'intents'>, around: readonly Example[]): Example[] => {
  const intents = pack.intents.filter(({ order }) => order === undefined);
  const held = around.map(({ text }) =>
    words(text).filter((word) => functionWords['pt-BR'].has(word) || functionWords.en.has(word)),
  );
  const all = intents.flatMap(({ cues }) => cues.map((cue) => cue.words));
  let next = 0;
  return intents.flatMap(({ name, cues }) => {
    // A hint that several intents have tells none of them from the others.
    const said = cues
      .filter((cue) => meansAlone(cue) || all.indexOf(cue.words) === all.lastIndexOf(cue.words))
      .map(({ words: cue, weight }) => ({ cue: cue.replace('*', ''), weight }));
    const strong = said.filter(meansAlone);
    return said.flatMap(({ cue, weight }, at) => {
      const beside = strong[at % Math.max(1, strong.length)]?.cue ?? '';
      // What means its intent by itself is said more often than what only hints at it.
      const phrases = meansAlone({ weight }) ? [cue, cue, cue] : [`${beside} ${cue}`];
      return phrases.map((phrase) => {
        next += 1;
        const rest = held[next % Math.max(1, held.length)] ?? [];
        return { text: `${rest.slice(0, 2).join(' ')} ${phrase} ${rest.slice(2).join(' ')}`, label: name };
      });
    });
  });
};

/** What of a pack its questions are understood by. */
export type Understood = Pick<Pack, 'name' | 'intents' | 'concepts' | 'apart' | 'orders'>;

const askedOfOthers = ({ apart = [] }: Understood): Example[] =>
  languages
    .flatMap((language) => apart.flatMap((name) => ownExamples(name, language, 'learn')))
    .filter(({ label }) => label !== elsewhere)
    .map(({ text }) => ({ text, label: elsewhere }));

/** Everything a pack's questions are learned from, in one order. */
export const examplesOf = (pack: Understood): Example[] => {
  const around = askedElsewhere();
  const own = languages.flatMap((language) => ownExamples(pack.name, language, 'learn'));
  return [...(own.length > 0 ? own : examplesOfCues(pack, around)), ...askedOfOthers(pack), ...around];
};

/** Orders of a pack in one language, to learn from or to be tested by. */
export const ordersSaid = (
  { name, orders }: Pick<Pack, 'name' | 'orders'>,
  language: Language,
  part: 'learn' | 'test',
): Example[] => ownExamples(orders?.saidAs ?? name, language, part, 'orders');

/** What a pack's orders are learned from; all that is asked of it, or elsewhere, is none. */
export const orderExamplesOf = (pack: Understood): Example[] => [
  ...languages.flatMap((language) => ordersSaid(pack, language, 'learn')),
  ...examplesOf(pack).map(({ text }) => ({ text, label: elsewhere })),
];

/** Changes with any of what is learned from. */
export const hashOf = (examples: readonly Example[], concepts: readonly Concept[] = []): string =>
  createHash('sha256')
    .update(JSON.stringify([examples, concepts]))
    .digest('hex');
