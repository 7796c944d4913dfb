import { type Emission, emit } from '@jangada/hop/hop.ts';
import type { ClientTool } from '@jangada/proto/client-tools.ts';
import { notices } from '@jangada/proto/notices.ts';
import type { Usage } from '@jangada/proto/run.ts';
import * as run from '@jangada/proto/run.ts';
import { type Model, tellByModel } from './by-model.ts';
import { type Answer, citationsOf, compose, type Manner } from './compose.ts';
import { awayNotice, recommendationOf } from './recommend.ts';
import { shownBy } from './show.ts';

/** How this answer is told. */
export interface Means extends Manner {
  /** Absent without a model. */
  readonly model?: Model;
  /** Tools of the client's by which it may be shown. */
  readonly offered?: readonly ClientTool[] | undefined;
  /** Time since the question was admitted, in ms. */
  readonly elapsedMs: () => number;
}

/** Tells the answer piece by piece and returns what became of it. @throws the signal's reason once it is aborted */
export async function* tell(
  answer: Answer,
  means: Means,
  signal: AbortSignal,
): AsyncGenerator<string, Emission<typeof run.answered>> {
  const { model } = means;
  const told = model ? yield* tellByModel(answer, means, model, signal) : { said: false };
  const away = awayNotice(answer);
  const lacking = [...('reason' in told ? [notices.ai_service[answer.locale]] : []), ...(away ? [away] : [])];
  const tokens = 'tokens' in told ? told.tokens : { promptTokens: 0, completionTokens: 0 };
  if (!('tokens' in told)) {
    // What was said holds, and is not the whole: the composer says that, from the start of a line.
    if (told.said) yield '\n\n';
    yield* compose(answer, means);
  }
  const recommended = recommendationOf(answer, means);
  if (recommended) yield `\n\n${recommended}`;
  const citations = citationsOf(answer, means);
  if (citations) yield `\n\n${citations}`;
  if (away) yield `\n\n${away}`;

  const usage: Usage = {
    ...tokens,
    totalTokens: tokens.promptTokens + tokens.completionTokens,
    processingTimeMs: Math.max(1, Math.round(means.elapsedMs())),
  };
  const shared = {
    confidence: answer.intent.confidence,
    cached: answer.cached,
    degraded: lacking.length > 0,
    usage,
    intent: answer.intent.type,
  };
  const call = shownBy(answer, means, means.offered);
  const { cited = answer.rows } = answer;
  const found = answer.plan.filter.nearest ? { found: cited.length } : {};
  return emit(
    run.answered,
    { ...shared, rows: answer.rows.length, ...found },
    {
      tell: {
        type: 'answered',
        ...shared,
        ...found,
        ...(answer.nextCursor ? { nextCursor: answer.nextCursor } : {}),
        ...(answer.cached ? { asOf: answer.asOf } : {}),
        ...(lacking.length > 0 ? { notices: lacking } : {}),
        ...(answer.tools ? { items: [...answer.rows] } : {}),
        ...(recommended ? { recommendation: { text: recommended, findings: answer.findings ?? [] } } : {}),
        ...(answer.intent.entities.length > 0 ? { entities: answer.intent.entities } : {}),
        ...(call ? { call } : {}),
      },
    },
  );
}
