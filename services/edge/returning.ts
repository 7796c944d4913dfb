import { setTimeout as sleep } from 'node:timers/promises';
import { core } from '@jangada/proto/envelope.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import { isEnd } from '@jangada/proto/reply.ts';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Admission, Run } from './admission.ts';
import { type Conversations, openIn, type Turn, turnsMax } from './conversation.ts';
import type { Following, Told } from './follow.ts';
import type { Identity } from './identity.ts';
import type { Meter } from './meter.ts';
import type { Past } from './past.ts';
import { Refusal } from './refusal.ts';
import type { Shown } from './shown.ts';
import type { Threads } from './threads.ts';

/** Coming back to a run or a conversation of one's own, and stopping it, at whatever replica. */

/** A run that another replica admitted just now may have told nothing yet. */
const appearsWithinMs = 1_000;
/** How long who comes back to a conversation waits for what the streams do not hold of it. */
const pastWithinMs = 3_000;

interface Deps {
  readonly nc: NatsConnection;
  readonly conversations: Conversations;
  readonly past: Past;
  readonly meter: Meter;
  readonly shown: Shown;
  readonly threads: Threads;
  /** How long a run without an end may still be told of. */
  readonly leaseMs: number;
  idOf(identity: Identity, kind: 'run' | 'session', given: string): string;
  localeOf(identity: Identity): Promise<Locale>;
  follow(identity: Identity, run: string, locale: Locale, returns?: boolean): Following;
  /** True for a run that was admitted here. */
  isKnown(identity: Identity, run: string): boolean;
}

export const openReturns = (deps: Deps): Pick<Admission, 'rejoin' | 'connect' | 'cancel' | 'stop'> => {
  const { nc, conversations, past, meter, shown, threads, leaseMs, idOf, localeOf, follow, isKnown } = deps;

  const runOf = (
    identity: Identity,
    id: string,
    locale: Locale,
    { stop, stopped }: Pick<Following, 'stop' | 'stopped'>,
    replies: AsyncIterable<Told>,
  ): Run => ({
    id,
    locale,
    startedAt: performance.now(),
    stop,
    stopped,
    ...meter.noticing({ id, tenant: identity.tenant }),
    [Symbol.asyncIterator]: () => replies[Symbol.asyncIterator](),
  });

  /** @throws Refusal if no reply of the run is stored or comes soon, and nobody knows that it was asked */
  const found = async (
    following: Following,
    locale: Locale,
    wasAsked: () => Promise<boolean>,
  ): Promise<AsyncIterable<Told>> => {
    following.catchUp();
    const iterator = following[Symbol.asyncIterator]();
    const first = iterator.next();
    const appears = await Promise.race([first.then(() => true), sleep(appearsWithinMs, false)]);
    try {
      if (appears || (await wasAsked())) return startingWith(first, iterator);
      throw new Refusal('NOT_FOUND', { locale });
    } catch (error) {
      following.stop();
      throw error;
    }
  };

  /** True where a run is kept in its conversation: its services may have told nothing yet. */
  const isKept = async (
    { tenant }: Identity,
    conversation: string | undefined,
    run: string,
  ): Promise<boolean> =>
    conversation !== undefined &&
    (await conversations.turnsOf({ tenant, session: conversation })).some((turn) => turn.run === run);

  const cancel: Admission['cancel'] = async (identity, given) => {
    const locale = await localeOf(identity);
    const id = idOf(identity, 'run', given);
    const following = follow(identity, id, locale);
    nc.publish(core.cancel(identity.tenant, id));
    following.catchUp();
    let exists = isKnown(identity, id);
    const patience = setTimeout(following.stop, appearsWithinMs);
    for await (const { parts } of following) {
      exists = true;
      const end = parts.find(isEnd);
      if (end) {
        clearTimeout(patience);
        return end.type === 'cancelled';
      }
    }
    if (!exists) throw new Refusal('NOT_FOUND', { locale });
    return true;
  };

  /**
   * What stands in a conversation: what the streams hold, and before it what the database does. That the past cannot be
   * had just now keeps nobody from what there is, a live run above all; without it there would be nothing to tell.
   */
  const turnsOf = async (identity: Identity, session: string): Promise<readonly Turn[]> => {
    const place = { tenant: identity.tenant, session };
    const recent = await conversations.turnsOf(place);
    const [first] = recent;
    if (!first) return (await past.reaches(place, Date.now())) ? past.turnsOf(identity, session) : [];
    const older = await past
      .reaches(place, first.at)
      .then((does) => (does ? past.turnsOf(identity, session, pastWithinMs) : []))
      .catch(() => []);
    const known = new Set(recent.map(({ run }) => run));
    return [...older.filter(({ run }) => !known.has(run)), ...recent].slice(-turnsMax);
  };

  return {
    cancel,

    stop: async (identity, session, run) => {
      const thread = { tid: identity.tenant, sid: idOf(identity, 'session', session) };
      const stopping = run ?? (await threads.activeOf(thread));
      if (stopping === undefined) return false;
      try {
        return await cancel(identity, stopping);
      } catch (error) {
        if (error instanceof Refusal && error.code === 'NOT_FOUND') return false;
        throw error;
      }
    },

    rejoin: async (identity, given, session) => {
      const locale = await localeOf(identity);
      const id = idOf(identity, 'run', given);
      const following = follow(identity, id, locale, true);
      const known = isKnown(identity, id);
      if (known) following.catchUp();
      const conversation = session === undefined ? undefined : idOf(identity, 'session', session);
      const replies = known
        ? following
        : await found(following, locale, () => isKept(identity, conversation, id));
      return runOf(identity, id, locale, following, replies);
    },

    connect: async (identity, session) => {
      const locale = await localeOf(identity);
      const turns = await turnsOf(identity, idOf(identity, 'session', session));
      const last = turns.at(-1);
      if (!last) throw new Refusal('NOT_FOUND', { locale });
      const isLive = last.end === undefined && last.at + leaseMs > Date.now();
      const open = isLive ? undefined : openIn(turns, Date.now());
      const waits = await shown.waits(identity, last);
      if (!isLive) {
        const idle = { stop: () => undefined, stopped: () => false };
        return { ...runOf(identity, last.run, locale, idle, nothing()), turns, open, isLive, waits };
      }
      const following = follow(identity, last.run, locale);
      following.catchUp();
      return { ...runOf(identity, last.run, locale, following, following), turns, open, isLive, waits };
    },
  };
};

async function* nothing(): AsyncGenerator<Told> {}

async function* startingWith(
  first: Promise<IteratorResult<Told>>,
  rest: AsyncIterator<Told>,
): AsyncGenerator<Told> {
  try {
    for (let next = await first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
