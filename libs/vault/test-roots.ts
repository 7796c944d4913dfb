import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { z } from 'zod';
import { unwrapKey, wrapKey } from './wrap.ts';

/** Key services over a socket, as their protocols have it, that misbehave on demand. */
export interface FakeRoot extends AsyncDisposable {
  readonly url: string;
  /** What it does from now on: answer, fail with 500, never answer, or answer with another key. */
  mood: 'well' | 'broken' | 'silent' | 'confused';
  /** Calls by name. */
  readonly calls: string[];
  /** A further version of the key. */
  rotate(): void;
}

type Answer = { readonly status: number; readonly body: object };
type Handle = (request: IncomingMessage, body: string, versions: readonly Buffer[]) => Answer;

const serve = async (
  handle: Handle,
  fake: { calls: string[] },
  nameOf: (request: IncomingMessage) => string,
): Promise<FakeRoot> => {
  let versions = [randomBytes(32)];
  const stopping = new AbortController();
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    fake.calls.push(nameOf(request));
    if (root.mood === 'silent')
      await sleep(30_000, undefined, { signal: stopping.signal }).catch(() => undefined);
    const { status, body: said } =
      root.mood === 'broken'
        ? { status: 500, body: { errors: ['internal error'] } }
        : handle(request, body, root.mood === 'confused' ? versions.map(() => randomBytes(32)) : versions);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said));
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const root: FakeRoot = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mood: 'well',
    calls: fake.calls,
    rotate: () => {
      versions = [...versions, randomBytes(32)];
    },
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return root;
};

const same = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

const transitBody = z.object({
  plaintext: z.base64().optional(),
  ciphertext: z.string().optional(),
  associated_data: z.base64().default(''),
});

/** https://developer.hashicorp.com/vault/api-docs/secret/transit: one key, `jangada`, of type aes256-gcm96. */
export const startTransit = (token: string): Promise<FakeRoot> =>
  serve(
    (request, text, versions) => {
      if (!same(String(request.headers['x-vault-token'] ?? ''), token))
        return { status: 403, body: { errors: ['permission denied'] } };
      if (request.method === 'GET' && request.url === '/v1/transit/keys/jangada')
        return { status: 200, body: { data: { type: 'aes256-gcm96', latest_version: versions.length } } };
      const body = transitBody.parse(JSON.parse(text || '{}'));
      const purpose = Buffer.from(body.associated_data, 'base64').toString();
      if (request.method === 'POST' && request.url === '/v1/transit/encrypt/jangada') {
        const wrapped = wrapKey(last(versions), Buffer.from(body.plaintext ?? '', 'base64'), purpose);
        return {
          status: 200,
          body: { data: { ciphertext: `vault:v${versions.length}:${wrapped.toString('base64')}` } },
        };
      }
      if (request.method === 'POST' && request.url === '/v1/transit/decrypt/jangada') {
        const [, version = '', wrapped = ''] = /^vault:v(\d+):(.+)$/.exec(body.ciphertext ?? '') ?? [];
        try {
          const key = unwrapKey(
            versions[Number(version) - 1] ?? Buffer.alloc(32),
            Buffer.from(wrapped, 'base64'),
            purpose,
          );
          return { status: 200, body: { data: { plaintext: key.toString('base64') } } };
        } catch (error) {
          if (!(error instanceof Unprocessable)) throw error;
          return { status: 400, body: { errors: ['cipher: message authentication failed'] } };
        }
      }
      return { status: 404, body: { errors: [] } };
    },
    { calls: [] },
    (request) => `${request.method} ${request.url}`,
  );

const last = (versions: readonly Buffer[]): Buffer => versions.at(-1) ?? Buffer.alloc(32);

const kmsBody = z.object({
  KeyId: z.string(),
  Plaintext: z.base64().optional(),
  CiphertextBlob: z.base64().optional(),
  EncryptionContext: z.record(z.string(), z.string()).default({}),
});

const arn = 'arn:aws:kms:sa-east-1:111122223333:key/jangada';

/** https://docs.aws.amazon.com/kms/latest/APIReference: JSON 1.1, signed; one symmetric key, whose alias is `alias/jangada`. */
export const startKms = (credentials: { id: string; secret: string }): Promise<FakeRoot> =>
  serve(
    (request, text, versions) => {
      if (!isSigned(request, text, credentials)) return fault('IncompleteSignatureException');
      const {
        KeyId,
        Plaintext = '',
        CiphertextBlob = '',
        EncryptionContext,
      } = kmsBody.parse(JSON.parse(text));
      if (KeyId !== arn && KeyId !== 'alias/jangada') return fault('NotFoundException');
      const purpose = JSON.stringify(EncryptionContext);
      switch (operationOf(request)) {
        case 'DescribeKey':
          return {
            status: 200,
            body: {
              KeyMetadata: { KeyId: 'jangada', Arn: arn, Enabled: true, KeySpec: 'SYMMETRIC_DEFAULT' },
            },
          };
        case 'Encrypt': {
          const wrapped = wrapKey(last(versions), Buffer.from(Plaintext, 'base64'), purpose);
          return { status: 200, body: { CiphertextBlob: wrapped.toString('base64'), KeyId: arn } };
        }
        case 'Decrypt':
          for (const version of versions) {
            try {
              const key = unwrapKey(version, Buffer.from(CiphertextBlob, 'base64'), purpose);
              return { status: 200, body: { Plaintext: key.toString('base64'), KeyId: arn } };
            } catch {
              // Perhaps the next one.
            }
          }
          return fault('InvalidCiphertextException');
        default:
          return fault('UnknownOperationException');
      }
    },
    { calls: [] },
    operationOf,
  );

const operationOf = (request: IncomingMessage): string =>
  String(request.headers['x-amz-target'] ?? '').replace(/^TrentService\./, '');
const fault = (name: string): Answer => ({ status: 400, body: { __type: name, message: name } });

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** AWS Signature Version 4. */
const isSigned = (
  request: IncomingMessage,
  body: string,
  { id, secret }: { id: string; secret: string },
): boolean => {
  const [, scope = '', names = '', signature = ''] =
    new RegExp(
      `^AWS4-HMAC-SHA256 Credential=${id}/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$`,
    ).exec(request.headers.authorization ?? '') ?? [];
  const [day = '', region = '', service = ''] = scope.split('/');
  const headers = names.split(';').map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`);
  const canonical = [request.method, request.url, '', headers.join(''), names, sha256(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [region, service, 'aws4_request'].reduce(hmac, hmac(`AWS4${secret}`, day));
  return service === 'kms' && same(hmac(key, toSign).toString('hex'), signature);
};
