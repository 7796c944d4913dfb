import { elsewhere } from '@jangada/nlu/learn.ts';
import { meaningOf } from '@jangada/nlu/meaning.ts';
import { describe, expect, test } from 'vitest';
import { examplesOf, hashOf, ownExamples } from './examples.ts';
import { packOf, packs } from './registry.ts';
import { modelOf, modelOfCues } from './understanding.ts';

const clinic = packOf('aesthetic-clinic');
const home = packOf('care-home');

/** Of sentences that nothing was learned from, the part whose meaning is found. */
const rightOf = (model: ReturnType<typeof modelOf>, language: 'en' | 'pt-BR', pack = clinic): number => {
  const asked = ownExamples(pack.name, language, 'test').filter(({ label }) =>
    pack.intents.some(({ name }) => name === label),
  );
  expect(asked.length).toBeGreaterThan(150);
  const right = asked.filter(({ text, label }) => {
    const meaning = meaningOf(model, text);
    return meaning.kind === 'clear' && meaning.label === label;
  });
  return right.length / asked.length;
};

describe('every pack', () => {
  test.each(packs.map((pack) => [pack.name, pack] as const))(
    'the model of %s was learned from the examples that stand there: npm run train',
    (_name, pack) => {
      expect(modelOf(pack).learnedFrom).toBe(hashOf(examplesOf(pack)));
    },
  );

  test.each(packs.map((pack) => [pack.name, pack] as const))(
    '%s has no example that it is tested by, and none for an intent that it has not',
    (_name, { name, intents }) => {
      const known = new Set([elsewhere, ...intents.map((intent) => intent.name)]);
      for (const language of ['en', 'pt-BR'] as const) {
        const learned = new Set(ownExamples(name, language, 'learn').map(({ text }) => text.toLowerCase()));
        const tested = ownExamples(name, language, 'test');
        expect(tested.filter(({ text }) => learned.has(text.toLowerCase()))).toEqual([]);
        const labels = [...ownExamples(name, language, 'learn'), ...tested].map(({ label }) => label);
        expect(labels.flatMap((label) => label.split('+')).filter((label) => !known.has(label))).toEqual([]);
      }
    },
  );
});

test.each([
  ['pt-BR', clinic],
  ['en', clinic],
  ['pt-BR', home],
  ['en', home],
] as const)('a hundred examples of each intent are brought in %s', (language, { name, intents }) => {
  const learned = ownExamples(name, language, 'learn');
  for (const intent of intents)
    expect(learned.filter(({ label }) => label === intent.name).length).toBeGreaterThanOrEqual(100);
});

describe('the care home', () => {
  test.each(['pt-BR', 'en'] as const)('is understood in %s, in another style than it learned', (language) => {
    expect(rightOf(modelOf(home), language, home)).toBeGreaterThanOrEqual(0.95);
  });

  test.each(['e amanhã?', 'e a Zulmira?', 'and tomorrow?', 'and on friday?', 'tell me about yourself'])(
    'means nothing by itself: %s',
    (question) => {
      expect(meaningOf(modelOf(home), question).kind).toBe('none');
    },
  );
});

describe('the aesthetic clinic', () => {
  test.each(['pt-BR', 'en'] as const)('is understood in %s, in another style than it learned', (language) => {
    expect(rightOf(modelOf(clinic), language)).toBeGreaterThanOrEqual(0.95);
  });

  test('would be understood by the words of its intents alone, though less often', () => {
    const model = modelOfCues({ ...clinic, name: 'no-such-folder' });
    expect(rightOf(model, 'pt-BR')).toBeGreaterThan(0.6);
    expect(meaningOf(model, 'quantas consultas tenho amanhã?')).toMatchObject({ label: 'appointment_query' });
    expect(meaningOf(model, 'xyz qwe')).toEqual({ kind: 'none' });
  });
});
