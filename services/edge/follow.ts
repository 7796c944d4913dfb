import { core, headers } from '@jangada/proto/envelope.ts';
import { type Code, type Locale, textOf } from '@jangada/proto/errors.ts';
import { subjectOf } from '@jangada/proto/message.ts';
import { type End, isEnd, type Part, reply } from '@jangada/proto/reply.ts';
import { bodyOf } from '@jangada/runtime/heard.ts';
import { batchMax, batchOf, lastOf, openedAt, sequenceOf } from '@jangada/runtime/stored.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import type { Msg, NatsConnection } from '@nats-io/transport-node';

/**
 * Following what a run tells: live, and from the stream what was missed. The broker republishes each stored reply
 * with the sequence of the one before it, so a gap is seen exactly. Nothing at the broker belongs to a follower,
 * which is why a client may come back to any replica.
 */

/** One stored reply. */
export interface Told {
  /** Its sequence in the reply stream; grows within a run, with gaps. */
  readonly sequence: number;
  readonly parts: readonly Part[];
  /** True for a last word of this follower, which is stored nowhere: the run may say more to somebody else. */
  readonly ours?: true;
}

/** The replies of one run, in order, each once, up to its end. */
export interface Following extends AsyncIterable<Told> {
  /** Reads what is stored already. A run that has just been asked for has nothing. */
  catchUp(): void;
  /** Ends the iteration; the run goes on without a listener. */
  stop(): void;
  /** True when it was stopped before its end. */
  stopped(): boolean;
  /** Ends it with a last word of ours; the run goes on without a listener. */
  refuse(code: Code): void;
}

export interface Followed {
  readonly tenant: string;
  readonly run: string;
  /** When waiting for the run's end is over, in ms since 1970; the follower then ends it with a failure. */
  readonly until: number;
  readonly locale: Locale;
  /** True for who has come back to it and so can again, to another replica. */
  readonly returns?: boolean;
  /** Called once, however it ends. */
  readonly onEnd?: () => void;
}

export interface Follower {
  follow(run: Followed): Following;
  /** How a run ended, once that is stored. */
  endOf(tenant: string, run: string): Promise<End | undefined>;
  /** Runs followed now. */
  count(): number;
  /** Ends the following of every run with `DRAINING`, so that nobody is left without a last word; the runs go on. */
  close(): void;
  /** The same for those alone who can go on elsewhere. */
  letReturn(): void;
}

/** Replies that wait for a slow reader, and their bytes; the others stay in the stream until there is room. */
const room = batchMax;
const roomBytes = 1024 * 1024;
const pollMs = 1_000;
/** After there was no room, how long the rest may take to be fetched. */
const graceMs = 3 * pollMs;

interface Open {
  readonly returns: boolean;
  /** Fetches what a lost last message, which leaves no gap to see, would have brought; ends what is overdue. */
  poll(now: number): void;
  fail(): void;
}

/** `onForeign` is told of a reply that was not sealed for its own tenant and run. */
export const openFollower = (
  nc: NatsConnection,
  bodies: Bodies,
  onForeign: (run: { id: string; tenant: string }) => void,
): Follower => {
  const runs = new Set<Open>();
  const timer = setInterval(() => {
    const now = Date.now();
    for (const run of runs) run.poll(now);
  }, pollMs).unref();

  const follow = ({ tenant, run, until, locale, returns = false, onEnd }: Followed): Following => {
    const subject = subjectOf(reply, tenant, run);
    const waiting: { readonly told: Told; readonly bytes: number }[] = [];
    let waitingBytes = 0;
    const full = (): boolean => waiting.length >= room || waitingBytes >= roomBytes;
    let last = 0;
    let heardAt = Date.now();
    let fullAt = 0;
    let behind = false;
    let fetching = false;
    let ended = false;
    let stopped = false;
    let wake: ((result: IteratorResult<Told>) => void) | undefined;

    const end = (): void => {
      ended = true;
      runs.delete(open);
      subscription.unsubscribe();
      onEnd?.();
    };
    const deliver = (told: Told, bytes = 0): void => {
      last = told.sequence;
      heardAt = Date.now();
      if (told.parts.some(isEnd)) end();
      if (!wake) {
        waiting.push({ told, bytes });
        waitingBytes += bytes;
      } else {
        wake({ value: told, done: false });
        wake = undefined;
      }
    };
    const lastWord = (type: 'failed' | 'refused', code: Code): void =>
      deliver({ sequence: last, parts: [{ type, code, message: textOf(code, locale) }], ours: true });
    const fail = (code: Code): void => lastWord('failed', code);
    const stop = (): void => {
      stopped ||= !ended || waiting.length > 0;
      if (!ended) end();
      waiting.length = 0;
      wake?.({ value: undefined, done: true });
      wake = undefined;
    };
    const partsOf = (message: Msg): readonly Part[] | undefined =>
      openedAt(reply, { tenant, id: run }, message, { bodies, onForeign })?.parts;
    const accept = (message: Msg, previous: number): void => {
      const sequence = sequenceOf(message);
      if (ended || !(sequence > last)) return;
      // An acknowledgement that the broker was made to put here; services say the version of what they say.
      if (previous <= last && !message.headers?.get(headers.schema)) {
        last = sequence;
        return;
      }
      if (previous > last || full()) {
        behind = true;
        void catchUp();
        return;
      }
      const parts = partsOf(message);
      if (parts) deliver({ sequence, parts }, message.data.length);
      else fail('INTERNAL');
    };

    const catchUp = async (): Promise<void> => {
      if (fetching || ended || full()) return;
      fetching = true;
      try {
        do {
          behind = false;
          let count = 0;
          for await (const message of batchOf(nc, subject, last + 1)) {
            accept(message, last);
            // One that found no room must not be skipped by the next that does.
            if (sequenceOf(message) > last) break;
            count++;
          }
          behind ||= count === room;
        } while (behind && !ended && !full());
      } catch {
        // The broker is away; the next poll tries again.
        behind = true;
      } finally {
        fetching = false;
      }
    };

    const open: Open = {
      returns,
      poll: (now) => {
        if (full()) fullAt = now;
        // Who reads slowly has not been kept waiting: what there is to say may be stored long since.
        if (now > Math.max(until, fullAt + graceMs)) fail('UPSTREAM_UNAVAILABLE');
        else if (now - heardAt >= pollMs) void catchUp();
      },
      fail: () => fail('DRAINING'),
    };
    const subscription = nc.subscribe(core.live(tenant, run), {
      callback: (error, message) => {
        if (!error) accept(message, Number(message.headers?.get('Nats-Last-Sequence')));
      },
    });
    runs.add(open);

    return {
      catchUp: () => void catchUp(),
      stop,
      stopped: () => stopped,
      refuse: (code) => {
        if (!ended) lastWord('refused', code);
      },
      [Symbol.asyncIterator]: () => ({
        next: () => {
          const next = waiting.shift();
          if (next) {
            waitingBytes -= next.bytes;
            return Promise.resolve({ value: next.told, done: false });
          }
          if (ended) return Promise.resolve({ value: undefined, done: true });
          if (behind) void catchUp();
          return new Promise((resolve) => {
            wake = resolve;
          });
        },
        return: () => {
          stop();
          return Promise.resolve({ value: undefined, done: true });
        },
      }),
    };
  };

  const endOf: Follower['endOf'] = async (tenant, run) => {
    const last = await lastOf(nc, subjectOf(reply, tenant, run));
    if (!last) return undefined;
    try {
      return bodyOf(reply, { tenant, id: run }, last, bodies).parts.find(isEnd);
    } catch {
      // Whoever follows it is told of a failure, and nothing after it.
      return { type: 'failed', code: 'INTERNAL', message: textOf('INTERNAL', 'en') };
    }
  };

  return {
    follow,
    endOf,
    count: () => runs.size,
    close: () => {
      clearInterval(timer);
      for (const run of runs) run.fail();
    },
    letReturn: () => {
      for (const run of runs) if (run.returns) run.fail();
    },
  };
};
