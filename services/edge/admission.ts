import type { ResumeEntry } from '@ag-ui/core';
import type { Values } from '@jangada/config/settings.ts';
import { emit } from '@jangada/hop/hop.ts';
import type { Limits } from '@jangada/limits/limits.ts';
import type { Command } from '@jangada/proto/access.ts';
import type { Command as Order } from '@jangada/proto/command.ts';
import type { Code, Locale } from '@jangada/proto/errors.ts';
import { token as subjectToken } from '@jangada/proto/message.ts';
import { isEnd, type Part } from '@jangada/proto/reply.ts';
import { refused } from '@jangada/proto/run.ts';
import { publishFact } from '@jangada/runtime/emit.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { lastWordMs } from '@jangada/runtime/stored.ts';
import type { Store } from '@jangada/store/store.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { linkTo, traceparentOf } from '@jangada/telemetry/trace.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import type { Origins } from '@jangada/trust/origin.ts';
import { type Pass, passSealer, questionHash } from '@jangada/trust/pass.ts';
import type { Span } from '@opentelemetry/api';
import { LRUCache } from 'lru-cache';
import type { Accounts, Tenant } from './accounts.ts';
import { askingOf, openAsking } from './asking.ts';
import type { ToolResult } from './client-tools.ts';
import { type Interrupted, openConversations, type Turn } from './conversation.ts';
import type { Follower, Following, Told } from './follow.ts';
import type { Identity } from './identity.ts';
import { openIds } from './ids.ts';
import type { Judgement } from './judgement.ts';
import type { Liveness } from './liveness.ts';
import type { Meter } from './meter.ts';
import type { OwnChanges } from './own-changes.ts';
import { openPast } from './past.ts';
import { readQuestion } from './question.ts';
import { Refusal } from './refusal.ts';
import { type Listing, openRequests } from './requests.ts';
import { openResuming } from './resuming.ts';
import { openReturns } from './returning.ts';
import { openShown } from './shown.ts';
import type { Reader } from './strict.ts';
import type { Threads } from './threads.ts';
import { type Wishes, wishesOf } from './wishes.ts';

/** Admitting questions: from a verified identity to a signed pass and a run that somebody follows. */

/** A question as a dialect read it from what a client sent. */
export interface Question extends Wishes {
  readonly text: string;
  /** The client's own ids. A run id makes the question idempotent: sent twice, it is asked once. */
  readonly run?: string | undefined;
  readonly session?: string | undefined;
  /** What the client calls the message that the question is. */
  readonly message?: string | undefined;
  /** True when whoever asks can be asked back. */
  readonly canAnswer?: true | undefined;
  /** Answers to what they were asked before. */
  readonly resume?: readonly ResumeEntry[] | undefined;
  /** What came of calls of the client's tools, where nothing was asked since. */
  readonly results?: readonly ToolResult[] | undefined;
  /** The id of the person the question is about. */
  readonly subjectId?: string | undefined;
  readonly cursor?: string | undefined;
  readonly purpose?: string | undefined;
  /** The language that it is answered in, where that is not the tenant's. */
  readonly locale?: Locale | undefined;
  /** What the client says its tenant is. May only agree with the token. */
  readonly tenant?: string | undefined;
  /** The trace that the client is in. Linked to, never continued. */
  readonly traceparent?: string | undefined;
}

/** A run that is followed: its replies in order, up to its end. */
export interface Run extends AsyncIterable<Told>, Reader {
  readonly id: string;
  /** `performance.now()` of the request. */
  readonly startedAt: number;
  /** Ends the iteration; the run goes on. */
  stop(): void;
}

/** A conversation that somebody comes back to; as a run it is its last, which tells nothing more unless it is live. */
export interface Conversation extends Run {
  readonly turns: readonly Turn[];
  /** What the person was asked and has not answered, while they may. */
  readonly open: Interrupted['part'] | undefined;
  readonly isLive: boolean;
  /** True while what its last answer had the client show has not come back. */
  readonly waits: boolean;
}

export interface Admission {
  /**
   * `limit` rejects where a limit refuses; nothing is asked before it resolves. In a session that is named one question is
   * asked at a time. @throws Refusal, Unavailable, Refused
   */
  ask(identity: Identity, question: Question, limit: Promise<unknown> | undefined): Promise<Run>;
  /**
   * Asks so that what is read is remembered, and says whether it was answered; nobody is told. What was asked as this run
   * already is not asked again. @throws Refusal AUTH_INVALID, Unavailable, Refused
   */
  warm(
    identity: Identity,
    question: { readonly text: string; readonly run: string },
  ): Promise<{ readonly answered: Promise<boolean> }>;
  /** The rows of what has a name. @throws Refusal NOT_FOUND, INPUT_INVALID for what it cannot be asked for, Unavailable, Refused */
  read(identity: Identity, asked: Listing): Promise<Run>;
  /** A command on who may do what. A command id given again is the same command. @throws Refusal, Unavailable, Refused */
  submit(identity: Identity, asked: { id?: string | undefined; command: Command }): Promise<Run>;
  /** A command on the agenda; the same of its id. @throws Refusal, Unavailable, Refused */
  order(identity: Identity, asked: { id?: string | undefined; command: Order }): Promise<Run>;
  /** What the caller says of a run of theirs that is over. @throws Refusal NOT_FOUND for any other, Unavailable, Refused */
  judge(identity: Identity, judgement: Judgement, id?: string): Promise<Run>;
  /** The caller's own conversation, and its last run from its first reply on. @throws Refusal NOT_FOUND */
  connect(identity: Identity, session: string): Promise<Conversation>;
  /**
   * The caller's own run again, from its first reply on. One that has told nothing yet is known at other replicas by the
   * session that it was asked in. @throws Refusal NOT_FOUND
   */
  rejoin(identity: Identity, run: string, session: string | undefined): Promise<Run>;
  /** Stops a run, and waits a moment for its last word. False when that is another. @throws Refusal NOT_FOUND */
  cancel(identity: Identity, run: string): Promise<boolean>;
  /** Stops the active run of a session, or the one that is named. False when nothing was stopped. */
  stop(identity: Identity, session: string, run: string | undefined): Promise<boolean>;
  /** The language of the caller's tenant. @throws Refusal AUTH_INVALID, Unavailable */
  localeOf(identity: Identity): Promise<Locale>;
  /** A refusal at the door, kept by audit like those of the services; to be thrown or told. */
  refuse(identity: Identity, code: Code): Promise<Refusal>;
  /** @throws Refusal TENANT_ISOLATION_VIOLATION if the client says another tenant than its token; INPUT_INVALID for what is none */
  sameTenant(identity: Identity, said: string | undefined): Promise<void>;
}

/** Rejects where a limit refuses. */
export type Limit = Promise<unknown> | undefined;
type Config = Values<'JANGADA_ENV' | 'PASS_PRIVATE_KEYS' | 'ENCRYPTION_KEY' | 'RUN_DEADLINE_MS'>;

const purposeShape = /^[a-z-]{1,40}$/;
const idShape = /^[\w.:@-]{0,64}$/;
const cursorShape = /^[\w=-]{0,200}$/;

interface Deps {
  readonly accounts: Accounts;
  readonly bodies: Bodies;
  readonly changes: OwnChanges;
  readonly claims: Pick<Limits, 'claim' | 'holderOf'>;
  readonly follower: Follower;
  readonly liveness: Liveness;
  readonly meter: Meter;
  readonly origins: Origins;
  readonly store: Store;
  readonly threads: Threads;
}

export const openAdmission = (
  service: Service,
  config: Config,
  { accounts, bodies, changes, claims, follower, liveness, meter, origins, store, threads }: Deps,
): Admission => {
  const { bus, tracing, log } = service;
  const voice = { bus, bodies, unexpected: service.unexpected };
  const conversations = openConversations(voice, meter.foreignReply);
  const sign = passSealer(signerFrom(config.PASS_PRIVATE_KEYS));
  /** Hash of the question by run, for runs admitted here lately. */
  const admitted = new LRUCache<string, string>({ max: 50_000, ttl: 5 * 60_000 });
  const ownedId = openIds(config.ENCRYPTION_KEY);
  const idOf = (identity: Identity, kind: 'run' | 'session', given: string) => ownedId(kind, identity, given);

  const tenantOf = async (identity: Identity): Promise<Tenant> => {
    const tenant = await accounts.tenant(identity.tenant);
    if (!tenant) throw new Refusal('AUTH_INVALID');
    return tenant;
  };

  const passFor = (identity: Identity, tenant: Tenant, run: string, question: Question): Pass => {
    const now = Date.now();
    return {
      env: config.JANGADA_ENV,
      tid: identity.tenant,
      sub: identity.subject,
      rol: identity.role,
      ...(identity.person ? { per: identity.person } : {}),
      acr: identity.acr,
      amr: [...identity.amr],
      auth_time: identity.authenticatedAt,
      sid: idOf(identity, 'session', question.session ?? identity.session),
      rid: run,
      ...(identity.origin
        ? { from: origins.seal({ tenant: identity.tenant, id: run }, identity.origin) }
        : {}),
      qh: questionHash(question.text),
      ...(question.purpose === undefined ? {} : { pur: question.purpose }),
      ...wishesOf(question, tenant.pack, meter.toolsIgnored),
      pack: tenant.pack,
      zone: tenant.zone,
      loc: question.locale ?? tenant.locale,
      cur: tenant.currency,
      iat: now,
      exp: now + config.RUN_DEADLINE_MS,
    };
  };

  const follow = (identity: Identity, run: string, locale: Locale, returns = false): Following => {
    const until = Date.now() + config.RUN_DEADLINE_MS + lastWordMs;
    let unwatch = (): void => undefined;
    const following = follower.follow({
      tenant: identity.tenant,
      run,
      until,
      locale,
      returns,
      onEnd: () => unwatch(),
    });
    // Whoever is no longer let in is told no more of what they asked. Who has not signed in has no session to lose.
    if (Number.isFinite(identity.expiresAt)) unwatch = liveness.watch(identity, following.refuse);
    return following;
  };

  const publish = openAsking({ voice, sign, threads, conversations });

  /** Publishes what a pass was made for, and follows what is told of it; given before, it is not asked again. */
  const admit = async (
    pass: Pass,
    following: Following,
    about: { startedAt: number; span: Span },
    published: () => Promise<{ duplicate: boolean }>,
  ): Promise<Run> => {
    const { rid: id, tid: tenant, loc: locale } = pass;
    const key = `${tenant}.${id}`;
    const { startedAt, span } = about;
    const { stop, stopped } = following;
    const run = { id, tenant, locale, startedAt, span, stop, stopped, ...meter.noticing({ id, tenant }) };
    try {
      const { duplicate } = await published();
      if (duplicate || admitted.has(key)) following.catchUp();
      admitted.set(key, pass.qh);
      const ended = (end: Part | undefined): void => {
        meter.ended(run, end);
        if (end?.type === 'interrupted') threads.wait(id, end.expiresAt);
        else if (end) threads.leave(id);
      };
      if (!duplicate) return { ...run, [Symbol.asyncIterator]: () => metered(following, ended) };
      // Asked before: its end is counted where it was asked.
      span.end();
      return { ...run, [Symbol.asyncIterator]: () => following[Symbol.asyncIterator]() };
    } catch (error) {
      following.stop();
      span.end();
      throw error;
    }
  };

  const conflicts = ({ tid, rid, qh }: Pass): boolean => (admitted.get(`${tid}.${rid}`) ?? qh) !== qh;

  const refuse = async (identity: Identity, code: Code): Promise<Refusal> => {
    meter.refused(code);
    const run = idOf(identity, 'run', crypto.randomUUID());
    const tenant = await tenantOf(identity).catch(() => undefined);
    if (!tenant) return new Refusal(code);
    const span = tracing.start('edge', undefined, {
      kind: 'server',
      attributes: { 'run.id': run, outcome: 'refused' },
    });
    try {
      const pass = await sign(passFor(identity, tenant, run, { text: '' }));
      const cause = { tenant: identity.tenant, id: run, pass, traceparent: traceparentOf(span) };
      await publishFact(voice, cause, emit(refused, { code, locale: tenant.locale }));
    } catch (error) {
      log.error(
        { operation: 'refuse', tenantId: identity.tenant, ...faultFields(error), code },
        'refusal is not audited',
      );
    } finally {
      span.end();
    }
    return new Refusal(code, { locale: tenant.locale, run });
  };

  const sameTenant = async (identity: Identity, said: string | undefined): Promise<void> => {
    if (said === undefined) return;
    if (!subjectToken.test(said)) throw new Refusal('INPUT_INVALID', { field: 'tenantId' });
    const held = said === identity.tenant;
    meter.isolated(held);
    if (!held) throw await refuse(identity, 'TENANT_ISOLATION_VIOLATION');
  };

  const localeOf: Admission['localeOf'] = async (identity) => (await tenantOf(identity)).locale;

  const { request, ...named } = openRequests({
    ...{ claims, changes, tracing, publish, idOf, tenantOf, passFor, follow, conflicts, admit },
    endOf: follower.endOf,
  });

  const shown = openShown({ claims, conversations, follower, meter, idOf, localeOf });

  const returns = openReturns({
    ...{ nc: bus.nc, shown, conversations, meter, threads, idOf, follow },
    past: openPast(store, named.read),
    leaseMs: config.RUN_DEADLINE_MS + lastWordMs,
    localeOf,
    isKnown: ({ tenant }, run) => admitted.has(`${tenant}.${run}`),
  });

  const resume = openResuming({ conversations, idOf, tenantOf, request, refuse, rejoin: returns.rejoin });

  return {
    refuse,
    sameTenant,
    localeOf,
    ...named,
    ...returns,

    warm: async (identity, question) => {
      const run = idOf(identity, 'run', question.run);
      const tenant = await tenantOf(identity);
      const pass = passFor(identity, tenant, run, question);
      const span = tracing.start('edge', undefined, { attributes: { 'run.id': run } });
      const following = follow(identity, run, tenant.locale);
      try {
        const { duplicate } = await publish(pass, askingOf(question), span);
        if (duplicate) following.catchUp();
        return { answered: isAnswered(following) };
      } catch (error) {
        following.stop();
        throw error;
      } finally {
        span.end();
      }
    },

    ask: async (identity, asked, limit) => {
      const startedAt = performance.now();
      await sameTenant(identity, asked.tenant);
      const { run, passesOver: answers } = asked.resume?.length ? await resume(identity, asked, limit) : {};
      if (run) return run;
      if (asked.results?.length) return shown.take(identity, asked, asked.results, limit);
      const tenant = await tenantOf(identity);
      const { locale } = tenant;
      const question = { ...asked, text: readQuestion(asked.text, locale) };
      const field = unacceptable(question);
      if (field) throw new Refusal('INPUT_INVALID', { locale, field });
      const id = idOf(identity, 'run', question.run ?? crypto.randomUUID());
      const pass = passFor(identity, tenant, id, question);
      if (conflicts(pass)) throw new Refusal('RUN_CONFLICT', { locale });
      const span = tracing.start('edge', undefined, {
        kind: 'server',
        attributes: { 'run.id': id },
        links: linkTo(question.traceparent),
      });
      const following = follow(identity, id, locale);
      // What they have just changed is found by what they ask next; where nobody knows, it is asked all the same. The public
      // changes nothing.
      const ready = async (): Promise<void> => {
        await limit;
        if (identity.role !== 'public') await changes.shown(identity).catch(() => false);
      };
      return admit(pass, following, { startedAt, span }, () =>
        publish(pass, { ...askingOf(question), answers }, span, ready()),
      );
    },
  };
};

/** What beside the text is not of the shape that such things have; undefined when all is well. */
const unacceptable = (question: Question): string | undefined => {
  const { subjectId = '', cursor = '', purpose } = question;
  if (!idShape.test(subjectId)) return 'clientId';
  if (!cursorShape.test(cursor)) return 'cursor';
  return purpose === undefined || purposeShape.test(purpose) ? undefined : 'purpose';
};

const isAnswered = async (following: Following): Promise<boolean> => {
  let end: Part | undefined;
  for await (const { parts } of following) end = parts.find(isEnd);
  return end?.type === 'answered';
};

/** Passes replies on, and accounts for the run when it ends or when nobody listens any more. */
async function* metered(following: Following, ended: (end: Part | undefined) => void): AsyncGenerator<Told> {
  let end: Part | undefined;
  try {
    for await (const told of following) {
      end = told.parts.find(isEnd);
      yield told;
    }
  } finally {
    ended(end);
  }
}
