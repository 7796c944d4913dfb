import type { Metrics } from './metrics.ts';

/** Counts comparisons of a tenant that is claimed with the caller's own: who checks tells whether it held. */
export const isolationChecks = (metrics: Metrics): ((held: boolean) => void) => {
  const checks = metrics.counter(
    'ai_agent_tenant_isolation_checks_total',
    'Comparisons of what is claimed with the caller’s own tenant',
    ['result'],
  );
  for (const result of ['passed', 'failed']) checks.inc({ result }, 0);
  return (held) => checks.inc({ result: held ? 'passed' : 'failed' });
};
