import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '@jangada/hop/outcome.ts';
import {
  connect,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  nkeyAuthenticator,
} from '@nats-io/transport-node';

/**
 * The connection to the broker and our own publisher.
 *
 * Why our own: the client library's publish keeps a timer and a stack trace per message, and does not send
 * again what was in flight when the broker died. Ours keeps one inbox and a map, and on reconnect, or when an
 * acknowledgement is late, sends again with the same id, so the broker stores it once.
 */

/** The broker's word that a message is stored. */
export interface Stored {
  readonly sequence: number;
  /** True when it was stored before: this publish changed nothing. */
  readonly duplicate: boolean;
  /** Set when it was sent more than once: a duplicate may then be our own. */
  readonly again?: true;
}

export interface Bus {
  readonly nc: NatsConnection;
  /**
   * Publishes and resolves once the broker has stored it.
   * @throws Unavailable when it stays unacknowledged
   * @throws Refused when the broker says no
   */
  publish(subject: string, body: string | Uint8Array, headers: Record<string, string>): Promise<Stored>;
  /** An id that only this service can compute, so that nobody can use it up before. */
  messageId(...parts: readonly (string | number)[]): string;
  /** Lets what was sent arrive, and ends, whether or not the broker is there. */
  close(): Promise<void>;
}

/** The broker refused to store a message: a limit, or a sequence that is not the expected one. */
export class Refused extends Error {
  override readonly name = 'Refused';
  /** JetStream's error code. */
  readonly code: number;

  constructor(code: number, description: string) {
    super(description);
    this.code = code;
  }
}

/** JetStream error codes that the publisher acts on. */
const wrongLastSequence = 10_071;
const sequenceRace = 10_164;
/** A stream's or tenant's limit is reached. */
export const limitReached = 10_077;

const resendAfterMs = 1_000;
const giveUpAfterMs = 8_000;
const farewellMs = 2_000;

interface InFlight {
  readonly subject: string;
  readonly body: string | Uint8Array;
  readonly headers: MsgHdrs;
  readonly since: number;
  sentAt: number;
  sent: number;
  readonly resolve: (stored: Stored) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The client library writes to its socket at the end of each microtask, so what a turn of the event loop sends
 * (outcomes, acknowledgements, for every message in it) went out in as many system calls. Once per turn is enough;
 * writing was a third of a service's CPU before.
 */
const flushOncePerTurn = (nc: NatsConnection): void => {
  const { protocol } = nc as unknown as { protocol: { flushPending(): void } };
  const flush = protocol.flushPending.bind(protocol);
  let due = false;
  protocol.flushPending = () => {
    if (due) return;
    due = true;
    setImmediate(() => {
      due = false;
      flush();
    });
  };
};

/** Headers as they go over the wire, encoded once; the library checks, copies and joins its own at each send. */
const encoded = (values: Record<string, string>): MsgHdrs => {
  let text = 'NATS/1.0\r\n';
  for (const key in values) {
    const value = values[key] ?? '';
    if (/[\r\n]/.test(value)) throw new TypeError('a header may not hold a line break');
    text += `${key}: ${value}\r\n`;
  }
  const bytes = Buffer.from(`${text}\r\n`);
  return { encode: () => bytes } as unknown as MsgHdrs;
};

export const openBus = async (
  name: string,
  settings: { NATS_URL: string; NATS_NKEY_SEED: string },
): Promise<Bus> => {
  const seed = new TextEncoder().encode(settings.NATS_NKEY_SEED);
  const nc = await connect({
    servers: settings.NATS_URL,
    // Demanded, not merely offered: a broker without it is not spoken to.
    ...(settings.NATS_URL.startsWith('tls://') ? { tls: {} } : {}),
    name,
    authenticator: nkeyAuthenticator(seed),
    inboxPrefix: `_INBOX_${name}`,
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    waitOnFirstConnect: true,
    ignoreAuthErrorAbort: true,
  });
  flushOncePerTurn(nc);
  const inFlight = new Map<string, InFlight>();
  const inbox = `_INBOX_${name}.pub.${crypto.randomUUID()}`;
  let counter = 0;

  const send = (id: string, entry: InFlight): void => {
    entry.sentAt = performance.now();
    entry.sent += 1;
    nc.publish(entry.subject, entry.body, { headers: entry.headers, reply: `${inbox}.${id}` });
  };

  const settle = (message: Msg): void => {
    const id = message.subject.slice(inbox.length + 1);
    const entry = inFlight.get(id);
    if (!entry) return;
    // No stream listens yet: the broker is starting. The sweep sends it again.
    if (message.headers?.code === 503) return;
    const ack = message.json<{
      seq: number;
      duplicate?: boolean;
      error?: { err_code: number; description: string };
    }>();
    if (ack.error?.err_code === sequenceRace) return;
    inFlight.delete(id);
    const last =
      ack.error?.err_code === wrongLastSequence ? Number(/(\d+)$/.exec(ack.error.description)?.[1] ?? 0) : 0;
    const again = entry.sent > 1 ? { again: true as const } : {};
    if (!ack.error) entry.resolve({ sequence: ack.seq, duplicate: ack.duplicate === true, ...again });
    else if (last > 0) entry.resolve({ sequence: last, duplicate: true, ...again });
    else entry.reject(new Refused(ack.error.err_code, ack.error.description));
  };
  nc.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (!error) settle(message);
    },
  });

  const sweep = setInterval(() => {
    const now = performance.now();
    for (const [id, entry] of inFlight) {
      if (now - entry.since > giveUpAfterMs) {
        inFlight.delete(id);
        entry.reject(new Unavailable('broker'));
      } else if (now - entry.sentAt > resendAfterMs) send(id, entry);
    }
  }, 250);
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === 'reconnect') for (const [id, entry] of inFlight) send(id, entry);
    }
  })();

  return {
    nc,
    publish: (subject, body, values) =>
      new Promise((resolve, reject) => {
        const headers = encoded(values);
        const entry: InFlight = {
          subject,
          body,
          headers,
          since: performance.now(),
          sentAt: 0,
          sent: 0,
          resolve,
          reject,
        };
        const id = (counter++).toString(36);
        inFlight.set(id, entry);
        send(id, entry);
      }),
    messageId: (...parts) =>
      createHmac('sha256', seed).update(parts.join('|')).digest('base64url').slice(0, 22),
    close: async () => {
      clearInterval(sweep);
      // A broker that is away, or goes within, hears no farewell, and whoever leaves does not wait for it.
      await Promise.race([nc.drain(), sleep(farewellMs, undefined, { ref: false })]).catch(() => undefined);
      await nc.close();
    },
  };
};
