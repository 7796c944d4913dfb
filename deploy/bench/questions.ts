import { randomBytes } from 'node:crypto';

/** What is asked, the same of every candidate: the appointments of seven days in one of many clinics. */

export interface Asked {
  /** Number of the clinic, from 1. */
  readonly clinic: number;
  readonly runId: string;
  /** First and last day, as ISO dates. */
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

export const tenantOf = (clinic: number): string => `bench-${clinic}`;

/** Days with appointments begin here; three a day, a thousand in each clinic. */
export const firstDay = Temporal.PlainDate.from('2025-01-01');
export const appointmentsPerDay = 3;
export const appointmentsPerClinic = 1_000;
export const rowsPerAnswer = 7 * appointmentsPerDay;
export const bodyBytes = 1_024;

const lastDay = firstDay.add({ days: Math.floor(appointmentsPerClinic / appointmentsPerDay) - 1 });
const months =
  'janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro'.split(' ');

/** All weeks that lie within one month, so that one phrase names them. */
const weeks: readonly { from: string; to: string; text: string }[] = (() => {
  const found = [];
  for (let from = firstDay; ; from = from.add({ days: 1 })) {
    const to = from.add({ days: 6 });
    if (Temporal.PlainDate.compare(to, lastDay) > 0) return found;
    if (from.month !== to.month) continue;
    const text = `consultas de ${from.day} a ${to.day} de ${months[from.month - 1]} de ${from.year}`;
    found.push({ from: from.toString(), to: to.toString(), text });
  }
})();

/** Larger than any common factor with the number of questions; neighbours are then far apart. */
const stride = 7_919;

/**
 * Every week of every clinic once before any comes again, so that no cache has seen it within its life, in an
 * order that jumps between the clinics.
 */
export const questions = (clinics: number): (() => Asked) => {
  const all = clinics * weeks.length;
  const series = randomBytes(6).toString('hex');
  let count = 0;
  return () => {
    const place = (count++ * stride) % all;
    const week = weeks[Math.floor(place / clinics)] ?? { from: '', to: '', text: '' };
    return { ...week, clinic: (place % clinics) + 1, runId: `${series}-${count}` };
  };
};

/** JSON of exactly `bodyBytes`: `build` is called with the padding that it must hold somewhere. */
export const padded = (build: (padding: string) => object): string => {
  const bare = JSON.stringify(build(''));
  return JSON.stringify(build('x'.repeat(Math.max(0, bodyBytes - Buffer.byteLength(bare)))));
};
