import { writeFileSync } from 'node:fs';
import { calibrate } from '@jangada/nlu/calibrate.ts';
import { learn } from '@jangada/nlu/learn.ts';
import { encode, type Model, quantised } from '@jangada/nlu/model.ts';
import { examplesOf, hashOf, ownExamples } from '@jangada/packs/examples.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { packs } from '@jangada/packs/registry.ts';
import { learning, modelFile, modelOfCues } from '@jangada/packs/understanding.ts';

/** `npm run train`: learns what each pack's questions mean from its examples, and writes it beside them. */

/** The same for the same examples, whenever and wherever it is learned. */
const modelFrom = (pack: Pack): Model => {
  if (ownExamples(pack.name, 'pt-BR', 'learn').length === 0) return modelOfCues(pack);
  const examples = examplesOf(pack);
  return quantised(learn(examples, learning), calibrate(examples, learning), hashOf(examples));
};

for (const pack of packs) {
  const from = performance.now();
  const file = encode(modelFrom(pack));
  const path = modelFile(pack.name);
  writeFileSync(path, file);
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  console.log(`${pack.name}: ${(file.length / 1024).toFixed(0)} KiB, in ${seconds} s`);
}
