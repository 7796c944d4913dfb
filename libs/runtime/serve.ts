import type { Values } from '@jangada/config/settings.ts';
import { type Decide, type Emission, emit, type Hop, type In, type Out } from '@jangada/hop/hop.ts';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { headers } from '@jangada/proto/envelope.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { type Message, streamOf } from '@jangada/proto/message.ts';
import * as run from '@jangada/proto/run.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { openTelemetry, type Telemetry } from '@jangada/telemetry/telemetry.ts';
import { failSpan, traceparentOf } from '@jangada/telemetry/trace.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { type Grant, grantReader, limitGrant } from '@jangada/trust/grant.ts';
import { type Pass, passReader } from '@jangada/trust/pass.ts';
import type { JsMsg } from '@nats-io/jetstream';
import type { Span } from '@opentelemetry/api';
import { openAttendance } from './attendance.ts';
import type { Bus } from './bus.ts';
import { consume } from './consume.ts';
import { publishDead } from './dead.ts';
import type { Cause } from './emit.ts';
import type { Probes } from './health.ts';
import { bodyOf, type Heard, hear } from './heard.ts';
import { openInHand } from './in-hand.ts';
import { markRedelivered, redeliveryDelayMs } from './redelivery.ts';
import { isTransient } from './resilience.ts';
import { withNewKeys } from './ring.ts';
import { type commonSettings, openService, type Service } from './service.ts';
import { arrive, conclude, tell } from './telling.ts';

/** One message in work: what a handler may know beside the body. */
export interface Turn {
  readonly pass: Pass;
  readonly tenant: string;
  readonly run: string;
  /** Present where the contract demands it. */
  readonly grant: Grant | undefined;
  /** The grant as it was signed, for PostgreSQL. */
  readonly grantStatement: string | undefined;
  /** 1 for the first delivery. */
  readonly delivery: number;
  /** Aborted when the attempt has taken too long, or the run is cancelled and the hop appends nothing. */
  readonly signal: AbortSignal;
  /** Whether a service is there that the contract says can be spared. */
  readonly isThere: (name: string) => Promise<boolean>;
  /** Starts a span under this hop's. */
  span(name: string): Span;
}

type Config = Values<(typeof commonSettings)[number] | 'MESSAGE_KEYS'>;

interface Gathers<H extends Hop, Facts> {
  /**
   * Asks whether the person may still use this, before the policy: what is refused here reaches no dependency and
   * counts at no breaker, neither as a failure nor as a success. Asked once, at the first delivery.
   */
  readonly limit?: (body: In<H>, pass: Pass) => Promise<Out<H> | undefined>;
  /** Reads what the decision needs. Under the contract's policy; the signal ends it. A hop that appends does so by the bus. */
  readonly gather: (body: In<H>, turn: Turn, bus: Pick<Bus, 'nc' | 'publish'>) => Promise<Facts>;
  /** Dependencies by name, for health and readiness. */
  readonly probes?: Probes;
  /** Told of each message that became a dead letter, and why. */
  readonly onDead?: (code: Code) => void;
}

interface Decides<H extends Hop, Facts> extends Gathers<H, Facts> {
  /** Pure: no clock, no I/O. */
  readonly decide: Decide<H, Facts>;
}

interface Composes<H extends Hop, Facts> extends Gathers<H, Facts> {
  /** Yields text for the person who asked and returns the outcome. */
  readonly compose: (body: In<H>, facts: Facts, signal: AbortSignal) => AsyncGenerator<string, Out<H>>;
}

/**
 * Runs a hop. What all hops have in common is here: pulling with flow control, verifying, parsing, the span,
 * the policy, publishing the outcome before the input is acknowledged, trying again later, dead letters, the
 * deadline, cancel, and draining. What is left to a service is its two functions.
 */
export const serve = async <H extends Hop, Facts>(
  contract: H,
  config: Config,
  parts: Decides<H, Facts> | Composes<H, Facts>,
  telemetry: Telemetry = openTelemetry(contract.name, config),
): Promise<Service> => {
  const service = await openService(contract, config, parts.probes, telemetry);
  const { bus, log, metrics, tracing, policy } = service;
  const bodies = openBodies(config.MESSAGE_KEYS);
  const voice = { bus, bodies, unexpected: service.unexpected };
  const trusted = { readPass: passReader(service.ring.finder('pass')), env: config.JANGADA_ENV };
  const readGrant = grantReader(service.ring.finder('grant'));
  const outcomes = metrics.counter('hop_messages_total', 'Messages by how their handling ended', ['outcome']);
  const duration = metrics.histogram(
    'hop_duration_seconds',
    'From taking a message to its stored outcome',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  );

  const isThere = openAttendance(bus.nc, contract.spares);
  const inHand = openInHand(bus.nc);
  // What is appended is not taken back: whoever was told of a cancelling would be told what is not so.
  const stops = contract.appends.length === 0;

  const process = async (raw: JsMsg, heard: Heard, cause: Cause, span: Span): Promise<string> => {
    const key = `${heard.tenant}.${heard.id}`;
    const pass = heard.pass as Pass;
    const stop = (emission: Emission<Message>) => conclude(voice, cause, emission, pass.zone);
    const cancel = async (): Promise<string> => {
      await stop(emit(run.cancelled, { locale: pass.loc, hop: contract.name }));
      return 'cancelled';
    };
    if (Date.now() > pass.exp) {
      await stop(emit(run.failed, { code: 'DEADLINE', locale: pass.loc, hop: contract.name }));
      return 'deadline';
    }
    if (stops && inHand.isCancelled(key)) return cancel();
    if (heard.delivery > contract.policy.deliveries)
      throw new Unprocessable('MSG_POISON', 'delivered too often');
    const statement = raw.headers?.get(headers.grant) || undefined;
    const grant = contract.demands.includes('grant') ? await grantFor(heard, statement) : undefined;
    const body = bodyOf(contract.on, heard, raw, bodies) as In<H>;
    const turn = {
      pass,
      tenant: heard.tenant,
      run: heard.id,
      grant,
      grantStatement: statement,
      delivery: heard.delivery,
      isThere,
      span: (name: string) => tracing.start(name, span, { kind: 'client' }),
    };
    const work = async (signal: AbortSignal): Promise<string> => {
      try {
        const [limited] = await Promise.all([
          heard.delivery === 1 ? parts.limit?.(body, pass) : undefined,
          // Stored before any outcome, so that steps are told in the order of the hops.
          arrive(voice, contract, cause, { ...heard, pass }, body),
        ]);
        if (limited) {
          await stop(limited);
          return 'limited';
        }
        const facts = await policy.call((ends) => parts.gather(body, { ...turn, signal: ends }, bus), signal);
        if ('decide' in parts) await stop(parts.decide(body, facts));
        else await tell(voice, cause, heard, parts.compose(body, facts, signal));
        return 'done';
      } catch (error) {
        if (!signal.aborted) throw error;
        return cancel();
      }
    };
    return stops ? inHand.cancellable(key, work) : work(never);
  };

  const grantFor = async (heard: Heard, statement: string | undefined): Promise<Grant> => {
    if (!statement) throw new Unprocessable('CTX_NO_GRANT', 'the grant is missing');
    let grant: Grant;
    try {
      grant = await withNewKeys(service.keys, () => readGrant(statement));
    } catch (error) {
      throw new Unprocessable('CTX_NO_GRANT', 'the grant does not verify', error);
    }
    limitGrant(grant, heard.pass as Pass);
    return grant;
  };

  const bury = async (
    raw: JsMsg,
    heard: Heard | undefined,
    cause: Cause,
    code: Code,
    reason: string,
  ): Promise<void> => {
    await publishDead(voice, raw, contract.name, [contract.on], cause, `${code}: ${reason}`);
    // A message whose pass does not verify names a run that we cannot believe in: nobody is told about it.
    if (heard?.pass)
      await conclude(voice, cause, emit(run.failed, { code, locale: heard.pass.loc, hop: contract.name }));
    raw.term(code);
  };

  const handle = async (raw: JsMsg): Promise<void> => {
    const started = performance.now();
    let heard: Heard | undefined;
    const span = tracing.start(contract.name, raw.headers?.get('traceparent') || undefined, {
      kind: 'consumer',
    });
    let cause: Cause = {
      tenant: '',
      id: '',
      pass: raw.headers?.get(headers.pass),
      traceparent: traceparentOf(span),
    };
    let outcome: string;
    try {
      heard = await withNewKeys(service.keys, () => hear(raw, [contract.on], trusted));
      cause = { ...cause, tenant: heard.tenant, id: heard.id };
      span.setAttribute('run.id', heard.id);
      if (heard.delivery > 1) markRedelivered(span, heard);
      const { seq } = raw;
      const first = heard;
      outcome = (await inHand.once(seq, () => process(raw, first, cause, span))) ?? 'repeated';
      // Who asked is told that time is over; the broker, that the pass is.
      if (outcome === 'deadline') raw.term('CTX_EXPIRED');
      else raw.ack();
    } catch (error) {
      outcome = await recoverFrom(error, raw, heard, cause, span);
    }
    span.setAttribute('outcome', outcome);
    span.end();
    outcomes.inc({ outcome });
    duration.observe((performance.now() - started) / 1_000);
  };

  const recoverFrom = async (
    error: unknown,
    raw: JsMsg,
    heard: Heard | undefined,
    cause: Cause,
    span: Span,
  ): Promise<string> => {
    const about = { runId: cause.id, tenantId: cause.tenant, traceId: span.spanContext().traceId };
    try {
      if (isTransient(error)) {
        failSpan(span, 'RETRY');
        raw.nak(redeliveryDelayMs(raw.info.deliveryCount));
        log.warn(
          { operation: 'retry', ...about, ...faultFields(error), attempt: raw.info.deliveryCount },
          'will try again',
        );
        return 'retry';
      }
      const code = error instanceof Unprocessable ? error.code : 'INTERNAL';
      const reason = error instanceof Unprocessable ? error.message : faultFields(error).error;
      failSpan(span, code);
      await bury(raw, heard, cause, code, reason);
      parts.onDead?.(code);
      log.error(
        { operation: 'dead-letter', ...about, ...faultFields(error), code, reason },
        'message is dead; see `jangada dlq`',
      );
      return 'dead';
    } catch (second) {
      // Not even the dead letter could be stored: leave the message where it is.
      raw.nak(redeliveryDelayMs(raw.info.deliveryCount));
      log.error({ operation: 'retry', ...about, ...faultFields(second) }, 'will try again');
      return 'retry';
    }
  };

  await service.keys.known;
  await consume(
    service,
    { stream: streamOf[contract.on.kind], durable: contract.name, policy: contract.policy },
    (raw) => policy.admit(() => handle(raw)),
  );
  return service;
};

const never = new AbortController().signal;
