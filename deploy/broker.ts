import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node';

/** Who connects. */
interface As {
  /** A user of the broker. */
  readonly name: string;
  readonly seed: string;
  /** How long one try may take, where that is less than the client library's 20 s. */
  readonly timeoutMs?: number;
}

/** How long to try again where the broker hangs up. */
const againMs = 30_000;

/**
 * Connects once to the broker as one of its users. A broker gives whoever connects two seconds to say who they are and then
 * hangs up: on a busy machine that is soon over, and says nothing of whether they may, so they try again.
 * @throws what the client library says
 */
export const connectAs = async (url: string, { name, seed, timeoutMs }: As): Promise<NatsConnection> => {
  const until = performance.now() + againMs;
  for (;;) {
    try {
      return await connect({
        servers: url,
        ...(url.startsWith('tls://') ? { tls: {} } : {}),
        name,
        authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
        inboxPrefix: `_INBOX_${name}`,
        ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
        reconnect: false,
      });
    } catch (error) {
      if (!hungUp(error) || performance.now() > until) throw error;
      await sleep(100);
    }
  }
};

/** Whether the client came to write to a closed connection, to read of one, or to read why it is, is a matter of moments. */
const hungUp = (error: unknown): boolean =>
  error instanceof Error &&
  (('code' in error && (error.code === 'EPIPE' || error.code === 'ECONNRESET')) ||
    /authentication timeout/i.test(error.message));
