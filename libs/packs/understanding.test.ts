import { elsewhere } from '@jangada/nlu/learn.ts';
import { meaningOf } from '@jangada/nlu/meaning.ts';
import { describe, expect, test } from 'vitest';
import { examplesOf, hashOf, orderExamplesOf, ordersSaid, ownExamples } from './examples.ts';
import type { Pack } from './pack.ts';
import { packOf, packs } from './registry.ts';
import { meaningIn, modelOf, modelOfCues, orderIn, orderModelOf } from './understanding.ts';

const clinic = packOf('aesthetic-clinic');
const home = packOf('care-home');
const pricing = packOf('cloud-pricing');
const practice = packOf('clinic-scheduling');

/** Of sentences that nothing was learned from, the part whose meaning is found. */
const rightOf = (model: ReturnType<typeof modelOf>, pack: Pack, language: 'en' | 'pt-BR'): number => {
  const asked = ownExamples(pack.name, language, 'test').filter(({ label }) =>
    pack.intents.some(({ name }) => name === label),
  );
  const questions = pack.intents.filter(({ order }) => order === undefined);
  expect(asked.length).toBeGreaterThanOrEqual(40 * questions.length);
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
      expect(modelOf(pack).learnedFrom).toBe(hashOf(examplesOf(pack), pack.concepts));
      if (pack.orders) expect(orderModelOf(pack).learnedFrom).toBe(hashOf(orderExamplesOf(pack)));
    },
  );

  test.each(packs.map((pack) => [pack.name, pack] as const))(
    '%s has no example that it is tested by, and none for an intent that it has not',
    (_name, { name, intents }) => {
      const known = new Set([elsewhere, ...intents.map((intent) => intent.name)]);
      for (const language of ['en', 'pt-BR'] as const) {
        const learned = new Set(ownExamples(name, language, 'learn').map(({ text }) => text.toLowerCase()));
        const tested = (['test', 'blind', 'seen'] as const).flatMap((part) =>
          ownExamples(name, language, part),
        );
        expect(tested.filter(({ text }) => learned.has(text.toLowerCase()))).toEqual([]);
        const labels = [...ownExamples(name, language, 'learn'), ...tested].map(({ label }) => label);
        expect(labels.flatMap((label) => label.split('+')).filter((label) => !known.has(label))).toEqual([]);
      }
    },
  );

  test('is tried by two thousand sentences in all that nothing is learned from', () => {
    const apart = packs.flatMap(({ name }) =>
      (['pt-BR', 'en'] as const).flatMap((language) => [
        ...ownExamples(name, language, 'test'),
        ...ownExamples(name, language, 'test', 'orders'),
        ...ownExamples(name, language, 'blind'),
        ...ownExamples(name, language, 'seen'),
      ]),
    );
    expect(new Set(apart.map(({ text }) => text.toLowerCase())).size).toBeGreaterThanOrEqual(2_000);
  });
});

test.each(packs.flatMap(({ name, apart = [] }) => apart.map((other) => [name, other] as const)))(
  '%s learns what it is not asked from %s',
  (name, other) => {
    const learned = new Set(
      examplesOf(packOf(name)).flatMap(({ text, label }) => (label === elsewhere ? [text] : [])),
    );
    const asked = ownExamples(other, 'en', 'learn').filter(({ text }) => learned.has(text));
    expect(asked.length).toBeGreaterThan(200);
  },
);

describe.each([
  [clinic.name, clinic],
  [pricing.name, pricing],
  [home.name, home],
  [practice.name, practice],
] as const)('%s', (_name, pack) => {
  test.each(['pt-BR', 'en'] as const)('brings a hundred examples of each intent in %s', (language) => {
    const learned = ownExamples(pack.name, language, 'learn');
    for (const { name } of pack.intents.filter(({ order }) => order === undefined))
      expect(learned.filter(({ label }) => label === name).length).toBeGreaterThanOrEqual(100);
  });

  test.each(['pt-BR', 'en'] as const)('is understood in %s, in another style than it learned', (language) => {
    expect(rightOf(modelOf(pack), pack, language)).toBeGreaterThanOrEqual(0.95);
  });
});

describe.each(
  [clinic, practice].flatMap((pack) =>
    (['pt-BR', 'en'] as const).map((language) => [pack.name, language, pack] as const),
  ),
)('orders of the %s in %s', (_name, language, clinic) => {
  const orders = clinic.intents.filter(({ order }) => order);
  const tested = ordersSaid(clinic, language, 'test');

  test('are learned from a hundred examples each, none of which they are tested by', () => {
    const learned = ordersSaid(clinic, language, 'learn');
    for (const { name } of orders) {
      expect(learned.filter(({ label }) => label === name).length).toBeGreaterThanOrEqual(100);
      expect(tested.filter(({ label }) => label === name).length).toBeGreaterThanOrEqual(25);
    }
    const known = new Set(learned.map(({ text }) => text.toLowerCase()));
    expect(tested.filter(({ text }) => known.has(text.toLowerCase()))).toEqual([]);
  });

  test('are told apart in another style than they were learned, and from questions', () => {
    const right = tested.filter(({ text, label }) => {
      const meaning = orderIn(clinic, text);
      return meaning.kind === 'clear' && meaning.label === label;
    });
    expect(right.length / tested.length).toBeGreaterThanOrEqual(0.95);
    const asked = ownExamples(clinic.name, language, 'test');
    const taken = asked.filter(({ text }) => orderIn(clinic, text).kind !== 'none');
    expect(taken.length / asked.length).toBeLessThan(0.01);
  });

  test('leave the questions as they were', () => {
    const asked = ownExamples(clinic.name, language, 'test').filter(({ label }) =>
      clinic.intents.some(({ name }) => name === label),
    );
    const right = asked.filter(({ text, label }) => {
      const meaning = meaningIn(clinic, text);
      return meaning.kind === 'clear' && meaning.label === label;
    });
    expect(right.length / asked.length).toBeGreaterThanOrEqual(0.95);
  });
});

test.each(['e amanhã?', 'e a Zulmira?', 'and tomorrow?', 'and on friday?', 'tell me about yourself'])(
  'a care home is asked nothing by this alone: %s',
  (question) => {
    expect(meaningOf(modelOf(home), question).kind).toBe('none');
  },
);

test.each(['pt-BR', 'en'] as const)(
  'what a clinic is asked in %s is no question about prices',
  (language) => {
    const asked = ownExamples(clinic.name, language, 'test').filter(({ label }) => label !== elsewhere);
    const refused = asked.filter(({ text }) => meaningOf(modelOf(pricing), text).kind === 'none');
    expect(refused.length / asked.length).toBeGreaterThan(0.98);
  },
);

test('the aesthetic clinic would be understood by the words of its intents alone, though less often', () => {
  const model = modelOfCues({ ...clinic, name: 'no-such-folder' });
  expect(rightOf(model, clinic, 'pt-BR')).toBeGreaterThan(0.6);
  expect(meaningOf(model, 'quantas consultas tenho amanhã?')).toMatchObject({ label: 'appointment_query' });
  expect(meaningOf(model, 'xyz qwe')).toEqual({ kind: 'none' });
});
