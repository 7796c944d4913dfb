import type { Following } from './following.ts';
import { type Operation, type Refusal, readFrame, type Said } from './frames.ts';
import type { Resolved, Socket } from './options.ts';

/**
 * One socket at a time, and what is followed on it.
 *
 * closed: nothing is followed.
 * dialing: a token is asked for, the socket opens, the edge is told who speaks.
 * ready: the edge has accepted that, and everything followed was asked for.
 * waiting: the socket is gone; until the next is tried.
 */
export interface Link {
  /** True if a run of this thread can be followed here and be told from all others. */
  takes(threadId: string): boolean;
  follow(following: Following): void;
  /** Stops following; the run goes on. */
  leave(following: Following): void;
  /** Asks for the end of a run. */
  cancel(following: Following): void;
  /** Stops following everything. */
  close(): void;
}

/** How many runs the edge follows on one socket. */
const runsMax = 16;
const retryFirstMs = 500;
const retryLongestMs = 15_000;
/** Anywhere up to twice as long as last time, so that the clients of an edge that went away do not come back together. */
const delayOf = (attempt: number): number =>
  Math.random() * Math.min(retryLongestMs, retryFirstMs * 2 ** attempt);

const closing = { done: 1000, restart: 1012, signIn: 4401 } as const;
const unreachable: Refusal = {
  status: 503,
  code: 'UPSTREAM_UNAVAILABLE',
  message: 'The service cannot be reached',
  retryable: true,
};
export const openLink = (options: Resolved): Link => {
  const { token, silenceMs, idleMs } = options;
  const followed = new Set<Following>();
  let phase: 'closed' | 'dialing' | 'ready' | 'waiting' = 'closed';
  let socket: Socket | undefined;
  /** Counts the attempts, so that what an earlier one still brings is known for that. */
  let dialled = 0;
  /** Attempts since the edge last told something. */
  let attempt = 0;
  /** Since when there is no socket that was ready, in ms since 1970. */
  let awaySince = 0;
  /** What the edge said last of the socket itself, and how often in a row it did not accept who speaks. */
  let refusal: Refusal | undefined;
  let unaccepted = 0;
  /** When the socket began to open, in ms since 1970. */
  let openedAt = 0;
  let heard = false;
  let pinged = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let idle: ReturnType<typeof setTimeout> | undefined;
  let watch: ReturnType<typeof setInterval> | undefined;

  const send = (frame: Operation): void => socket?.send(JSON.stringify(frame));

  const drop = (): void => {
    const dropped = socket;
    socket = undefined;
    dialled++;
    clearTimeout(retry);
    clearTimeout(idle);
    clearInterval(watch);
    for (const one of followed) one.lose();
    phase = 'closed';
    dropped?.close(closing.done);
  };

  /** The socket did not come to be, or is gone. */
  const lost = (code: number): void => {
    if (phase === 'ready') awaySince = Date.now();
    drop();
    if (code === closing.signIn && ++unaccepted > 1) {
      for (const one of [...followed]) one.refuse(refusal ?? unreachable);
    }
    const planned = code === closing.restart || code === closing.signIn;
    const delay = planned && attempt === 0 ? 0 : delayOf(attempt);
    attempt++;
    for (const one of [...followed]) {
      const patience = one.begun() ? options.resumeWithinMs : options.connectWithinMs;
      if (Date.now() + delay - Math.max(awaySince, one.since) > patience) one.refuse(refusal ?? unreachable);
    }
    if (followed.size === 0) return;
    phase = 'waiting';
    retry = setTimeout(() => void dial(), delay);
  };

  const dial = async (): Promise<void> => {
    phase = 'dialing';
    const own = ++dialled;
    const last = refusal;
    refusal = undefined;
    heard = false;
    pinged = false;
    try {
      const given = await token(last?.status === 401 ? last.code : undefined);
      if (own === dialled) open(given);
    } catch (error) {
      if (own !== dialled) return;
      // To ask once more may be to give a wrong password once more.
      for (const one of [...followed]) if (!one.begun()) one.fail(error);
      lost(0);
    }
  };

  const open = (given: string): void => {
    const opened: Socket = new options.WebSocket(options.socketUrl, ['agui.v1']);
    socket = opened;
    openedAt = Date.now();
    opened.addEventListener('open', () => opened.send(JSON.stringify({ op: 'auth', token: given })));
    opened.addEventListener('error', () => undefined);
    opened.addEventListener('message', ({ data }) => {
      if (socket === opened) hear(readFrame(data));
    });
    opened.addEventListener('close', ({ code }) => {
      if (socket === opened) lost(code);
    });
    watch = setInterval(beat, silenceMs);
  };

  /** A socket whose other end is gone may say so late or never, and a page cannot see the edge's own pings. */
  const beat = (): void => {
    if (followed.size === 0) return;
    if (heard) {
      heard = false;
      pinged = false;
    } else if (phase === 'ready' && !pinged) {
      pinged = true;
      send({ op: 'ping' });
    } else if (phase === 'ready' || Date.now() - openedAt > options.connectWithinMs) lost(0);
  };

  const ask = (one: Following): void => socket?.send(one.ask());

  const hear = (said: Said | undefined): void => {
    heard = true;
    if (!said) return;
    if ('event' in said) {
      attempt = 0;
      if (find(said.run)?.tell(said)) send({ op: 'ping' });
      return;
    }
    if (said.op === 'accepted') accepted(said.runId);
    else if (said.op === 'error') refused(said);
    else if (said.op === 'drain') lost(closing.restart);
    else if (said.op === 'reauth') signInAgain();
    else if (said.op === 'pong') for (const one of followed) one.release();
  };

  const accepted = (runId: string | undefined): void => {
    if (runId !== undefined) {
      const one = find(runId) ?? connecting();
      one?.accept(runId);
      if (one?.cancelling()) send({ op: 'cancel', runId });
    } else if (phase !== 'ready') {
      phase = 'ready';
      unaccepted = 0;
      for (const one of followed) ask(one);
    }
  };

  const refused = (said: Refusal): void => {
    const { status, code, runId, retryable, retryAfter = 1 } = said;
    const signedOut = status === 401 && code.startsWith('AUTH_') && code !== 'AUTH_STEP_UP';
    if (phase !== 'ready' || signedOut) {
      refusal = said;
      return;
    }
    const one = about(runId);
    if (!one) return;
    const later = (again: () => void): void => {
      const own = dialled;
      setTimeout(() => {
        if (own === dialled && followed.has(one)) again();
      }, retryAfter * 1_000);
    };
    // Accepted, so it is the cancel that was refused; the run itself still tells how it ends.
    if (one.accepted()) {
      if (retryable) later(() => cancel(one));
    } else if (one.begun() && retryable) later(() => ask(one));
    else one.refuse(said);
  };

  /** A frame that the edge could not read is one that it cannot name: it was too much, so it was the longest. */
  const about = (runId: string | undefined): Following | undefined => {
    if (runId !== undefined) return find(runId);
    const open = [...followed].filter((one) => !one.accepted());
    return open.find((one) => one.connecting()) ?? open.sort((a, b) => b.size() - a.size())[0];
  };

  const find = (runId: string): Following | undefined => [...followed].find((one) => one.runId() === runId);
  const connecting = (): Following | undefined => [...followed].find((one) => one.connecting());

  const signInAgain = (): void => {
    const own = dialled;
    // Without a fresh token the edge closes when this one ends, and then it is asked for again.
    token('AUTH_EXPIRED').then(
      (given) => {
        if (own === dialled) send({ op: 'auth', token: given });
      },
      () => undefined,
    );
  };

  const cancel = (one: Following): void => {
    const runId = one.runId();
    if (phase === 'ready' && one.accepted() && runId !== undefined) send({ op: 'cancel', runId });
  };

  const rest = (): void => {
    if (followed.size > 0) return;
    clearTimeout(idle);
    if (phase === 'ready') idle = setTimeout(drop, idleMs);
    else drop();
  };

  return {
    takes: (threadId) =>
      followed.size < runsMax && !connecting() && ![...followed].some((one) => one.threadId === threadId),

    follow: (one) => {
      clearTimeout(idle);
      followed.add(one);
      if (phase === 'ready') ask(one);
      if (phase !== 'closed') return;
      attempt = 0;
      unaccepted = 0;
      void dial();
    },

    leave: (one) => {
      const runId = one.runId();
      followed.delete(one);
      if (phase === 'ready' && !one.over() && runId !== undefined) send({ op: 'detach', runId });
      rest();
    },

    cancel: (one) => {
      one.cancel();
      cancel(one);
    },

    close: () => {
      for (const one of [...followed]) one.detach();
      drop();
    },
  };
};
