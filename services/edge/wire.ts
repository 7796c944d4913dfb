import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Code } from '@jangada/proto/errors.ts';
import type { FastifyInstance } from 'fastify';
import {
  bodyMaxBytes,
  closeWithinMs,
  fragmentsMax,
  headersMaxBytes,
  headersWithinMs,
  keepAliveMs,
  requestWithinMs,
  transportMaxBytes,
} from './bounds.ts';
import { answerRaw, securityHeaders } from './headers.ts';
import { Refusal } from './refusal.ts';
import { readJson } from './shape.ts';

/** Connections below the routes: how slow and how large they may be, and what they are told when they are not. */

const lookMs = 1_000;

/** Of Node's HTTP server, over plain connections and TLS alike. */
export const serverOptions = {
  headersTimeout: headersWithinMs,
  requestTimeout: requestWithinMs,
  keepAliveTimeout: keepAliveMs,
  connectionsCheckingInterval: lookMs,
  maxHeaderSize: headersMaxBytes,
  // Said by the door, with everything else that it says.
  requireHostHeader: false,
} as const;

/** Of fastify. */
export const requestOptions = { bodyLimit: bodyMaxBytes } as const;

/** Of WebSockets. Nothing is compressed: a few bytes could unfold to gigabytes, and secrets beside what others wrote leak by length. */
export const socketOptions = {
  maxPayload: transportMaxBytes,
  maxFragments: fragmentsMax,
  maxBufferedChunks: 16_384,
  perMessageDeflate: false,
  closeTimeout: closeWithinMs,
} as const;

const connectionFaults: Readonly<Record<string, readonly [status: number, code: Code]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'INPUT_INVALID'],
  HPE_HEADER_OVERFLOW: [431, 'PAYLOAD_TOO_LARGE'],
};

/** What cannot be read as HTTP. For fastify's `clientErrorHandler`. */
export const answerUnreadable = (error: Error & { code?: string }, socket: Duplex): void => {
  if (error.code === 'ECONNRESET') return void socket.destroy();
  const [status, code] = connectionFaults[error.code ?? ''] ?? [400, 'INPUT_INVALID'];
  answerRaw(socket, status, code);
};

/** Takes over from the frameworks what they would read and answer their own way. */
export const bindWire = (app: FastifyInstance, maxConnections: number): void => {
  app.server.maxConnections = maxConnections;
  app.websocketServer.on('wsClientError', (_error: Error, socket: Duplex, _request: IncomingMessage) =>
    answerRaw(socket, 400, 'INPUT_INVALID'),
  );
  app.server.on('checkExpectation', (_request, response) => {
    response.writeHead(417, { ...securityHeaders, connection: 'close' }).end();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => {
      if (body.length === 0) throw new Refusal('INPUT_INVALID');
      return readJson(body, 'INPUT_INVALID');
    },
  );
};
