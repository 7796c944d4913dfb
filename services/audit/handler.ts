import type { Body, Message } from '@jangada/proto/message.ts';
import { swept } from '@jangada/proto/retention.ts';
import * as run from '@jangada/proto/run.ts';
import type { Heard } from '@jangada/runtime/heard.ts';

/** One entry of the audit trail. Holds who, what and with what outcome; never the rows or the question. */
export interface Entry {
  readonly tenant: string;
  /** The run, or what else the fact is about. */
  readonly subject: string;
  readonly fact: string;
  readonly sequence: number;
  readonly at: Date;
  readonly actor: string;
  readonly role: string | null;
  readonly session: string | null;
  readonly purpose: string | null;
  readonly decision: 'allowed' | 'denied' | 'failed' | 'done';
  readonly code: string | null;
  readonly resource: string | null;
  readonly details: Record<string, unknown>;
}

/** What is kept of a fact. */
export const entryOf = (
  { message, tenant, id, pass, sequence, storedAt }: Heard,
  body: Body<Message>,
): Entry => ({
  tenant,
  subject: id,
  fact: message.name,
  sequence,
  at: storedAt,
  actor: pass?.sub ?? 'system',
  role: pass?.rol ?? null,
  session: pass?.sid ?? null,
  purpose: pass?.pur ?? decisionIn(body)?.purpose ?? null,
  ...meaningOf(message, body),
});

const decisionIn = (body: Body<Message>): run.Decision | undefined =>
  (body as Partial<Body<typeof run.permitted>>).decision;

type Meaning = Pick<Entry, 'decision' | 'code' | 'resource' | 'details'>;

const meaningOf = (message: Message, body: Body<Message>): Meaning => {
  const meaning = (decision: Entry['decision'], rest: Partial<Meaning> = {}): Meaning => ({
    decision,
    code: null,
    resource: null,
    details: {},
    ...rest,
  });
  switch (message) {
    case run.understood:
    case run.permitted: {
      const { intent, plan, decision } = body as Body<typeof run.permitted>;
      return meaning('allowed', {
        resource: plan.source,
        details: {
          intent: intent.type,
          ask: plan.ask,
          fields: plan.fields,
          joins: plan.joins,
          ...(decision ? { decision } : {}),
        },
      });
    }
    case run.fetched: {
      const { plan, rows, cached } = body as Body<typeof run.fetched>;
      return meaning('done', {
        resource: plan.source,
        details: { ask: plan.ask, fields: plan.fields, rows: rows.length, cached },
      });
    }
    case run.refused: {
      const { code, intent, decision } = body as Body<typeof run.refused>;
      return meaning('denied', {
        code,
        details: { intent: intent ?? null, ...(decision ? { decision } : {}) },
      });
    }
    case run.failed: {
      const { code, hop } = body as Body<typeof run.failed>;
      return meaning('failed', { code, details: { hop } });
    }
    case swept:
      return meaning('done', { resource: 'retention', details: body as Body<typeof swept> });
    case run.answered: {
      const { rows, cached, degraded } = body as Body<typeof run.answered>;
      return meaning('done', { details: { rows, cached, degraded } });
    }
    default:
      return meaning('done');
  }
};
