import { describe, expect, test } from 'vitest';
import { calibrate } from './calibrate.ts';
import { featuresOf, reserved } from './features.ts';
import { type Example, elsewhere, type Learning, learn } from './learn.ts';
import { meaningOf, threshold } from './meaning.ts';
import { decode, encode, quantised, rank } from './model.ts';

const learning: Learning = { bits: 12, rounds: 10, cost: 1, ownCost: 1 };
const scale = { slope: 7, floor: -0.1 };

const said = (label: string, texts: string): Example[] => texts.split(', ').map((text) => ({ text, label }));
const examples: readonly Example[] = [
  ...said('boat', 'when does the boat leave, the boat of noon, boats today, is the boat full, a boat to Rio'),
  ...said('fish', 'which fish is fresh, the price of fish, fishes today, is the fish sold, a fish for Rio'),
  ...said('boat+fish', 'the boat and its fish, boats and fishes today, fish and boat'),
  ...said(elsewhere, 'what is the weather, hello there, play a song, is it late, a letter to Rio'),
];
const model = quantised(learn(examples, learning), scale, 'these');

describe('the features of a text', () => {
  test('take no notice of capitals, accents and which digits there are', () => {
    expect(featuresOf('Às 14:30, João', 16)).toEqual(featuresOf('as 25 47 joao', 16));
  });

  test('are words, pairs, words apart and letters, each once, and none is what every text has', () => {
    const found = featuresOf('ab ab', 16);
    // ` a ab ab_ b_ ...` of one word: 2 to 4 letters of four, framed, are six; the word and its pair are two more.
    expect(found.size).toBe(8);
    expect([...found.values()].filter((emphasis) => emphasis > 1)).toHaveLength(2);
    expect(found.has(reserved)).toBe(false);
  });
});

describe('what a text speaks of', () => {
  const concepts = [
    ['boat', 'boats', 'raft*'],
    ['fish*', 'catch'],
  ];

  test('is one more of its words, and so is of how much it speaks', () => {
    const [none, one, both] = ['a letter', 'two rafts', 'rafts and the catch'].map(
      (text) => featuresOf(text, 16, { concepts }).size - featuresOf(text, 16).size,
    );
    expect([none, one, both]).toEqual([1, 2, 3]);
  });

  test('is understood in words that were never read, and after it was written and read', () => {
    const knowing = quantised(learn(examples, learning, concepts), scale, 'these');
    const question = 'rafts?';
    expect(meaningOf(model, question).kind).toBe('none');
    expect(rank(decode(encode(knowing)), question)[0]?.confidence).toBeGreaterThan(
      2 * (rank(model, question)[0]?.confidence ?? 1),
    );
  });
});

describe('what was learned', () => {
  test('is the same however often it is learned', () => {
    const again = encode(quantised(learn(examples, learning), scale, 'these'));
    expect(again.equals(encode(model))).toBe(true);
  });

  test('is the same once it has been written and read', () => {
    const read = decode(encode(model));
    expect(rank(read, 'the boat of tomorrow')).toEqual(rank(model, 'the boat of tomorrow'));
    expect(read.learnedFrom).toBe('these');
    expect(() => decode(encode({ ...model, bits: 13 }))).toThrow('a model of another size');
  });

  test('understands what it never read, through slips of the keyboard', () => {
    expect(meaningOf(model, 'which boats leave at 12?')).toMatchObject({ kind: 'clear', label: 'boat' });
    expect(meaningOf(model, 'which fissh is fresh')).toMatchObject({ kind: 'clear', label: 'fish' });
  });

  test('takes what has nothing of it, and what was learned as none of it, for none', () => {
    expect(meaningOf(model, 'xyz qwe')).toEqual({ kind: 'none' });
    expect(meaningOf(model, '')).toEqual({ kind: 'none' });
    expect(meaningOf(model, 'play a song')).toEqual({ kind: 'none' });
  });

  test('asks back where two things are meant', () => {
    expect(meaningOf(model, 'boat and fish')).toEqual({
      kind: 'unclear',
      labels: expect.arrayContaining(['boat', 'fish']),
    });
  });
});

describe('the threshold', () => {
  /** One bucket's worth of a score, chosen so that the confidence is what it is. */
  const sureOf = (confidence: number) => ({
    labels: ['it'],
    bits: 8,
    concepts: [],
    slope: 1,
    floor: 0,
    rarity: new Uint8Array(256),
    weights: Int8Array.from({ length: 256 }, (_, at) => (at === reserved ? 1 : 0)),
    steps: [Math.log(confidence / (1 - confidence))],
    learnedFrom: '',
  });

  test('refuses what is exactly as sure, and lets pass what is surer', () => {
    expect(rank(sureOf(0.7), 'x')[0]?.confidence).toBe(threshold);
    expect(meaningOf(sureOf(0.7), 'x')).toEqual({ kind: 'none' });
    expect(meaningOf(sureOf(0.701), 'x')).toMatchObject({ kind: 'clear', label: 'it' });
  });
});

test('the scale is found that tells right from wrong on what was not seen', () => {
  const { slope, floor } = calibrate(examples, learning);
  expect(slope).toBeGreaterThan(1);
  expect(floor).toBeGreaterThan(-1);
  expect(floor).toBeLessThan(0.6);
});
