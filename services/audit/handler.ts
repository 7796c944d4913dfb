import * as alert from '@jangada/proto/alert.ts';
import * as auth from '@jangada/proto/auth.ts';
import { replayed } from '@jangada/proto/letter.ts';
import type { Head, Message } from '@jangada/proto/message.ts';
import type * as run from '@jangada/proto/run.ts';
import type { Heard } from '@jangada/runtime/heard.ts';
import type { Met } from '@jangada/runtime/keep.ts';
import { meaningOf } from './meaning.ts';
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
