import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Emission, Hop } from '@jangada/hop/hop.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { core, deadHeaders, headers, keyRing } from '@jangada/proto/envelope.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { type Body, type Message, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { isEnd, type Part, reply } from '@jangada/proto/reply.ts';
import * as run from '@jangada/proto/run.ts';
import { ackWaitMs } from '@jangada/runtime/consume.ts';
import { written } from '@jangada/runtime/emit.ts';
import { bodyOf } from '@jangada/runtime/heard.ts';
import { serve, type Turn } from '@jangada/runtime/serve.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { openLog } from '@jangada/telemetry/log.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { openTracing } from '@jangada/telemetry/trace.ts';
import { isSealed, openBodies } from '@jangada/trust/body.ts';
import { type Grant, grantSealer } from '@jangada/trust/grant.ts';
import { type Pass, passSealer } from '@jangada/trust/pass.ts';
import { type ConsumerInfo, jetstream, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import { type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { keyPair, passFor, ringOf, secretSet } from './identity.ts';
import { until } from './until.ts';

/** A broker on which the hop's streams and consumer exist. */
export interface Bench {
  /** Connected as someone who may publish any message and read any stream. */
  readonly operator: NatsConnection;
  /** The settings of a service at this broker, its identity included. */
  settings(service: string): { NATS_URL: string; NATS_NKEY_SEED: string };
}

const grantKeys = keyPair('grant');
const databaseKey = () => ({ kid: 'database', secret: Buffer.alloc(32) });
export const passKeys = keyPair('pass');
export const ring = ringOf({ pass: [passKeys], grant: [grantKeys] });
const messageKeys = secretSet();
export const bodies = openBodies(() => messageKeys);
const canary = 'Zuleide Canária';

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
  const died: Code[] = [];
  /** Runs of the test that goes on. What another gave back may be delivered in it, and passes. */
  const runs = new Set<string>();

  afterEach(async () => {
    runs.clear();
    died.length = 0;
    await service?.[Symbol.asyncDispose]();
    service = undefined;
  });

  beforeAll(async () => {
    // Every hop of a run of this suite reads the same ring, whoever writes it last.
    await jetstream(bench().operator).publish(keyRing.subject, ring.statement);
  });

  const [outcome] = contract.emits;
  if (!outcome) throw new Error(`${contract.name} emits nothing`);
  const emission = { message: outcome, body: sampleOf(outcome) } as Emission<Message>;
  const end: Part | undefined = outcome === run.answered ? { type: 'cancelled' } : undefined;

  const start = async (
    gather: Gather,
    {
      limit,
      deliveries = contract.policy.deliveries,
    }: { limit?: () => Promise<Emission<Message> | undefined>; deliveries?: number } = {},
  ): Promise<Service> => {
    const hurried = {
      ...contract,
      policy: {
        ...contract.policy,
        deliveries,
        backoffMs: 1,
        breaker: { ...contract.policy.breaker, openMs: 300 },
      },
    };
    const config = {
      ...bench().settings(contract.name),
      NODE_ENV: 'test' as const,
      JANGADA_ENV: 'local',
      TLS_CA: undefined,
      MESSAGE_KEYS: () => messageKeys,
      HEALTH_HOST: '127.0.0.1',
      HEALTH_PORT: 0,
      SERVICE_WEIGHT: 1,
      LOG_LEVEL: 'ERROR' as const,
      OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
      OTEL_TRACES_SAMPLER_ARG: 0,
      KEY_RING_ROOT: ring.root,
    };
    const shared = {
      gather: async (_body: unknown, turn: Turn) => (runs.has(turn.run) ? gather(turn) : undefined),
      onDead: (code: Code) => died.push(code),
      ...(limit ? { limit } : {}),
    };
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
    asking: {
      pass?: Partial<Pass>;
      statement?: string;
      /** What the body says, sealed where it belongs. */
      body?: object;
      /** What travels in the body's stead. */
      bytes?: string | Uint8Array;
      grant?: string | Partial<Grant> | null;
      id?: string;
      carried?: Record<string, string>;
    } = {},
  ): Promise<Asked> => {
    const pass = passFor('quantas consultas tenho amanhã?', asking.pass);
    runs.add(pass.rid);
    const statement = asking.statement ?? (await passSealer(passKeys.signer)(pass));
    const { subject, bytes, carried } = sealedFor(pass, statement, asking.body);
    const head = newHeaders();
    for (const [name, value] of Object.entries({ ...carried, ...asking.carried })) head.set(name, value);
    if (asking.grant !== null)
      head.set(
        headers.grant,
        typeof asking.grant === 'string' ? asking.grant : await grantOf(pass, asking.grant),
      );
    if (asking.id) head.set(headers.messageId, asking.id);
    await jetstream(bench().operator).publish(subject, asking.bytes ?? bytes, { headers: head });
    return { ...pass, statement };
  };

  const sealedFor = (pass: Pass, statement: string, body: object = sampleOf(contract.on) as object) => {
    const cause = { tenant: pass.tid, id: pass.rid, pass: statement, traceparent: '' };
    // The head is of the sample: a body that is none has no head of its own.
    const message = { ...contract.on, headOf: () => contract.on.headOf(sampleOf(contract.on)) };
    return written({ bodies }, message, cause, body);
  };

  const grantOf = (pass: Pass, own: Partial<Grant> = {}): Promise<string> => {
    const { rid, tid, sub, exp } = pass;
    const grant = {
      rid,
      tid,
      sub,
      exp,
      ph: 'x',
      reach: 'tenant' as const,
      pur: 'care',
      fields: [],
      limit: 50,
      ...own,
    };
    return grantSealer(grantKeys.signer, databaseKey)(grant);
  };

  const openedAs = <M extends Message>(message: M, pass: Pass, { header, data }: StoredMsg): Body<M> =>
    bodyOf(message, { tenant: pass.tid, id: pass.rid }, { headers: header, data }, bodies);

  const stored = async (stream: string, subject: string): Promise<StoredMsg[]> => {
    const jsm = await jetstreamManager(bench().operator);
    const found: StoredMsg[] = [];
    try {
      for await (const message of await jsm.direct.getBatch(stream, {
        seq: 1,
        next_by_subj: subject,
        batch: 1_000,
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
    until(message.name, async () => {
      const [fact] = await facts(message, pass);
      return fact && openedAs(message, pass, fact);
    });
  const told = async (pass: Pass): Promise<Part[]> =>
    (await stored(streamOf.reply, subjectOf(reply, pass.tid, pass.rid))).flatMap(
      (message) => openedAs(reply, pass, message).parts,
    );
  const dead = (asked: Asked) =>
    until('a dead letter', async () =>
      (await stored('DEAD', core.dead(contract.name, '*', '*'))).find(
        (letter) => letter.header.get(headers.pass) === asked.statement,
      ),
    );
  const waiting = async (): Promise<ConsumerInfo> => {
    const jsm = await jetstreamManager(bench().operator);
    return jsm.consumers.info(streamOf[contract.on.kind], contract.name);
  };
  const pending = async (): Promise<number> => {
    const info = await waiting();
    return info.num_pending + info.num_ack_pending;
  };

  describe(`${contract.name} as a hop`, () => {
    test('turns a message into its outcome and acknowledges it', async () => {
      await start(async () => undefined);
      const pass = await ask();
      expect(await said(outcome, pass)).toEqual(emission.body);
      await until('everything to be acknowledged', async () => (await pending()) === 0);
      // Nobody is told of the way who did not ask for it.
      expect((await told(pass)).filter((part) => part.type !== 'text' && !isEnd(part))).toEqual([]);
    });

    test('has one effect however often the same message comes', async () => {
      let calls = 0;
      await start(async () => {
        calls += 1;
      });
      const pass = passFor('x', { steps: true, state: true, activity: true });
      for (let copy = 0; copy < 5; copy++) await ask({ pass, id: `${pass.rid}.${copy}` });
      await until('five deliveries', () => calls === 5);
      await until('everything to be acknowledged', async () => (await pending()) === 0);
      expect(await facts(outcome, pass)).toHaveLength(1);
      const [first, second, ...rest] = await told(pass);
      expect(first).toEqual({ type: 'step', hop: contract.name });
      expect(second).toMatchObject({ type: 'state', hop: contract.name });
      expect(rest.filter(({ type }) => type === 'step' || type === 'state')).toEqual([]);
      if (outcome.ends) expect(rest.filter(isEnd)).toHaveLength(1);
    });

    // Of a hop whose policy would not try again meanwhile.
    if (contract.policy.timeoutMs > 2 * ackWaitMs)
      test('works once on what comes again while it is busy with it', async () => {
        let calls = 0;
        await start(async () => {
          calls += 1;
          // Nothing else goes on in this process, nor does the broker hear that it is at work.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ackWaitMs + 500);
          await until('it to come again', async () => (await waiting()).num_redelivered > 0);
        });
        const pass = await ask();
        expect(await said(outcome, pass)).toEqual(emission.body);
        await until('everything to be acknowledged', async () => (await pending()) === 0);
        expect(calls).toBe(1);
      });

    test('is not kept from its outcome by what the broker was made to store in its place', async () => {
      const hop = await start(async () => undefined);
      const pass = passFor('x');
      const reply = subjectOf(outcome, pass.tid, pass.rid);
      bench().operator.publish('$JS.API.INFO', '', { reply });
      await until('the place to be taken', async () => (await facts(outcome, pass)).length === 1);
      await ask({ pass });
      const second = await until('the outcome', async () => (await facts(outcome, pass))[1]);
      expect(openedAs(outcome, pass, second)).toEqual(emission.body);
      await until('everything to be acknowledged', async () => (await pending()) === 0);
      expect(await hop.metrics.text()).toMatch(/^unexpected_duplicates_total\{.*\} 1$/m);
      expect(await facts(outcome, pass)).toHaveLength(2);
    });

    test('keeps a poison message with its reason, and tells the person', async () => {
      await start(async () => undefined);
      const pass = await ask({ body: { canary } });
      const letter = await dead(pass);
      expect(letter.header.get(deadHeaders.reason)).toMatch(/^MSG_POISON: the body does not match/);
      expect(await said(run.failed, pass)).toMatchObject({ code: 'MSG_POISON', hop: contract.name });
      expect(await told(pass)).toContainEqual(
        expect.objectContaining({ type: 'failed', code: 'MSG_POISON' }),
      );
      await until('the service itself to be told', () => died.length > 0);
      expect(died).toEqual(['MSG_POISON']);
    });

    test('believes a body only where it was sealed', async () => {
      await start(async () => undefined);
      const [own, other] = [passFor('x'), passFor('x', { tid: 'outra-clinica' })];
      const elsewhere = sealedFor(other, '').bytes;
      const flipped = Buffer.from(sealedFor(own, '').bytes);
      flipped[flipped.length - 20] = (flipped.at(-20) ?? 0) ^ 1;
      for (const [what, bytes, carried = {}] of [
        ['one in clear', JSON.stringify({ ...(sampleOf(contract.on) as object), canary })],
        ['one of another tenant', elsewhere],
        ['one of another run', sealedFor(passFor('x'), '').bytes],
        ['one under another head', sealedFor(own, '').bytes, { [headers.head]: '{"code":"OTHER"}' }],
        ['one under another version', sealedFor(own, '').bytes, { [headers.schema]: '2' }],
        ['one that was altered', flipped],
        ['none', ''],
      ] as const) {
        const who = { rid: own.rid, sub: crypto.randomUUID() };
        const pass = await ask({ pass: who, bytes, carried, id: who.sub });
        const reason = (await dead(pass)).header.get(deadHeaders.reason);
        expect.soft(reason, what).toMatch(/^CTX_PAYLOAD_MISMATCH/);
        expect.soft(await facts(outcome, pass), what).toHaveLength(0);
      }
    });

    test('gives up on what was delivered too often, whatever ended each delivery', async () => {
      const begun = new Set<number>();
      await start(
        async ({ delivery }) => {
          begun.add(delivery);
          throw new Unavailable('test');
        },
        { deliveries: 2 },
      );
      const pass = await ask();
      expect((await dead(pass)).header.get(deadHeaders.reason)).toMatch(/^MSG_POISON: delivered too often/);
      expect([...begun]).toEqual([1, 2]);
      expect(await facts(outcome, pass)).toHaveLength(0);
    });

    test('does not believe a pass that is forged, foreign, altered or out of measure', async () => {
      let calls = 0;
      await start(async () => {
        calls += 1;
      });
      const seal = passSealer(passKeys.signer);
      const pass = passFor('x');
      const [payload = '', ...signature] = (await seal(pass)).split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
      const ofOtherRun = contract.on.kind === 'intake' ? 'CTX_PAYLOAD_MISMATCH' : 'CTX_INVALID';
      const altered = Buffer.from(JSON.stringify({ ...claims, rol: 'owner' })).toString('base64url');
      for (const [what, statement, code] of [
        ['of somebody else’s key', await passSealer(keyPair('pass').signer)(pass), 'CTX_INVALID'],
        ['of an unknown key', await passSealer(keyPair('retired').signer)(pass), 'CTX_INVALID'],
        ['of another tenant', await seal(passFor('x', { ...pass, tid: 'outra-clinica' })), 'CTX_INVALID'],
        // Intake names no run in its subject: there the body tells, which was sealed for its run.
        ['of another run', await seal(passFor('x', { ...pass, rid: 'other' })), ofOtherRun],
        ['of another deployment', await seal(passFor('x', { ...pass, env: 'staging' })), 'CTX_INVALID'],
        ['with a claim more', await seal({ ...pass, scope: 'everything' } as Pass), 'CTX_INVALID'],
        ['with another role', [altered, ...signature].join('.'), 'CTX_INVALID'],
        ['that is none', 'a.b.c', 'CTX_INVALID'],
        ['of 60 KiB', `${'A'.repeat(61_440)}.0-.c2ln`, 'PAYLOAD_TOO_LARGE'],
      ] as const) {
        await ask({ pass, statement, id: crypto.randomUUID() });
        const letter = await until(`a dead letter of a pass ${what}`, async () =>
          (await stored('DEAD', core.dead(contract.name, '*', '*'))).find(
            ({ header }) =>
              header.get(headers.pass) === (statement.length > 8_192 ? '' : statement) &&
              header.get(deadHeaders.subject) === subjectOf(contract.on, pass.tid, pass.rid),
          ),
        );
        expect.soft(letter.header.get(deadHeaders.reason), what).toMatch(new RegExp(`^${code}`));
      }
      expect(calls).toBe(0);
      expect(await facts(outcome, pass)).toHaveLength(0);
    });

    test('leaves nothing readable in its dead letters', async () => {
      await start(async () => undefined);
      const traces = { carried: { 'X-Note': canary }, pass: passFor('x') };
      await ask({ ...traces, bytes: JSON.stringify({ question: canary }), id: '1' });
      await ask({ ...traces, body: { question: canary, canary }, id: '2' });
      await ask({ ...traces, bytes: `\u0001${canary.repeat(4)}`, id: '3' });
      await ask({ ...traces, statement: 'a.b.c', bytes: canary, id: '4' });
      await until('everything to be given up', async () => (await pending()) === 0);
      const letters = await stored('DEAD', core.dead(contract.name, '*', '*'));
      for (const { header, data } of letters) {
        expect(isSealed(data)).toBe(true);
        const text = [...(header ?? [])].flat(2).join() + Buffer.from(data).toString('latin1');
        expect(text).not.toMatch(/Zuleide|Can.{1,2}ria/);
      }
    });

    if (contract.demands.includes('grant')) {
      test('does nothing without a grant that permission signed for this run', async () => {
        await start(async () => undefined);
        const pass = passFor('x');
        const foreign = grantSealer(keyPair('grant').signer, databaseKey);
        const { rid, tid, sub, exp } = pass;
        const claims = {
          rid,
          tid,
          sub,
          exp,
          ph: '',
          reach: 'tenant' as const,
          pur: 'care',
          fields: [],
          limit: 1,
        };
        for (const [what, grant, code] of [
          ['none', null, 'CTX_NO_GRANT'],
          ['one that is none', 'a.b.c', 'CTX_NO_GRANT'],
          ['somebody else’s', await foreign(claims), 'CTX_NO_GRANT'],
          ['one of another run', { rid: 'other' }, 'CTX_NO_GRANT'],
          ['one that has expired', { exp: Date.now() - 1 }, 'CTX_NO_GRANT'],
          ['one that outlives the pass', { exp: exp + 1 }, 'CTX_NO_GRANT'],
          ['one that claims another tenant', { tid: 'outra-clinica' }, 'CTX_INVALID'],
          ['one that claims another person', { sub: 'user-2' }, 'CTX_INVALID'],
          ['one for another’s eyes', { by: 'pro-9' }, 'CTX_INVALID'],
          ['one with a claim more', { write: true } as Partial<Grant>, 'CTX_NO_GRANT'],
        ] as const) {
          const asked = await ask({ pass: { exp }, grant });
          expect.soft(await said(run.failed, asked), what).toMatchObject({ code });
          expect.soft(await facts(outcome, asked), what).toHaveLength(0);
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

    test('asks a limit before all else: what it refuses reaches no dependency and counts at no breaker', async () => {
      let calls = 0;
      let asked = 0;
      const hop = await start(
        async () => {
          calls += 1;
          throw new Unavailable('database');
        },
        {
          limit: async () => {
            asked += 1;
            return end ? { ...emission, tell: end } : emission;
          },
        },
      );
      const count = contract.policy.breaker.failures + 1;
      for (let one = 0; one < count; one++) expect(await said(outcome, await ask())).toEqual(emission.body);
      expect(asked).toBeGreaterThanOrEqual(count);
      expect([calls, hop.policy.state()]).toEqual([0, 'closed']);
      const refused = await ask({ pass: { steps: true } });
      await said(outcome, refused);
      expect((await told(refused))[0]).toEqual({ type: 'step', hop: contract.name });
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
      await until('everything to be acknowledged', async () => (await pending()) === 0, ackWaitMs);
    });

    const goesOn = contract.appends.length > 0;
    if (goesOn)
      test('goes on though the run is cancelled', async () => {
        const [begun, cancelled] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        const hop = await start(async ({ signal }) => {
          begun.resolve();
          await cancelled.promise;
          signal.throwIfAborted();
        });
        const rid = crypto.randomUUID();
        const cancel = async (): Promise<void> => {
          bench().operator.publish(core.cancel(passFor('').tid, rid));
          await bench().operator.flush();
          await hop.bus.nc.flush();
        };
        await cancel();
        const pass = await ask({ pass: { rid } });
        await begun.promise;
        await cancel();
        cancelled.resolve();
        await said(outcome, pass);
        expect(await facts(run.cancelled, pass)).toHaveLength(0);
      });

    if (!goesOn)
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
      const reasons: string[] = [];
      const { operator } = bench();
      const advised = operator.subscribe(
        `$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.${streamOf[contract.on.kind]}.${contract.name}`,
        { callback: (_error, message) => void reasons.push(message.json<{ reason: string }>().reason) },
      );
      const pass = await ask({ pass: { exp: Date.now() - 1 } });
      expect(await said(run.failed, pass)).toMatchObject({ code: 'DEADLINE', hop: contract.name });
      expect(await told(pass)).toContainEqual(expect.objectContaining({ type: 'failed', code: 'DEADLINE' }));
      expect(calls).toBe(0);
      await until('the broker to be told why', () => reasons.includes('CTX_EXPIRED'));
      advised.unsubscribe();
    });

    test('finishes what it has before it goes, and what was on its way to it', async () => {
      const begun = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const hop = await start(async () => {
        begun.resolve();
        await go.promise;
      });
      const asking = Array.from({ length: 40 }, () => ask());
      await begun.promise;
      const gone = hop[Symbol.asyncDispose]();
      service = undefined;
      go.resolve();
      await gone;
      const asked = await Promise.all(asking);
      const outcomes = async () =>
        (await Promise.all(asked.map((pass) => facts(outcome, pass)))).map(({ length }) => length);
      const done = (await outcomes()).filter((count) => count > 0).length;
      expect(done).toBeGreaterThan(0);
      // What the broker was about to send when the subscription ended it takes back, and gives to whoever pulls next at once. What
      // a hop was sent and dropped it would give to nobody before its wait is over.
      await start(async () => undefined);
      await until(
        'every message to have its outcome',
        async () => (await outcomes()).every((count) => count === 1),
        2_000,
      );
    });
  });
};
