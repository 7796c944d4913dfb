import { both, type Example, elsewhere } from '@jangada/nlu/learn.ts';
import { meaningOf } from '@jangada/nlu/meaning.ts';
import type { Model } from '@jangada/nlu/model.ts';
import { ownExamples } from '@jangada/packs/examples.ts';
import { type Share, shareOf } from './measure.ts';
import { testedOutside } from './outside.ts';

/** Something measured, and how much of it is wanted. */
export interface Row {
  readonly what: string;
  readonly share: Share;
  readonly wanted?: number;
  /** How much of it is still accepted. */
  readonly most?: number;
}

const names = { 'pt-BR': 'Portuguese', en: 'English' } as const;

/** Sentences that were written before anybody looked at what is misunderstood. */
const apart = [
  { part: 'blind', what: 'written blind' },
  { part: 'seen', what: 'written blind and looked at since' },
] as const;

/** How a model of a pack does by sentences that it did not learn from. */
export const rowsOfPack = (pack: string, model: Model): Row[] => {
  const rows = (['pt-BR', 'en'] as const).flatMap((language): Row[] => {
    const tested = ownExamples(pack, language, 'test');
    const single = tested.filter(({ label }) => label !== elsewhere && !label.includes(both));
    const several = tested.filter(({ label }) => label.includes(both));
    const none = tested.filter(({ label }) => label === elsewhere);
    const of = `${pack}, ${names[language]}`;
    const meant = ({ text }: Example) => meaningOf(model, text);
    const isAsMeant = (one: Example): boolean => {
      const meaning = meant(one);
      return meaning.kind === 'clear' && meaning.label === one.label;
    };
    return [
      {
        what: `${of}: understood as meant`,
        wanted: 0.95,
        share: shareOf(single.filter(isAsMeant).length, single.length),
      },
      ...apart.flatMap(({ part, what }): Row[] => {
        const some = ownExamples(pack, language, part);
        const share = shareOf(some.filter(isAsMeant).length, some.length);
        return some.length > 0 ? [{ what: `${of}: understood as meant, ${what}`, wanted: 0.95, share }] : [];
      }),
      ...(several.length > 0
        ? [
            {
              what: `${of}: asked back where two things are meant`,
              share: shareOf(several.filter((one) => meant(one).kind === 'unclear').length, several.length),
            },
          ]
        : []),
      {
        what: `${of}: refused where none is meant`,
        share: shareOf(none.filter((one) => meant(one).kind !== 'clear').length, none.length),
      },
    ];
  });
  const outside = testedOutside();
  if (!outside) return rows;
  const refused = outside.filter(({ text }) => meaningOf(model, text).kind !== 'clear').length;
  return [
    ...rows,
    {
      what: `${pack}: refused of what others asked (CLINC150, MASSIVE)`,
      share: shareOf(refused, outside.length),
    },
  ];
};
