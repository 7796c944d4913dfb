import { notices } from '@jangada/proto/notices.ts';
import { type Answer, cellsOf, day, fill, type Manner } from './compose.ts';

/** What tools found out about the rows, in the pack's words, a sentence a line; empty where they found nothing. */
export const recommendationOf = (answer: Answer, manner: Manner): string => {
  const { rows, findings = [] } = answer;
  return findings
    .map(({ kind, row, figures }) => {
      const template = manner.wording.findings?.[kind];
      const about = rows[row];
      return template && about ? fill(template, cellsOf({ ...about, ...figures }, answer, manner)) : '';
    })
    .filter(Boolean)
    .join('\n');
};

/** That a tool could not ask outside, and how old what is told is; undefined where each could. */
export const awayNotice = ({ tools = [], locale }: Answer): string | undefined => {
  if (!tools.some(({ outcome }) => outcome === 'stale' || outcome === 'away')) return undefined;
  const since = tools
    .flatMap((call) => call.since ?? [])
    .toSorted()
    .at(0);
  const notice = notices.tools[locale];
  return since ? `${notice} (${oldest[locale]} ${day(since, locale)})` : notice;
};

const oldest = { en: 'the oldest of', 'pt-BR': 'o mais antigo é de' };
