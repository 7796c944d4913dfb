import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agree, unwrap } from './payload.ts';
import { Refusal } from './refusal.ts';
import { seedQuery, startEdge } from './test-edge.ts';

/** The other side, written from docs/edge.md and nothing else. */
const client = () => {
  const own = generateKeyPairSync('x25519');
  const publicKey = Buffer.from(own.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const keysWith = (theirs: string) => {
    const edge = Buffer.from(theirs, 'base64');
    const jwk = { kty: 'OKP', crv: 'X25519', x: edge.toString('base64url') };
    const secret = diffieHellman({
      privateKey: own.privateKey,
      publicKey: createPublicKey({ key: jwk, format: 'jwk' }),
    });
    const key = (side: string) =>
      Buffer.from(hkdfSync('sha256', secret, Buffer.concat([publicKey, edge]), `jangada ${side}`, 32));
    return { mine: key('client'), theirs: key('edge') };
  };
  return { publicKey: publicKey.toString('base64'), keysWith };
};
type Message = { id: string; type: string; sessionId: string; payload: unknown };
const aad = ({ id, type, sessionId }: Message) => Buffer.from(JSON.stringify([id, type, sessionId]));
const seal = (key: Buffer, message: Message, bytes: Uint8Array) => {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aad(message));
  const data = Buffer.concat([cipher.update(bytes), cipher.final()]).toString('base64');
  return { iv: iv.toString('base64'), data, authTag: cipher.getAuthTag().toString('base64') };
};
const open = (key: Buffer, message: Message): Buffer => {
  const { iv, data, authTag } = message.payload as Record<'iv' | 'data' | 'authTag', string>;
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64'));
  decipher.setAAD(aad(message)).setAuthTag(Buffer.from(authTag, 'base64'));
  return Buffer.concat([decipher.update(data, 'base64'), decipher.final()]);
};
const zipped = (payload: object): string => gzipSync(JSON.stringify(payload)).toString('base64');

let edge: Awaited<ReturnType<typeof startEdge>>;
beforeAll(async () => {
  edge = await startEdge();
});
afterAll(() => edge[Symbol.asyncDispose]());

type Frame = Message & { metadata: Record<string, unknown> };
const opened = async () => {
  const connection = await edge.socket();
  const answersTo = async (message: { id: string }, type: string): Promise<Frame> =>
    (await connection.frame(
      `a ${type}`,
      (frame) => frame['type'] === type && (frame as unknown as Frame).metadata['requestId'] === message.id,
    )) as unknown as Frame;
  const agreed = async () => {
    const me = client();
    const message = seedQuery({ type: 'session_update', payload: { publicKey: me.publicKey } });
    connection.send(message);
    const { payload } = await answersTo(message, 'session_update');
    return me.keysWith((payload as { publicKey: string }).publicKey);
  };
  return { ...connection, answersTo, agreed };
};
const flags = (own: object) => ({ userId: 'ana', version: '1.0', ...own });

describe('a compressed payload', () => {
  test('is answered like a plain one, and compressed alike', async () => {
    const { send, answersTo, socket } = await opened();
    const message = seedQuery({
      payload: zipped({ query: 'zipped' }),
      metadata: flags({ compression: 'gzip' }),
    });
    send(message);
    const { payload, metadata } = await answersTo(message, 'response');
    expect(metadata['compression']).toBe('gzip');
    expect(JSON.parse(gunzipSync(Buffer.from(payload as string, 'base64')).toString())).toMatchObject({
      content: 'zipped',
    });
    socket.close();
  });

  test('that unfolds to too much, or to nothing, is refused, and the socket stays usable', async () => {
    const { send, answersTo, socket } = await opened();
    const bomb = gzipSync(Buffer.alloc(40_000_000), { level: 9 }).toString('base64');
    const before = process.memoryUsage().rss;
    for (const [payload, code] of [
      [bomb, 'PAYLOAD_TOO_LARGE'],
      [zipped({ query: 'x', filler: 'y'.repeat(300_000) }), 'PAYLOAD_TOO_LARGE'],
      [Buffer.from('not gzip').toString('base64'), 'INPUT_INVALID'],
      [gzipSync('[]').toString('base64'), 'INPUT_INVALID'],
      [gzipSync('{"__proto__":{}}').toString('base64'), 'INPUT_INVALID'],
      ['***', 'INPUT_INVALID'],
      [{ query: 'plain' }, 'INPUT_INVALID'],
    ] as const) {
      const message = seedQuery({ payload, metadata: flags({ compression: 'gzip' }) });
      send(message);
      const answer = await answersTo(message, 'error');
      const said = gunzipSync(Buffer.from(answer.payload as string, 'base64')).toString();
      expect(JSON.parse(said)).toMatchObject({ code });
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(16 * 1024 * 1024);
    const message = seedQuery({ payload: { query: 'after' }, metadata: flags({ compression: 'none' }) });
    send(message);
    expect(await answersTo(message, 'response')).toMatchObject({ payload: { content: 'after' } });
    socket.close();
  });
});

describe('a sealed payload', () => {
  test('is answered, and so is one that was compressed before, with sealed payloads', async () => {
    const { send, answersTo, agreed, socket, frames } = await opened();
    const keys = await agreed();
    for (const compression of ['none', 'gzip']) {
      const message = seedQuery({ metadata: flags({ encryption: true, compression }) });
      const text = JSON.stringify({ query: `sealed ${compression}` });
      const bytes = compression === 'gzip' ? gzipSync(text) : Buffer.from(text);
      send({ ...message, payload: seal(keys.mine, message, bytes) });
      const answer = await answersTo(message, 'response');
      expect(answer.metadata['encryption']).toBe(true);
      const inside = open(keys.theirs, answer);
      const said = compression === 'gzip' ? gunzipSync(inside) : inside;
      expect(JSON.parse(said.toString())).toMatchObject({ content: `sealed ${compression}` });
    }
    expect(JSON.stringify(frames)).not.toContain('sealed ');
    socket.close();
  });

  test('that is none, is for another message, by another key or without one, is refused', async () => {
    const { send, answersTo, agreed, socket } = await opened();
    const encryption = flags({ encryption: true });
    const early = seedQuery({ metadata: encryption });
    send({ ...early, payload: seal(randomBytes(32), early, Buffer.from('{"query":"early"}')) });
    expect(await answersTo(early, 'error')).toMatchObject({ payload: { code: 'INPUT_INVALID' } });

    const keys = await agreed();
    const bytes = Buffer.from('{"query":"moved"}');
    const other = seedQuery();
    for (const wrapped of [
      () => ({ query: 'plain' }),
      () => seal(keys.mine, other, bytes),
      () => seal(keys.theirs, other, bytes),
      (message: Message) => seal(keys.theirs, message, bytes),
      (message: Message) => ({
        ...seal(keys.mine, message, bytes),
        authTag: randomBytes(16).toString('base64'),
      }),
      (message: Message) => ({ ...seal(keys.mine, message, bytes), authTag: 'AAAA' }),
    ]) {
      const message = seedQuery({ metadata: encryption });
      send({ ...message, payload: wrapped(message) });
      const answer = await answersTo(message, 'error');
      expect(JSON.parse(open(keys.theirs, answer).toString())).toMatchObject({ code: 'INPUT_INVALID' });
    }
    expect(edge.asked.map(({ body }) => body.question)).not.toContain('moved');
    socket.close();
  });

  test('is not agreed on with a key that makes every secret the same', () => {
    const refusal = (publicKey: string) => {
      try {
        agree({ publicKey });
      } catch (error) {
        if (error instanceof Refusal) return [error.code, error.field];
      }
      return undefined;
    };
    for (const weak of [Buffer.alloc(32), Buffer.from([1, ...Buffer.alloc(31)]), Buffer.alloc(16)])
      expect(refusal(weak.toString('base64'))).toEqual(['INPUT_INVALID', 'publicKey']);
  });

  test('of another socket does not open', () => {
    const [one, two] = [client(), client()].map((me) => ({ me, ...agree({ publicKey: me.publicKey }) }));
    if (!one || !two) throw new Error('two sockets');
    const message = { ...seedQuery(), payload: {} };
    const mine = one.me.keysWith(one.publicKey).mine;
    const payload = seal(mine, message, Buffer.from('{"query":"x"}'));
    expect(unwrap(payload, { encryption: true }, message, one.channel)).toEqual({ query: 'x' });
    expect(() => unwrap(payload, { encryption: true }, message, two.channel)).toThrow(Refusal);
  });
});
