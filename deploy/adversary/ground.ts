import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { closeSync, fstatSync, globSync, openSync, readFileSync, readSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { deadHeaders, headers as names } from '@jangada/proto/envelope.ts';
import type { Message } from '@jangada/proto/message.ts';
import { written } from '@jangada/runtime/emit.ts';
import { sampleOf } from '@jangada/testkit/conformance.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import { until } from '@jangada/testkit/until.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import { type Pass, passSealer } from '@jangada/trust/pass.ts';
import { jetstream, type StoredMsg } from '@nats-io/jetstream';
import { headers as newHeaders, PermissionViolationError } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import pg from 'pg';
import { type ClientOptions, WebSocket } from 'ws';
import { roleOf } from '../generate/roles.ts';
import { connectAs, type Journey, startJourney } from '../journeys/journey.ts';
import type { Person } from '../journeys/person.ts';
import { openReceiver, type Receiver } from '../journeys/receiver.ts';

/** The running system as an attacker finds it, with everything needed to try. */
export interface Ground extends AsyncDisposable {
  readonly journey: Journey;
  readonly receiver: Receiver;
  readonly redis: Redis;
  /** A source address that nobody else has used, so that no limit of one attack stops another. */
  address(): string;
  /** Signed in once for all attacks. */
  as(alias: string): Promise<Person>;
  http(method: string, path: string, own?: Sending): Promise<Told>;
  /** Opens a WebSocket, says its frames once it is open, and collects what comes. */
  socket(own?: Opening): Promise<Talk>;
  /** A question over HTTP. */
  ask(alias: string, question: string, own?: object, sending?: Sending): Promise<Told>;
  /** Publishes with the identity of a service. */
  publishAs(
    service: string,
    subject: string,
    body: string | Uint8Array,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Publishing>;
  /** Says a message as a service could that holds the keys of bodies; `own` are headers beside or over its own. */
  say(
    service: string,
    message: Message,
    by: { readonly pass: Pass; readonly statement: string },
    body: object,
    own?: Readonly<Record<string, string>>,
  ): Promise<Publishing>;
  /** A pass signed with the edge's key, or another. */
  pass(
    own?: Partial<Pass>,
    question?: string,
    /** A set of private keys. */
    keys?: string,
  ): Promise<{ pass: Pass; statement: string }>;
  /** What is stored of a run in DEAD, once something is; undefined if nothing comes. */
  letterOf(run: string, waitMs?: number): Promise<StoredMsg | undefined>;
  /** The dead letter of a message, by where it was stored: its run may be none that is believed. */
  letterAfter(subject: string, last: number, waitMs?: number): Promise<StoredMsg | undefined>;
  lastLetter(): Promise<number>;
  /** A connection with the database credentials of a service. */
  database(service: string): Promise<pg.Client>;
  /** What services and servers have logged so far. */
  logs(): string;
}

export interface Sending {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | object;
  readonly token?: string;
  readonly address?: string;
}

/** An answer over HTTP. */
export interface Told {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The error code in the body, if any. */
  readonly code: string | undefined;
  readonly content: string;
  readonly run: string;
  readonly ms: number;
}

export interface Opening {
  readonly path?: string;
  readonly token?: string;
  readonly address?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
  readonly options?: ClientOptions;
}

/** A WebSocket that was opened, or was refused before it could be. */
export interface Talk extends Disposable {
  readonly socket: WebSocket;
  /** HTTP status and code when there was no upgrade. */
  readonly refusal:
    | {
        readonly status: number;
        readonly code: string | undefined;
        readonly text: string;
        readonly headers: readonly string[];
      }
    | undefined;
  readonly frames: readonly string[];
  readonly closed: Promise<number>;
  send(frame: object | string | Buffer): void;
  /** The code of the first frame that says one, as soon as it comes; undefined when it does not, or it is answered. */
  code(waitMs?: number): Promise<string | undefined>;
}

/** How a publish ended. */
export interface Publishing {
  readonly outcome: 'stored' | 'denied' | 'refused';
  readonly duplicate: boolean;
  /** Where the broker refused: its own code. */
  readonly reason: string;
  readonly sequence: number;
}

export const openGround = async (): Promise<Ground> => {
  const receiver = await openReceiver();
  const journey = await startJourney({ receiver });
  const { system } = journey;
  const edge = new URL(system.local.edgeUrl);
  const redis = new Redis(system.local.redisUrl);
  redis.on('error', () => undefined);
  const people = new Map<string, Promise<Person>>();
  let addresses = 0;
  const address = (): string => {
    addresses += 1;
    return `127.${1 + (addresses >> 14)}.${(addresses >> 7) & 127}.${1 + (addresses & 127)}`;
  };
  const as: Ground['as'] = (alias) => {
    const known = people.get(alias) ?? journey.as(alias);
    people.set(alias, known);
    return known;
  };

  const http: Ground['http'] = (method, path, { headers = {}, body, token, address: localAddress } = {}) =>
    new Promise((resolve, reject) => {
      const startedAt = performance.now();
      const isText = typeof body === 'string' || Buffer.isBuffer(body);
      const sent = body === undefined || isText ? body : JSON.stringify(body);
      const asked = httpRequest(
        {
          host: edge.hostname,
          port: edge.port,
          method,
          path,
          localAddress,
          headers: {
            ...(sent === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) }),
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', reject);
          response.once('end', () => {
            const text = Buffer.concat(chunks).toString();
            const { code, content } = said(text);
            resolve({
              status: response.statusCode ?? 0,
              text,
              headers: response.headers,
              code,
              content: content ?? '',
              run: response.headers['jangada-run']?.toString() ?? '',
              ms: performance.now() - startedAt,
            });
          });
        },
      );
      asked.once('error', reject);
      asked.end(sent);
    });

  const socket: Ground['socket'] = async (own = {}) => {
    const {
      path = '/v1/agent',
      token,
      address: localAddress = address(),
      headers = {},
      protocols = [],
      options = {},
    } = own;
    const opened = new WebSocket(`${system.local.edgeUrl.replace('http', 'ws')}${path}`, [...protocols], {
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      localAddress,
      perMessageDeflate: false,
      ...options,
    });
    const frames: string[] = [];
    opened.on('message', (data) => frames.push(String(data)));
    opened.on('error', () => undefined);
    const closed = new Promise<number>((resolve) => opened.once('close', resolve));
    const refusal = await new Promise<Talk['refusal']>((resolve, reject) => {
      opened.once('open', () => resolve(undefined));
      opened.once('error', reject);
      opened.once('unexpected-response', (_request, response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += String(chunk);
        });
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            code: said(text).code,
            text,
            headers: Object.keys(response.headers),
          }),
        );
      });
    });
    return {
      socket: opened,
      refusal,
      frames,
      closed,
      send: (frame) =>
        opened.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
      code: async (waitMs = 5_000) => {
        if (refusal) return refusal.code;
        const over = await until(
          'a code',
          () =>
            frames.find((frame) => said(frame).code !== undefined || isAnswer(frame)) ??
            (opened.readyState === opened.CLOSED ? '{}' : undefined),
          waitMs,
        ).catch(() => '{}');
        return said(over).code;
      },
      [Symbol.dispose]: () => opened.terminate(),
    };
  };

  const pass: Ground['pass'] = async (
    own = {},
    question = 'quantas consultas este mês?',
    keys = system.keys.setOf('pass'),
  ) => {
    const claims = passFor(question, { tid: 'clinica-aurora', sub: 'clinica-aurora-admin', ...own });
    return { pass: claims, statement: await passSealer(signerFrom(() => keys))(claims) };
  };

  const logs = (): string =>
    [...globSync('logs/*.log', { cwd: journey.home }), ...globSync('data/*/*.log', { cwd: journey.home })]
      .map((file) => readFileSync(join(journey.home, file), 'utf8'))
      .join('\n');

  const publishAs: Ground['publishAs'] = async (service, subject, body, carried = {}) => {
    const nc = await connectAs(system, service);
    const denials: PermissionViolationError[] = [];
    void (async () => {
      for await (const status of nc.status())
        if (status.type === 'error' && status.error instanceof PermissionViolationError)
          denials.push(status.error);
    })();
    const sent = newHeaders();
    for (const [name, value] of Object.entries(carried)) sent.set(name, value);
    try {
      const stored = await jetstream(nc, { timeout: 1_500 }).publish(subject, body, {
        headers: sent,
        retries: 1,
      });
      return { outcome: 'stored', duplicate: stored.duplicate, reason: '', sequence: stored.seq };
    } catch (error) {
      await nc.flush().catch(() => undefined);
      const reason = error instanceof Error ? error.message : 'unknown';
      const denied = denials.length > 0 || /permission/i.test(reason);
      return { outcome: denied ? 'denied' : 'refused', duplicate: false, reason, sequence: 0 };
    } finally {
      await nc.close();
    }
  };

  const bodies = openBodies(() => system.keys.setOf('message'));
  const say: Ground['say'] = (service, message, { pass, statement }, body, own = {}) => {
    const cause = { tenant: pass.tid, id: pass.rid, pass: statement, traceparent: '' };
    // The head is of the sample: a body that is none has no head of its own.
    const sayable = { ...message, headOf: () => message.headOf(sampleOf(message)) };
    const { subject, bytes, carried } = written({ bodies }, sayable, cause, body);
    return publishAs(service, subject, bytes, { ...carried, ...own });
  };
  // Who signs in during an attack would be taken for a part of it.
  for (const alias of ['admin', 'professional', 'professional2', 'client', 'client2', 'foreign'])
    await as(alias);

  return {
    journey,
    say,
    publishAs,
    receiver,
    redis,
    address,
    as,
    http,
    socket,
    pass,
    logs,
    ask: async (alias, query, own = {}, sending = {}) =>
      http('POST', '/v1/query', { token: (await as(alias)).token, body: { query, ...own }, ...sending }),
    letterOf: (run, waitMs = 4_000) =>
      until('a dead letter', async () => (await journey.stored('DEAD', `dead.*.*.${run}`))[0], waitMs).catch(
        () => undefined,
      ),
    letterAfter: (subject, last, waitMs = 5_000) =>
      until(
        'a dead letter',
        async () =>
          (await journey.stored('DEAD')).find(
            ({ seq, header }) => seq > last && header.get(deadHeaders.subject) === subject,
          ),
        waitMs,
      ).catch(() => undefined),
    lastLetter: async () => (await journey.jsm.streams.info('DEAD')).state.last_seq,
    database: async (service) => {
      const url = new URL(system.local.databaseUrl);
      url.username = roleOf(service);
      const client = new pg.Client({ connectionString: url.href });
      client.on('error', () => undefined);
      await client.connect();
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      redis.disconnect();
      await journey[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
};

/** Code and content of an answer in any of our dialects. */
export const said = (text: string): { code?: string; content?: string } => {
  try {
    const frame = JSON.parse(text) as Record<string, unknown>;
    const { payload } = frame;
    // Who sends it compressed is answered so.
    const plain =
      typeof payload === 'string'
        ? JSON.parse(gunzipSync(Buffer.from(payload, 'base64')).toString())
        : payload;
    const inner = (plain ?? frame['event'] ?? frame) as Record<string, unknown>;
    const code = inner['code'] ?? frame['code'];
    const content = inner['content'];
    return {
      ...(typeof code === 'string' ? { code } : {}),
      ...(typeof content === 'string' ? { content } : {}),
    };
  } catch {
    return {};
  }
};

const isAnswer = (frame: string): boolean => /"type":"(?:response|RUN_FINISHED|RUN_ERROR|error)"/.test(frame);

/** A frame of the seed's dialect that asks. */
export const queryFrame = (
  query: string,
  own: { payload?: object; metadata?: object; [key: string]: unknown } = {},
) => {
  const { payload = {}, ...beside } = own;
  return {
    id: crypto.randomUUID(),
    type: 'query',
    timestamp: new Date().toISOString(),
    sessionId: `session-${crypto.randomUUID()}`,
    ...beside,
    payload: { query, ...payload },
  };
};

/** What a file has grown by. */
export const tailOf = (path: string, from: number): string => {
  const file = openSync(path, 'r');
  try {
    const length = Math.max(0, fstatSync(file).size - from);
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, from);
    return bytes.toString();
  } finally {
    closeSync(file);
  }
};

/** A token put together by hand, so that it may be wrong in any way. `payload` as text may even be no JSON. */
export const jwtOf = (
  header: object,
  payload: object | string,
  signature: KeyObject | ((input: string) => Buffer),
): string => {
  const encoded = [JSON.stringify(header), typeof payload === 'string' ? payload : JSON.stringify(payload)]
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
  const seal =
    typeof signature === 'function' ? signature(encoded) : sign(null, Buffer.from(encoded), signature);
  return `${encoded}.${seal.toString('base64url')}`;
};

/** The private key of our own tokens, and a valid token taken apart, to be made wrong. */
export const forgery = async (ground: Ground, alias = 'professional') => {
  const { token } = await ground.as(alias);
  const [header = {}, payload = {}] = token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
  const key = createPrivateKey({
    key: JSON.parse(ground.journey.system.keys.setOf('token')).keys[0],
    format: 'jwk',
  });
  return { token, header, payload, key };
};

/** Headers that carry a pass. */
export const carrying = (statement: string, own: Readonly<Record<string, string>> = {}) => ({
  [names.pass]: statement,
  ...own,
});
