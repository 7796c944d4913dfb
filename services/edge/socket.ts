import type { Duplex } from 'node:stream';
import type { Service } from '@jangada/runtime/service.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import type { Origin } from '@jangada/trust/origin.ts';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import type { Admission, Run } from './admission.ts';
import { watchBacklog } from './backlog.ts';
import { frameMaxBytes } from './bounds.ts';
import type { Condition } from './conditions.ts';
import type { Connection, Dialect } from './dialect.ts';
import { readFrame, sizeOf, watchFrames } from './frames.ts';
import type { Identities, Identity } from './identity.ts';
import type { Gate } from './limits.ts';
import type { Liveness } from './liveness.ts';
import type { Meter } from './meter.ts';
import { type Due, openPulse } from './pulse.ts';
import { Refusal, refusalOf } from './refusal.ts';
import { bareDialect, isInput, isOperation, multiplexedDialect } from './socket-agui.ts';
import { seedDialect } from './socket-seed.ts';
import type { Tickets } from './tickets.ts';

/** WebSocket connections: who holds them, how they stay alive, how much they may hold, and how they end. */

/** A socket as it was opened. */
interface About {
  readonly origin: Origin;
  readonly identity: Identity | undefined;
  /** Says the first word in the seed dialect where no subprotocol decides. */
  readonly greets: boolean;
}

export interface Sockets {
  accept(socket: WebSocket, transport: Duplex, about: About): void;
  count(): number;
  /** Open connections of a tenant's people. */
  listOf(tenant: string): readonly Listed[];
  /** Tells everybody whose dialect has words for it how the system does, and whoever comes while it does not do well. */
  report(condition: Condition): void;
  /** Closes sockets for a restart: first those that resume elsewhere, later the others. */
  drain(which: 'resumable' | 'all'): void;
}

/** One open connection, as an administrator sees it. */
export interface Listed {
  readonly id: string;
  readonly user: string;
  readonly session: string;
  readonly createdAt: Date;
  readonly lastActivity: Date;
}

interface Deps {
  readonly service: Service;
  readonly identities: Identities;
  readonly tickets: Tickets;
  readonly liveness: Liveness;
  readonly admission: Admission;
  readonly gate: Gate;
  readonly meter: Meter;
}

const bySubprotocol = new Map([
  ['agui.v1', multiplexedDialect],
  ['agui.v1.bare', bareDialect],
]);
/** The first subprotocol of those offered that we speak; false where there is none. */
export const chooseSubprotocol = (offered: Iterable<string>): string | false =>
  [...offered].find((name) => bySubprotocol.has(name)) ?? false;

const runsMax = 16;
const sessionsMax = 100;
const tickMs = 1_000;
/** Where to go on from is in what the client has read: `seq` of each run, or the id of its question. */
const slowReason = 'too slow: resume after the last seq you have read';
const closing = {
  stalled: 1008,
  tooLarge: 1009,
  drain: 1012,
  slow: 1013,
  signIn: 4401,
  signInTimeout: 4408,
  tooMany: 4429,
} as const;

const signIn = z.union([
  z.object({ op: z.literal('auth'), token: z.string().max(8_192) }),
  z.object({ op: z.literal('auth'), ticket: z.string().max(200) }),
]);

export const openSockets = (deps: Deps): Sockets => {
  const { service, identities, tickets, liveness, gate, meter } = deps;
  const open = new Set<ReturnType<typeof connect>>();
  let latest: Condition | undefined;
  /** Whose session it is, while they are connected. */
  const sessions = new Map<string, ReturnType<typeof connect>>();
  const closes = service.metrics.counter('ws_closes_total', 'WebSockets that the edge closed', ['code']);
  for (const code of Object.values(closing)) closes.inc({ code }, 0);
  service.metrics.gauge('ws_connections', 'Open WebSocket connections', [], () => open.size);
  service.metrics.gauge('ws_unread_bytes', 'What waits for clients of WebSockets to read it', [], () =>
    [...open].reduce((sum, connection) => sum + connection.unread(), 0),
  );

  const timer = setInterval(() => {
    const now = Date.now();
    for (const connection of open) connection.tick(now);
  }, tickMs).unref();

  const connect = (socket: WebSocket, transport: Duplex, { origin, identity: signedIn, greets }: About) => {
    const ip = origin.ipAddress;
    const createdAt = new Date();
    const runs = new Map<string, Run>();
    const claimed = new Set<string>();
    let identity = signedIn;
    let signingIn: Promise<void> | undefined;
    let lastActivity = createdAt.getTime();
    let signedInAt = lastActivity;
    const pulse = openPulse(lastActivity);
    const backlog = watchBacklog(socket, transport);
    /** True when there was no place for it: then that is what it ends with, whatever its dialect would say. */
    let turnedAway = false;
    const frames = watchFrames();
    transport.on('data', frames.read);

    const self: Connection = {
      id: crypto.randomUUID(),
      createdAt,
      identity: () => {
        if (!identity) throw new Refusal('AUTH_MISSING');
        return identity;
      },
      admit: (limited) => {
        const limit = gate.admit(limited, { ip, identity: self.identity() });
        // A question that is refused for another reason does not wait for it.
        limit.catch(() => undefined);
        return limit;
      },
      send: (frame) => {
        if (socket.readyState !== socket.OPEN) return;
        socket.send(JSON.stringify(frame));
        if (backlog.over()) self.close(closing.slow, slowReason);
      },
      room: backlog.room,
      close: (given, why) => {
        const [code, reason] = turnedAway ? [closing.tooMany, 'too many sessions'] : [given, why];
        if (socket.readyState === socket.OPEN) closes.inc({ code });
        socket.close(code, reason);
      },
      follow: (name, run, tell) => {
        self.detach(name);
        if (runs.size >= runsMax) {
          run.stop();
          throw new Refusal('RATE_LIMITED', { locale: run.locale });
        }
        runs.set(name, run);
        tell()
          .catch((error: unknown) =>
            service.log.error({ operation: 'tell', runId: run.id, ...faultFields(error) }),
          )
          .finally(() => {
            if (runs.get(name) === run) runs.delete(name);
          });
      },
      detach: (name) => {
        runs.get(name)?.stop();
        runs.delete(name);
      },
      claim: (session) => {
        const { tenant, subject } = self.identity();
        const key = `${tenant} ${session}`;
        const holder = sessions.get(key);
        if (holder && holder.subject() !== subject) return false;
        if (claimed.size < sessionsMax || claimed.has(key)) {
          sessions.set(key, connection);
          claimed.add(key);
        }
        return true;
      },
      violated: (rule) => meter.noticing({ id: self.id, tenant: identity?.tenant ?? '' }).violated(rule),
    };

    let dialect = bySubprotocol.get(socket.protocol)?.(self, deps.admission);

    /** Without a subprotocol the first frame decides; without an identity only signing in makes sense. */
    const dialectOf = (frame: unknown): Dialect => {
      if (!identity || isOperation(frame)) return multiplexedDialect(self, deps.admission);
      return isInput(frame) ? bareDialect(self, deps.admission) : seedDialect(self, deps.admission);
    };

    /** Lets go of the socket as soon as the session is over, at whatever replica that was. */
    let unwatch = (): void => undefined;
    const watch = (): void => {
      unwatch();
      if (!identity) return;
      signedInAt = Date.now();
      pulse.signedIn(signedInAt, identity.expiresAt);
      unwatch = liveness.watch(identity, (code) => {
        refuse(new Refusal(code), undefined);
        self.close(closing.signIn, 'session over');
      });
    };

    /** First frame of a socket without an identity, or later with a fresh token of the same person. */
    const takeIdentity = async (bringing: Promise<Identity>): Promise<void> => {
      const next = { ...(await bringing), origin };
      await liveness.check(next);
      if (identity && (identity.subject !== next.subject || identity.tenant !== next.tenant))
        throw new Refusal('SESSION_MISMATCH');
      const first = !identity;
      identity = next;
      watch();
      self.send({ op: 'accepted' });
      if (first) welcome();
      else spoken()?.renewed?.();
    };

    /** The dialect, or that of the greeting where nothing was said yet. */
    const spoken = (): Dialect | undefined =>
      dialect ?? (greets ? seedDialect(self, deps.admission) : undefined);

    const welcome = (): void => {
      const speaking = spoken();
      speaking?.greet();
      if (latest && latest.state !== 'healthy') speaking?.report?.(latest);
    };

    const handle = async (frame: unknown): Promise<void> => {
      if (!(await entered)) return;
      const { data: signing } = signIn.safeParse(frame);
      if (signing) {
        signingIn = takeIdentity(
          'token' in signing ? identities.of(signing.token) : tickets.redeem(signing.ticket),
        );
        return signingIn;
      }
      await signingIn;
      const { expiresAt } = self.identity();
      if (expiresAt <= Date.now()) throw new Refusal('AUTH_EXPIRED');
      await liveness.check(self.identity());
      dialect ??= dialectOf(frame);
      await dialect.receive(frame);
    };

    const refuse = (error: unknown, frame: unknown): void => {
      const refusal = refusalOf(error) ?? new Refusal('INTERNAL');
      if (refusal.code === 'INTERNAL')
        service.log.error({ operation: 'socket', ...faultFields(error) }, 'frame failed');
      const stranger = refusal.code.startsWith('AUTH_') && refusal.code !== 'AUTH_STEP_UP';
      if (stranger) meter.authenticationFailed(refusal.code);
      (identity && dialect ? dialect : dialectOf(frame)).refuse(refusal, frame);
      if (stranger) self.close(closing.signIn, 'sign in');
    };

    const entered = gate.enter(ip).then(
      (leave) => {
        if (socket.readyState === socket.OPEN) socket.once('close', leave);
        else leave();
        if (identity) welcome();
        return true;
      },
      (error: unknown) => {
        turnedAway = true;
        refuse(error, undefined);
        self.close(closing.tooMany, 'too many sessions');
        return false;
      },
    );

    socket.on('message', (data, isBinary) => {
      lastActivity = Date.now();
      let frame: unknown;
      try {
        frame = readFrame(data, isBinary);
      } catch (error) {
        refuse(error, undefined);
        // Whoever has signed in goes on; a stranger has no claim to that much memory a second time.
        if (!identity && sizeOf(data) > frameMaxBytes) self.close(closing.tooLarge, 'too large');
        return;
      }
      handle(frame).catch((error: unknown) => refuse(error, frame));
    });
    socket.on('pong', pulse.pong);
    socket.on('close', () => {
      open.delete(connection);
      unwatch();
      for (const run of runs.values()) run.stop();
      for (const key of claimed) if (sessions.get(key) === connection) sessions.delete(key);
    });

    const answers: Record<Due, () => void> = {
      stalled: () => self.close(closing.stalled, 'a message was not finished'),
      unread: () => self.close(closing.slow, slowReason),
      unsigned: () => self.close(closing.signInTimeout, 'sign in'),
      expired: () => refuse(new Refusal('AUTH_EXPIRED'), undefined),
      // Whom nobody uses is left to end: a client that renews its token by itself would keep its session for ever.
      reauth: () => {
        if (lastActivity > signedInAt || runs.size > 0) connection.announce('reauth');
      },
      dead: () => socket.terminate(),
      ping: () => socket.ping(),
    };

    const connection = {
      subject: () => identity?.subject,
      listed: (tenant: string): Listed[] =>
        identity?.tenant === tenant
          ? [
              {
                id: self.id,
                user: identity.subject,
                session: identity.session,
                createdAt,
                lastActivity: new Date(lastActivity),
              },
            ]
          : [],
      resumable: () => dialect?.resumable === true,
      report: (condition: Condition) => {
        if (identity) spoken()?.report?.(condition);
      },
      close: self.close,
      announce: (what: 'reauth' | 'drain') => dialect?.announce?.(what),
      unread: backlog.bytes,
      tick: (now: number): void => {
        if (socket.readyState !== socket.OPEN) return;
        const due = pulse.due(now, { message: frames.unfinishedSince(), unread: backlog.fullSince(now) });
        if (due) answers[due]();
      },
    };
    watch();
    return connection;
  };

  return {
    accept: (socket, transport, about) => {
      open.add(connect(socket, transport, about));
    },
    count: () => open.size,
    report: (condition) => {
      latest = condition;
      for (const connection of open) connection.report(condition);
    },
    listOf: (tenant) => [...open].flatMap((connection) => connection.listed(tenant)),
    drain: (which) => {
      for (const connection of open) {
        if (which === 'resumable' && !connection.resumable()) continue;
        connection.announce('drain');
        connection.close(closing.drain, 'restart');
      }
      if (which === 'all') clearInterval(timer);
    },
  };
};
