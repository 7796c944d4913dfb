import type { Answer, Manner } from './compose.ts';
import { type Fault, groundsOf } from './grounds.ts';
import { Silent, type Telling, type Tokens } from './port.ts';
import { type Prompt, promptOf } from './prompt.ts';
import { sentencesOf, withoutEmphasis } from './sentences.ts';

/** A model that may tell an answer. */
export interface Model {
  /** Undefined where the tenant's quota is used up. @throws Unavailable when the model fails */
  begin(prompt: Prompt, signal: AbortSignal): Promise<Telling | undefined>;
  /** Aborted when there is just time left to tell the answer without it. */
  readonly late: AbortSignal;
  /** Told when the composer takes over, and why. */
  readonly fellBack: (reason: Reason) => void;
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

type Told = { readonly tokens: Tokens } | { readonly said: boolean; readonly reason: Reason };

/** Tells what a model says, each sentence once it is whole and holds against what was granted. */
export async function* tellByModel(
  answer: Answer,
  means: Manner,
  model: Model,
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
