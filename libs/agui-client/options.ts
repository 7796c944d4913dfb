/** What a platform's WebSocket has and this client uses; that of the package `ws` has it too. */
export interface Socket {
  send(data: string): void;
  close(code?: number): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number }) => void): void;
}

export interface LinkOptions {
  /** Where the edge is, as `https://host`, with a path before `/v1` if something in front adds one. */
  readonly url: string;
  /**
   * Gives an access token; asked before each connection, and when one is about to end while the socket is open. `refused`
   * is why another than last time is wanted: the code with which the edge refused that one, `AUTH_EXPIRED` say. Where it
   * rejects, so does what has not begun; what has is tried again.
   */
  readonly token: (refused?: string) => Promise<string>;
  /** Where the platform has no WebSocket of its own, or not the one wanted. */
  readonly WebSocket?: new (
    url: string,
    protocols: string[],
  ) => Socket;
  /** How long a run waits for its first connection before it is refused, and a socket may take to open, in ms. */
  readonly connectWithinMs?: number;
  /** How long a run that was begun waits for a connection before it is given up, in ms. The edge keeps its events for a day. */
  readonly resumeWithinMs?: number;
  /** After how much silence the edge is asked whether it is there, and how long it has to answer, in ms. */
  readonly silenceMs?: number;
  /** How long the socket stays when nothing is followed any more, in ms. */
  readonly idleMs?: number;
}

/** Every option, and the address of the socket. */
export type Resolved = Required<LinkOptions> & { readonly socketUrl: string; readonly httpUrl: string };

/** @throws TypeError if the address is none or there is no WebSocket */
export const resolve = (given: LinkOptions): Resolved => {
  const httpUrl = given.url.replace(/\/+$/, '');
  const { protocol } = new URL(httpUrl);
  if (!/^https?:$/.test(protocol))
    throw new TypeError(`the edge's address begins with https or http: ${protocol}`);
  const WebSocket = given.WebSocket ?? globalThis.WebSocket;
  if (!WebSocket) throw new TypeError('this platform has no WebSocket: pass one');
  return {
    ...{ connectWithinMs: 10_000, resumeWithinMs: 300_000, silenceMs: 15_000, idleMs: 30_000 },
    ...given,
    WebSocket,
    httpUrl,
    socketUrl: `${httpUrl.replace(/^http/, 'ws')}/v1/agent`,
  };
};
