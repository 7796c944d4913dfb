import { ownRules, type Rules, RulesError, rulesWith } from '@jangada/nlu/guard-rules.ts';
import type { Telemetry } from '@jangada/telemetry/telemetry.ts';

/**
 * The guard's rules as they are now: our own, with those of the setting over them. What cannot be used changes nothing,
 * also at the start: a guard with the rules of before is better than none that answers.
 */
export const followRules = (
  read: () => string,
  { metrics, log }: Pick<Telemetry, 'metrics' | 'log'>,
): (() => Rules) => {
  const unusable = metrics.gauge('guard_rules_unusable', '1 while the rules that are given cannot be used');
  let rules = ownRules;
  let last = '';
  const take = (): Rules => {
    const text = read();
    if (text === last) return rules;
    last = text;
    try {
      rules = rulesWith(text);
      unusable.set(0);
      log.info({ count: rules.signs.length }, 'the guard has other rules');
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      unusable.set(1);
      log.error(
        { reason: error.message },
        'the guard keeps its rules: the ones that are given cannot be used',
      );
    }
    return rules;
  };
  unusable.set(0);
  take();
  return take;
};
