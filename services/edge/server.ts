import { setTimeout as sleep } from 'node:timers/promises';
import websocket from '@fastify/websocket';
import { ConfigError } from '@jangada/config/config.ts';
import type { Values } from '@jangada/config/settings.ts';
import type { Limits } from '@jangada/limits/limits.ts';
import { type Code, errorBody, faults, hintsOf } from '@jangada/proto/errors.ts';
import { token as requestToken } from '@jangada/proto/message.ts';
import type { Probes } from '@jangada/runtime/health.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { lastWordMs } from '@jangada/runtime/stored.ts';
import type { Store } from '@jangada/store/store.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { openOrigins } from '@jangada/trust/origin.ts';
import { rootSettings } from '@jangada/vault/root.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import fastify, { type FastifyInstance } from 'fastify';
import { accessRoutes } from './access.ts';
import { accountRoutes } from './account.ts';
import { openAccounts } from './accounts.ts';
import { openAdmission } from './admission.ts';
import { agendaRoutes } from './agenda.ts';
import { agentRoutes } from './agents.ts';
import { commandRoutes } from './commands.ts';
import { watchConditions } from './conditions.ts';
import { consoleRoutes } from './console.ts';
import { conversationRoutes } from './conversations.ts';
import { copilotkitRoutes } from './copilotkit.ts';
import { door, originOf } from './door.ts';
import { openFactors } from './factors.ts';
import { feedbackRoutes } from './feedback.ts';
import { openFollower } from './follow.ts';
import { answerRaw } from './headers.ts';
import { healthRoutes, openRollCall } from './health.ts';
import { historyRoutes } from './history.ts';
import { openIdentities } from './identity.ts';
import { openIds } from './ids.ts';
import { letterRoutes } from './letters.ts';
import { openFailures, openGate } from './limits.ts';
import { listingRoutes } from './listing.ts';
import { openLiveness } from './liveness.ts';
import { loginRoutes } from './login.ts';
import { type Meter, openMeter } from './meter.ts';
import { operationsRoutes } from './operations.ts';
import { openOwnChanges } from './own-changes.ts';
import { privacyRoutes } from './privacy.ts';
import { queryRoute } from './query.ts';
import { Refusal, refusalOf, retryHeaders } from './refusal.ts';
import { retentionRoutes } from './retention.ts';
import { openRuns, runRoutes } from './runs.ts';
import { openSessions } from './sessions.ts';
import { chooseSubprotocol, openSockets } from './socket.ts';
import { openStreams } from './sse.ts';
import { openThreads } from './threads.ts';
import { openTickets } from './tickets.ts';
import { serverFactory } from './tls.ts';
import { openTrail } from './trail.ts';
import { keepWarm, type Warmth } from './warming.ts';
import { answerUnreadable, bindWire, requestOptions, socketOptions } from './wire.ts';
import { openWitness } from './witness.ts';

/** Settings that the edge reads beside the common ones. */
export const edgeSettings = [
  'JANGADA_HOST',
  'JANGADA_PORT',
  'JANGADA_MAX_CONNECTIONS',
  'CONSOLE_DIR',
  'TRACES_URL',
  'AI_AGENT_PUBLIC_ENABLED',
  'AI_AGENT_TENANT_ENABLED',
  'PUBLIC_TENANT',
  'PREWARM',
  'TLS_CERT',
  'TLS_KEY',
  'TLS_PROXY',
  'ALLOWED_ORIGINS',
  'TOKEN_PRIVATE_KEYS',
  'AI_AGENT_SESSION_TTL_MINUTES',
  'OIDC_ISSUER',
  'OIDC_AUDIENCE',
  'PASS_PRIVATE_KEYS',
  ...rootSettings,
  'MESSAGE_KEYS',
  'PASS_ORIGIN_KEYS',
  'RUN_DEADLINE_MS',
  'TRUSTED_PROXIES',
] as const;

/** How long a drain waits for runs to end by themselves. */
const lastRunsMs = 5_000;

interface Deps {
  readonly store: Store;
  readonly limits: Limits;
  readonly probes: Probes;
  readonly vault: Vault;
  /** Absent where nobody waits for it. */
  readonly warmth?: Pick<Warmth, 'reached'>;
}

/** Opens the public door: HTTP, server-sent events and WebSocket on one port. @throws ConfigError if it is taken */
export const openServer = async (
  service: Service,
  config: Values<'JANGADA_ENV' | (typeof edgeSettings)[number]>,
  { store, limits, probes, vault, warmth }: Deps,
): Promise<{ url: string }> => {
  await service.keys.known;
  const meter = openMeter(service);
  const accounts = openAccounts(store, service.policy);
  const sessions = openSessions(store, config.AI_AGENT_SESSION_TTL_MINUTES * 60_000);
  const identities = openIdentities(config, service.ring, accounts, sessions);
  const bodies = openBodies(config.MESSAGE_KEYS);
  const origins = openOrigins(config.PASS_ORIGIN_KEYS);
  const witness = openWitness(service, origins);
  const liveness = openLiveness(service, sessions, witness);
  const factors = openFactors(store, vault);
  const tickets = openTickets(store, accounts, sessions);
  const follower = openFollower(service.bus.nc, bodies, meter.foreignReply);
  const changes = openOwnChanges(limits, follower, store);
  const admission = openAdmission(service, config, {
    ...{ accounts, bodies, changes, claims: limits, follower, liveness, meter, origins, store },
    threads: openThreads(limits, follower, config.RUN_DEADLINE_MS + lastWordMs),
  });
  const gate = openGate(limits, accounts);
  const streams = openStreams();
  const sockets = openSockets({ service, identities, tickets, liveness, admission, gate, meter });
  let accepting = true;

  const app = fastify({
    ...requestOptions,
    serverFactory: serverFactory(config),
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (_error, { raw }) => answerRaw(raw.socket, 400, 'INPUT_INVALID'),
    trustProxy: config.TRUSTED_PROXIES.length > 0 && config.TRUSTED_PROXIES,
    routerOptions: { maxParamLength: 200 },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id']?.toString();
      return given && requestToken.test(given) ? given : crypto.randomUUID();
    },
  });
  await app.register(websocket, {
    options: { ...socketOptions, handleProtocols: chooseSubprotocol },
    preClose: (done) => done(),
  });
  bindWire(app, config.JANGADA_MAX_CONNECTIONS);
  door(app, {
    ...{ identities, tickets, liveness, accounts, admission, gate, meter },
    allowedOrigins: config.ALLOWED_ORIGINS,
  });
  answerErrors(app, service);
  measure(app, meter);

  const failures = openFailures(limits);
  const logins = loginRoutes(app, {
    ...{ identities, accounts, sessions, factors, failures, liveness, meter, witness },
  });
  accountRoutes(app, { accounts, sessions, factors, liveness, logins, tickets, witness });
  app.get('/v1/admin/connections', (request) => ({
    connections: sockets.listOf(request.signedIn().tenant),
  }));
  const runs = openRuns(admission, streams);
  const runDeadlineMs = config.RUN_DEADLINE_MS;
  runRoutes(app, { admission, runs, streams, runDeadlineMs });
  feedbackRoutes(app, { admission, store });
  copilotkitRoutes(app, { admission, runs, runDeadlineMs });
  const rollCall = openRollCall(service);
  const conditions = watchConditions(rollCall, () => sockets.count() > 0, sockets.report);
  healthRoutes(app, service, { probes, accepting: () => accepting, rollCall });
  operationsRoutes(app, service, { rollCall, limits, accounts });
  letterRoutes(app, service);
  retentionRoutes(app, { store, accounts });
  queryRoute(app, admission);
  agentRoutes(app, admission, config, meter);
  accessRoutes(app, admission);
  commandRoutes(app, admission, follower, service.bus.nc);
  agendaRoutes(app, { admission, accounts, store, nc: service.bus.nc });
  privacyRoutes(app, { admission, store, accounts, secret: config.ENCRYPTION_KEY });
  conversationRoutes(app, admission);
  listingRoutes(app, { admission, store, changes, nc: service.bus.nc });
  historyRoutes(app, {
    trail: openTrail(store),
    ownedId: openIds(config.ENCRYPTION_KEY),
    traces: config.TRACES_URL,
    witness,
  });
  await consoleRoutes(app, config.CONSOLE_DIR);
  for (const [url, greets] of [
    ['/v1/agent', true],
    ['/agui/ws', false],
  ] as const) {
    app.get(url, { websocket: true, config: { socket: true } }, (socket, request) =>
      sockets.accept(socket, request.raw.socket, {
        origin: originOf(request),
        identity: request.identity,
        greets: greets && socket.protocol === '',
      }),
    );
  }

  const spokenFor = config.AI_AGENT_PUBLIC_ENABLED ? config.PUBLIC_TENANT : undefined;
  // Where the agent speaks for nobody there is nothing to be asked first.
  if (spokenFor === undefined) warmth?.reached();
  const cool =
    spokenFor === undefined ? undefined : keepWarm(spokenFor, { admission, accounts, warmth }, service);

  service.countInFlight(follower.count);
  service.onDrain(() => app.close());
  app.addHook('preClose', async () => {
    accepting = false;
    conditions.close();
    cool?.();
    sockets.drain('resumable');
    follower.letReturn();
    const patience = Date.now() + lastRunsMs;
    while (follower.count() > 0 && Date.now() < patience) await sleep(20);
    follower.close();
    streams.close();
    await sleep(20);
    sockets.drain('all');
    while (sockets.count() > 0 && Date.now() < patience) await sleep(20);
    for (const socket of app.websocketServer.clients) socket.terminate();
  });

  const listening = await listen(app, config.JANGADA_HOST, config.JANGADA_PORT);
  const url = config.TLS_CERT ? listening.replace(/^http:/, 'https:') : listening;
  service.log.info({ operation: 'listen', url }, 'the door is open');
  return { url };
};

const answerErrors = (app: FastifyInstance, { log }: Service): void => {
  app.setNotFoundHandler(() => {
    throw new Refusal('NOT_FOUND');
  });
  app.setErrorHandler((error, request, reply) => {
    const refusal = refusalOf(error) ?? new Refusal('INTERNAL');
    const { code, locale, run, field } = refusal;
    const { method, id: requestId, routeOptions } = request;
    if (code === 'INTERNAL')
      log.error({ operation: 'request', requestId, method, route: routeOptions.url, ...faultFields(error) });
    const { status } = faults[code];
    if (status === 401 || 'max_age' in hintsOf(code)) reply.header('www-authenticate', challengeOf(code));
    reply.headers(retryHeaders(refusal));
    if (run) reply.header('jangada-run', run);
    return reply.code(status).send({ ...errorBody(code, requestId, locale, field), ...refusal.limit });
  });
};

/** What a client has to do to be let in (RFC 6750, RFC 9470). */
const challengeOf = (code: Code): string => {
  const { acr_values, max_age } = hintsOf(code);
  if (acr_values === undefined) return 'Bearer';
  return `Bearer error="insufficient_user_authentication", acr_values="${acr_values}", max_age="${max_age}"`;
};

const measure = (app: FastifyInstance, meter: Meter): void => {
  app.addHook('onResponse', async (request, reply) => {
    if (request.ws) return;
    const route = {
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
    };
    meter.requested(route, reply.elapsedTime / 1_000);
  });
};

const listen = async (app: FastifyInstance, host: string, port: number): Promise<string> => {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new ConfigError(
        `cannot start: port ${port} on ${host} is taken; set JANGADA_PORT to another, or to 0 for any`,
      );
    }
    throw error;
  }
};
