import { both, elsewhere } from '@jangada/nlu/learn.ts';
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
}

const names = { 'pt-BR': 'Portuguese', en: 'English' } as const;

/** How a model of a pack does by sentences that it did not learn from. */
export const rowsOfPack = (pack: string, model: Model): Row[] => {
  const share = (texts: readonly string[], isRight: (text: string, at: number) => boolean): Share =>
    shareOf(texts.filter(isRight).length, texts.length);
  const rows = (['pt-BR', 'en'] as const).flatMap((language): Row[] => {
    const tested = ownExamples(pack, language, 'test');
    const single = tested.filter(({ label }) => label !== elsewhere && !label.includes(both));
    const several = tested.filter(({ label }) => label.includes(both));
    const none = tested.filter(({ label }) => label === elsewhere);
    const of = `${pack}, ${names[language]}`;
    const meant = ({ text }: { text: string }) => meaningOf(model, text);
    return [
      {
        what: `${of}: understood as meant`,
        wanted: 0.95,
        share: share(
          single.map(({ text }) => text),
          (text, at) => {
            const meaning = meant({ text });
            return meaning.kind === 'clear' && meaning.label === single[at]?.label;
          },
        ),
      },
      {
        what: `${of}: asked back where two things are meant`,
        share: shareOf(several.filter((one) => meant(one).kind === 'unclear').length, several.length),
      },
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
