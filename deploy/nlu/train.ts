import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { calibrate } from '@jangada/nlu/calibrate.ts';
import { type Example, learn } from '@jangada/nlu/learn.ts';
import { encode, type Model, quantised } from '@jangada/nlu/model.ts';
import { examplesOf, hashOf, orderExamplesOf, ownExamples } from '@jangada/packs/examples.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { packs } from '@jangada/packs/registry.ts';
import {
  learning,
  learningOrders,
  modelFile,
  modelOfCues,
  orderLeeway,
  orderModelFile,
} from '@jangada/packs/understanding.ts';
import { root } from '../topology.ts';
import { type Compared, cardOf } from './card.ts';
import { learnedOutside } from './outside.ts';

/** `npm run train`: learns what each pack's questions mean from its examples, and writes it beside them. */

/** The same for the same examples, whenever and wherever it is learned. */
const modelFrom = (pack: Pack, further: readonly Example[] = []): Model => {
  const own = examplesOf(pack);
  const { concepts = [] } = pack;
  const examples = [...own, ...further];
  return quantised(
    learn(examples, learning, concepts),
    calibrate(examples, learning, concepts),
    hashOf(own, concepts),
  );
};

/** Tells what wants the agenda changed from what is asked. */
const orderModelFrom = (pack: Pack): Model => {
  const examples = orderExamplesOf(pack);
  const { slope, floor } = calibrate(examples, learningOrders);
  const scale = { slope, floor: floor - orderLeeway };
  return quantised(learn(examples, learningOrders), scale, hashOf(examples));
};

const outside = learnedOutside();
const compared: Compared[] = [];
for (const pack of packs) {
  const from = performance.now();
  const brings = ownExamples(pack.name, 'pt-BR', 'learn').length > 0;
  const model = brings ? modelFrom(pack) : modelOfCues(pack);
  const file = encode(model);
  writeFileSync(modelFile(pack.name), file);
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  console.log(`${pack.name}: ${(file.length / 1024).toFixed(0)} KiB, in ${seconds} s`);
  if (pack.orders) writeFileSync(orderModelFile(pack.name), encode(orderModelFrom(pack)));
  if (brings && outside)
    compared.push({ pack: pack.name, model, widened: modelFrom(pack, outside), outside });
}
if (outside) writeFileSync(join(root, 'docs', 'model-card.md'), cardOf(compared));
else
  console.error(
    styleText('yellow', 'The public sets are not on this machine: the model card is left as it was'),
  );
