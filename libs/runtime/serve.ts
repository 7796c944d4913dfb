import type { Values } from '@jangada/config/settings.ts';
import { type Decide, type Emission, emit, type Hop, type In, type Out } from '@jangada/hop/hop.ts';
import { Unavailable, Unprocessable } from '@jangada/hop/outcome.ts';
import { core, headers } from '@jangada/proto/envelope.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { type Message, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { isEnd, type Part, progress, reply } from '@jangada/proto/reply.ts';
import * as run from '@jangada/proto/run.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { openTelemetry, type Telemetry } from '@jangada/telemetry/telemetry.ts';
import { failSpan, traceparentOf } from '@jangada/telemetry/trace.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { type Grant, grantReader, limitGrant } from '@jangada/trust/grant.ts';
import { type Pass, passReader } from '@jangada/trust/pass.ts';
import { type JsMsg, jetstreamManager } from '@nats-io/jetstream';
import { type Span, TraceFlags } from '@opentelemetry/api';
import { LRUCache } from 'lru-cache';
import { openAttendance } from './attendance.ts';
import { consume } from './consume.ts';
import { type Cause, endPart, publishDead, publishFact, publishReply, type Voice } from './emit.ts';
import type { Probes } from './health.ts';
import { bodyOf, type Heard, hear } from './heard.ts';
import { isTransient } from './resilience.ts';
import { withNewKeys } from './ring.ts';
import { type commonSettings, openService, type Service } from './service.ts';

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
  /** Aborted when the run is cancelled or the attempt has taken too long. */
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
  /** Reads what the decision needs. Under the contract's policy; the signal ends it. */
  readonly gather: (body: In<H>, turn: Turn) => Promise<Facts>;
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

/** Text is grouped for this long, so that a token is not a message. */
const groupMs = 25;
const cancelMemory = 10_000;

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
  const voice: Voice = { bus, bodies, unexpected: service.unexpected };
  const trusted = { readPass: passReader(service.ring.finder('pass')), env: config.JANGADA_ENV };
  const readGrant = grantReader(service.ring.finder('grant'));
  const outcomes = metrics.counter('hop_messages_total', 'Messages by how their handling ended', ['outcome']);
  const duration = metrics.histogram(
    'hop_duration_seconds',
    'From taking a message to its stored outcome',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  );

  const isThere = openAttendance(bus.nc, contract.spares);
  const running = new Map<string, AbortController>();
  /** Messages in hand, by their sequence, and whether each came to an outcome. */
  const inHand = new Map<number, Promise<boolean>>();
  const cancelled = new LRUCache<string, true>({ max: cancelMemory, ttl: 60_000 });
  bus.nc.subscribe(core.cancel('*', '*'), {
    callback: (_error, message) => {
      const key = message.subject.slice('cancel.'.length);
      cancelled.set(key, true);
      running.get(key)?.abort();
    },
  });

  const conclude = async (cause: Cause, emission: Emission<Message>): Promise<void> => {
    const end = emission.message.ends ? endPart(emission) : undefined;
    // No row is told before the record that it was read is stored.
    if (end?.type === 'answered' && end.rows) {
      await publishFact(voice, cause, emission);
      await publishReply(voice, cause, 'end', [end]);
      return;
    }
    await Promise.all([
      publishFact(voice, cause, emission),
      ...(end ? [publishReply(voice, cause, 'end', [end])] : []),
    ]);
  };

  const tell = async (
    cause: Cause,
    heard: Heard,
    telling: AsyncGenerator<string, Out<H>>,
    silent: boolean,
  ): Promise<void> => {
    let text = '';
    let index = 0;
    let timer: NodeJS.Timeout | undefined;
    const sent: Promise<unknown>[] = [];
    const flush = (...ending: Part[]): void => {
      clearTimeout(timer);
      timer = undefined;
      const spoken: Part[] = text ? [{ type: 'text', attempt: heard.delivery, text }, ...ending] : ending;
      text = '';
      if (silent || spoken.length === 0) return;
      const publishing = publishReply(
        voice,
        cause,
        `${heard.delivery}.${index++}`,
        spoken,
        heard.delivery === 1,
      );
      publishing.catch(() => undefined);
      sent.push(publishing);
    };
    try {
      for (;;) {
        const next = await telling.next();
        if (next.done) {
          const emission: Emission<Message> = next.value;
          const end = endPart(emission);
          flush(...(end ? [end] : []));
          await Promise.all([publishFact(voice, cause, emission), ...sent]);
          return;
        }
        text += next.value;
        timer ??= setTimeout(flush, groupMs);
      }
    } finally {
      clearTimeout(timer);
    }
  };

  /** True when an earlier delivery told the whole answer and died before it could say so. */
  const alreadyTold = async (heard: Heard): Promise<boolean> => {
    const jsm = await jetstreamManager(bus.nc, { checkAPI: false });
    const last = await jsm.direct
      .getMessage(streamOf.reply, { last_by_subj: subjectOf(reply, heard.tenant, heard.id) })
      // Not knowing is no licence to tell it twice.
      .catch((error) => {
        throw new Unavailable('broker', error);
      });
    if (!last) return false;
    return bodyOf(reply, heard, { headers: last.header, data: last.data }, bodies).parts.some(isEnd);
  };

  /** What whoever asked wants to be told of the run's coming here, and of what is known by then. */
  const arrivalOf = (pass: Pass, body: In<H>): readonly Part[] => {
    const { name: hop, on } = contract;
    const said: Part[] = pass.steps ? [{ type: 'step', hop }] : [];
    if (!(pass.state || pass.activity)) return said;
    const known = progress.parse(on.headOf(body));
    if (pass.state) said.push({ type: 'state', hop, progress: known });
    const status = on === run.permitted ? 'reading' : on === run.fetched ? 'read' : undefined;
    if (pass.activity && status) said.push({ type: 'activity', status, progress: known });
    return said;
  };

  /**
   * Tells who wants to know it that the run has come to this hop. Its message id makes it one of a kind within the run: the
   * broker remembers ids for longer than a pass lives, and after its deadline nothing comes here.
   */
  const arrive = async (cause: Cause, pass: Pass, { delivery }: Heard, body: In<H>): Promise<void> => {
    const said = arrivalOf(pass, body);
    if (said.length === 0) return;
    await publishReply(voice, cause, `step.${contract.name}`, said, delivery === 1);
  };

  const process = async (raw: JsMsg, heard: Heard, cause: Cause, span: Span): Promise<string> => {
    const key = `${heard.tenant}.${heard.id}`;
    const pass = heard.pass as Pass;
    const stop = (emission: Emission<Message>) => conclude(cause, emission);
    if (Date.now() > pass.exp) {
      await stop(emit(run.failed, { code: 'DEADLINE', locale: pass.loc, hop: contract.name }));
      return 'deadline';
    }
    if (cancelled.has(key)) {
      await stop(emit(run.cancelled, { locale: pass.loc, hop: contract.name }));
      return 'cancelled';
    }
    if (heard.delivery > contract.policy.deliveries)
      throw new Unprocessable('MSG_POISON', 'delivered too often');
    const statement = raw.headers?.get(headers.grant) || undefined;
    const grant = contract.demands.includes('grant') ? await grantFor(heard, statement) : undefined;
    const body = bodyOf(contract.on, heard, raw, bodies) as In<H>;

    const controller = new AbortController();
    running.set(key, controller);
    try {
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
      const [limited] = await Promise.all([
        heard.delivery === 1 ? parts.limit?.(body, pass) : undefined,
        // Stored before any outcome, so that steps are told in the order of the hops.
        arrive(cause, pass, heard, body),
      ]);
      if (limited) {
        await stop(limited);
        return 'limited';
      }
      const facts = await policy.call((signal) => parts.gather(body, { ...turn, signal }), controller.signal);
      if ('decide' in parts) await stop(parts.decide(body, facts));
      else {
        const silent = heard.delivery > 1 && (await alreadyTold(heard));
        await tell(cause, heard, parts.compose(body, facts, controller.signal), silent);
      }
      return 'done';
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      await stop(emit(run.cancelled, { locale: pass.loc, hop: contract.name }));
      return 'cancelled';
    } finally {
      running.delete(key);
    }
  };

  /**
   * What comes again while it is still in hand, because this process was too busy to say so, waits for that: told twice at
   * once, an answer would end with one telling in the middle of the other.
   */
  const processOnce = async (raw: JsMsg, heard: Heard, cause: Cause, span: Span): Promise<string> => {
    for (let before = inHand.get(raw.seq); before; before = inHand.get(raw.seq))
      if (await before) return 'repeated';
    const processing = process(raw, heard, cause, span);
    const hasOutcome = processing.then(
      () => true,
      () => false,
    );
    inHand.set(raw.seq, hasOutcome);
    try {
      return await processing;
    } finally {
      inHand.delete(raw.seq);
    }
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
      await conclude(cause, emit(run.failed, { code, locale: heard.pass.loc, hop: contract.name }));
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
      outcome = await processOnce(raw, heard, cause, span);
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

const markRedelivered = (span: Span, heard: Heard): void => {
  span.setAttribute('nats.redelivered', true);
  span.setAttribute('nats.delivery', heard.delivery);
  const origin = heard.traceparent?.split('-');
  if (origin?.[1] && origin[2]) {
    span.addLink({ context: { traceId: origin[1], spanId: origin[2], traceFlags: TraceFlags.SAMPLED } });
  }
};

/**
 * Wait before a message is delivered again: doubles from 250 ms to 5 s, with jitter so that a crowd spreads out. Whole
 * milliseconds: the broker takes a delay that is no integer for none and delivers at once.
 */
export const redeliveryDelayMs = (delivery: number): number =>
  Math.round(Math.min(5_000, 250 * 2 ** Math.min(delivery - 1, 6)) * (0.75 + Math.random() / 2));
