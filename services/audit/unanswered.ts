import type { Head, Message } from '@jangada/proto/message.ts';
import * as run from '@jangada/proto/run.ts';
import type { Heard } from '@jangada/runtime/heard.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import { isWarming } from '@jangada/trust/pass.ts';

/**
 * Questions that came to no answer, for who is to see to it that the next one does. A visitor's is a lead, because nobody
 * knows them and they asked; whoever belongs to the tenant found a gap.
 */
export interface Unanswered {
  readonly kind: 'lead' | 'gap';
  readonly reason: 'not_understood' | 'unclear' | 'nothing_found' | 'interest';
}

/** What of a question without an answer, or with one that a visitor may come back for; undefined of any other. */
export const unansweredOf = ({ message, pass }: Heard, head: Head<Message>): Unanswered | undefined => {
  if (!pass || isWarming(pass)) return undefined;
  const isVisitor = pass.rol === 'public';
  const reason = reasonOf(message, head, isVisitor);
  return reason && { kind: isVisitor ? 'lead' : 'gap', reason };
};

const reasonOf = (
  message: Message,
  head: Head<Message>,
  isVisitor: boolean,
): Unanswered['reason'] | undefined => {
  if (message === run.refused) {
    const { code } = head as Head<typeof run.refused>;
    if (code === 'INTENT_UNCLASSIFIED') return 'not_understood';
    return code === 'INTENT_UNCLEAR' ? 'unclear' : undefined;
  }
  if (message !== run.fetched) return undefined;
  const { ask, rows, interest } = head as Head<typeof run.fetched>;
  // A figure is a row, also of nothing.
  if (ask === 'list' && rows === 0) return 'nothing_found';
  return isVisitor && interest ? 'interest' : undefined;
};

/** Counts leads and gaps, by reason. */
export const countUnanswered = (metrics: Metrics): ((one: Unanswered) => void) => {
  const leads = metrics.counter(
    'leads_total',
    'Questions of visitors that found no answer, or that show an interest, by reason',
    ['reason'],
  );
  const gaps = metrics.counter(
    'agent_gaps_total',
    'Questions of a tenant’s own people that found no answer, by reason',
    ['reason'],
  );
  for (const reason of ['not_understood', 'unclear', 'nothing_found'] as const) {
    leads.inc({ reason }, 0);
    gaps.inc({ reason }, 0);
  }
  leads.inc({ reason: 'interest' }, 0);
  return ({ kind, reason }) => (kind === 'lead' ? leads : gaps).inc({ reason });
};
