import type { Limits } from '@jangada/limits/limits.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import { LRUCache } from 'lru-cache';
import type { Follower } from './follow.ts';
import { Refusal } from './refusal.ts';

/** The one active run of each session, at whatever replica it was asked. */
export interface Threads {
  /**
   * Makes a run the active one of its session.
   * @throws Refusal THREAD_BUSY while another is; INTERRUPT_OPEN while one waits for an answer and this is none of it
   */
  enter(pass: Pick<Pass, 'tid' | 'sid' | 'rid' | 'loc'>, answers?: string): Promise<void>;
  /** The run waits for an answer until then, and its session with it. */
  wait(run: string, expiresAt: string): void;
  /** The run is over, or did not begin. */
  leave(run: string): void;
  /** The id inside of the active run. */
  activeOf(thread: Pick<Pass, 'tid' | 'sid'>): Promise<string | undefined>;
}

const runsMax = 50_000;

/**
 * Who asked may go away before the end, so a run that is said to be active is looked for among the replies: they are the
 * truth. `leaseMs` is how long a run without an end counts as active.
 */
export const openThreads = (
  claims: Pick<Limits, 'claim' | 'holderOf' | 'release'>,
  follower: Pick<Follower, 'endOf'>,
  leaseMs: number,
): Threads => {
  const entered = new LRUCache<string, string>({ max: runsMax, ttl: leaseMs });
  const nameOf = ({ tid, sid }: Pick<Pass, 'tid' | 'sid'>): string => `thread|${tid}|${sid}`;

  return {
    enter: async (pass, answers) => {
      const { tid, rid, loc: locale } = pass;
      const name = nameOf(pass);
      let holder = await claims.claim(name, rid, leaseMs);
      const end = holder === rid ? undefined : await follower.endOf(tid, holder);
      if (end?.type === 'interrupted' && holder !== answers && Date.parse(end.expiresAt) > Date.now())
        throw new Refusal('INTERRUPT_OPEN', { locale });
      if (end) holder = await claims.claim(name, rid, leaseMs, holder);
      if (holder !== rid) throw new Refusal('THREAD_BUSY', { locale });
      entered.set(rid, name);
    },
    wait: (run, expiresAt) => {
      const name = entered.get(run);
      entered.delete(run);
      if (name !== undefined) void claims.claim(name, run, Math.max(1, Date.parse(expiresAt) - Date.now()));
    },
    leave: (run) => {
      const name = entered.get(run);
      entered.delete(run);
      if (name !== undefined) void claims.release(name, run);
    },
    activeOf: async (thread) => {
      const holder = await claims.holderOf(nameOf(thread));
      return holder === undefined || (await follower.endOf(thread.tid, holder)) ? undefined : holder;
    },
  };
};
