import type { In } from '@jangada/hop/hop.ts';
import type { Limits } from '@jangada/limits/limits.ts';
import type { Who } from '@jangada/limits/policies.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import type { contract } from './contract.ts';
import type { Model, Telling } from './model.ts';

/**
 * How much of the model a tenant may use: tokens in an hour, and answers at once. What is beyond is told without the
 * model, as when it is down; nobody waits for it and nobody is refused.
 */
export interface Quota {
  /** Undefined where the quota is used up. @throws Unavailable when the model fails */
  begin(who: Who, answer: In<typeof contract>, signal: AbortSignal): Promise<Telling | undefined>;
}

/** Nobody listens to an answer for longer; its place is free then, whatever became of it. */
const longestMs = 60_000;
/** Of a telling that broke off nobody says what it cost. About so many characters are a token. */
const charactersPerToken = 4;

export const openQuota = (model: Model, limits: Limits, metrics: Metrics): Quota => {
  const exceeded = metrics.counter(
    'llm_quota_exceeded_total',
    'Answers told without the model because its quota was used up, by policy',
    ['policy'],
  );

  const metered = (telling: Telling, who: Who, free: () => void): Telling => ({
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
        const { promptTokens, completionTokens } = whole
          ? await telling.usage()
          : { promptTokens: 0, completionTokens: 0 };
        const tokens = promptTokens + completionTokens || Math.ceil(said / charactersPerToken);
        if (tokens > 0) await limits.charge('model-tokens', who, tokens);
      }
    },
    usage: telling.usage,
  });

  return {
    begin: async (who, answer, signal) => {
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
        return metered(await model.begin(answer, signal), who, free);
      } catch (error) {
        free();
        throw error;
      }
    },
  };
};
