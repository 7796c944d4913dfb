/**
 * What a tab keeps of its conversation over a reload: its id, and whose it is. What was asked and told is asked of the edge
 * again, and only who asked is told.
 */

const key = 'jangada.thread';

export interface Thread {
  readonly account: string;
  readonly id: string;
  /** True for one in which something was asked before. */
  readonly isKept: boolean;
}

/** The conversation of an account in this tab, or a new one. */
export const threadOf = (account: string): Thread => {
  const [whose, id] = sessionStorage.getItem(key)?.split(' ') ?? [];
  return whose === account && id ? pastThread(account, id) : freshThread(account);
};

export const pastThread = (account: string, id: string): Thread => ({ account, id, isKept: true });

export const freshThread = (account: string): Thread => ({ account, id: crypto.randomUUID(), isKept: false });

export const keepThread = ({ account, id }: Thread): void => sessionStorage.setItem(key, `${account} ${id}`);
