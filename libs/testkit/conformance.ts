import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Emission, Hop } from '@jangada/hop/hop.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { core, deadHeaders, headers } from '@jangada/proto/envelope.ts';
import { type Body, type Message, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { type Part, reply } from '@jangada/proto/reply.ts';
import * as run from '@jangada/proto/run.ts';
import { serve, type Turn } from '@jangada/runtime/serve.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { openLog } from '@jangada/telemetry/log.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { openTracing } from '@jangada/telemetry/trace.ts';
import { type Grant, grantSealer } from '@jangada/trust/grant.ts';
import { type Pass, passSealer } from '@jangada/trust/pass.ts';
import { jetstream, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import { type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';
import { afterEach, describe, expect, test } from 'vitest';
import { keyPair, passFor } from './identity.ts';
import { until } from './until.ts';

/** A broker on which the hop's streams and consumer exist. */
export interface Bench {
  /** Connected as someone who may publish any message and read any stream. */
  readonly operator: NatsConnection;
  /** The settings of a service at this broker, its identity included. */
  settings(service: string): { NATS_URL: string; NATS_NKEY_SEED: string };
}

const passKeys = keyPair('pass');
const grantKeys = keyPair('grant');

/** The golden sample of a message, as its body. */
export const sampleOf = <M extends Message>(message: M): Body<M> =>
  JSON.parse(
    readFileSync(
      new URL(`../../proto/samples/${message.name}.${message.version}.json`, import.meta.url),
      'utf8',
    ),
  ) as Body<M>;

/** A question on its way, with the pass as it was signed. */
type Asked = Pass & { readonly statement: string };

type Gather = (turn: Turn) => Promise<void>;

/**
 * What any hop must show, whatever it decides: a hop is fit for use when it passes. The hop's own two functions
 * are replaced by a script; consuming, verifying, retrying, telling and draining are the real thing on a real broker.
 */
export const conforms = (contract: Hop, bench: () => Bench): void => {
  let service: Service | undefined;
  afterEach(async () => {
    await service?.[Symbol.asyncDispose]();
    service = undefined;
  });

  const [outcome] = contract.emits;
  if (!outcome) throw new Error(`${contract.name} emits nothing`);
  const emission = { message: outcome, body: sampleOf(outcome) } as Emission<Message>;
  const end: Part | undefined = outcome === run.answered ? { type: 'cancelled' } : undefined;

  const start = async (gather: Gather): Promise<Service> => {
    const hurried = {
      ...contract,
      policy: { ...contract.policy, backoffMs: 1, breaker: { ...contract.policy.breaker, openMs: 300 } },
    };
    const config = {
      ...bench().settings(contract.name),
      NODE_ENV: 'test' as const,
      HEALTH_HOST: '127.0.0.1',
      HEALTH_PORT: 0,
      LOG_LEVEL: 'ERROR' as const,
      OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
      OTEL_TRACES_SAMPLER_ARG: 0,
      PASS_PUBLIC_KEYS: passKeys.ring,
      GRANT_PUBLIC_KEYS: grantKeys.ring,
    };
    const shared = { gather: async (_body: unknown, turn: Turn) => gather(turn) };
    const parts = contract.tells
      ? {
          ...shared,
          compose: async function* () {
            yield 'told ';
            yield 'once';
            return end ? { ...emission, tell: end } : emission;
          },
        }
      : { ...shared, decide: () => emission };
    const telemetry = {
      log: openLog(contract.name, 'ERROR', { write: () => undefined }),
      metrics: openMetrics(contract.name),
      tracing: openTracing(contract.name, undefined, 0),
    };
    service = await serve(hurried as Hop, config, parts as never, telemetry);
    return service;
  };

  const ask = async (
    own: { pass?: Partial<Pass>; statement?: string; body?: string; grant?: string | null; id?: string } = {},
  ): Promise<Asked> => {
    const pass = passFor('quantas consultas tenho amanhã?', own.pass);
    const grant: Grant = {
      rid: pass.rid,
      tid: pass.tid,
      sub: pass.sub,
      ph: 'x',
      reach: 'tenant',
      fields: [],
      limit: 50,
      exp: pass.exp,
    };
    const head = newHeaders();
    const statement = own.statement ?? (await passSealer(passKeys.signer)(pass));
    head.set(headers.pass, statement);
    if (own.grant !== null)
      head.set(headers.grant, own.grant ?? (await grantSealer(grantKeys.signer, Buffer.alloc(32))(grant)));
    if (own.id) head.set(headers.messageId, own.id);
    await jetstream(bench().operator).publish(
      subjectOf(contract.on, pass.tid, pass.rid),
      own.body ?? JSON.stringify(sampleOf(contract.on)),
      { headers: head },
    );
    return { ...pass, statement };
  };

  const stored = async (stream: string, subject: string): Promise<StoredMsg[]> => {
    const jsm = await jetstreamManager(bench().operator);
    const found: StoredMsg[] = [];
    try {
      for await (const message of await jsm.direct.getBatch(stream, {
        seq: 1,
        next_by_subj: subject,
        batch: 100,
      }))
        found.push(message);
    } catch {
      return found;
    }
    return found;
  };
  const facts = (message: Message, pass: Pass) =>
    stored(streamOf.fact, subjectOf(message, pass.tid, pass.rid));
  const said = (message: Message, pass: Pass) =>
    until(message.name, async () => (await facts(message, pass))[0]);
  const told = async (pass: Pass): Promise<Part[]> =>
    (await stored(streamOf.reply, subjectOf(reply, pass.tid, pass.rid))).flatMap(
      (message) => reply.body.parse(message.json()).parts,
    );
  const dead = (asked: Asked) =>
    until('a dead letter', async () =>
      (await stored('DEAD', core.dead(contract.name, '*', '*'))).find(
        (letter) => letter.header.get(headers.pass) === asked.statement,
      ),
    );
  const pending = async (): Promise<number> => {
    const jsm = await jetstreamManager(bench().operator);
    const info = await jsm.consumers.info(streamOf[contract.on.kind], contract.name);
    return info.num_pending + info.num_ack_pending;
  };

  describe(`${contract.name} as a hop`, () => {
    test('turns a message into its outcome and acknowledges it', async () => {
      await start(async () => undefined);
      const pass = await ask();
      expect((await said(outcome, pass)).json()).toEqual(emission.body);
      await until('everything to be acknowledged', async () => (await pending()) === 0);
    });

    test('has one effect however often the same message comes', async () => {
      let calls = 0;
      await start(async () => {
        calls += 1;
      });
      const pass = passFor('x');
      for (let copy = 0; copy < 5; copy++) await ask({ pass, id: `${pass.rid}.${copy}` });
      await until('five deliveries', () => calls === 5);
      await until('everything to be acknowledged', async () => (await pending()) === 0);
      expect(await facts(outcome, pass)).toHaveLength(1);
      if (outcome.ends) expect((await told(pass)).filter((part) => part.type !== 'text')).toHaveLength(1);
    });

    test('keeps a poison message with its reason, and tells the person', async () => {
      await start(async () => undefined);
      const pass = await ask({ body: '{"canary":"Zuleide Canária"}' });
      const letter = await dead(pass);
      expect(letter.header.get(deadHeaders.reason)).toMatch(/^MSG_POISON: the body does not match/);
      expect(letter.header.get(deadHeaders.reason)).not.toContain('Zuleide');
      expect((await said(run.failed, pass)).json()).toMatchObject({ code: 'MSG_POISON', hop: contract.name });
      expect(await told(pass)).toContainEqual(
        expect.objectContaining({ type: 'failed', code: 'MSG_POISON' }),
      );
    });

    test('does not believe a pass that someone else signed', async () => {
      await start(async () => undefined);
      const stranger = keyPair('pass');
      const forged = passFor('x');
      const pass = await ask({ pass: forged, statement: await passSealer(stranger.signer)(forged) });
      expect((await dead(pass)).header.get(deadHeaders.reason)).toMatch(/^CTX_INVALID/);
      expect(await facts(outcome, pass)).toHaveLength(0);
    });

    test('does not believe a pass for another run', async () => {
      await start(async () => undefined);
      const other = passFor('x', { tid: 'outra-clinica' });
      const pass = await ask({ statement: await passSealer(passKeys.signer)(other) });
      expect((await dead(pass)).header.get(deadHeaders.reason)).toMatch(/^CTX_INVALID/);
      expect(await facts(outcome, pass)).toHaveLength(0);
    });

    if (contract.demands.includes('grant')) {
      test('does nothing without a grant of the permission service', async () => {
        await start(async () => undefined);
        for (const grant of [
          null,
          'a.b.c',
          await grantSealer(
            keyPair('grant').signer,
            Buffer.alloc(32),
          )({
            rid: 'r',
            tid: 't',
            sub: 's',
            ph: '',
            reach: 'tenant',
            fields: [],
            limit: 1,
            exp: Date.now() + 9_999,
          }),
        ]) {
          const pass = await ask({ grant });
          expect((await said(run.failed, pass)).json()).toMatchObject({ code: 'CTX_NO_GRANT' });
          expect(await facts(outcome, pass)).toHaveLength(0);
        }
      });
    }

    test('waits for a dependency that is away, and then goes on', async () => {
      let away = true;
      const hop = await start(async () => {
        if (away) throw new Unavailable('database');
      });
      const pass = await ask();
      await until('the breaker to open', async () => {
        if (hop.policy.state() === 'open') return true;
        if (!(await facts(outcome, pass))[0]) await ask();
        return false;
      });
      expect(await facts(outcome, pass)).toHaveLength(0);
      away = false;
      await said(outcome, pass);
      await until('the breaker to close', () => hop.policy.state() === 'closed');
    });

    test('does not pull while its breaker is open', async () => {
      let calls = 0;
      let away = true;
      const hop = await start(async () => {
        calls += 1;
        if (away) throw new Unavailable('database');
      });
      await until('the breaker to open', async () => {
        await ask();
        return hop.policy.state() === 'open';
      });
      const late = await ask();
      const before = calls;
      await sleep(100);
      expect(calls).toBe(before);
      away = false;
      await said(outcome, late);
    });

    test('stops when the run is cancelled, and says so', async () => {
      const begun = Promise.withResolvers<void>();
      await start(
        ({ signal }) =>
          new Promise((_resolve, reject) => {
            begun.resolve();
            signal.addEventListener('abort', () => reject(signal.reason));
          }),
      );
      const pass = await ask();
      await begun.promise;
      bench().operator.publish(core.cancel(pass.tid, pass.rid));
      await said(run.cancelled, pass);
      await until('the person to be told', async () =>
        (await told(pass)).some((part) => part.type === 'cancelled'),
      );
      expect(await facts(outcome, pass)).toHaveLength(0);
    });

    test('ends a run that is past its deadline, without work', async () => {
      let calls = 0;
      await start(async () => {
        calls += 1;
      });
      const pass = await ask({ pass: { exp: Date.now() - 1 } });
      expect((await said(run.failed, pass)).json()).toMatchObject({ code: 'DEADLINE', hop: contract.name });
      expect(calls).toBe(0);
    });

    test('finishes what it has before it goes', async () => {
      const begun = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const hop = await start(async () => {
        begun.resolve();
        await go.promise;
      });
      const pass = await ask();
      await begun.promise;
      const gone = hop[Symbol.asyncDispose]();
      service = undefined;
      go.resolve();
      await gone;
      expect(await facts(outcome, pass)).toHaveLength(1);
      expect(await pending()).toBe(0);
    });
  });
};
