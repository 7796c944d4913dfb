import type { Row } from '@jangada/proto/run.ts';
import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import type { Admission } from './admission.ts';
import type { Turn } from './conversation.ts';
import type { Identity } from './identity.ts';
import { rowsOf } from './listing.ts';

/**
 * What was asked and told in a conversation before the streams' memory. Whether there is such a past is looked up here;
 * what it was is a question of whoever asks, and goes the way of all questions: permitted, read under a grant, audited.
 */
export interface Past {
  /** True where something in a thread is older than a moment, in ms since 1970. @throws Unavailable */
  reaches(place: { readonly tenant: string; readonly session: string }, before: number): Promise<boolean>;
  /** Its latest turns, oldest first. @throws Refusal, Unavailable */
  turnsOf(identity: Identity, session: string, withinMs?: number): Promise<readonly Turn[]>;
}

const db = queries<CoreTables>();

export const openPast = (store: Pick<Store, 'read'>, read: Admission['read']): Past => ({
  reaches: async ({ tenant, session }, before) => {
    const found = await store.read(
      { tenant },
      db
        .selectFrom('ai_agent_sessions')
        .select('created_at')
        .where('tenant_id', '=', tenant)
        .where('thread_id', '=', session)
        .where('created_at', '<', new Date(before).toISOString())
        .limit(1),
    );
    return found.length > 0;
  },

  turnsOf: async (identity, session, withinMs) => {
    const run = await read(identity, { name: 'conversations', thread: session });
    const patience = withinMs === undefined ? undefined : setTimeout(run.stop, withinMs);
    try {
      return (await rowsOf(run)).rows.flatMap(turnOf).reverse();
    } finally {
      clearTimeout(patience);
    }
  },
});

/** None for what was erased since. */
const turnOf = ({ run, question, message, askedAt, answer, attempt, ending }: Row): readonly Turn[] =>
  typeof run === 'string' && (typeof question === 'string' || typeof answer === 'string')
    ? [
        {
          run,
          ...(typeof question === 'string' ? { question } : {}),
          ...(typeof message === 'string' ? { message } : {}),
          at: Date.parse(String(askedAt)),
          text: typeof answer === 'string' ? answer : '',
          attempt: Number(attempt),
          end: { type: ending === 'cancelled' ? 'cancelled' : 'past' },
        },
      ]
    : [];
