import type { Body } from '@jangada/proto/message.ts';
import type { asked } from '@jangada/proto/thread.ts';
import type { Outcome } from '@jangada/runtime/stored.ts';

/** A question with what came of it, as it is to be kept. */
export interface Exchange {
  readonly tenant: string;
  readonly thread: string;
  readonly run: string;
  readonly at: Date;
  readonly owner: string;
  readonly type: 'PUBLIC' | 'TENANT';
  /** Null where it is no question but an answer to one of ours. */
  readonly question: string | null;
  readonly message: string | null;
  readonly answer: string | null;
  readonly attempt: number;
  /** Null where the run told no end within its time. */
  readonly ending: 'answered' | 'refused' | 'interrupted' | 'failed' | 'cancelled' | null;
  readonly code: string | null;
}

/** What is kept of a question; `owner` is who it is of. */
export const exchangeOf = (
  { tenant, id }: { readonly tenant: string; readonly id: string },
  { run, question, message, at, agent }: Body<typeof asked>,
  owner: string,
  { text, attempt, end }: Outcome,
): Exchange => ({
  tenant,
  thread: id,
  run,
  at: new Date(at),
  owner,
  type: agent === 'public' ? 'PUBLIC' : 'TENANT',
  question: question ?? null,
  message: message || null,
  answer: text || null,
  attempt,
  ending: end?.type ?? null,
  code: end && 'code' in end ? end.code : null,
});

/** Questions of a thread that follow each other without a silence of more than what a session lasts. */
export interface Session {
  /** The question that opened it. */
  readonly id: string;
  readonly thread: string;
  readonly owner: string;
  readonly type: Exchange['type'];
  readonly createdAt: Date;
  readonly lastActivityAt: Date;
  /** From when on it is over, unless somebody asks before. */
  readonly expiresAt: Date;
  /** False of all but a thread's last, and of that once it was found to be over. */
  readonly isActive: boolean;
}

/** Questions with the session that each belongs to, and sessions as they are after them. */
export interface Placed {
  readonly exchanges: readonly (Exchange & { readonly session: string; readonly isFirst: boolean })[];
  /** Oldest first: one is over before the next of its thread begins. */
  readonly sessions: readonly Session[];
}

/**
 * Finds the session of each question, by when it was asked and by nothing else: whenever and in whatever order questions
 * come, and come again, each finds the same. `known` are the sessions that there are of their threads.
 */
export const place = (known: readonly Session[], exchanges: readonly Exchange[], lastsMs: number): Placed => {
  const threads = Map.groupBy(known, ({ thread }) => thread);
  const touched = new Map<string, Session>();
  const placed = exchanges
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())
    .map((exchange) => {
      const { thread, run, owner, type, at } = exchange;
      const sessions = threads.get(thread) ?? [];
      const until = new Date(at.getTime() + lastsMs);
      const found = sessions.find(({ createdAt, expiresAt }) => createdAt <= at && at <= expiresAt);
      const session: Session = found
        ? {
            ...found,
            lastActivityAt: later(found.lastActivityAt, at),
            expiresAt: later(found.expiresAt, until),
          }
        : {
            id: run,
            thread,
            owner,
            type,
            createdAt: at,
            lastActivityAt: at,
            expiresAt: until,
            isActive: true,
          };
      const others = sessions.filter(({ id }) => id !== session.id);
      const last = [...others, session].reduce((a, b) => (a.createdAt > b.createdAt ? a : b));
      const now = [...others, session].map((one) => ({
        ...one,
        isActive: one.id === last.id && (one.id === session.id || one.isActive),
      }));
      threads.set(thread, now);
      for (const one of now) touched.set(one.id, one);
      return { ...exchange, session: session.id, isFirst: sessions.length === 0 };
    });
  return {
    exchanges: placed,
    sessions: [...touched.values()].sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime()),
  };
};

const later = (one: Date, other: Date): Date => (one > other ? one : other);
