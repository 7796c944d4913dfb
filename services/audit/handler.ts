import * as access from '@jangada/proto/access.ts';
import * as alert from '@jangada/proto/alert.ts';
import * as auth from '@jangada/proto/auth.ts';
import * as feedback from '@jangada/proto/feedback.ts';
import * as keys from '@jangada/proto/keys.ts';
import { replayed } from '@jangada/proto/letter.ts';
import type { Head, Message } from '@jangada/proto/message.ts';
import * as privacy from '@jangada/proto/privacy.ts';
import { planned, swept } from '@jangada/proto/retention.ts';
import * as run from '@jangada/proto/run.ts';
import type { Heard } from '@jangada/runtime/heard.ts';
import type { Met } from '@jangada/runtime/keep.ts';
import { type Unanswered, unansweredOf } from './unanswered.ts';

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
  readonly details: Record<string, unknown> & { readonly unanswered?: Unanswered };
  /** From where the call came; sealed, and audit has no key of it. */
  readonly origin: string | null;
}

/** What is kept of a fact. */
export const entryOf = (heard: Heard, head: Head<Message>): Entry => {
  const { message, tenant, id, pass, sequence, storedAt } = heard;
  const meaning = meaningOf(message, head);
  const unanswered = unansweredOf(heard, head);
  // How a run ended tells how long it took.
  const asked = pass && message.ends ? { askedAt: new Date(pass.iat).toISOString() } : {};
  return {
    tenant,
    subject: id,
    fact: message.name,
    sequence,
    at: storedAt,
    actor: pass?.sub ?? fromDoor(message, head)?.actor ?? message.by ?? 'system',
    role: pass?.rol ?? null,
    session: pass?.sid ?? null,
    purpose: pass?.pur ?? decisionIn(head)?.purpose ?? null,
    origin: pass?.from ?? fromDoor(message, head)?.from ?? null,
    ...meaning,
    details: { ...meaning.details, ...asked, ...(unanswered ? { unanswered } : {}) },
  };
};

/** No tenant's: the trail of the system itself. */
export const systemTrail = '_';

/**
 * What is kept of a message whose pass nobody signed. Tenant, run and person are what its forger wrote and stand nowhere;
 * one entry stands for all of a kind in a minute, so that a forger cannot fill the trail. How many there were is counted
 * by dead letters.
 */
export const forgedEntryOf = ({ message, stream, sequence, storedAt }: Met): Entry => ({
  tenant: systemTrail,
  subject: `${message.name.replace('.', '-')}-${storedAt.toISOString().slice(0, 16).replaceAll(/\D/g, '')}`,
  fact: 'ctx.forged',
  sequence,
  at: storedAt,
  actor: 'unknown',
  role: null,
  session: null,
  purpose: null,
  decision: 'denied',
  code: 'CTX_INVALID',
  resource: 'message',
  details: { message: message.name, stream },
  origin: null,
});

const decisionIn = (head: Head<Message>): run.Decision | undefined =>
  (head as Partial<Head<typeof run.permitted>>).decision;

/** Of a fact that no pass came with: who did it, and from where, where it says so. */
const fromDoor = (message: Message, head: Head<Message>): { actor: string; from?: string } | undefined =>
  [...auth.authFacts, replayed, alert.raised].includes(message as never)
    ? (head as { actor: string; from?: string })
    : undefined;

type Meaning = Pick<Entry, 'decision' | 'code' | 'resource' | 'details'>;

const meaningOf = (message: Message, head: Head<Message>): Meaning => {
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
      const { intent, source, ask, fields, joins, decision, answers } = head as Head<typeof run.permitted> &
        Head<typeof run.understood>;
      const beside = { ...(decision ? { decision } : {}), ...(answers ? { answers } : {}) };
      return meaning('allowed', { resource: source, details: { intent, ask, fields, joins, ...beside } });
    }
    case run.found:
    case run.fetched: {
      const { source, ask, fields, rows, cached, asOf, tier, topics, tools, people } = head as Head<
        typeof run.fetched
      >;
      const beside = {
        ...(asOf ? { asOf } : {}),
        ...(tier ? { tier } : {}),
        ...(topics ? { topics } : {}),
        ...(tools ? { tools } : {}),
        ...(people ? { people } : {}),
      };
      return meaning('done', { resource: source, details: { ask, fields, rows, cached, ...beside } });
    }
    case run.refused: {
      const { code, intent, decision, attack } = head as Head<typeof run.refused>;
      const stoodOn = { ...(decision ? { decision } : {}), ...(attack ? { attack } : {}) };
      return meaning('denied', { code, details: { intent: intent ?? null, ...stoodOn } });
    }
    case run.interrupted: {
      const { code, intent, decision, action, expiresAt } = head as Head<typeof run.interrupted>;
      return meaning('denied', { code, details: { intent, decision, asked: action, until: expiresAt } });
    }
    case run.failed: {
      const { code, hop } = head as Head<typeof run.failed>;
      return meaning('failed', { code, details: { hop } });
    }
    case access.changed: {
      const { action, until } = head as Head<typeof access.changed>;
      return meaning('done', { resource: 'access', details: { action, until: until ?? null } });
    }
    case access.refused: {
      const { action, code } = head as Head<typeof access.refused>;
      return meaning('denied', { code, resource: 'access', details: { action } });
    }
    case feedback.recorded: {
      const { run: about, rating } = head as Head<typeof feedback.recorded>;
      return meaning('done', { resource: 'feedback', details: { run: about, rating } });
    }
    case privacy.moved:
    case privacy.late:
      return meaning('done', {
        resource: 'privacy',
        details: { ...(head as Head<typeof privacy.moved | typeof privacy.late>) },
      });
    case planned:
    case swept:
      return meaning('done', { resource: 'retention', details: head as Head<typeof planned | typeof swept> });
    case keys.rotated:
    case keys.destroyed:
      return meaning('done', { resource: 'keys', details: { ...(head as Head<typeof keys.rotated>) } });
    case auth.opened:
    case auth.revoked:
    case auth.changed: {
      const {
        actor: _actor,
        from: _from,
        ...details
      } = head as Head<typeof auth.opened | typeof auth.revoked | typeof auth.changed>;
      return meaning('done', { resource: 'account', details });
    }
    case auth.reused:
    case auth.replayed:
    case auth.locked:
      return meaning('denied', { resource: 'account' });
    case auth.denied:
      return meaning('denied', { resource: 'account', code: (head as Head<typeof auth.denied>).code });
    case auth.viewed: {
      const { what, run: seen } = head as Head<typeof auth.viewed>;
      return meaning('done', { resource: 'trail', details: { what, run: seen ?? null } });
    }
    case alert.raised: {
      const { actor: _actor, ...details } = head as Head<typeof alert.raised>;
      return meaning('done', { resource: 'reading', details });
    }
    case replayed: {
      const { actor: _actor, ...details } = head as Head<typeof replayed>;
      return meaning('done', { resource: 'message', details });
    }
    case run.answered: {
      const { rows, cached, degraded, read, people, found } = head as Head<typeof run.answered>;
      const { source: resource = null, ...what } = read ?? {};
      return meaning('done', {
        resource,
        details: {
          ...what,
          ...{ rows, cached, degraded },
          ...(people ? { people } : {}),
          ...(found === undefined ? {} : { found }),
        },
      });
    }
    default:
      return meaning('done');
  }
};
