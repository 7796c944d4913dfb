import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { unreadMaxBytes, unreadPauseBytes } from './bounds.ts';

/**
 * What a client has not read yet. Whoever tells a run waits for room, and what is not told yet waits in the stream; a
 * client that makes no room is sent away to resume, so nothing is dropped and nobody's memory pays for the wait.
 */
export interface Backlog {
  bytes(): number;
  /** True when it is more than may wait, whoever waited for room. */
  over(): boolean;
  /** Resolves when there is room for more, or the socket is on its way out. */
  room(): Promise<void>;
  /** Since when there is no room, in ms since 1970, as far as it was looked at; undefined while there is. */
  fullSince(now: number): number | undefined;
}

export const watchBacklog = (socket: WebSocket, transport: Duplex): Backlog => {
  const full = (): boolean => socket.readyState === socket.OPEN && socket.bufferedAmount > unreadPauseBytes;
  let draining: Promise<void> | undefined;
  let since: number | undefined;

  /** One for all who wait: a socket carries many runs. */
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        transport.off('drain', done);
        transport.off('close', done);
        draining = undefined;
        resolve();
      };
      transport.on('drain', done);
      transport.on('close', done);
    });

  return {
    bytes: () => socket.bufferedAmount,
    over: () => socket.bufferedAmount > unreadMaxBytes,
    room: async () => {
      if (!full()) return;
      draining ??= drained();
      await draining;
    },
    fullSince: (now) => {
      since = full() ? (since ?? now) : undefined;
      return since;
    },
  };
};
