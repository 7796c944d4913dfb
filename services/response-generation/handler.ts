import { type Emission, emit, type In } from '@jangada/hop/hop.ts';
import { notices } from '@jangada/proto/notices.ts';
import type { Usage } from '@jangada/proto/run.ts';
import * as run from '@jangada/proto/run.ts';
import { compose, type Manner } from './compose.ts';
import type { contract } from './contract.ts';
import type { Telling } from './model.ts';

/** How this answer is told. */
export interface Means extends Manner {
  /** A model that has begun to tell; absent without a model, and when it failed. */
  readonly telling: Telling | undefined;
  /** True when a model should have told it and could not. */
  readonly degraded: boolean;
  /** Time since the question was admitted, in ms. */
  readonly elapsedMs: () => number;
}

/** Tells the answer piece by piece and returns what became of it. @throws the signal's reason once it is aborted */
export async function* tell(
  answer: In<typeof contract>,
  means: Means,
  signal: AbortSignal,
): AsyncGenerator<string, Emission<typeof run.answered>> {
  let degraded = means.degraded;
  let tokens = { promptTokens: 0, completionTokens: 0 };
  if (means.telling) {
    try {
      yield* means.telling.text(signal);
      tokens = await means.telling.usage();
    } catch {
      signal.throwIfAborted();
      // Half a sentence has been said: the composer says it whole, from the start of a line.
      degraded = true;
      yield '\n\n';
      yield* compose(answer, means);
    }
  } else yield* compose(answer, means);

  const usage: Usage = {
    ...tokens,
    totalTokens: tokens.promptTokens + tokens.completionTokens,
    processingTimeMs: Math.max(1, Math.round(means.elapsedMs())),
  };
  const shared = {
    confidence: answer.intent.confidence,
    cached: answer.cached,
    degraded,
    usage,
    intent: answer.intent.type,
  };
  return emit(
    run.answered,
    { ...shared, rows: answer.rows.length },
    {
      tell: {
        type: 'answered',
        ...shared,
        ...(answer.nextCursor ? { nextCursor: answer.nextCursor } : {}),
        ...(answer.cached ? { asOf: answer.asOf } : {}),
        ...(degraded ? { notices: [notices.ai_service[answer.locale]] } : {}),
        ...(answer.intent.entities.length > 0 ? { entities: answer.intent.entities } : {}),
      },
    },
  );
}
