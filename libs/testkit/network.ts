import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What stands between a client and the edge, or a load balancer's edges in turn, and fails in the ways that networks do. */
export interface Network extends AsyncDisposable {
  readonly url: string;
  /** Connections taken since it began. */
  taken(): number;
  /** Connections that are open. */
  open(): number;
  /** Where the next connections go, in turn. */
  turnTo(...urls: string[]): void;
  /** Ends what is open without a word. */
  cut(): void;
  /** Ends one of what is open, any, without a word. */
  drop(): void;
  /** Keeps what is open and passes nothing on any more. */
  freeze(): void;
  /** Takes no connection until it is back. */
  leave(): void;
  return(): void;
  /** Says a frame to every WebSocket, as if the edge had said it. */
  say(frame: object): void;
}

export const startNetwork = async (...targets: string[]): Promise<Network> => {
  let to = targets.map((url) => new URL(url));
  let count = 0;
  let away = false;
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    if (away) return client.resetAndDestroy();
    const { hostname, port } = to[count++ % to.length] ?? new URL(targets[0] ?? '');
    const upstream = connect(Number(port), hostname);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.pipe(upstream);
    upstream.pipe(client);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        for (const one of pair) one.destroy();
      });
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const end = ([client, upstream]: readonly [Socket, Socket]): void => {
    client.resetAndDestroy();
    upstream.destroy();
  };
  const cut = (): void => {
    for (const pair of pairs) end(pair);
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken: () => count,
    open: () => pairs.size,
    turnTo: (...urls) => {
      to = urls.map((url) => new URL(url));
    },
    cut,
    drop: () => {
      const chosen = [...pairs][Math.floor(Math.random() * pairs.size)];
      if (chosen) end(chosen);
    },
    freeze: () => {
      for (const [client, upstream] of pairs) {
        client.unpipe(upstream);
        upstream.unpipe(client);
      }
    },
    leave: () => {
      away = true;
      cut();
    },
    return: () => {
      away = false;
    },
    say: (frame) => {
      // RFC 6455 §5.2: the last fragment of a text, unmasked, shorter than 126 bytes.
      const text = Buffer.from(JSON.stringify(frame));
      for (const [client] of pairs) client.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
    },
    [Symbol.asyncDispose]: async () => {
      // Whoever tries again and again is not waited for.
      away = true;
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
