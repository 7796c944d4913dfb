/**
 * What a tab keeps of its conversation over a reload: ids, and whose they are. What was asked and told is asked of the
 * edge again, and only who asked is told.
 */

const key = 'jangada.thread';
const runsMax = 10;

export interface Thread {
  readonly account: string;
  readonly id: string;
  readonly runs: readonly string[];
}

const isThread = (value: unknown): value is Thread => {
  const { account, id, runs } = (value ?? {}) as Partial<Record<keyof Thread, unknown>>;
  return (
    typeof account === 'string' &&
    typeof id === 'string' &&
    Array.isArray(runs) &&
    runs.every((run) => typeof run === 'string')
  );
};

/** The conversation of an account in this tab, or a new one. */
export const threadOf = (account: string): Thread => {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(key) ?? 'null');
    if (isThread(kept) && kept.account === account) return kept;
  } catch {
    // Whatever stands there is not ours.
  }
  return freshThread(account);
};

export const freshThread = (account: string): Thread => ({ account, id: crypto.randomUUID(), runs: [] });

export const keepThread = (thread: Thread): void =>
  sessionStorage.setItem(key, JSON.stringify({ ...thread, runs: thread.runs.slice(-runsMax) }));
