import type { SealedTable } from './rows.ts';

/** Tables of the core that hold sealed fields, beside those that packs declare. */

/** Why somebody reached for a person without a relationship: kept as long as the law wants it accounted for. */
export const emergencies = {
  name: 'emergencies',
  subject: 'subject_id',
  columns: { explanation: { class: 'clinical' } },
} as const satisfies SealedTable;

/** What somebody asked an agent and was told; the client's own name of the question is text of theirs too. */
export const conversations = {
  name: 'ai_agent_conversations',
  subject: 'subject_id',
  columns: {
    question: { class: 'discretionary' },
    answer: { class: 'discretionary' },
    message: { class: 'discretionary' },
  },
} as const satisfies SealedTable;

/** What people said of their answers. */
export const feedback = {
  name: 'feedback',
  subject: 'subject_id',
  columns: { comment: { class: 'discretionary' } },
} as const satisfies SealedTable;

/** What somebody wants corrected in their data. */
export const privacyRequests = {
  name: 'privacy_requests',
  subject: 'subject_id',
  columns: { details: { class: 'discretionary' } },
} as const satisfies SealedTable;

/** What one-time codes are made of. Its key is no person's: erasing somebody's data must not close the door on them. */
export const secondFactors = {
  name: 'second_factors',
  subject: 'subject_id',
  columns: { secret: { class: 'discretionary' }, pending: { class: 'discretionary' } },
} as const satisfies SealedTable;

/** Whose key the factor of an account is sealed with. */
export const factorOf = (account: string): string => `factor:${account}`;

/** Keys of events: an event is never sealed anew, and its key is. */
export const eventKeys = {
  name: 'event_keys',
  subject: 'subject_id',
  columns: { key: { class: 'discretionary' } },
} as const satisfies SealedTable;

export const coreTables: readonly SealedTable[] = [
  emergencies,
  conversations,
  feedback,
  privacyRequests,
  secondFactors,
  eventKeys,
];
