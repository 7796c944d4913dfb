import { findAmounts } from '@jangada/nlu/amounts.ts';
import { findPeriods } from '@jangada/nlu/dates.ts';
import { findDocuments } from '@jangada/nlu/ids.ts';
import { findNames } from '@jangada/nlu/names.ts';
import { mentions } from '@jangada/nlu/phrases.ts';
import { type Language, words } from '@jangada/nlu/text.ts';
import type { Pack, Source, Tie } from '@jangada/packs/pack.ts';
import { indexedColumn } from '@jangada/packs/sealed.ts';
import type { Entity, Plan } from '@jangada/proto/plan.ts';
import { vocabulary } from './asks.ts';
import { facetsOf } from './facets.ts';

/** Which rows a question means: whose, of when, in which state, of how much. */

/** Where and when a question is asked. */
export interface Setting {
  readonly pack: Pack;
  readonly now: Temporal.Instant;
  readonly zone: string;
  /** The tenant's language, for questions that could be either. */
  readonly locale: Language;
}

export const readFilter = (
  text: string,
  locale: Language,
  sourceName: string,
  { pack, now, zone }: Setting,
  leads: Pack['leads'] = pack.leads,
): { filter: Plan['filter']; entities: Entity[]; impossible: boolean } => {
  const source = pack.sources[sourceName];
  const documents = findDocuments(text);
  const apart = (found: Span): boolean =>
    !documents.some((one) => one.start < found.end && found.start < one.end);
  const times = findPeriods(text, { now, timeZone: zone, language: locale });
  const periods = times.periods.filter(apart);
  const amounts = findAmounts(text, locale).filter(apart);
  const names = findNames(text, {
    language: locale,
    spent: [...periods, ...amounts, ...documents],
    leads,
    stop: stopWords(pack),
  }).filter(({ role, text: name }) => !documentWord.test(name) && tieOf(source, role));
  const identifier = documents
    .map(({ kind, value }) => (kind === 'cnpj' ? undefined : { kind, value }))
    .find((one) => one && source && indexedColumn(pack, source, one.kind));
  // What a source cannot tell apart is not heard, or the answer would say that it had been.
  const [period] = source?.at ? periods : [];
  const [amount] = source?.amount ? amounts : [];
  // Of several, one that is written as a name: "schedule a follow-up for Ana".
  const subjects = names.filter((name) => name.role === 'subject').map((name) => name.text);
  const subject = subjects.find((name) => /^\p{Lu}/u.test(name)) ?? subjects[0];
  const provider = names.find((name) => name.role === 'provider')?.text;
  const state = pack.states.find((one) => one.source === sourceName && mentions(text, one.words))?.state;
  const facets = source && facetsOf(text, source);
  const span = period && { from: period.from.toString(), to: period.to.toString() };
  return {
    filter: {
      ...(subject ? { subject } : {}),
      ...(identifier ? { identifier } : {}),
      ...(provider ? { provider } : {}),
      ...(span ? { period: span } : {}),
      ...(state ? { state } : {}),
      ...(source?.language ? { language: locale } : {}),
      ...(source?.knowledge || source?.cites !== undefined ? { nearest: { text, language: locale } } : {}),
      ...(facets ? { facets } : {}),
      ...(amount ? { amount: bounds(amount) } : {}),
    },
    entities: [
      ...names.map((name) => ({
        type: name.role === 'provider' ? ('provider' as const) : ('subject' as const),
        value: name.text,
      })),
      ...(span ? [{ type: 'period' as const, value: `${span.from}/${span.to}` }] : []),
      ...(state ? [{ type: 'state' as const, value: state }] : []),
      ...Object.values(facets ?? {})
        .flat()
        .map((value) => ({ type: 'facet' as const, value })),
      ...(amount ? [{ type: 'amount' as const, value: String(amount.value) }] : []),
    ],
    // Without the time that was meant, the answer would be about another: of today, or of all times.
    impossible: times.impossible.some(apart),
  };
};

const tieOf = (source: Source | undefined, role: string): Tie | undefined =>
  role === 'provider' ? source?.provider : source?.subject;

/** Says what follows, and is nobody's name however it is written. */
const documentWord = /^(cpf|cnpj|e-?mail)$/i;

/** Where something stands in the text. */
interface Span {
  readonly start: number;
  readonly end: number;
}

const bounds = ({
  comparison,
  value,
}: ReturnType<typeof findAmounts>[number]): { min?: number; max?: number } => {
  if (comparison === 'over') return { min: value + 1 };
  if (comparison === 'under') return { max: value - 1 };
  return { min: value, max: value };
};

const stopWordsByPack = new WeakMap<Pack, ReadonlySet<string>>();

/** Words of the domain, which are nobody's name. */
const stopWords = (pack: Pack): ReadonlySet<string> => {
  let stop = stopWordsByPack.get(pack);
  if (!stop) {
    const phrases = [
      ...pack.intents.flatMap((intent) => intent.cues.map((cue) => cue.words)),
      ...pack.states.flatMap((state) => state.words),
      ...Object.values(pack.sources).flatMap(({ facets = {} }) =>
        Object.values(facets).flatMap(({ values }) => Object.values(values).flat()),
      ),
      ...Object.values(pack.wording).flatMap((wording) => Object.values(wording.nouns).flat()),
    ];
    stop = new Set([...vocabulary, ...phrases.flatMap((phrase) => words(phrase))]);
    stopWordsByPack.set(pack, stop);
  }
  return stop;
};
