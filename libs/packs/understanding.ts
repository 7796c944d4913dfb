import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Learning, learn } from '@jangada/nlu/learn.ts';
import { meaningOf } from '@jangada/nlu/meaning.ts';
import { decode, type Model, quantised } from '@jangada/nlu/model.ts';
import { canonical } from '@jangada/nlu/text.ts';
import { examplesOf, hashOf, type Understood } from './examples.ts';

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

/** True of a text that may be one of the pack's questions, whichever. */
export const isAbout = (pack: Understood, text: string): boolean =>
  meaningOf(modelOf(pack), canonical(text)).kind !== 'none';

/** As a pack is understood that has no file. */
export const modelOfCues = (pack: Understood): Model => {
  const examples = examplesOf(pack);
  return quantised(learn(examples, ofCues.learning), ofCues.scale, hashOf(examples));
};
