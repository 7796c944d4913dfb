import { settings } from '@jangada/config/settings.ts';
import { chunksOf } from '@jangada/knowledge/chunks.ts';
import { nearLocally } from '@jangada/knowledge/embedding.ts';
import { embedLocally } from '@jangada/knowledge/local.ts';
import { type By, nearOf, type Passage, type Question, ranked } from '@jangada/knowledge/ranking.ts';
import { quantised } from '@jangada/knowledge/vectors.ts';
import { meaningOf } from '@jangada/nlu/meaning.ts';
import type { Language } from '@jangada/nlu/text.ts';
import { articlesIn, questionsIn } from '@jangada/packs/articles.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { modelOf } from '@jangada/packs/understanding.ts';
import { type Share, shareOf } from './measure.ts';

/** How well the texts of packs are found by what is asked, by questions that say it in other words. */

const languages: readonly Language[] = ['pt-BR', 'en'];
const first = 5;
/** As many numbers as a vector has where nobody sets it. */
const dimensions = settings.EMBEDDING_DIMENSIONS.value.parse(undefined);
/** A quarter of them, to see what fewer cost. */
const fewer = dimensions / 4;

export interface Retrieval {
  readonly pack: string;
  readonly by: By;
  /** As what vectors are stored, and in how many bytes each; absent where only words count. */
  readonly stored?: { readonly as: 'float' | 'int8'; readonly bytes: number };
  /** Of the questions with an answer, those of which an article that answers is among the first five. */
  readonly recall: Share;
  /** Mean of 1 / the place of the first article that answers. */
  readonly reciprocal: number;
}

/** What comes of the limit from where on a text is near. */
export interface Nearness {
  readonly pack: string;
  /** Of the questions with an answer, those that are understood as what is searched for. */
  readonly reached: Share;
  /** Of the same, those that are told an answer once they are. */
  readonly right: Share;
  /** Of the others, those that are told that there is none. */
  readonly nothing: Share;
}

interface Bench {
  readonly concepts: NonNullable<Pack['concepts']>;
  readonly passages: readonly Passage[];
  readonly questions: readonly { readonly question: Question; readonly wanted: readonly string[] }[];
}

const benchesOf = (pack: Pack, length: number): readonly Bench[] => {
  const embed = (text: string) => embedLocally(text, { dimensions: length, concepts: pack.concepts ?? [] });
  return languages.map((language) => ({
    concepts: pack.concepts ?? [],
    passages: articlesIn(pack.name)
      .filter((one) => one.language === language)
      .map(({ id, title, body }) => ({
        id,
        text: `${title}\n${body}`,
        vectors: chunksOf(title, body).map(embed),
      })),
    questions: questionsIn(pack.name, language).map(({ text, wanted }) => ({
      wanted,
      question: { text, vector: embed(text) },
    })),
  }));
};

const asBytes = (benches: readonly Bench[]): readonly Bench[] =>
  benches.map(({ passages, ...rest }) => ({
    ...rest,
    passages: passages.map((one) => ({
      ...one,
      vectors: one.vectors.map((vector) => (vector instanceof Int8Array ? vector : quantised(vector))),
    })),
  }));

const measured = (benches: readonly Bench[], by: By): Pick<Retrieval, 'recall' | 'reciprocal'> => {
  const places = benches.flatMap(({ passages, questions, concepts }) =>
    questions
      .filter(({ wanted }) => wanted.length > 0)
      .map(
        ({ question, wanted }) =>
          1 + ranked(question, passages, { concepts, by }).findIndex(({ id }) => wanted.includes(id)),
      ),
  );
  const reciprocal = places.reduce((sum, place) => sum + (place > 0 ? 1 / place : 0), 0) / places.length;
  const recall = shareOf(places.filter((place) => place > 0 && place <= first).length, places.length);
  return { recall, reciprocal };
};

/** Every way to rank the texts of a pack, and to store what they are ranked by. None where it has no questions. */
export const retrievalOf = (pack: Pack): readonly Retrieval[] => {
  if (questionsIn(pack.name, 'en').length === 0) return [];
  const floats = benchesOf(pack, dimensions);
  const bytes = asBytes(floats);
  const short = asBytes(benchesOf(pack, fewer));
  return [
    { pack: pack.name, by: 'text', ...measured(floats, 'text') },
    ...(['vector', 'hybrid'] as const).flatMap((by) => [
      {
        ...{ pack: pack.name, by, stored: { as: 'float' as const, bytes: 4 * dimensions } },
        ...measured(floats, by),
      },
      {
        ...{ pack: pack.name, by, stored: { as: 'int8' as const, bytes: dimensions } },
        ...measured(bytes, by),
      },
      {
        ...{ pack: pack.name, by, stored: { as: 'int8' as const, bytes: fewer } },
        ...measured(short, by),
      },
    ]),
  ];
};

/** As it is shipped. */
export const nearnessOf = (pack: Pack): Nearness => {
  const all = asBytes(benchesOf(pack, dimensions)).flatMap(({ passages, questions, concepts }) =>
    questions.map(({ question, wanted }) => ({
      wanted,
      text: question.text,
      found: nearOf(ranked(question, passages, { concepts }), nearLocally, first),
    })),
  );
  const searching = pack.intents
    .filter(({ dataSources: [main = ''] }) => {
      const source = pack.sources[main];
      return source?.knowledge !== undefined || source?.cites !== undefined;
    })
    .map(({ name }) => name);
  const isReached = (text: string): boolean => {
    const meaning = meaningOf(modelOf(pack), text);
    return meaning.kind === 'clear' && searching.includes(meaning.label);
  };
  const answered = all.filter(({ wanted }) => wanted.length > 0);
  const unanswered = all.filter(({ wanted }) => wanted.length === 0);
  const right = answered.filter(({ wanted, found }) => found.some(({ id }) => wanted.includes(id)));
  return {
    pack: pack.name,
    reached: shareOf(answered.filter(({ text }) => isReached(text)).length, answered.length),
    right: shareOf(right.length, answered.length),
    nothing: shareOf(unanswered.filter(({ found }) => found.length === 0).length, unanswered.length),
  };
};

const percent = (part: number): string => (100 * part).toFixed(1);
const cell = ({ share, from, to }: Share): string => `${percent(share)} (${percent(from)} to ${percent(to)})`;

export const retrievalHead = ['texts of', 'ranked by', 'stored as', 'bytes', 'recall@5, %', 'MRR'];

export const retrievalCells = ({ pack, by, stored, recall, reciprocal }: Retrieval): string[] => [
  ...[pack, by, stored?.as ?? '', stored ? String(stored.bytes) : '', cell(recall), reciprocal.toFixed(3)],
];

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const rule = (cells: readonly string[]): string => line(cells.map(() => '---'));

const nearHead = [
  'texts of',
  'understood as a question for them, %',
  'then answered with an article that answers, %',
  'told nothing where nothing answers, %',
];

/** The page of all packs that have questions. */
export const retrievalMd = (packs: readonly Pack[]): string => {
  const asked = packs.filter(({ name }) => questionsIn(name, 'en').length > 0);
  const rows = asked.flatMap(retrievalOf).map(retrievalCells);
  const near = asked
    .map(nearnessOf)
    .map(({ pack, reached, right, nothing }) => [pack, ...[reached, right, nothing].map(cell)]);
  return `# How well texts are found

Generated by \`npm run generate\`, also after \`npm run train\`, and shown by \`npm run eval -- --only retrieval\`. [Knowledge](../../docs/knowledge.md) says how
texts are found. Questions are those of each pack's \`knowledge/questions.*.txt\`, Portuguese and English together, each against the
articles of its language; with 95 % Wilson intervals.

${line(retrievalHead)}
${rule(retrievalHead)}
${rows.map(line).join('\n')}

A text is near from a cosine of ${nearLocally.similarity} on, or where ${percent(nearLocally.coverage)} % of what the question's words say stands in it:

${line(nearHead)}
${rule(nearHead)}
${near.map(line).join('\n')}
`;
};
