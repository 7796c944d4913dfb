import { type Example, elsewhere } from '@jangada/nlu/learn.ts';
import { type Row, rowsOf } from './sets.ts';

/** What other people asked assistants of other kinds: for a pack, all of it is none of its business. */

/** Intents of the sets that are about calendars, bills and one's own money, and so not surely elsewhere. */
const near =
  /calendar|meeting|schedule|bill|balance|payment|spend|transaction|income|invoice|pay|appointment|book|contact|phone|email|datetime|who/i;

const far = (rows: readonly Row[]): Example[] =>
  rows.filter(({ intent }) => !near.test(intent)).map(({ text }) => ({ text, label: elsewhere }));

const every = (count: number, examples: readonly Example[]): Example[] =>
  examples.filter((_example, at) => at % count === 0);

/** To learn from, beside a pack's own; undefined where the sets are not on this machine. */
export const learnedOutside = (): Example[] | undefined => {
  const [clinc, cosibot, home] = [
    rowsOf('clinc150', 'train'),
    rowsOf('cosibot-pt', 'all'),
    rowsOf('home-assistant-intents', 'pt-br'),
  ];
  if (!clinc || !cosibot || !home) return undefined;
  return [...every(8, far(clinc)), ...every(8, far(cosibot)), ...far(home)];
};

/** To be tested by: questions of which none was learned from. */
export const testedOutside = (): Example[] | undefined => {
  const [clinc, massive] = [rowsOf('clinc150', 'oos_test'), rowsOf('massive-en', 'test')];
  return clinc && massive ? [...far(clinc), ...far(massive)] : undefined;
};
