/**
 * audit: what happened, to whose data, by whom, and with what outcome?
 *
 * Hears every fact and keeps each exactly once: the key of an entry is its fact, so a redelivery changes nothing.
 * Nobody can do anything in the system but by a message, which is why nothing can happen unheard. A fact whose pass nobody
 * signed is nobody's: it leaves an entry in the system's own trail, and none in that of the tenant it names.
 * Entries are chained as they are kept, and how far the chains have come is signed each second; libs/verifier says what
 * can be shown with that.
 */
import { sink } from '@jangada/hop/hop.ts';
import { policy } from '@jangada/hop/policy.ts';
import * as access from '@jangada/proto/access.ts';
import { raised } from '@jangada/proto/alert.ts';
import { authFacts } from '@jangada/proto/auth.ts';
import * as command from '@jangada/proto/command.ts';
import * as feedback from '@jangada/proto/feedback.ts';
import * as keys from '@jangada/proto/keys.ts';
import { replayed } from '@jangada/proto/letter.ts';
import * as privacy from '@jangada/proto/privacy.ts';
import { planned, swept } from '@jangada/proto/retention.ts';
import * as run from '@jangada/proto/run.ts';
import { ended } from '@jangada/proto/saga.ts';

export const contract = sink({
  name: 'audit',
  on: [
    run.understood,
    run.permitted,
    run.found,
    run.fetched,
    ...run.endings,
    access.changed,
    access.refused,
    command.done,
    command.refused,
    ended,
    feedback.recorded,
    planned,
    swept,
    privacy.moved,
    privacy.notified,
    privacy.late,
    keys.rotated,
    keys.destroyed,
    replayed,
    raised,
    ...authFacts,
  ],
  emits: [],
  // A batch of entries is one insert. It waits for the database as long as it takes: an entry is never given up.
  policy: policy({
    timeoutMs: 5_000,
    concurrent: 256,
    waiting: 1_792,
    breaker: { failures: 10, withinMs: 5_000, openMs: 1_000, successes: 2 },
    deliveries: Number.MAX_SAFE_INTEGER,
  }),
  // An entry is durable as a message before anybody sees what it is about, so nobody waits for its row.
  gatherMs: 150,
  reads: ['audit_heads', 'audit_batches', 'audit_checkpoints'],
  finds: { audit_entries: ['tenant_id', 'subject_id', 'fact'] },
  writes: {
    audit_entries: ['insert'],
    audit_batches: ['insert'],
    audit_heads: ['update'],
    audit_checkpoints: ['insert'],
  },
  seals: true,
});
