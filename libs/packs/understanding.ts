import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Learning, learn } from '@jangada/nlu/learn.ts';
import { type Meaning, meaningOf } from '@jangada/nlu/meaning.ts';
import { decode, type Model, quantised } from '@jangada/nlu/model.ts';
import { mentions } from '@jangada/nlu/phrases.ts';
import { canonical, words } from '@jangada/nlu/text.ts';
import { examplesOf, hashOf, meansAlone, type Understood } from './examples.ts';
import type { Pack } from './pack.ts';

/** What a model file is learned with. */
export const learning: Learning = { bits: 16, rounds: 10, cost: 3, ownCost: 2 };

/** Where `npm run train` writes what it learned of a pack. */
export const modelFile = (pack: string): string => join(import.meta.dirname, pack, 'model.bin');

/** Of few words, which are too few to find a scale by. */
const ofCues = { learning: { bits: 14, rounds: 5, cost: 1, ownCost: 1 }, scale: { slope: 7, floor: -0.75 } };

const models = new Map<string, Model>();

/** What understands a pack's questions: its file, or else what is learned on the spot from what its intents say. */
export const modelOf = (pack: Understood): Model => {
  const known = models.get(pack.name);
  if (known) return known;
  const file = modelFile(pack.name);
  const model = existsSync(file) ? decode(readFileSync(file)) : modelOfCues(pack);
  models.set(pack.name, model);
  return model;
};

/** What orders are learned with. */
export const learningOrders: Learning = { bits: 16, rounds: 10, cost: 1, ownCost: 3 };
/** How much less sure an order need be than its examples say: who gave it is shown what it was taken for before it is done. */
export const orderLeeway = 0.2;

export const orderModelFile = (pack: string): string => join(import.meta.dirname, pack, 'orders.bin');

const orderModels = new Map<string, Model>();

/** What tells the orders of a pack that has some from all else. */
export const orderModelOf = ({ name }: Pick<Pack, 'name'>): Model => {
  const model = orderModels.get(name) ?? decode(readFileSync(orderModelFile(name)));
  orderModels.set(name, model);
  return model;
};

/** What a text wants changed; `none` of a question, and of what only completes what was said before. */
export const orderIn = (pack: Pack, text: string): Meaning => {
  if (!pack.orders || mayComplete(pack, text)) return { kind: 'none' };
  return meaningOf(orderModelOf(pack), text);
};

/** Words that what answers a question back has at most. */
const answerWords = 6;
const names = new WeakMap<Pack, readonly string[]>();

/** True of a few words that name nothing to ask for or to do: they may say what an order before them lacks. */
export const mayComplete = (pack: Pack, text: string): boolean => {
  if (!pack.orders || words(text).length > answerWords) return false;
  let named = names.get(pack);
  if (!named) {
    named = pack.intents.flatMap(({ cues }) => cues.filter(meansAlone).map((cue) => cue.words));
    names.set(pack, named);
  }
  return !mentions(text, named);
};

/** What a pack takes a text for: an order, or else a question. */
export const meaningIn = (pack: Pack, text: string): Meaning => {
  const order = orderIn(pack, text);
  return order.kind === 'none' ? meaningOf(modelOf(pack), text) : order;
};

/** True of a text that may be one of the pack's questions, whichever. */
export const isAbout = (pack: Pack, text: string): boolean =>
  meaningIn(pack, canonical(text)).kind !== 'none';

/** As a pack is understood that has no file. */
export const modelOfCues = (pack: Understood): Model => {
  const examples = examplesOf(pack);
  return quantised(learn(examples, ofCues.learning), ofCues.scale, hashOf(examples));
};
