import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Code, errorBody } from '@jangada/proto/errors.ts';

/** What every answer carries, whatever became of the request. */
export const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/**
 * What a page of ours may load beside: its own scripts, styles and pictures, and it may talk to this edge. Nothing that
 * stands in the page itself runs or styles, and text never becomes markup.
 */
export const pageHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
} as const;

/** Answers on a bare connection, where a request went wrong before there was a request, and ends it. */
export const answerRaw = (socket: Duplex, status: number, code: Code): void => {
  if (!socket.writable) return void socket.destroy();
  const body = JSON.stringify(errorBody(code, crypto.randomUUID()));
  const lines = Object.entries({
    ...securityHeaders,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
};
