import type { Limits } from '@jangada/limits/limits.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import type { Part } from '@jangada/proto/reply.ts';
import type { Limit, Question, Run } from './admission.ts';
import { runOf, type ToolResult } from './client-tools.ts';
import type { Conversations, Turn } from './conversation.ts';
import type { Follower } from './follow.ts';
import type { Identity } from './identity.ts';
import type { Meter } from './meter.ts';
import { Refusal } from './refusal.ts';

/** What comes back of answers that a client showed by a tool of its own. Nothing follows from it but that it is no longer waited for. */
export interface Shown {
  /**
   * Takes what came of calls; the run in which it is brought says that and no more, and nothing of it is stored. Only the
   * first that comes of a call counts. @throws Refusal INPUT_INVALID for a call that nobody made in this conversation
   */
  take(
    identity: Identity,
    asked: Pick<Question, 'run' | 'session'>,
    results: readonly ToolResult[],
    limit: Limit,
  ): Promise<Run>;
  /** True where a turn's answer is to be shown, and nothing has come back yet. */
  waits(identity: Identity, turn: Pick<Turn, 'run' | 'end'>): Promise<boolean>;
}

interface Deps {
  readonly claims: Pick<Limits, 'claim' | 'holderOf'>;
  readonly conversations: Pick<Conversations, 'holds'>;
  readonly follower: Pick<Follower, 'endOf'>;
  readonly meter: Pick<Meter, 'noticing' | 'shown'>;
  idOf(identity: Identity, kind: 'run' | 'session', given: string): string;
  localeOf(identity: Identity): Promise<Locale>;
}

type Answered = Extract<Part, { type: 'answered' }>;

/** As long as the streams hold what was told. */
const rememberedMs = 24 * 3_600_000;

const callIn = (end: { readonly type: string } | undefined): Answered | undefined =>
  end?.type === 'answered' && (end as Answered).call ? (end as Answered) : undefined;

export const openShown = ({ claims, conversations, follower, meter, idOf, localeOf }: Deps): Shown => {
  const nameOf = ({ tenant }: Identity, run: string): string => `shown|${tenant}|${run}`;

  /** The answer that was shown; undefined where there is none of this conversation. */
  const shownIn = async (
    identity: Identity,
    session: string,
    run: string | undefined,
  ): Promise<Answered | undefined> => {
    const { tenant } = identity;
    if (run === undefined || !(await conversations.holds({ tenant, session }, run))) return undefined;
    return callIn(await follower.endOf(tenant, run));
  };

  return {
    waits: async (identity, { run, end }) =>
      callIn(end) !== undefined && (await claims.holderOf(nameOf(identity, run))) === undefined,

    take: async (identity, asked, results, limit) => {
      const startedAt = performance.now();
      const [locale] = await Promise.all([localeOf(identity), limit]);
      const id = idOf(identity, 'run', asked.run ?? crypto.randomUUID());
      const session = idOf(identity, 'session', asked.session ?? identity.session);
      let answer: Answered | undefined;
      for (const { call, failed } of results) {
        const name = runOf(call);
        const run = name === undefined ? undefined : idOf(identity, 'run', name);
        answer = await shownIn(identity, session, run);
        if (!answer || !run) throw new Refusal('INPUT_INVALID', { locale, field: 'messages' });
        const claimed = nameOf(identity, run);
        const isFirst = (await claims.holderOf(claimed)) === undefined;
        if (isFirst && (await claims.claim(claimed, id, rememberedMs)) === id)
          meter.shown(failed ? 'failed' : 'shown');
      }
      return {
        ...{ id, locale, startedAt, stop: () => undefined, stopped: () => false },
        ...meter.noticing({ id, tenant: identity.tenant }),
        async *[Symbol.asyncIterator]() {
          if (answer) yield { sequence: 0, parts: [withoutCall(answer)], ours: true as const };
        },
      };
    },
  };
};

/** Of an answer, that there is one: what it cost was told with it. */
const withoutCall = ({ type, confidence, intent, cached, degraded }: Answered): Answered => ({
  ...{ type, confidence, intent, cached, degraded },
  usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0, processingTimeMs: 0 },
});
