import { readFileSync } from 'node:fs';
import { decode } from '@jangada/nlu/model.ts';
import { ownExamples } from '@jangada/packs/examples.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { modelFile } from '@jangada/packs/understanding.ts';
import { quantile } from './measure.ts';

const rounds = 20;

const timed = (work: () => unknown): number => {
  const from = performance.now();
  work();
  return performance.now() - from;
};

/** What understanding costs, from the text to the plan with its people, dates and amounts, in milliseconds. */
export const timingsOf = async (packs: readonly Pack[]): Promise<string> => {
  const { decide } = await import('../../services/intent/handler.ts');
  return packs
    .flatMap((pack) => {
      const setting = {
        pack,
        now: Temporal.Now.instant(),
        zone: 'America/Sao_Paulo',
        locale: 'pt-BR' as const,
        attack: undefined,
      };
      const questions = (['pt-BR', 'en'] as const).flatMap((language) =>
        ownExamples(pack.name, language, 'test'),
      );
      if (questions.length === 0) return [];
      const load = timed(() => decode(readFileSync(modelFile(pack.name))));
      const ask = () => questions.map(({ text }) => timed(() => decide({ question: text }, setting)));
      // The best of each question's times: what else the machine does is not what is measured.
      const times = Array.from({ length: rounds }, ask).reduce((best, next) =>
        best.map((ms, at) => Math.min(ms, next[at] ?? ms)),
      );
      const [half, most] = [quantile(times, 0.5), quantile(times, 0.99)].map((ms) => ms.toFixed(3));
      return [
        `${pack.name}: p50 ${half} ms, p99 ${most} ms a question; its model is read in ${load.toFixed(1)} ms`,
      ];
    })
    .join('\n');
};
