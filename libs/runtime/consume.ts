import { setTimeout as sleep } from 'node:timers/promises';
import type { Policy } from '@jangada/hop/policy.ts';
import { type Consumer, type ConsumerMessages, type JsMsg, jetstream } from '@nats-io/jetstream';
import type { Subscription } from '@nats-io/transport-node';
import type { Service } from './service.ts';

/**
 * The only consumer loop. Three states:
 *
 * - pulling: messages flow, as many as may be unacknowledged at once; the broker holds the rest.
 * - resting: the breaker is open, so nothing is pulled. Messages wait in the broker, durable and unharmed,
 *   instead of failing one by one. Entered when the breaker opens, left after its `openMs`.
 * - recovering: a few messages are fetched, then more, so that a dependency that has just come back is not
 *   flooded. Back to resting if the breaker opens again, on to pulling after the last step.
 */

/** How long a message may stay unacknowledged before the broker gives it to another; keep-alives extend it. */
export const ackWaitMs = 3_000;

/** Messages fetched in each step of a recovery. */
const recovery = [1, 2, 5, 10, 25];

export const consume = async (
  service: Service,
  from: { stream: string; durable: string; policy: Policy },
  handle: (message: JsMsg) => Promise<void>,
): Promise<void> => {
  const { log, policy } = service;
  const consumer = await boundTo(service, from);
  const unacknowledged = new Map<JsMsg, number>();
  const stopping = new AbortController();
  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  let interrupt = Promise.withResolvers<void>();
  policy.onOpen(() => interrupt.resolve());

  const work = async (message: JsMsg): Promise<void> => {
    unacknowledged.set(message, performance.now());
    try {
      await handle(message);
    } finally {
      unacknowledged.delete(message);
    }
  };

  const keepAlive = setInterval(() => {
    const now = performance.now();
    for (const [message, since] of unacknowledged) if (now - since > ackWaitMs / 3) message.working();
  }, ackWaitMs / 3);

  const fetch = async (most: number): Promise<number> => {
    const handled: Promise<void>[] = [];
    for await (const message of await consumer.fetch({ max_messages: most, expires: 1_000 }))
      handled.push(work(message));
    await Promise.all(handled);
    return handled.length;
  };

  /** Ends early when the breaker opens again. With nothing to do it stays at its step, ready for the next message. */
  const recover = async (): Promise<void> => {
    for (const step of recovery) {
      while ((await fetch(step)) === 0) if (stopping.signal.aborted) return;
      if (stopping.signal.aborted || policy.state() === 'open') return;
    }
  };

  const pull = async (): Promise<void> => {
    const messages = await consumer.consume({
      max_messages: from.policy.concurrent + from.policy.waiting,
      expires: 5_000,
      idle_heartbeat: 500,
      callback: (message) => void work(message),
    });
    await Promise.race([interrupt.promise, messages.closed()]);
    await stopPulling(messages);
  };

  const loop = (async () => {
    while (!stopping.signal.aborted) {
      interrupt = Promise.withResolvers();
      try {
        if (policy.state() === 'closed') await pull();
        if (stopping.signal.aborted || policy.state() === 'closed') continue;
        log.warn({ operation: 'rest', state: 'open' }, 'breaker open: not pulling');
        while (!stopping.signal.aborted && policy.state() !== 'closed') {
          await pause(from.policy.breaker.openMs);
          await recover();
        }
        log.info({ operation: 'recover', state: 'closed' }, 'breaker closed: pulling again');
      } catch (error) {
        if (!stopping.signal.aborted)
          log.warn(
            { operation: 'consume', error: error instanceof Error ? error.name : 'unknown' },
            'pull failed; trying again',
          );
        await pause(250);
      }
    }
  })();

  service.countInFlight(() => unacknowledged.size);
  service.onDrain(async () => {
    stopping.abort();
    interrupt.resolve();
    await loop;
    while (unacknowledged.size > 0) await sleep(20);
    clearInterval(keepAlive);
  });
};

/**
 * No further message comes after this, and none that the broker has sent is dropped. The library's own `stop`
 * drops those: they stay pending and nobody has them until the broker's clock runs out. A subscription can
 * drain, which is to take what comes until the broker has confirmed the end, but the library keeps it to itself.
 */
const stopPulling = async (messages: ConsumerMessages): Promise<void> => {
  const { sub } = messages as unknown as { sub: Subscription };
  if (!sub.isClosed()) await sub.drain();
  messages.stop();
};

/** The consumer exists before the service: the provisioner made it. Wait for it rather than make one. */
const boundTo = async (
  service: Service,
  { stream, durable }: { stream: string; durable: string },
): Promise<Consumer> => {
  const js = jetstream(service.bus.nc, { timeout: 2_000 });
  for (;;) {
    try {
      return await js.consumers.get(stream, durable);
    } catch {
      service.log.warn(
        { operation: 'bind', reason: `${stream}/${durable}` },
        'consumer is not there yet; provision the broker',
      );
      await sleep(500);
    }
  }
};
