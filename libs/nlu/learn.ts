import { type Concept, featuresOf, reserved } from './features.ts';

/** The label of what no intent is meant by: learned from, and no label of a machine. */
export const elsewhere = 'elsewhere';

/** A text and what it asks for. */
export interface Example {
  readonly text: string;
  /** Several, joined by `both`, where the text asks for more than one thing at once. */
  readonly label: string;
}

export const both = '+';

export interface Learning {
  /** Features share 2^bits buckets. */
  readonly bits: number;
  /** How often each example is looked at. */
  readonly rounds: number;
  /** What a wrong example costs against large weights. */
  readonly cost: number;
  /** How many times as much it costs not to know a label's own example; more than 1 where others are many more. */
  readonly ownCost: number;
}

/** One linear score per label, over buckets that count the more the rarer they are. */
export interface Linear {
  readonly labels: readonly string[];
  readonly bits: number;
  /** What texts speak of beside their words. */
  readonly concepts: readonly Concept[];
  /** By bucket. */
  readonly rarity: Float32Array;
  /** By bucket, then label. */
  readonly weights: Float32Array;
}

export interface Vector {
  readonly buckets: readonly number[];
  readonly values: readonly number[];
}

/** Features weighed by their rarity, of length 1; and 1 for what every text has. */
export const vectorOf = (
  text: string,
  {
    bits,
    concepts,
    rarity,
  }: Pick<Linear, 'bits' | 'concepts'> & { readonly rarity: Float32Array | Uint8Array },
): Vector => {
  const buckets = [reserved];
  const values = [1];
  let square = 0;
  for (const [bucket, emphasis] of featuresOf(text, bits, { concepts })) {
    const value = emphasis * (rarity[bucket] ?? 0);
    square += value * value;
    buckets.push(bucket);
    values.push(value);
  }
  const length = Math.sqrt(square) || 1;
  for (let at = 1; at < values.length; at += 1) values[at] = (values[at] ?? 0) / length;
  return { buckets, values };
};

/** The score of each label. */
export const scoresOf = (
  { buckets, values }: Vector,
  weights: Float32Array | Int8Array,
  count: number,
  into = new Float64Array(count),
): Float64Array => {
  into.fill(0);
  for (let at = 0; at < buckets.length; at += 1) {
    const base = (buckets[at] ?? 0) * count;
    const value = values[at] ?? 0;
    for (let label = 0; label < count; label += 1)
      into[label] = (into[label] ?? 0) + value * (weights[base + label] ?? 0);
  }
  return into;
};

/** The same numbers in the same order every time (xorshift32), so that learning is bit for bit repeatable. */
export const numbers = (seed: number): ((below: number) => number) => {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
};

const shuffle = (order: Uint32Array, below: (count: number) => number): void => {
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = below(at + 1);
    const kept = order[at] ?? 0;
    order[at] = order[other] ?? 0;
    order[other] = kept;
  }
};

/** What a text can be taken to mean. */
export const labelsOf = (examples: readonly Example[]): string[] =>
  [...new Set(examples.flatMap(({ label }) => label.split(both)))]
    .filter((label) => label !== elsewhere)
    .sort();

const raritiesOf = (
  examples: readonly Example[],
  { bits, concepts }: Pick<Linear, 'bits' | 'concepts'>,
): Float32Array => {
  const seen = new Uint32Array(2 ** bits);
  for (const { text } of examples)
    for (const bucket of featuresOf(text, bits, { concepts }).keys()) seen[bucket] = (seen[bucket] ?? 0) + 1;
  return Float32Array.from(seen, (count) => Math.log((1 + examples.length) / (1 + count)) + 1);
};

/**
 * A support vector machine per label against all others, squared hinge loss, by dual coordinate descent (Hsieh et al.,
 * "A Dual Coordinate Descent Method for Large-scale Linear SVM", 2008). All machines see an example together, because
 * their weights of a bucket lie side by side.
 */
export const learn = (
  examples: readonly Example[],
  { bits, rounds, cost, ownCost }: Learning,
  concepts: readonly Concept[] = [],
): Linear => {
  const labels = labelsOf(examples);
  const rarity = raritiesOf(examples, { bits, concepts });
  const vectors = examples.map(({ text }) => vectorOf(text, { bits, concepts, rarity }));
  const wanted = examples.map(({ label }) => new Set(label.split(both).map((one) => labels.indexOf(one))));
  const count = labels.length;
  const weights = new Float32Array(2 ** bits * count);
  const duals = new Float32Array(examples.length * count);
  const [foreign, own] = [1 / (2 * cost), 1 / (2 * cost * ownCost)];
  /** Of a vector with itself: its length, and what every text has. */
  const square = 2;
  const order = Uint32Array.from(examples.keys());
  const below = numbers(1);
  const scores = new Float64Array(count);
  for (let round = 0; round < rounds; round += 1) {
    shuffle(order, below);
    for (const example of order) {
      const vector = vectors[example];
      if (!vector) continue;
      scoresOf(vector, weights, count, scores);
      for (let label = 0; label < count; label += 1) {
        const isOwn = wanted[example]?.has(label) === true;
        const sign = isOwn ? 1 : -1;
        const slack = isOwn ? own : foreign;
        const place = example * count + label;
        const dual = duals[place] ?? 0;
        const gradient = sign * (scores[label] ?? 0) - 1 + dual * slack;
        if (dual === 0 && gradient >= 0) continue;
        const next = Math.max(0, dual - gradient / (square + slack));
        duals[place] = next;
        const step = sign * (next - dual);
        for (let at = 0; at < vector.buckets.length; at += 1) {
          const weight = (vector.buckets[at] ?? 0) * count + label;
          weights[weight] = (weights[weight] ?? 0) + step * (vector.values[at] ?? 0);
        }
      }
    }
  }
  return { labels, bits, concepts, rarity, weights };
};
