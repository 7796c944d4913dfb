import { mentions } from '@jangada/nlu/phrases.ts';
import { canonical, language } from '@jangada/nlu/text.ts';
import { meansAlone } from '@jangada/packs/examples.ts';
import type { IntentPattern, Pack } from '@jangada/packs/pack.ts';
import { hasShare } from '@jangada/packs/rules.ts';
import { mayComplete, meaningIn } from '@jangada/packs/understanding.ts';
import type { Order } from '@jangada/proto/plan.ts';
import type { Earlier } from '@jangada/proto/run.ts';
import { askOf, isAsking, isMine } from './asks.ts';
import { readFilter, type Setting } from './filter.ts';
import { goesOn, goneOn, isFragment, type Reading, type Said } from './follow.ts';
import { withSidesApart } from './order-times.ts';
import { completed, leaning, leans, orderIn } from './orders.ts';

/** What a question asks for, read by itself or as it goes on from those before it. */

/** A question that says too little by itself, or says that it goes on, is read with those before it. */
export const inConversation = (asked: Asked, earlier: Earlier, setting: Setting): Reading | undefined => {
  const alone = readingOf(asked, setting);
  const isWhole = alone && !goesOn(asked.text) && !leans(alone) && !mayComplete(setting.pack, asked.text);
  if (isWhole) return alone;
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
  if (before?.order && mayComplete(pack, text) && !isAsking(text)) {
    const said = wantedOf(text, before.pattern, locale, { ...setting, now });
    const whole = said && completed(said, { ...before, order: before.order });
    if (whole) return { ...before, locale, ...whole };
  }
  const own = clearly(pack, text);
  const wanted = own && wantedOf(text, own.pattern, locale, { ...setting, now });
  if (wanted) {
    const whole = before && leans(wanted) ? leaning(wanted, before, setting.zone) : wanted;
    return { locale, ...own, ask: own.pattern.defaultAsk, ...whole };
  }
  const follows = goesOn(text) || (!own && isFragment(text)) ? before : undefined;
  const pattern = own?.pattern ?? follows?.pattern;
  const name = own ? sourceOf(own.pattern, text) : follows?.source;
  const source = name === undefined ? undefined : pack.sources[name];
  if (!pattern || name === undefined || !source) return undefined;

  const filter = readFilter(text, locale, name, { ...setting, now });
  const said = { ...filter, filter: { ...filter.filter, ...(isMine(text) ? { mine: true } : {}) } };
  if (!follows) {
    // Of what a text says, "how many" and "how much" are words like others.
    const ask = source.knowledge
      ? pattern.defaultAsk
      : askOf(text, source, pattern.defaultAsk, said.filter.state);
    return { locale, pattern, score: own?.score ?? 0, source: name, ask, ...said };
  }
  const state = said.filter.state ?? (name === follows.source ? follows.filter.state : undefined);
  const isThere = source.asks.includes(follows.ask) && (follows.ask !== 'share' || hasShare(source, state));
  const askedAgain = isThere ? follows.ask : pattern.defaultAsk;
  const ask = source.knowledge ? askedAgain : askOf(text, source, askedAgain, state);
  // Without a word of what the former was about, it is about something else.
  if (!own && ask === follows.ask && Object.keys(said.filter).length === 0 && !said.impossible)
    return undefined;
  return {
    ...{ locale, pattern, score: own?.score ?? follows.score, source: name, ask },
    ...goneOn(follows, { ...said, source: name }),
  };
};

/** What a text says of an order; undefined of an intent that is none. */
const wantedOf = (
  asked: string,
  { order: type }: IntentPattern,
  locale: Reading['locale'],
  setting: Setting,
): (Said & { readonly order: Order }) | undefined => {
  const { pack } = setting;
  const { orders } = pack;
  if (!type || !orders) return undefined;
  const text = type === 'RescheduleAppointment' ? withSidesApart(asked) : asked;
  const leads = [...orders.leads, ...pack.leads];
  const filter = readFilter(text, locale, orders.bookings, setting, leads);
  // When it is, the order says; in which state what it is about has to be follows from it.
  const { period: _period, state: _state, ...whom } = filter.filter;
  const said = { ...filter, filter: { ...whom, ...(isMine(text) ? { mine: true } : {}) } };
  return { source: orders.bookings, ...said, order: orderIn(text, locale, type, setting) };
};

/** What an intent is called by words that mean it alone. */
const namesOf = ({ cues }: IntentPattern): string[] => cues.filter(meansAlone).map(({ words: cue }) => cue);

/** What a question by itself is about. */
const clearly = (pack: Pack, text: string): Pick<Reading, 'pattern' | 'score'> | undefined => {
  const meaning = meaningIn(pack, text);
  if (meaning.kind !== 'clear') return undefined;
  const pattern = pack.intents.find(({ name }) => name === meaning.label);
  // What goes on has the form of much that is asked: it is about something else only where it says so.
  if (!pattern || (goesOn(text) && !mentions(text, namesOf(pattern)))) return undefined;
  return { pattern, score: meaning.confidence };
};

const sourceOf = (pattern: IntentPattern, text: string): string | undefined =>
  pattern.turns?.find((turn) => mentions(text, turn.words))?.source ?? pattern.dataSources[0];
