import { table } from './output.ts';
import type { Story } from './story.ts';

const width = 32;

/** Right-aligned under its heading, with one decimal. */
const figure = (ms: number): string => ms.toFixed(1).padStart('took (ms)'.length);

/** A bar from one moment to another within `totalMs`; at least one cell, also when clocks disagree. */
const bar = (fromMs: number, toMs: number, totalMs: number): string => {
  const cell = (ms: number): number => Math.round((Math.min(Math.max(ms, 0), totalMs) / totalMs) * width);
  const start = Math.min(cell(fromMs), width - 1);
  return ' '.repeat(start) + '█'.repeat(Math.max(cell(toMs) - start, 1));
};

const startRemark = {
  pass: 'Times count from when the edge signed the pass (its signature is not verified here) to when the broker stored each fact.',
  'first fact': 'No pass travels with this run: times count from its first fact.',
} as const;

/** A run as a person reads it: one line per fact with its share of the time. */
export const waterfall = (story: Story): string => {
  const { steps, told } = story;
  const totalMs = Math.max(...steps.map(({ offsetMs }) => offsetMs), told?.lastMs ?? 0, 0.1);
  const rows = steps.map((step) => [
    figure(step.offsetMs),
    figure(step.tookMs),
    step.fact,
    step.saidBy.join(' or '),
    step.outcome,
    bar(step.offsetMs - step.tookMs, step.offsetMs, totalMs),
  ]);
  if (told) {
    const again = told.attempt > 1 ? `attempt ${told.attempt}` : '';
    rows.push([
      figure(told.lastMs),
      figure(told.lastMs - told.firstMs),
      'reply',
      '',
      again,
      bar(told.firstMs, told.lastMs, totalMs),
    ]);
  }
  return [
    [`run ${story.run}`, `tenant ${story.tenant}`, story.role, `started ${story.startedAt}`]
      .filter(Boolean)
      .join(' · '),
    '',
    table(['  at (ms)', 'took (ms)', 'fact', 'said by', 'outcome', ''], rows),
    '',
    startRemark[story.startedBy],
  ].join('\n');
};
