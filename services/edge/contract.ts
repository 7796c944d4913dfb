/**
 * edge: may this person's message come in, and what do they get to see of their run?
 *
 * The only public entrance. It verifies the access token, signs the pass and admits the question; from then on
 * it only reads: a run lives in the services, so an edge that dies takes nothing with it. Of a pack it knows the limits,
 * which roles administer, and what can be asked for by its name.
 */
import { border } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import * as access from '@jangada/proto/access.ts';
import { authFacts } from '@jangada/proto/auth.ts';
import * as booking from '@jangada/proto/booking.ts';
import * as command from '@jangada/proto/command.ts';
import * as feedback from '@jangada/proto/feedback.ts';
import { reply } from '@jangada/proto/reply.ts';
import * as run from '@jangada/proto/run.ts';
import { followed } from '@jangada/proto/saga.ts';
import { asked } from '@jangada/proto/thread.ts';

export const contract = border({
  name: 'edge',
  // A refusal at the door is a fact too: audit keeps it beside those of the services. What is asked for by its name needs
  // nobody to understand it.
  emits: [
    run.requested,
    run.understood,
    access.requested,
    command.requested,
    feedback.given,
    asked,
    run.refused,
    ...authFacts,
  ],
  // Of events what they say in clear: that something happened to a booking, what followed, and which time is taken.
  follows: [reply, asked, booking.changed, booking.agenda, followed],
  // Looking up accounts and sessions. Everybody waits for it, so it tries again soon after an outage.
  policy: policy({
    timeoutMs: 2_000,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
  }),
  reads: ['tenants', 'accounts'],
  limits: true,
  watches: true,
  writes: {
    sessions: ['insert', 'update', 'delete'],
    refresh_tokens: ['insert', 'update'],
    second_factors: ['insert', 'update'],
    recovery_codes: ['insert', 'update', 'delete'],
    socket_tickets: ['insert', 'update', 'delete'],
    // Secrets of second factors are sealed; their keys are made at their first use.
    tenant_keys: ['insert'],
    subject_keys: ['insert'],
    // Handed over once, to whoever has the link that opens it.
    privacy_deliveries: ['update'],
  },
  // Of the trail, all of an entry but from where the call came, which is sealed.
  shows: {
    // Whether a conversation has a past, and nothing that was said in it.
    ai_agent_sessions: ['tenant_id', 'thread_id', 'created_at'],
    // All of an entry but from where the call came, which is sealed.
    audit_entries: [
      'tenant_id',
      'subject_id',
      'fact',
      'sequence',
      'at',
      'actor',
      'role',
      'session',
      'purpose',
      'decision',
      'code',
      'resource',
      'details',
    ],
    // How far tables are that follow from events, and which version of a booking they show; neither whose it is nor when.
    projections: ['tenant_id', 'name', 'sequence', 'event_at', 'taken_at'],
    bookings: ['tenant_id', 'id', 'version'],
    // How good answers were, and neither whose nor why.
    feedback: ['tenant_id', 'rating', 'at'],
    retention_runs: ['tenant_id', 'tick', 'started_at', 'finished_at', 'report'],
    retention_plans: [
      'tenant_id',
      'tick',
      'class',
      'asked_by',
      'planned_at',
      'planned',
      'rows_then',
      'root',
      'needs',
      'finished_at',
    ],
    retention_approvals: ['tenant_id', 'tick', 'class', 'root'],
    // How far a request has come and what of it waits for somebody, and nothing of whom it is about.
    privacy_requests: [
      'tenant_id',
      'id',
      'type',
      'state',
      'identity',
      'opened_by',
      'at',
      'deadline_at',
      'history',
      'receipts',
      'partial',
      'approved',
      'review_basis',
      'recipients',
    ],
    legal_holds: ['tenant_id', 'class', 'reason', 'placed_at', 'released_at'],
  },
});
