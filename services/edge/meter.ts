import type { Code } from '@jangada/proto/errors.ts';
import type { Part } from '@jangada/proto/reply.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { blockedRequests, isolationChecks, isolationViolations } from '@jangada/telemetry/isolation.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { failSpan } from '@jangada/telemetry/trace.ts';
import type { Span } from '@opentelemetry/api';
import { refusalOf } from './refusal.ts';
import type { Notices } from './strict.ts';

/** What is counted and logged of runs and refusals. Ids and codes only. */
export interface Meter {
  /** A token or a log-in was refused, whoever tried; where the account is known audit is told too. */
  authenticationFailed(code: Code): void;
  refused(code: Code): void;
  /** A tenant that a caller named beside their own was compared with it. */
  readonly isolated: (held: boolean) => void;
  /** A reply was stored for a run in which it does not open; nothing of it was told. */
  foreignReply(run: { id: string; tenant: string }): void;
  /** What is noticed while a run is told as events of AG-UI. */
  noticing(run: { id: string; tenant: string }): Notices;
  /** So many tools of a client's are none that its pack allows. */
  toolsIgnored(count: number): void;
  /** What a client showed has come back, for the first time. */
  shown(outcome: 'shown' | 'failed'): void;
  /** A run reached its end, or its listener went away first. */
  ended(run: { id: string; tenant: string; startedAt: number; span: Span }, end: Part | undefined): void;
  requested(route: { method: string; route: string; status: number }, seconds: number): void;
  /** An inquiry to an agent was answered over HTTP, or was not. */
  inquired(inquiry: { agent: 'public' | 'tenant'; type: string; status: number }, ms: number): void;
}

/** Refusals of a person beside those whose names say so. */
const refusals: ReadonlySet<Code> = new Set([
  'SESSION_MISMATCH',
  'PURPOSE_NOT_ALLOWED',
  'CONSENT_REQUIRED',
  'AGG_SUPPRESSED',
  'MFA_REQUIRED',
]);

/** Refusals of what looks like an attack. A question that commands is counted by intent, also when nobody listens. */
const blockable: ReadonlySet<Code> = new Set([
  'TENANT_ISOLATION_VIOLATION',
  'SESSION_MISMATCH',
  'AUTH_ORIGIN',
]);

export const openMeter = ({ log, metrics }: Service): Meter => {
  const latency = metrics.histogram(
    'agent_query_latency_seconds',
    'From the question to the end of its answer',
    [0.1, 0.5, 1, 2, 5, 10],
  );
  const authentication = metrics.counter(
    'agent_authentication_failures_total',
    'Access tokens and log-ins that were refused',
  );
  const authorization = metrics.counter(
    'agent_authorization_failures_total',
    'Questions refused because of who asked',
  );
  const queries = metrics.counter('agent_queries_by_type_total', 'Questions by what they asked', ['type']);
  const errors = metrics.counter(
    'agent_errors_by_type_total',
    'Questions without an answer, by what they asked',
    ['type'],
  );
  const requests = metrics.histogram(
    'http_request_duration_seconds',
    'HTTP requests; a stream counts until its end',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    ['method', 'route', 'status'],
  );
  const violations = metrics.counter(
    'agui_violations_total',
    'AG-UI streams ended because what came next breaks its protocol, by rule',
    ['rule'],
  );
  const downgrades = metrics.counter(
    'agui_downgrades_total',
    'Events of AG-UI that an older client got as less than they are, by what it did not get',
    ['loss'],
  );
  const inquiries = metrics.counter(
    'ai_agent_requests_total',
    'Inquiries to an agent over HTTP, by what they say they are about and how they ended',
    ['agent_type', 'inquiry_type', 'status'],
  );
  const inquiryTime = metrics.histogram(
    'ai_agent_response_time_ms',
    'From an inquiry to its whole answer, in ms',
    [100, 500, 1_000, 2_000, 3_000, 5_000, 10_000],
    ['agent_type'],
  );
  const ignored = metrics.counter(
    'agui_tools_ignored_total',
    'Tools that clients of AG-UI offered and that no pack of theirs allows',
  );
  const results = metrics.counter(
    'agui_tool_results_total',
    'Answers that a tool of the client was asked to show, by what came back',
    ['outcome'],
  );
  const blocked = blockedRequests(metrics, blockable);
  const violated = isolationViolations(metrics, 'reply');
  const refused = (code: Code): void => {
    if (blockable.has(code)) blocked(code);
    if (code.startsWith('AUTHZ_') || code.startsWith('TENANT_') || refusals.has(code)) authorization.inc();
  };

  return {
    isolated: isolationChecks(metrics, 'edge'),
    foreignReply: ({ id, tenant }) => {
      violated();
      log.error(
        { operation: 'reply', runId: id, tenantId: tenant, code: 'CTX_PAYLOAD_MISMATCH' },
        'a reply does not belong to its run',
      );
    },
    noticing: ({ id: runId, tenant: tenantId }) => ({
      violated: (rule) => {
        violations.inc({ rule });
        const why = { runId, tenantId, code: 'PROTOCOL', reason: rule };
        log.error({ operation: 'tell', ...why }, 'an event breaks the protocol');
      },
      downgraded: (loss) => {
        downgrades.inc({ loss });
        log.warn({ operation: 'tell', runId, tenantId, reason: loss }, 'an older client gets less');
      },
      failed: (error) => {
        log.error({ operation: 'tell', runId, tenantId, ...faultFields(error) }, 'a run could not be told');
        return refusalOf(error)?.code ?? 'INTERNAL';
      },
    }),
    authenticationFailed: (code) => {
      authentication.inc();
      log.warn({ operation: 'auth.denied', code });
    },
    refused,
    toolsIgnored: (count) => ignored.inc({}, count),
    shown: (outcome) => results.inc({ outcome }),
    ended: ({ id, tenant, startedAt, span }, end) => {
      const duration = performance.now() - startedAt;
      const code = end?.type === 'refused' || end?.type === 'failed' ? end.code : undefined;
      const outcome = end?.type ?? 'detached';
      if (end) {
        const type = 'intent' in end && end.intent ? end.intent : 'unknown';
        latency.observe(duration / 1_000);
        queries.inc({ type });
        if (code) {
          errors.inc({ type });
          refused(code);
        }
      }
      const { traceId } = span.spanContext();
      log.info({
        operation: 'analyze_query',
        // The question itself is personal data, in every pack there is.
        query: 'redacted',
        tools_used: [],
        tokens_used: end?.type === 'answered' ? end.usage.totalTokens : 0,
        runId: id,
        tenantId: tenant,
        ...(code ? { code } : {}),
        duration_ms: Math.round(duration),
        outcome,
        traceId,
      });
      span.setAttribute('outcome', outcome);
      if (code) failSpan(span, code);
      span.end();
    },
    inquired: ({ agent, type, status }, ms) => {
      inquiries.inc({ agent_type: agent, inquiry_type: type, status: endOf(status) });
      inquiryTime.observe({ agent_type: agent }, ms);
    },
    requested: (route, seconds) => requests.observe({ ...route, status: String(route.status) }, seconds),
  };
};

/** How a request over HTTP ended, for who counts. */
const endOf = (status: number): 'answered' | 'refused' | 'failed' => {
  if (status < 400) return 'answered';
  return status < 500 ? 'refused' : 'failed';
};
