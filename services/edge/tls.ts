import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { ConfigError } from '@jangada/config/config.ts';
import type { Values } from '@jangada/config/settings.ts';
import type { FastifyServerFactory } from 'fastify';
import { serverOptions } from './wire.ts';

type Config = Values<'JANGADA_HOST' | 'TLS_CERT' | 'TLS_KEY' | 'TLS_PROXY'>;

const loopback = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

/**
 * The server under the door. With a certificate it speaks TLS 1.3 and nothing older; without one it is plain, and then
 * either nobody beyond this machine reaches it, or something in front is declared to end TLS.
 * @throws ConfigError otherwise, and for a certificate without its key
 */
export const serverFactory = ({
  JANGADA_HOST,
  TLS_CERT,
  TLS_KEY,
  TLS_PROXY,
}: Config): FastifyServerFactory => {
  if ((TLS_CERT === undefined) !== (TLS_KEY === undefined))
    throw new ConfigError('cannot start: TLS_CERT and TLS_KEY belong together');
  if (!TLS_CERT && !TLS_PROXY && !loopback.test(JANGADA_HOST)) {
    throw new ConfigError(
      `cannot start: plain HTTP beyond this machine on ${JANGADA_HOST}; set TLS_CERT_FILE and TLS_KEY_FILE, or TLS_PROXY=true where a proxy in front ends TLS`,
    );
  }
  if (!TLS_CERT || !TLS_KEY) return (handle) => createServer(serverOptions, handle);
  const secure = { ...serverOptions, cert: TLS_CERT, key: TLS_KEY, minVersion: 'TLSv1.3' } as const;
  return (handle) => {
    try {
      // To the framework it is the same server; its types know but one.
      return createSecureServer(secure, handle) as unknown as Server;
    } catch {
      throw new ConfigError('cannot start: TLS_CERT and TLS_KEY are not a certificate and its key');
    }
  };
};
