import { headersOf } from '@jangada/limits/verdict.ts';
import type { LimitClass } from '@jangada/packs/pack.ts';
import type { LimitFacts } from '@jangada/proto/limit.ts';
import type { Origin } from '@jangada/trust/origin.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Accounts } from './accounts.ts';
import type { Admission } from './admission.ts';
import { demandAssurance } from './assurance.ts';
import { securityHeaders } from './headers.ts';
import type { Identities, Identity } from './identity.ts';
import type { Gate } from './limits.ts';
import type { Liveness } from './liveness.ts';
import type { Meter } from './meter.ts';
import { Refusal } from './refusal.ts';
import { type Route, routeOf } from './routes.ts';
import type { Tickets } from './tickets.ts';

/** What every request passes before a route sees it: origin, token, tenant. */

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its line in the table of routes. */
    takes?: Route;
    /** A socket, whose client may also sign in by its first frame. */
    socket?: true;
    /** What a request uses; every other call of who is signed in is `api`. */
    limits?: LimitClass;
  }
  interface FastifyRequest {
    identity: Identity | undefined;
    /** @throws Refusal AUTH_MISSING */
    signedIn(): Identity;
    /** What the limits say, asked while the rest of the request is read. @throws Refusal RATE_LIMITED */
    limit: Promise<LimitFacts> | undefined;
    /** What is another's takes, by the table of routes. @throws Refusal AUTHZ_DENIED, MFA_REQUIRED, AUTH_STEP_UP, kept by audit */
    demand(): Promise<void>;
  }
}

const preflight = {
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers':
    'authorization, content-type, last-event-id, traceparent, x-request-id, x-tenant-id',
  'access-control-max-age': '600',
};

/** Where one has to be signed in for what is not there too. */
const guarded = /^\/(?:(?:v1|agui|copilotkit)\/|invocations\b)/;

interface Deps {
  readonly identities: Identities;
  readonly tickets: Tickets;
  readonly liveness: Liveness;
  readonly accounts: Accounts;
  readonly admission: Admission;
  readonly gate: Gate;
  readonly meter: Meter;
  readonly allowedOrigins: readonly string[];
}

export const door = (app: FastifyInstance, deps: Deps): void => {
  const { identities, tickets, liveness, accounts, admission, gate, meter, allowedOrigins } = deps;
  app.decorateRequest('identity', undefined);
  app.decorateRequest('limit', undefined);
  app.decorateRequest('signedIn', function () {
    if (!this.identity) throw new Refusal('AUTH_MISSING');
    return this.identity;
  });
  const hold = async (identity: Identity, takes: Route): Promise<void> => {
    try {
      await demandAssurance(accounts, identity, takes);
    } catch (error) {
      throw error instanceof Refusal ? await admission.refuse(identity, error.code) : error;
    }
  };
  app.decorateRequest('demand', function () {
    // No role has the permission that a route does not name.
    const { others: permission = '' } = this.routeOptions.config.takes ?? {};
    return hold(this.signedIn(), { assurance: 'step-up', permission });
  });
  app.addHook('onRoute', (route) => {
    const [takes] = [route.method].flat().map((method) => routeOf(method, route.url));
    route.config = { ...route.config, ...(takes ? { takes } : {}) };
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
      'access-control-expose-headers': 'jangada-run, ratelimit, ratelimit-policy, retry-after, x-request-id',
      vary: 'origin',
    });
  };

  const signIn = async (request: FastifyRequest): Promise<void> => {
    const { config } = request.routeOptions;
    if (config?.takes ? config.takes.assurance === 'none' : !guarded.test(request.url)) return;
    const { token, ticket } = credentialOf(request);
    try {
      if (carriesSecret(request)) throw new Refusal('AUTH_MISSING');
      const origin = originOf(request);
      if (token !== undefined) request.identity = { ...(await identities.of(token)), origin };
      else if (ticket !== undefined) request.identity = { ...(await tickets.redeem(ticket)), origin };
      else if (request.ws && config?.socket) return;
      else throw new Refusal('AUTH_MISSING');
      await liveness.check(request.identity);
    } catch (error) {
      if (error instanceof Refusal) meter.authenticationFailed(error.code);
      throw error;
    }
    await admission.sameTenant(request.identity, request.headers['x-tenant-id']?.toString());
  };

  const askLimits = (request: FastifyRequest): void => {
    const { identity, ip } = request;
    const limited = request.routeOptions.config?.limits ?? (identity && 'api');
    if (!limited || request.ws) return;
    request.limit = gate.admit(limited, { ip, identity });
    // Whoever needs it waits for it; a request that fails before is told of that.
    request.limit.catch(() => undefined);
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
    askLimits(request);
  });

  // A question waits for its limits where it would be published, so that they cost it no time.
  app.addHook('preHandler', async (request) => {
    const { limits, takes } = request.routeOptions.config ?? {};
    if (limits !== 'ai') await request.limit;
    if (takes && request.identity) await hold(request.identity, takes);
  });

  app.addHook('onSend', async (request, reply) => {
    const limit = await request.limit?.catch(() => undefined);
    // A run that a limit within it refused has said its own.
    if (limit && !reply.hasHeader('ratelimit')) reply.headers(headersOf(limit));
  });
};

/** From where a request comes, by a trusted proxy's word where there is one. */
export const originOf = ({ headers, ip, url }: FastifyRequest): Origin => ({
  userAgent: headers['user-agent'] ?? '',
  ipAddress: ip,
  requestPath: url.replace(/\?.*/s, ''),
});

const hostOf = (origin: string): string | undefined =>
  URL.canParse(origin) ? new URL(origin).host : undefined;

/** What a request brings to sign in with. */
interface Credential {
  readonly token?: string | undefined;
  /** A one-time ticket, of a socket only. */
  readonly ticket?: string | undefined;
}

/**
 * A browser's WebSocket can send no header of its own, so there a token or a ticket may travel as a subprotocol beside
 * the real one; never in the URL, which proxies log.
 */
const credentialOf = ({ headers, ws }: FastifyRequest): Credential => {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer || !ws) return { token: bearer };
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
  const said = (prefix: string) => offered?.find((name) => name.startsWith(prefix))?.slice(prefix.length);
  const encoded = said('bearer.');
  return {
    token: encoded === undefined ? undefined : Buffer.from(encoded, 'base64url').toString(),
    ticket: said('ticket.'),
  };
};

const secretNames = new Set([
  'access_token',
  'authorization',
  'bearer',
  'id_token',
  'jwt',
  'ticket',
  'token',
]);

/** True when the address itself holds what opens the door: whoever sends that is told to stop, even with a good header. */
const carriesSecret = ({ query }: FastifyRequest): boolean =>
  Object.keys(query as object).some((name) => secretNames.has(name.toLowerCase()));
