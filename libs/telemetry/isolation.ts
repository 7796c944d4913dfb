import type { Metrics } from './metrics.ts';

/**
 * What is counted of attempts to get past isolation. What was refused is a warning; what nobody had refused and was
 * only found where it would have been told is critical.
 */

/** Counts comparisons of a tenant that is claimed with the caller's own: who checks tells whether it held. */
export const isolationChecks = (
  metrics: Metrics,
  source: 'edge' | 'permission',
): ((held: boolean) => void) => {
  const checks = metrics.counter(
    'ai_agent_tenant_isolation_checks_total',
    'Comparisons of what is claimed with the caller’s own tenant',
    ['result'],
  );
  for (const result of ['passed', 'failed']) checks.inc({ result }, 0);
  const attempts = metrics.counter(
    'ai_agent_cross_tenant_attempts_total',
    'Refused because what was claimed is not of the caller’s own tenant',
    ['source'],
  );
  attempts.inc({ source }, 0);
  return (held) => {
    checks.inc({ result: held ? 'passed' : 'failed' });
    if (!held) attempts.inc({ source });
  };
};

/** Counts what was found too late, by where: among rows that were read, in what came to be told, or in a reply. */
export const isolationViolations = (metrics: Metrics, source: 'rows' | 'answer' | 'reply'): (() => void) => {
  const breaches = metrics.counter(
    'ai_agent_tenant_isolation_violations_total',
    'What nobody refused and was dropped before it was told',
    ['source'],
  );
  breaches.inc({ source }, 0);
  const violations = securityViolations(metrics, ['tenant_isolation']);
  return () => {
    breaches.inc({ source });
    violations('tenant_isolation', 'critical');
  };
};

const severities = ['warning', 'critical'] as const;

/** Counts attacks by what they tried and whether they were refused. */
export const securityViolations = <V extends string>(
  metrics: Metrics,
  types: readonly V[],
): ((type: V, severity: (typeof severities)[number]) => void) => {
  const violations = metrics.counter(
    'ai_agent_security_violations_total',
    'Attacks by what they tried; critical where nobody refused them',
    ['violation_type', 'severity'],
  );
  // An alert on growth does not see a series that begins with its first event.
  for (const violation_type of types)
    for (const severity of severities) violations.inc({ violation_type, severity }, 0);
  return (violation_type, severity) => violations.inc({ violation_type, severity });
};

/** Counts requests that were refused as an attack, by code. */
export const blockedRequests = <R extends string>(
  metrics: Metrics,
  reasons: Iterable<R>,
): ((reason: R) => void) => {
  const blocked = metrics.counter('ai_agent_blocked_requests_total', 'Requests refused for security', [
    'reason',
  ]);
  for (const reason of reasons) blocked.inc({ reason }, 0);
  return (reason) => blocked.inc({ reason });
};
