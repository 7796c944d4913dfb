import * as auth from '@jangada/proto/auth.ts';
import { core } from '@jangada/proto/envelope.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { isTransient } from '@jangada/runtime/resilience.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { LRUCache } from 'lru-cache';
import { crowd } from './crowd.ts';
import type { Identity } from './identity.ts';
import { Refusal } from './refusal.ts';
import type { Holder, Session, Sessions } from './sessions.ts';
import type { Witness } from './witness.ts';

/**
 * Whether a session still lives, as this replica knows it. The end of a session is broadcast, and what hangs on it
 * here (sockets, streams) is let go at once. A replica that missed the broadcast finds out within `freshMs`, because
 * no older word of the database counts; only while the database does not answer does a word count for `staleMs`,
 * and after that nobody gets in.
 */
export interface Liveness {
  /** @throws Refusal AUTH_REVOKED or AUTH_EXPIRED; Unavailable when nobody knows */
  check(identity: Holder & Pick<Identity, 'subject' | 'origin'>): Promise<void>;
  /** Calls back once, when the session is over. Returns how to stop listening. */
  watch(identity: Holder, over: (code: Code) => void): () => void;
  /** Lets all replicas know that sessions are over. */
  tellEnded(tenant: string, sessions: readonly string[]): void;
}

const freshMs = 5_000;
const staleMs = 60_000;

interface Word {
  readonly at: number;
  /** Why nobody gets in by this session; undefined while it lives. */
  readonly code: Code | undefined;
}

/** Sessions that are looked after at once at most. */
const sweptAtOnce = 256;

const keyOf = ({ tenant, session }: Holder): string => `${tenant}.${session}`;
const holderOf = (key: string): Holder => {
  const [tenant = '', session = ''] = key.split('.', 2);
  return { tenant, session };
};
const never = new AbortController().signal;

export const openLiveness = (
  { bus, log, policy, onDrain }: Service,
  sessions: Sessions,
  witness: Witness,
): Liveness => {
  const words = new LRUCache<string, Word>({ max: 50_000 });
  const asking = new Map<string, Promise<Word>>();
  /** Sessions whose tokens came after their end, and audit knows. */
  const denied = new LRUCache<string, true>({ max: 10_000 });
  const watchers = new Map<string, Set<(code: Code) => void>>();

  const note = (key: string, code: Code | undefined): Word => {
    const known = words.get(key);
    // What is over does not come back, whoever says so later.
    if (known?.code) return known;
    const word = { at: Date.now(), code };
    words.set(key, word);
    if (code) {
      for (const over of watchers.get(key) ?? []) over(code);
      watchers.delete(key);
    }
    return word;
  };

  bus.nc.subscribe(core.ended('*', '*'), {
    callback: (error, message) => {
      if (!error) note(message.subject.slice('ended.'.length), 'AUTH_REVOKED');
    },
  });

  /** What the database says of sessions, now. */
  const ask = async (wanted: readonly Holder[]): Promise<readonly Session[]> => {
    const found = await policy.call(() => sessions.find(wanted), never);
    const byKey = new Map(
      found.map((session) => [keyOf({ tenant: session.tenant, session: session.id }), session]),
    );
    for (const holder of wanted) note(keyOf(holder), codeOf(byKey.get(keyOf(holder))));
    const expired = found.filter(({ ended }) => ended === 'expired');
    for (const { tenant, id } of expired) await sessions.end(tenant, { session: id }, 'expired');
    return found;
  };

  const warn = (error: unknown): void =>
    log.warn({ operation: 'sessions', ...faultFields(error) }, 'not looked after');
  const askWithOthers = crowd(async (wanted: readonly Holder[]) => {
    const found = await ask(wanted);
    // Nobody waits until their use is noted.
    sessions.use(found).catch(warn);
    return wanted.map((holder): Word => words.get(keyOf(holder)) ?? { at: Date.now(), code: 'AUTH_REVOKED' });
  });

  const askOnce = async (holder: Holder, known: Word | undefined): Promise<Word> => {
    try {
      return await askWithOthers(holder);
    } catch (error) {
      if (known && isTransient(error) && Date.now() - known.at < staleMs) return known;
      throw error;
    } finally {
      asking.delete(keyOf(holder));
    }
  };

  const wordOf = async (holder: Holder): Promise<Word> => {
    const key = keyOf(holder);
    const known = words.get(key);
    if (known && (known.code || Date.now() - known.at < freshMs)) return known;
    // One question serves everybody who waits for the same answer.
    const answer = asking.get(key) ?? askOnce(holder, known);
    asking.set(key, answer);
    return answer;
  };

  /** Looks after what is open and says nothing. */
  const sweep = async (): Promise<void> => {
    const held = [...watchers.keys()].map(holderOf);
    for (let from = 0; from < held.length; from += sweptAtOnce)
      await ask(held.slice(from, from + sweptAtOnce));
  };
  let sweeping = false;
  const timer = setInterval(() => {
    if (sweeping) return;
    sweeping = true;
    sweep()
      .catch(warn)
      .finally(() => {
        sweeping = false;
      });
  }, freshMs).unref();
  onDrain(async () => clearInterval(timer));

  return {
    check: async (identity) => {
      const { code } = await wordOf(identity);
      if (!code) return;
      const { tenant, session, subject, origin: from } = identity;
      const key = keyOf(identity);
      if (code === 'AUTH_REVOKED' && !denied.has(key)) {
        denied.set(key, true);
        await witness(auth.denied, tenant, { actor: subject, code }, { id: session, from });
      }
      throw new Refusal(code);
    },
    watch: (identity, over) => {
      const key = keyOf(identity);
      const code = words.get(key)?.code;
      if (code) {
        over(code);
        return () => undefined;
      }
      const mine = watchers.get(key) ?? new Set();
      watchers.set(key, mine.add(over));
      return () => {
        mine.delete(over);
        if (mine.size === 0 && watchers.get(key) === mine) watchers.delete(key);
      };
    },
    tellEnded: (tenant, ids) => {
      for (const id of ids) {
        note(keyOf({ tenant, session: id }), 'AUTH_REVOKED');
        bus.nc.publish(core.ended(tenant, id));
      }
    },
  };
};

const codeOf = (session: Session | undefined): Code | undefined => {
  if (!session) return 'AUTH_REVOKED';
  if (session.ended === 'expired') return 'AUTH_EXPIRED';
  return session.ended ? 'AUTH_REVOKED' : undefined;
};
