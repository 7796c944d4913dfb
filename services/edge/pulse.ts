import { messageWithinMs, readWithinMs } from './bounds.ts';

/** What a socket is due for, looked at every second. Pure. */
export type Due =
  /** A message was begun and not finished in time. */
  | 'stalled'
  /** Nothing is read that waits to be read. */
  | 'unread'
  | 'expired'
  /** Nobody has signed in. */
  | 'unsigned'
  /** The token is about to end; due once for each. */
  | 'reauth'
  /** A ping was not answered until the next. */
  | 'dead'
  | 'ping';

/** When something began that may not last, in ms since 1970. */
export interface Since {
  readonly message: number | undefined;
  readonly unread: number | undefined;
}

export interface Pulse {
  due(now: number, since: Since): Due | undefined;
  /** A token counts from now on, until it ends. */
  signedIn(now: number, expiresAt: number): void;
  pong(): void;
}

const signInWithinMs = 5_000;
const pingMs = 20_000;
/** So long before a token ends its client is asked for another; of a token that lives shorter, in the middle of its life. */
const reauthAheadMs = 60_000;

/** At most the time between two pings, and not the same for all: who connected together is not asked together. */
const untilPing = (): number => pingMs * (0.8 + 0.2 * Math.random());

export const openPulse = (createdAt: number): Pulse => {
  let token: { readonly endsAt: number; readonly asksAt: number } | undefined;
  let asked = false;
  let pingAt = createdAt + untilPing();
  let awaited = false;

  return {
    due: (now, { message, unread }) => {
      if (message !== undefined && now - message > messageWithinMs) return 'stalled';
      if (unread !== undefined && now - unread > readWithinMs) return 'unread';
      if (!token && now - createdAt > signInWithinMs) return 'unsigned';
      if (token && token.endsAt <= now) return 'expired';
      if (token && !asked && token.asksAt <= now) {
        asked = true;
        return 'reauth';
      }
      // Whoever reads nothing has not read the ping either, and is told so where to go on from.
      if (now < pingAt || unread !== undefined) return undefined;
      if (awaited) return 'dead';
      awaited = true;
      pingAt = now + untilPing();
      return 'ping';
    },
    signedIn: (now, endsAt) => {
      token = { endsAt, asksAt: endsAt - Math.min(reauthAheadMs, (endsAt - now) / 2) };
      asked = false;
    },
    pong: () => {
      awaited = false;
    },
  };
};
