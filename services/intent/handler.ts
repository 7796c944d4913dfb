import { type Decide, emit, type In, type Out } from '@jangada/hop/hop.ts';
import { findAmounts } from '@jangada/nlu/amounts.ts';
import { findPeriods } from '@jangada/nlu/dates.ts';
import type { Violation } from '@jangada/nlu/guard-rules.ts';
import { findDocuments } from '@jangada/nlu/ids.ts';
import { meaningOf } from '@jangada/nlu/meaning.ts';
import { findNames } from '@jangada/nlu/names.ts';
import { mentions } from '@jangada/nlu/phrases.ts';
import { canonical, type Language, language, words } from '@jangada/nlu/text.ts';
import { meansAlone } from '@jangada/packs/examples.ts';
import { joinsOf, listingOf, pageSize } from '@jangada/packs/listing.ts';
import type { IntentPattern, Pack, Source, Tie } from '@jangada/packs/pack.ts';
import { indexedColumn } from '@jangada/packs/sealed.ts';
import { modelOf } from '@jangada/packs/understanding.ts';
import { textOf } from '@jangada/proto/errors.ts';
import type { Entity, Plan } from '@jangada/proto/plan.ts';
import * as run from '@jangada/proto/run.ts';
import { askOf, isMine, vocabulary } from './asks.ts';
import type { contract } from './contract.ts';
import { facetsOf } from './facets.ts';
import { goesOn, goneOn, isFragment, type Reading } from './follow.ts';

/** What understanding depends on beside the text. */
export interface Setting {
  readonly pack: Pack;
  readonly now: Temporal.Instant;
  readonly zone: string;
  /** The tenant's language, for questions that could be either. */
  readonly locale: Language;
  /** Set where the question is refused for what it tries to do to whoever reads it. */
  readonly attack: Violation | undefined;
}

/** Turns a question into a plan, or says that it is not one of the pack's. */
export const decide: Decide<typeof contract, Setting> = (body, setting) =>
  'about' in body ? named(body, setting) : read(body, setting);

/** A question that has a name, as an edge of before asked it, says itself what it asks for. */
const named = (
  { about, subjectId, cursor }: run.NamedQuestion,
  { pack, locale }: Setting,
): Out<typeof contract> => {
  const listed = listingOf(pack, about, { subjectId }, cursor);
  if (!listed) return emit(run.refused, { code: 'INTENT_UNCLASSIFIED', locale });
  return emit(run.understood, { locale, ...listed });
};

const read = (
  { question, earlier = [], subjectId, cursor, canAnswer }: Exclude<In<typeof contract>, run.NamedQuestion>,
  setting: Setting,
): Out<typeof contract> => {
  const { pack } = setting;
  const asked = { text: canonical(question), now: setting.now };
  const said = language(asked.text, setting.locale);
  const { attack } = setting;
  if (attack) return emit(run.refused, { code: 'AI_SECURITY_VIOLATION', locale: said, attack });
  const reading = inConversation(asked, earlier, setting);
  if (!reading) {
    const meaning = meaningOf(modelOf(pack), asked.text);
    return meaning.kind === 'unclear'
      ? askBack('INTENT_UNCLEAR', subjectsOf(pack, meaning.labels, said), said)
      : askBack('INTENT_UNCLASSIFIED', pack.wording[said].suggestions, said);
  }

  const { locale, pattern, score, source, ask, filter, entities } = reading;
  if (reading.impossible) {
    const code = 'INPUT_INVALID';
    const message = textOf(code, locale);
    return emit(run.refused, { code, locale }, { tell: { type: 'refused', code, message, field: 'period' } });
  }
  const declared = pack.sources[source] as Source;
  // Figures are of all that conditions say, and not of what is near.
  const { nearest, ...conditions } = filter;
  const isSearched = nearest !== undefined && ask === 'list';
  const plan: Plan = {
    source,
    ask,
    joins: joinsOf(declared, ask, filter),
    filter: { ...conditions, ...(isSearched ? { nearest } : {}), ...(subjectId ? { subjectId } : {}) },
    fields: ask === 'list' ? [...declared.list] : [],
    limit: isSearched && declared.knowledge ? run.citedMax : pageSize,
    ...(isSearched && declared.cites !== undefined ? { cites: declared.cites } : {}),
    ...(cursor ? { cursor } : {}),
  };
  const intent = {
    type: pattern.name,
    confidence: score,
    entities: [...entities],
    requiredPermissions: [...pattern.requiredPermissions],
    dataSources: [...pattern.dataSources],
  };
  return emit(run.understood, { question, locale, intent, plan, ...(canAnswer ? { canAnswer } : {}) });
};

/** A question that says too little by itself, or says that it goes on, is read with those before it. */
const inConversation = (asked: Asked, earlier: run.Earlier, setting: Setting): Reading | undefined => {
  const alone = readingOf(asked, setting);
  if (alone && !goesOn(asked.text)) return alone;
  let before: Reading | undefined;
  for (const { question, at } of earlier) {
    const one = { text: canonical(question), now: Temporal.Instant.fromEpochMilliseconds(at) };
    const reading = readingOf(one, setting, before);
    // What was no question left nothing to go on from.
    if (reading && !reading.impossible) before = reading;
  }
  return before ? readingOf(asked, setting, before) : alone;
};

interface Asked {
  /** Canonical. */
  readonly text: string;
  /** When it was asked: its days are told from there. */
  readonly now: Temporal.Instant;
}

/** Reads one question, after another where it leaves out what that one said. Undefined where it is none of the pack's. */
const readingOf = ({ text, now }: Asked, setting: Setting, before?: Reading): Reading | undefined => {
  const { pack } = setting;
  const locale = language(text, before?.locale ?? setting.locale);
  const own = clearly(pack, text);
  const follows = goesOn(text) || (!own && isFragment(text)) ? before : undefined;
  const pattern = own?.pattern ?? follows?.pattern;
  const name = own ? sourceOf(own.pattern, text) : follows?.source;
  const source = name === undefined ? undefined : pack.sources[name];
  if (!pattern || name === undefined || !source) return undefined;

  const filter = readFilter(text, locale, name, { ...setting, now });
  const said = { ...filter, filter: { ...filter.filter, ...(isMine(text) ? { mine: true } : {}) } };
  if (!follows) {
    // Of what a text says, "how many" and "how much" are words like others.
    const ask = source.knowledge ? pattern.defaultAsk : askOf(text, source, pattern.defaultAsk);
    return { locale, pattern, score: own?.score ?? 0, source: name, ask, ...said };
  }
  const askedAgain = source.asks.includes(follows.ask) ? follows.ask : pattern.defaultAsk;
  const ask = source.knowledge ? askedAgain : askOf(text, source, askedAgain);
  // Without a word of what the former was about, it is about something else.
  if (!own && ask === follows.ask && Object.keys(said.filter).length === 0 && !said.impossible)
    return undefined;
  return {
    ...{ locale, pattern, score: own?.score ?? follows.score, source: name, ask },
    ...goneOn(follows, { ...said, source: name }),
  };
};

/** What an intent is called by words that mean it alone. */
const namesOf = ({ cues }: IntentPattern): string[] => cues.filter(meansAlone).map(({ words: cue }) => cue);

/** What a question by itself is about. */
const clearly = (pack: Pack, text: string): Pick<Reading, 'pattern' | 'score'> | undefined => {
  const meaning = meaningOf(modelOf(pack), text);
  if (meaning.kind !== 'clear') return undefined;
  const pattern = pack.intents.find(({ name }) => name === meaning.label);
  // What goes on has the form of much that is asked: it is about something else only where it says so.
  if (!pattern || (goesOn(text) && !mentions(text, namesOf(pattern)))) return undefined;
  return { pattern, score: meaning.confidence };
};

/** Whoever asked says it again, as one of these. */
const askBack = (
  code: 'INTENT_UNCLASSIFIED' | 'INTENT_UNCLEAR',
  choices: readonly string[],
  locale: Language,
): Out<typeof contract> => {
  const message = `${textOf(code, locale)}. ${choices.map((one) => `“${one}”`).join(' · ')}`;
  return emit(run.refused, { code, locale }, { tell: { type: 'refused', code, message } });
};

/** What the rows are called that intents are about. */
const subjectsOf = ({ intents, wording }: Pack, names: readonly string[], locale: Language): string[] =>
  names.flatMap((name) => {
    const [source] = intents.find((intent) => intent.name === name)?.dataSources ?? [];
    return (source && wording[locale].nouns[source]?.[1]) ?? [];
  });

const sourceOf = (pattern: IntentPattern, text: string): string | undefined =>
  pattern.turns?.find((turn) => mentions(text, turn.words))?.source ?? pattern.dataSources[0];

const readFilter = (
  text: string,
  locale: Language,
  sourceName: string,
  { pack, now, zone }: Setting,
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
    leads: pack.leads,
    stop: stopWords(pack),
  }).filter(({ role, text: name }) => !documentWord.test(name) && tieOf(source, role));
  const identifier = documents
    .map(({ kind, value }) => (kind === 'cnpj' ? undefined : { kind, value }))
    .find((one) => one && source && indexedColumn(pack, source, one.kind));
  // What a source cannot tell apart is not heard, or the answer would say that it had been.
  const [period] = source?.at ? periods : [];
  const [amount] = source?.amount ? amounts : [];
  const subject = names.find((name) => name.role === 'subject')?.text;
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
