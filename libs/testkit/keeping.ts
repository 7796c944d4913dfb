import type { Sink } from '@jangada/hop/hop.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { core, deadHeaders, keyRing } from '@jangada/proto/envelope.ts';
import { streamOf } from '@jangada/proto/message.ts';
import { written } from '@jangada/runtime/emit.ts';
import { keep, later } from '@jangada/runtime/keep.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { openLog } from '@jangada/telemetry/log.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { openTracing } from '@jangada/telemetry/trace.ts';
import { passSealer } from '@jangada/trust/pass.ts';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/transport-node';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, bodies, passKeys, ring, sampleOf } from './conformance.ts';
import { passFor } from './identity.ts';
import { until } from './until.ts';

/** What is to be kept of one message, as the script says it. */
type Read = (id: string) => Promise<string | typeof later | undefined>;

/**
 * What any sink must show, whatever it keeps: nothing is acknowledged before it is kept, and nothing that cannot be kept
 * holds up its neighbours. The sink's own functions are replaced by a script, on a real broker.
 */
export const keeps = (contract: Sink, bench: () => Bench): void => {
  const [on] = contract.on;
  if (!on) throw new Error(`${contract.name} hears nothing`);
  let service: Service | undefined;
  const kept: string[][] = [];
  afterEach(async () => {
    kept.length = 0;
    await service?.[Symbol.asyncDispose]();
    service = undefined;
  });
  beforeAll(async () => {
    await jetstream(bench().operator).publish(keyRing.subject, ring.statement);
  });

  const start = async (
    store: (records: readonly string[]) => Promise<void> = async () => undefined,
    read: Read = async (id) => id,
  ): Promise<void> => {
    const config = {
      ...bench().settings(contract.name),
      ...{ NODE_ENV: 'test' as const, JANGADA_ENV: 'local', TLS_CA: undefined, KEY_RING_ROOT: ring.root },
      ...{ HEALTH_HOST: '127.0.0.1', HEALTH_PORT: 0, SERVICE_WEIGHT: 1 },
      LOG_LEVEL: 'ERROR' as const,
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: undefined, OTEL_TRACES_SAMPLER_ARG: 0 },
    };
    const shared = {
      keep: async (records: readonly string[]) => {
        await store(records);
        kept.push([...records]);
        return [];
      },
    };
    const nameOf = ({ tenant, id }: { tenant: string; id: string }) => id || tenant;
    const parts = contract.opens
      ? { ...shared, bodies, read: (heard: { tenant: string; id: string }) => read(nameOf(heard)) }
      : { ...shared, record: nameOf };
    service = await keep(contract, config, parts as never, {
      log: openLog(contract.name, 'ERROR', { write: () => undefined }),
      metrics: openMetrics(contract.name),
      tracing: openTracing(contract.name, undefined, 0),
    });
  };

  const fresh = (): string => `t-${crypto.randomUUID()}`.slice(0, 20);

  /** Says a message of a tenant and a run, or whatever it is about, of one name; `bytes` in the stead of its body. */
  const say = async (name = fresh(), bytes?: string): Promise<string> => {
    const pass = passFor('x', { tid: name, rid: name });
    const statement = await passSealer(passKeys.signer)(pass);
    const cause = { tenant: name, id: name, pass: statement, traceparent: '' };
    const { subject, bytes: own, carried } = written({ bodies }, on, cause, sampleOf(on));
    const head = newHeaders();
    for (const [key, value] of Object.entries(carried)) head.set(key, value);
    await jetstream(bench().operator).publish(subject, bytes ?? own, { headers: head });
    return name;
  };
  const done = () =>
    until('everything to be acknowledged', async () => {
      const jsm = await jetstreamManager(bench().operator);
      const info = await jsm.consumers.info(streamOf[on.kind], contract.name);
      return info.num_pending + info.num_ack_pending === 0;
    });
  const reasonOf = (name: string) =>
    until('a dead letter', async () => {
      const jsm = await jetstreamManager(bench().operator);
      const query = { seq: 1, next_by_subj: core.dead(contract.name, '*', '*'), batch: 1_000 };
      for await (const { header } of await jsm.direct.getBatch('DEAD', query))
        if (header.get(deadHeaders.subject).includes(name)) return header.get(deadHeaders.reason);
      return undefined;
    });

  describe(`${contract.name} as a sink`, () => {
    test('keeps what it hears and acknowledges it then', async () => {
      await start();
      const said = await Promise.all(Array.from({ length: 5 }, () => say()));
      await done();
      expect(kept.flat()).toEqual(expect.arrayContaining(said));
    });

    test('keeps later what could not be kept, and loses nothing meanwhile', async () => {
      let away = true;
      await start(async () => {
        if (!away) return;
        away = false;
        throw new Unavailable('database');
      });
      const said = await say();
      await done();
      expect(kept.flat()).toContain(said);
    });

    test('sets one aside that cannot be kept, with its reason, and keeps the others of its batch', async () => {
      const wrong = fresh();
      await start(async (records) => {
        if (records.includes(wrong)) throw new Error('not to be kept');
      });
      const said = await Promise.all([say(), say(), say(wrong), say()]);
      await done();
      expect(await reasonOf(wrong)).toMatch(/^INTERNAL/);
      expect(kept.flat()).toEqual(expect.arrayContaining(said.filter((one) => one !== wrong)));
      expect(kept.flat()).not.toContain(wrong);
    });

    // The others see what is said in clear, and keep what they see.
    if (!contract.opens) return;

    test('believes a body only where it was sealed', async () => {
      await start();
      const planted = await say(fresh(), JSON.stringify(sampleOf(on)));
      expect(await reasonOf(planted)).toMatch(/^CTX_PAYLOAD_MISMATCH/);
      expect(kept.flat()).not.toContain(planted);
    });

    test('hears again what is not all there yet, and passes over what is not to be kept', async () => {
      const asked = new Map<string, number>();
      const none = fresh();
      await start(undefined, async (id) => {
        const times = (asked.get(id) ?? 0) + 1;
        asked.set(id, times);
        if (id === none) return undefined;
        return times === 1 ? later : id;
      });
      const said = await say();
      await say(none);
      await done();
      expect(kept.flat()).toEqual([said]);
      expect(asked.get(said)).toBe(2);
    });
  });
};
