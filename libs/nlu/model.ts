import { deflateSync, inflateSync } from 'node:zlib';
import { z } from 'zod';
import type { Concept } from './features.ts';
import { type Linear, scoresOf, vectorOf } from './learn.ts';

/** How scores become confidence: a share of e^(slope × score), beside one of e^(slope × floor) for nothing known. */
export interface Scale {
  readonly slope: number;
  readonly floor: number;
}

/** What understands questions: whole numbers, so that it is small and the same on every machine. */
export interface Model extends Scale {
  readonly labels: readonly string[];
  readonly bits: number;
  /** What texts speak of beside their words. */
  readonly concepts: readonly Concept[];
  /** By bucket, in steps of `rarityStep`. */
  readonly rarity: Uint8Array;
  /** By bucket, then label, in steps of the label's `steps`. */
  readonly weights: Int8Array;
  readonly steps: readonly number[];
  /** SHA-256 of the examples that it learned from. */
  readonly learnedFrom: string;
}

const rarityStep = 1 / 16;

export interface Meant {
  readonly label: string;
  /** 0 to 1: how often, of questions with such scores, this is what was meant. */
  readonly confidence: number;
  /** The same if nothing else could be meant. */
  readonly alone: number;
}

export const quantised = (
  { labels, bits, concepts, rarity, weights }: Linear,
  scale: Scale,
  learnedFrom: string,
): Model => {
  const steps = labels.map((_, label) => {
    let most = 0;
    for (let at = label; at < weights.length; at += labels.length)
      most = Math.max(most, Math.abs(weights[at] ?? 0));
    return most / 127 || 1;
  });
  return {
    labels,
    bits,
    concepts,
    ...scale,
    steps,
    learnedFrom,
    rarity: Uint8Array.from(rarity, (value) => Math.round(value / rarityStep)),
    weights: Int8Array.from(weights, (value, at) => Math.round(value / (steps[at % labels.length] ?? 1))),
  };
};

/** The raw score of each of the model's labels, in their order. */
export const rawScores = (
  model: Pick<Model, 'labels' | 'bits' | 'concepts' | 'rarity' | 'weights' | 'steps'>,
  text: string,
) => {
  const { labels, weights, steps } = model;
  const vector = vectorOf(text, model);
  return scoresOf(vector, weights, labels.length).map((score, label) => score * (steps[label] ?? 0));
};

/** What each label's share is; what is missing to 1 is that of nothing known. */
export const sharesOf = (scores: ArrayLike<number>, { slope, floor }: Scale): number[] => {
  const raised = Array.from(scores, (score) => Math.exp(slope * (score - floor)));
  const all = raised.reduce((sum, one) => sum + one, 1);
  return raised.map((one) => one / all);
};

/** What a text may mean, the likeliest first. */
export const rank = (model: Model, text: string): Meant[] => {
  const scores = rawScores(model, text);
  const shares = sharesOf(scores, model);
  return model.labels
    .map((label, at) => {
      const [alone = 0] = sharesOf([scores[at] ?? 0], model);
      return { label, confidence: shares[at] ?? 0, alone };
    })
    .sort((one, other) => other.confidence - one.confidence);
};

const head = z.strictObject({
  format: z.literal(2),
  labels: z.array(z.string()).min(1),
  bits: z.int().min(8).max(20),
  concepts: z.array(z.array(z.string())),
  slope: z.number(),
  floor: z.number(),
  steps: z.array(z.number()),
  learnedFrom: z.string(),
});

/** A line of JSON, then the numbers, deflated. */
export const encode = ({ rarity, weights, ...rest }: Model): Buffer =>
  Buffer.concat([
    Buffer.from(`${JSON.stringify({ format: 2, ...rest })}\n`),
    deflateSync(Buffer.concat([rarity, new Uint8Array(weights.buffer)])),
  ]);

/** @throws where it is no model */
export const decode = (file: Buffer): Model => {
  const line = file.indexOf('\n');
  const { format: _, ...rest } = head.parse(JSON.parse(file.toString('utf8', 0, line)));
  const numbers = inflateSync(file.subarray(line + 1));
  const buckets = 2 ** rest.bits;
  if (numbers.length !== buckets * (1 + rest.labels.length)) throw new Error('a model of another size');
  return {
    ...rest,
    rarity: numbers.subarray(0, buckets),
    weights: new Int8Array(numbers.buffer, numbers.byteOffset + buckets, buckets * rest.labels.length),
  };
};
