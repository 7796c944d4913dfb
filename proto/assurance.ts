import type { Command } from './access.ts';

/** What must be proved of who one is for what can be asked: first for commands, whatever route they come by. */

/**
 * `none` takes no token, `session` a sign-in that lives, `recent` one of within five minutes, and `step-up` a second factor given
 * within five minutes (RFC 9470, `stepUp` in errors.ts).
 */
export type Assurance = 'none' | 'session' | 'recent' | 'step-up';

/** Where a command takes a step-up, its role and its tenant are looked at beside that. */
export const ofCommand = {
  give_consent: 'session',
  withdraw_consent: 'session',
  open_relationship: 'step-up',
  close_relationship: 'step-up',
  break_glass: 'step-up',
  // A yes, which opens somebody's records; a no takes nothing.
  answer_interrupt: 'step-up',
  open_privacy_request: 'step-up',
  review_privacy_request: 'step-up',
  tell_privacy_recipient: 'step-up',
  place_hold: 'step-up',
  release_hold: 'step-up',
  approve_retention: 'step-up',
} as const satisfies Readonly<Record<Command['action'], Extract<Assurance, 'session' | 'step-up'>>>;
