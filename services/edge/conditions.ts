import type { Locale } from '@jangada/proto/errors.ts';
import { type Notice, notices } from '@jangada/proto/notices.ts';
import { type Check, type Overall, overall } from '@jangada/runtime/health.ts';
import { merge, type RollCall } from './health.ts';

/** How the system does, told to who is connected when it changes. */

export interface Condition {
  readonly state: Overall;
  /** What is not healthy, by name. */
  readonly checks: readonly string[];
}

/** Twice this passes at most before a change is told: one answer that comes late is none. */
const lookMs = 3_000;

const conditionOf = (checks: readonly Check[]): Condition => ({
  state: overall(checks),
  checks: checks.filter(({ status }) => status !== 'healthy').map(({ name }) => name),
});

/** What is to be known about checks that fail. */
export const noticesOf = (checks: readonly string[], locale: Locale): string[] =>
  checks.flatMap((name) => (Object.hasOwn(notices, name) ? [notices[name as Notice][locale]] : []));

/**
 * Looks while there is somebody to tell, and tells what was found twice running and is news. Nothing is news to whoever
 * is told for the first time that all is well.
 */
export const watchConditions = (
  rollCall: RollCall,
  isWanted: () => boolean,
  report: (condition: Condition) => void,
): { close(): void } => {
  const healthy = JSON.stringify({ state: 'healthy', checks: [] } satisfies Condition);
  let told = healthy;
  let found = healthy;
  const look = async (): Promise<void> => {
    if (!isWanted()) return;
    const condition = conditionOf(merge(await rollCall()));
    const seen = JSON.stringify(condition);
    const isSure = seen === found;
    found = seen;
    if (!isSure || seen === told) return;
    told = seen;
    report(condition);
  };
  const timer = setInterval(() => void look(), lookMs).unref();
  return { close: () => clearInterval(timer) };
};
