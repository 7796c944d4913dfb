import type { Values } from '@jangada/config/settings.ts';
import type { Emission, Sink } from '@jangada/hop/hop.ts';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { type Body, type Head, type Message, streamsOf } from '@jangada/proto/message.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import type { Telemetry } from '@jangada/telemetry/telemetry.ts';
import { failSpan, traceparentOf } from '@jangada/telemetry/trace.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import { passReader } from '@jangada/trust/pass.ts';
import type { JsMsg } from '@nats-io/jetstream';
import type { Span } from '@opentelemetry/api';
import type { Bus } from './bus.ts';
import { consume } from './consume.ts';
import { publishDead } from './dead.ts';
import { publishFact } from './emit.ts';
import { groupCommit } from './group-commit.ts';
import type { Probes } from './health.ts';
import { bodyOf, type Heard, headOf, hear, messageOf } from './heard.ts';
import { redeliveryDelayMs } from './redelivery.ts';
import { isTransient } from './resilience.ts';
import { withNewKeys } from './ring.ts';
import { type commonSettings, openService, type Service } from './service.ts';

/** A fact to be published because a record was kept, about `id` of `tenant`; a batch may hold records of several. */
export interface Kept {
  readonly tenant: string;
  readonly id: string;
  readonly emission: Emission<Message>;
}

/** What may be said of a message that nobody can be believed to have sent: what the broker says, and nothing of its own. */
export interface Met {
  readonly message: Message;
  readonly stream: string;
  readonly sequence: number;
  readonly storedAt: Date;
}

/** What is to be kept of a message is not all there yet: the message comes again after a while. */
export const later = Symbol('later');

interface Records<S extends Sink, R> {
  /** Pure: what to keep of one message, of which a sink sees what is said in clear: it holds no key of bodies. Undefined for nothing. */
  readonly record: (heard: Heard, head: Head<S['on'][number]>) => R | undefined;
}

/** Of a sink whose contract says that it opens bodies. */
interface Opens<S extends Sink, R> {
  readonly bodies: Bodies;
  /** What to keep of one message and of what it follows; undefined for nothing. @throws Unavailable, Unprocessable */
  readonly read: (
    heard: Heard,
    body: Body<S['on'][number]>,
    bus: Bus,
  ) => Promise<R | typeof later | undefined>;
}

interface Keeps<R> {
  /** What to keep of a message that claims a pass which is none; without it there is only a dead letter. */
  readonly forged?: (met: Met) => R;
  /**
   * Stores records, all or none, each at most once however often it is called: a unique key sees to that.
   * May return facts that follow; `tell` says one that has to be stored before what comes after it is done, once however
   * often it is told.
   */
  readonly keep: (
    records: readonly R[],
    signal: AbortSignal,
    tell: (fact: Kept) => Promise<unknown>,
  ) => Promise<readonly Kept[]>;
  readonly probes?: Probes;
}

interface Waiting<R> {
  readonly raw: JsMsg;
  readonly record: R;
  readonly span: Span;
  readonly heard: Heard;
  readonly settled: () => void;
}

/**
 * Runs a sink, by group commit. A message is acknowledged after its record is stored.
 */
export const keep = async <S extends Sink, R>(
  contract: S,
  config: Values<(typeof commonSettings)[number]>,
  parts: Keeps<R> & (Records<S, R> | Opens<S, R>),
  telemetry?: Telemetry,
): Promise<Service> => {
  if ('bodies' in parts !== contract.opens)
    throw new TypeError(`${contract.name} opens bodies just where its contract says so`);
  const service = await openService(contract, config, parts.probes, telemetry);
  const { bus, log, metrics, tracing, policy } = service;
  const bodies = 'bodies' in parts ? parts.bodies : undefined;
  const voice = { bus, bodies, unexpected: service.unexpected };
  const trusted = { readPass: passReader(service.ring.finder('pass')), env: config.JANGADA_ENV };
  const outcomes = metrics.counter('hop_messages_total', 'Messages by how their handling ended', ['outcome']);
  const batches = metrics.histogram(
    'sink_batch_size',
    'Records stored in one transaction',
    [1, 4, 16, 64, 256],
  );

  const settle = (entry: Waiting<R>, outcome: string): void => {
    entry.span.setAttribute('outcome', outcome);
    entry.span.end();
    outcomes.inc({ outcome });
    entry.settled();
  };

  const teller =
    (traceparent: string) =>
    ({ tenant, id, emission }: Kept): Promise<unknown> =>
      publishFact(voice, { tenant, id, pass: undefined, traceparent }, emission);

  const store = async (batch: readonly Waiting<R>[]): Promise<void> => {
    try {
      const [first] = batch;
      const tell = teller(first ? traceparentOf(first.span) : '');
      const follow = await policy.call(
        (signal) =>
          parts.keep(
            batch.map((entry) => entry.record),
            signal,
            tell,
          ),
        never,
      );
      for (const fact of follow) await tell(fact);
      batches.observe(batch.length);
      for (const entry of batch) {
        entry.raw.ack();
        settle(entry, 'done');
      }
    } catch (error) {
      // One bad record must not take its neighbours along: store each alone, and bury the one that fails.
      if (!isTransient(error) && batch.length > 1) {
        for (const entry of batch) await store([entry]);
        return;
      }
      for (const entry of batch) await setAside(entry, error);
    }
  };

  const setAside = async (entry: Waiting<R>, error: unknown): Promise<void> => {
    if (isTransient(error)) {
      entry.raw.nak(redeliveryDelayMs(entry.heard.delivery));
      failSpan(entry.span, 'RETRY');
      log.warn({ operation: 'retry', runId: entry.heard.id, ...faultFields(error) }, 'will try again');
      return settle(entry, 'retry');
    }
    await bury(entry.raw, entry.heard, error);
    failSpan(entry.span, 'MSG_POISON');
    settle(entry, 'dead');
  };

  const recordOf = async (heard: Heard, raw: JsMsg): Promise<R | typeof later | undefined> => {
    const message: S['on'][number] = heard.message;
    return 'read' in parts
      ? parts.read(heard, bodyOf(message, heard, raw, parts.bodies), bus)
      : parts.record(heard, headOf(message, raw));
  };

  const forgedOf = (raw: JsMsg, error: unknown): R | undefined => {
    const message = messageOf(raw, contract.on);
    if (!message || !(error instanceof Unprocessable && error.code === 'CTX_INVALID')) return undefined;
    const { stream, timestampNanos } = raw.info;
    return parts.forged?.({ message, stream, sequence: raw.seq, storedAt: new Date(timestampNanos / 1e6) });
  };

  const bury = async (
    raw: JsMsg,
    about: { tenant: string; id: string } | undefined,
    error: unknown,
  ): Promise<void> => {
    const reason =
      error instanceof Unprocessable
        ? `${error.code}: ${error.message}`
        : `INTERNAL: ${faultFields(error).error}`;
    try {
      const forged = about ? undefined : forgedOf(raw, error);
      if (forged) await policy.call((signal) => parts.keep([forged], signal, teller('')), never);
      await publishDead(voice, raw, contract.name, contract.on, about ?? { tenant: '', id: '' }, reason);
      raw.term(reason.split(':')[0] ?? '');
      log.error(
        { operation: 'dead-letter', runId: about?.id, reason, ...faultFields(error) },
        'message is dead; see `jangada dlq`',
      );
    } catch {
      raw.nak(redeliveryDelayMs(raw.info.deliveryCount));
    }
  };

  const storeSoon = groupCommit(contract.gatherMs, store);

  const handle = async (raw: JsMsg): Promise<void> => {
    let heard: Heard | undefined;
    try {
      heard = await withNewKeys(service.keys, () => hear(raw, contract.on, trusted));
      const record = await recordOf(heard, raw);
      if (record === later) {
        raw.nak(redeliveryDelayMs(heard.delivery));
        outcomes.inc({ outcome: 'later' });
        return;
      }
      if (record === undefined) {
        raw.ack();
        outcomes.inc({ outcome: 'done' });
        return;
      }
      const span = tracing.start(contract.name, raw.headers?.get('traceparent') || undefined, {
        kind: 'consumer',
        attributes: {
          'run.id': heard.id,
          fact: heard.message.name,
          ...(heard.delivery > 1 ? { 'nats.redelivered': true } : {}),
        },
      });
      const entry = { raw, record, span, heard };
      await new Promise<void>((settled) => {
        storeSoon({ ...entry, settled });
      });
    } catch (error) {
      if (isTransient(error)) {
        raw.nak(redeliveryDelayMs(raw.info.deliveryCount));
        log.warn({ operation: 'retry', runId: heard?.id, ...faultFields(error) }, 'will try again');
        outcomes.inc({ outcome: 'retry' });
        return;
      }
      await bury(raw, heard, error);
      outcomes.inc({ outcome: 'dead' });
    }
  };

  await service.keys.known;
  for (const stream of streamsOf(contract.on))
    await consume(service, { stream, durable: contract.name, policy: contract.policy }, handle);
  return service;
};

const never = new AbortController().signal;
