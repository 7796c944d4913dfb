import { type Decide, emit, type In, type Out } from '@jangada/hop/hop.ts';
import type { Violation } from '@jangada/nlu/guard-rules.ts';
import { canonical, type Language, language } from '@jangada/nlu/text.ts';
import { joinsOf, listingOf, pageSize } from '@jangada/packs/listing.ts';
import type { Pack, Source } from '@jangada/packs/pack.ts';
import { meaningIn } from '@jangada/packs/understanding.ts';
import { textOf } from '@jangada/proto/errors.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import * as run from '@jangada/proto/run.ts';
import type { contract } from './contract.ts';
import type { Setting } from './filter.ts';
import { orderPlan } from './order-plan.ts';
import { inConversation } from './reading.ts';

/** What understanding depends on beside the text. */
export interface Facts extends Setting {
  /** Set where the question is refused for what it tries to do to whoever reads it. */
  readonly attack: Violation | undefined;
}

/** Turns a question into a plan, or says that it is not one of the pack's. */
export const decide: Decide<typeof contract, Facts> = (body, setting) =>
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
  setting: Facts,
): Out<typeof contract> => {
  const { pack } = setting;
  const asked = { text: canonical(question), now: setting.now };
  const said = language(asked.text, setting.locale);
  const { attack } = setting;
  if (attack) return emit(run.refused, { code: 'AI_SECURITY_VIOLATION', locale: said, attack });
  const reading = inConversation(asked, earlier, setting);
  if (!reading) {
    const meaning = meaningIn(pack, asked.text);
    return meaning.kind === 'unclear'
      ? askBack('INTENT_UNCLEAR', subjectsOf(pack, meaning.labels, said), said)
      : askBack('INTENT_UNCLASSIFIED', pack.wording[said].suggestions, said);
  }

  const { locale, pattern, score, source, ask, filter, entities, order } = reading;
  if (reading.impossible) {
    const code = 'INPUT_INVALID';
    const message = textOf(code, locale);
    return emit(run.refused, { code, locale }, { tell: { type: 'refused', code, message, field: 'period' } });
  }
  const declared = pack.sources[source] as Source;
  // Figures are of all that conditions say, and not of what is near.
  const { nearest, ...conditions } = filter;
  const isSearched = nearest !== undefined && ask === 'list';
  const plan: Plan = order
    ? orderPlan(pack, order, { ...filter, ...(subjectId ? { subjectId } : {}) }, setting)
    : {
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
