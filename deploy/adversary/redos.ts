import { packs } from '@jangada/packs/registry.ts';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import type { Ground } from './ground.ts';

/** Text that is cheap to send and dear to read. The code under test is the one that the services run. */

const samples: readonly (readonly [what: string, text: (length: number) => string])[] = [
  ['combining marks', (length) => `a${'\u0301'.repeat(length)}`],
  ['spaces', (length) => `quantas${' '.repeat(length)}consultas`],
  ['almost a date', (length) => `consultas em ${'1/'.repeat(length / 2)}`],
  ['almost an amount', (length) => `acima de R$ ${'1.'.repeat(length / 2)}`],
  ['capitals', (length) => `consultas de ${'Ana '.repeat(length / 4)}`],
  ['dashes', (length) => `consultas ${'-'.repeat(length)}!`],
  ['digits', (length) => `cpf ${'1'.repeat(length)}x`],
  ['open brackets', (length) => `consultas ${'('.repeat(length)}`],
  ['de de de', (length) => `consultas ${'de '.repeat(length / 3)}`],
];

const timed = (work: () => unknown): number => {
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 10; attempt++) {
    const from = performance.now();
    work();
    best = Math.min(best, performance.now() - from);
  }
  return best;
};

/** Reads 2,000 characters, the longest question there may be, and half of it: twice the text takes about twice. */
const linear = async (one: AttackCase, ground: Ground): Promise<Observed> => {
  const { decide } = await import('../../services/intent/handler.ts');
  const { foldName } = await import('@jangada/packs/read.ts');
  const { judge } = await import('../../libs/nlu/guard.ts');
  const [pack] = packs;
  if (!pack) throw new Error('there is no pack');
  const setting = {
    pack,
    now: Temporal.Now.instant(),
    zone: 'America/Sao_Paulo',
    locale: 'pt-BR' as const,
    attack: undefined,
  };
  let slowest = ['', 0] as readonly [string, number];
  for (const [what, textOf] of samples) {
    const whole = timed(() => decide({ question: textOf(2_000) }, setting));
    const folded = timed(() => foldName(textOf(16_384)));
    const judged = timed(() => judge(textOf(2_000)));
    const worst = Math.max(whole, folded, judged);
    if (worst > slowest[1]) slowest = [what, worst];
  }
  const tooLong = await ground.ask('professional', samples[0]?.[1](16_384) ?? '');
  const refused = tooLong.status >= 400;
  return {
    refused,
    code: tooLong.code,
    holds: refused && slowest[1] <= Number(one.expected.max_ms ?? 50) ? ['linear'] : [],
    ms: slowest[1],
    note: `the slowest of ${samples.length}: ${slowest[0]}, ${slowest[1].toFixed(1)} ms`,
  };
};

export const redos = area('redos', [[/./, linear]]);
