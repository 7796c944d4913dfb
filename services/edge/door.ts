import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Admission } from './admission.ts';
import { securityHeaders } from './headers.ts';
import type { Identities, Identity } from './identity.ts';
import type { Meter } from './meter.ts';
import { Refusal } from './refusal.ts';

/** What every request passes before a route sees it: origin, token, tenant. */

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without an access token. */
    public?: true;
    /** A socket, whose client may also sign in by its first frame. */
    socket?: true;
  }
  interface FastifyRequest {
    identity: Identity | undefined;
    /** @throws Refusal AUTH_MISSING */
    signedIn(): Identity;
  }
}

const preflight = {
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers':
    'authorization, content-type, last-event-id, traceparent, x-request-id, x-tenant-id',
  'access-control-max-age': '600',
};

interface Deps {
  readonly identities: Identities;
  readonly admission: Admission;
  readonly meter: Meter;
  readonly allowedOrigins: readonly string[];
}

export const door = (app: FastifyInstance, { identities, admission, meter, allowedOrigins }: Deps): void => {
  app.decorateRequest('identity', undefined);
  app.decorateRequest('signedIn', function () {
    if (!this.identity) throw new Refusal('AUTH_MISSING');
    return this.identity;
  });

  /** A page of another origin gets in only if it is listed; what is no page sends no origin. */
  const admitOrigin = (request: FastifyRequest, reply: FastifyReply): void => {
    const { origin, host } = request.headers;
    if (origin === undefined || hostOf(origin) === host) return;
    if (!allowedOrigins.includes(origin)) {
      meter.refused('AUTH_ORIGIN');
      throw new Refusal('AUTH_ORIGIN');
    }
    reply.headers({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'jangada-run, retry-after, x-request-id',
      vary: 'origin',
    });
  };

  const signIn = async (request: FastifyRequest): Promise<void> => {
    const { config } = request.routeOptions;
    if (config?.public || !/^\/(v1|agui)\//.test(request.url)) return;
    const token = tokenOf(request);
    if (token === undefined && request.ws && config?.socket) return;
    try {
      if (token === undefined) throw new Refusal('AUTH_MISSING');
      request.identity = await identities.of(token);
    } catch (error) {
      if (error instanceof Refusal) meter.authenticationFailed();
      throw error;
    }
    await admission.sameTenant(request.identity, request.headers['x-tenant-id']?.toString());
  };

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders).header('x-request-id', request.id);
    // RFC 9112 §3.2; HTTP/1.0 has none.
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
      throw new Refusal('INPUT_INVALID');
    admitOrigin(request, reply);
    if (request.method === 'OPTIONS' && request.headers.origin)
      return reply.code(204).headers(preflight).send();
    await signIn(request);
  });
};

const hostOf = (origin: string): string | undefined =>
  URL.canParse(origin) ? new URL(origin).host : undefined;

/**
 * The access token of a request. A browser's WebSocket can send no header of its own, so there it may travel as a
 * subprotocol beside the real one; never in the URL, which proxies log.
 */
const tokenOf = ({ headers, ws }: FastifyRequest): string | undefined => {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer || !ws) return bearer;
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
  const encoded = offered?.find((name) => name.startsWith('bearer.'))?.slice('bearer.'.length);
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64url').toString();
};
