import * as auth from '@jangada/proto/auth.ts';
import { core } from '@jangada/proto/envelope.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { isTransient } from '@jangada/runtime/resilience.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { LRUCache } from 'lru-cache';
import type { Identity } from './identity.ts';
import { Refusal } from './refusal.ts';
import type { Session, Sessions } from './sessions.ts';
import type { Witness } from './witness.ts';

type Holder = Pick<Identity, 'tenant' | 'session'>;

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

const keyOf = ({ tenant, session }: Holder): string => `${tenant}.${session}`;
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

  const ask = async (tenant: string, ids: readonly string[], use?: 'use'): Promise<void> => {
    const found = await policy.call(() => sessions.find(tenant, ids, use), never);
    const byId = new Map(found.map((session) => [session.id, session]));
    for (const id of ids) note(keyOf({ tenant, session: id }), codeOf(byId.get(id)));
    const expired = found.filter(({ ended }) => ended === 'expired');
    for (const { id } of expired) await sessions.end(tenant, { session: id }, 'expired');
  };

  const askOnce = async (tenant: string, session: string, known: Word | undefined): Promise<Word> => {
    const key = keyOf({ tenant, session });
    try {
      await ask(tenant, [session], 'use');
      return words.get(key) ?? { at: Date.now(), code: 'AUTH_REVOKED' };
    } catch (error) {
      if (known && isTransient(error) && Date.now() - known.at < staleMs) return known;
      throw error;
    } finally {
      asking.delete(key);
    }
  };

  const wordOf = async ({ tenant, session }: Holder): Promise<Word> => {
    const key = keyOf({ tenant, session });
    const known = words.get(key);
    if (known && (known.code || Date.now() - known.at < freshMs)) return known;
    // One question serves everybody who waits for the same answer.
    const answer = asking.get(key) ?? askOnce(tenant, session, known);
    asking.set(key, answer);
    return answer;
  };

  /** Looks after what is open and says nothing. */
  const sweep = async (): Promise<void> => {
    const byTenant = Map.groupBy(watchers.keys(), (key) => key.slice(0, key.indexOf('.')));
    for (const [tenant, keys] of byTenant) {
      await ask(
        tenant,
        keys.map((key) => key.slice(tenant.length + 1)),
      );
    }
  };
  let sweeping = false;
  const timer = setInterval(() => {
    if (sweeping) return;
    sweeping = true;
    sweep()
      .catch((error: unknown) =>
        log.warn({ operation: 'sessions', ...faultFields(error) }, 'not looked after'),
      )
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
