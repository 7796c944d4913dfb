import { url as inspectorUrl } from 'node:inspector';
import { trustAuthority } from '@jangada/config/authority.ts';
import { readConfig } from '@jangada/config/config.ts';
import type { Name, Values } from '@jangada/config/settings.ts';
import { shownOf } from '@jangada/config/shown.ts';
import type { Contract } from '@jangada/hop/hop.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { core } from '@jangada/proto/envelope.ts';
import { streamsOf } from '@jangada/proto/message.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { openTelemetry, type Telemetry } from '@jangada/telemetry/telemetry.ts';
import { openRing, type Ring } from '@jangada/trust/ring.ts';
import { type Bus, openBus } from './bus.ts';
import {
  type Check,
  type HealthServer,
  isReady,
  type Probes,
  runProbes,
  serveHealth,
  version,
} from './health.ts';
import { closeProcess } from './process.ts';
import { type Answering, register } from './registration.ts';
import { type BreakerState, type Resilience, resilience } from './resilience.ts';
import { type RingWatch, watchRing } from './ring.ts';

/** Settings that every service reads. */
export const commonSettings = [
  'NODE_ENV',
  'JANGADA_ENV',
  'TLS_CA',
  'NATS_URL',
  'NATS_NKEY_SEED',
  'KEY_RING_ROOT',
  'HEALTH_HOST',
  'HEALTH_PORT',
  'SERVICE_WEIGHT',
  'LOG_LEVEL',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_TRACES_SAMPLER_ARG',
] as const satisfies readonly Name[];

/** What a service says of itself when asked on the `status` subject. */
export interface Status {
  readonly name: string;
  readonly kind: Contract['kind'];
  /** Services that it works without. */
  readonly spares: readonly string[];
  readonly pid: number;
  readonly url: string;
  readonly ready: boolean;
  readonly breaker: BreakerState;
  /** Failures that count towards opening it now. */
  readonly failures: number;
  /** Since when the breaker is in its state, ISO 8601. */
  readonly breakerSince: string;
  readonly inFlight: number;
  /** Where what it hears waits at the broker; nowhere for a border, which hears nobody. */
  readonly consumers: readonly { readonly stream: string; readonly durable: string }[];
  readonly checks: readonly Check[];
  /** What it was started with, without secrets. */
  readonly settings: ReturnType<typeof shownOf>;
  /** True while a debugger may attach. */
  readonly debugged: boolean;
}

/** A process that is connected, observed and can be drained. What it does is added by `serve` or by its main. */
export interface Service extends Telemetry, AsyncDisposable {
  readonly name: string;
  readonly bus: Bus;
  readonly policy: Resilience;
  readonly health: HealthServer;
  /** Counts and tells that something stood where only we should have written: MSG_DUP_UNEXPECTED. */
  readonly unexpected: () => void;
  /** Public keys of what is signed here. */
  readonly ring: Ring;
  readonly keys: Pick<RingWatch, 'known' | 'refresh'>;
  /** Resolves after SIGTERM or SIGINT, once everything is drained. */
  readonly stopped: Promise<void>;
  /** Messages in work now. */
  inFlight(): number;
  /** Work that must end before the connection closes; called once, in the order of adding. */
  onDrain(end: () => Promise<void>): void;
  countInFlight(count: () => number): void;
}

/** Reads the settings common to all and those named, and closes the process that holds them now. @throws ConfigError */
export const configOf = <N extends Name = never>(
  own: readonly N[] = [],
): Values<N | (typeof commonSettings)[number]> => {
  const config = readConfig([...commonSettings, ...own]);
  closeProcess(config.NODE_ENV);
  trustAuthority((config as Values<'TLS_CA'>).TLS_CA);
  return config;
};

const drainLimitMs = 10_000;

/** Connects a service: broker, health, metrics, tracing, status, signals. */
export const openService = async (
  contract: Contract,
  config: Values<(typeof commonSettings)[number]>,
  probes: Probes = {},
  telemetry: Telemetry = openTelemetry(contract.name, config),
): Promise<Service> => {
  const { log, metrics } = telemetry;
  const bus = await openBus(contract.name, config);
  const policy = resilience(contract.name, contract.policy, metrics);
  const verified = metrics.counter(
    'statements_verified_total',
    'Signed statements met, by use and age of the key',
    ['use', 'key'],
  );
  const duplicates = metrics.counter(
    'unexpected_duplicates_total',
    'First publications that the broker took for duplicates: somebody was there before',
  );
  const ring = openRing(config.KEY_RING_ROOT, (use, key) => verified.inc({ use, key }));
  const keys = watchRing(bus, ring, log);
  const stop = Promise.withResolvers<void>();
  const ends: (() => Promise<void>)[] = [];
  const counts: (() => number)[] = [];
  const inFlight = (): number => counts.reduce((sum, count) => sum + count(), 0);
  let open = true;
  metrics.gauge('hop_in_flight', 'Messages in work', [], () => inFlight());

  const allProbes: Probes = {
    broker: () => bus.nc.flush(),
    keys: async () => {
      if (ring.epoch() === 0) throw new Unavailable('key ring');
    },
    ...probes,
  };
  const health = await serveHealth(
    { host: config.HEALTH_HOST, port: config.HEALTH_PORT },
    { probes: allProbes, ready: () => open, metrics },
  );
  const shown = shownOf(config);
  const heard = contract.kind === 'border' ? [] : [contract.on].flat();
  const doing = async () => {
    const checks = await runProbes(allProbes);
    const ready = open && isReady(checks);
    return { checks, ready, breaker: policy.state(), inFlight: inFlight() };
  };
  const answer = async (): Promise<string> => {
    const { failures, since } = policy.counted();
    const status: Status = {
      name: contract.name,
      kind: contract.kind,
      spares: contract.kind === 'hop' ? Object.keys(contract.spares) : [],
      pid: process.pid,
      url: health.url,
      consumers: streamsOf(heard).map((stream) => ({ stream, durable: contract.name })),
      ...(await doing()),
      failures,
      breakerSince: since.toISOString(),
      settings: shown,
      debugged: inspectorUrl() !== undefined,
    };
    return JSON.stringify(status);
  };
  await register(bus.nc, {
    name: contract.name,
    version,
    host: config.HEALTH_HOST,
    port: new URL(health.url).port,
    weight: config.SERVICE_WEIGHT,
    doing: async (): Promise<Answering> => {
      const { ready, breaker, inFlight: count } = await doing();
      return { ready, breaker, inFlight: count };
    },
    status: { subject: core.status, answer },
  });

  let draining: Promise<void> | undefined;
  const drain = (): Promise<void> => {
    draining ??= (async () => {
      open = false;
      log.info({ operation: 'drain', count: inFlight() }, 'draining');
      const limit = AbortSignal.timeout(drainLimitMs);
      for (const end of ends)
        await Promise.race([
          end().catch((error: unknown) =>
            log.error({ operation: 'drain', ...faultFields(error) }, 'something is not drained; going on'),
          ),
          new Promise<void>((resolve) => limit.addEventListener('abort', () => resolve())),
        ]);
      keys.stop();
      await bus.close();
      await telemetry.tracing.close().catch(() => undefined);
      await health.close();
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, leave);
      stop.resolve();
    })();
    return draining;
  };
  const leave = () => void drain();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, leave);
  log.info({ operation: 'start', url: health.url }, 'ready');

  return {
    ...telemetry,
    name: contract.name,
    bus,
    policy,
    health,
    unexpected: () => {
      duplicates.inc();
      log.error(
        { operation: 'publish', code: 'MSG_DUP_UNEXPECTED' },
        'somebody else was there first; said again in a way that holds',
      );
    },
    ring,
    keys,
    stopped: stop.promise,
    inFlight: () => inFlight(),
    onDrain: (end) => {
      ends.push(end);
    },
    countInFlight: (count) => {
      counts.push(count);
    },
    [Symbol.asyncDispose]: drain,
  };
};
