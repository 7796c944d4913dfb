import { type Emission, emit } from '@jangada/hop/hop.ts';
import type { ClientTool } from '@jangada/proto/client-tools.ts';
import { notices } from '@jangada/proto/notices.ts';
import type { Usage } from '@jangada/proto/run.ts';
import * as run from '@jangada/proto/run.ts';
import { type Answer, citationsOf, compose, type Manner } from './compose.ts';
import { type Fault, groundsOf } from './grounds.ts';
import { Silent, type Telling, type Tokens } from './port.ts';
import { type Prompt, promptOf } from './prompt.ts';
import { awayNotice, recommendationOf } from './recommend.ts';
import { sentencesOf, withoutEmphasis } from './sentences.ts';
import { shownBy } from './show.ts';

/** How this answer is told. */
export interface Means extends Manner {
  /** Absent without a model. */
  readonly model?: {
    /** Undefined where the tenant's quota is used up. @throws Unavailable when the model fails */
    begin(prompt: Prompt, signal: AbortSignal): Promise<Telling | undefined>;
    /** Aborted when there is just time left to tell the answer without it. */
    readonly late: AbortSignal;
    /** Told when the composer takes over, and why. */
    readonly fellBack: (reason: Reason) => void;
  };
  /** Tools of the client's by which it may be shown. */
  readonly offered?: readonly ClientTool[] | undefined;
  /** Time since the question was admitted, in ms. */
  readonly elapsedMs: () => number;
}

/** Why a model's answer was not told, or not to its end. */
export type Reason = Fault | 'quota' | 'unavailable' | 'broken' | 'silent' | 'empty' | 'late';

/** A sentence of the model that is not told. Says why, and nothing of it. */
class Withheld extends Error {
  override readonly name = 'Withheld';
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(reason);
    this.reason = reason;
  }
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

type Told = { readonly tokens: Tokens } | { readonly said: boolean; readonly reason: Reason };

/** Tells what a model says, each sentence once it is whole and holds against what was granted. */
async function* tellByModel(
  answer: Answer,
  means: Manner,
  model: NonNullable<Means['model']>,
  signal: AbortSignal,
): AsyncGenerator<string, Told> {
  const until = AbortSignal.any([signal, model.late]);
  let begun = false;
  let said = '';
  try {
    const telling = await model.begin(promptOf(answer, means), until);
    if (!telling) throw new Withheld('quota');
    begun = true;
    const grounds = groundsOf(answer, means);
    let last = '';
    for await (const heard of sentencesOf(telling.text(until))) {
      const sentence = withoutEmphasis(heard);
      // With the one before it, for what is parted by a line's end is read together.
      const fault = grounds.fault(last + sentence);
      if (fault) throw new Withheld(fault);
      yield sentence;
      said += sentence;
      last = sentence;
    }
    if (!said.trim()) throw new Withheld('empty');
    return { tokens: await telling.usage() };
  } catch (error) {
    signal.throwIfAborted();
    const reason = reasonOf(error, model.late, begun);
    model.fellBack(reason);
    return { said: said !== '', reason };
  }
}

const reasonOf = (error: unknown, late: AbortSignal, begun: boolean): Reason => {
  if (error instanceof Withheld) return error.reason;
  if (late.aborted) return 'late';
  if (!begun) return 'unavailable';
  return error instanceof Silent ? 'silent' : 'broken';
};
