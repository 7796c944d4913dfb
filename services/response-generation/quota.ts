import type { Limits } from '@jangada/limits/limits.ts';
import type { Who } from '@jangada/limits/policies.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import type { Model, Telling, Tokens } from './port.ts';
import type { Prompt, Size } from './prompt.ts';

/**
 * How much of the model a tenant may use: tokens in an hour, and answers at once. What is beyond is told without the
 * model, as when it is down; nobody waits for it and nobody is refused.
 */
export interface Quota {
  /** Undefined where the quota is used up. @throws Unavailable when the model fails */
  begin(who: Who, prompt: Prompt, signal: AbortSignal): Promise<Telling | undefined>;
}

/** Nobody listens to an answer for longer; its place is free then, whatever became of it. */
const longestMs = 60_000;
/** Of a telling that broke off nobody says what it cost. About so many characters are a token. */
const tokensIn = (characters: number): number => Math.ceil(characters / 4);

export const openQuota = (model: Model, limits: Limits, metrics: Metrics): Quota => {
  const exceeded = metrics.counter(
    'llm_quota_exceeded_total',
    'Answers told without the model because its quota was used up, by policy',
    ['policy'],
  );

  const spent = metrics.counter('llm_tokens_total', 'Tokens of the model, by its size and their kind', [
    'size',
    'kind',
  ]);
  const count = (size: Size, { promptTokens, completionTokens }: Tokens): void => {
    spent.inc({ size, kind: 'prompt' }, promptTokens);
    spent.inc({ size, kind: 'completion' }, completionTokens);
  };

  const metered = (telling: Telling, { data, size }: Prompt, who: Who, free: () => void): Telling => ({
    text: async function* (signal) {
      let said = 0;
      let whole = false;
      try {
        for await (const piece of telling.text(signal)) {
          said += piece.length;
          yield piece;
        }
        whole = true;
      } finally {
        free();
        const told = whole ? await telling.usage() : { promptTokens: 0, completionTokens: 0 };
        const isTold = told.promptTokens + told.completionTokens > 0;
        const tokens = isTold
          ? told
          : { promptTokens: tokensIn(data.length), completionTokens: tokensIn(said) };
        count(size, tokens);
        await limits.charge('model-tokens', who, tokens.promptTokens + tokens.completionTokens);
      }
    },
    usage: telling.usage,
  });

  return {
    begin: async (who, prompt, signal) => {
      const [tokens, place] = await Promise.all([
        limits.check('model-tokens', who),
        limits.hold('model-calls', who),
      ]);
      const over = [...tokens.standings, ...place.standings].filter(({ allowed }) => !allowed);
      for (const { policy } of over) exceeded.inc({ policy });
      if (over.length > 0) {
        place.free();
        return undefined;
      }
      const late = setTimeout(place.free, longestMs).unref();
      const free = (): void => {
        clearTimeout(late);
        place.free();
      };
      try {
        return metered(await model.begin(prompt, signal), prompt, who, free);
      } catch (error) {
        free();
        throw error;
      }
    },
  };
};
