import type { ResumeEntry } from '@ag-ui/core';
import { packOf } from '@jangada/packs/registry.ts';
import { type Command, emergencyAnswer } from '@jangada/proto/access.ts';
import { confirmation, type Command as Order } from '@jangada/proto/command.ts';
import { z } from 'zod';
import type { Question } from './admission.ts';
import type { Interrupted } from './conversation.ts';
import { Refusal } from './refusal.ts';
import { shaped } from './shape.ts';

/** Answers to interrupts: what an input with `resume` asks for. Pure. */

type Answer = Extract<Command, { action: 'answer_interrupt' }>;

/** What is to be done with an input that answers. */
export type Taken =
  /** Tell again what came of the first answer. */
  | { readonly kind: 'replay'; readonly run: string }
  | { readonly kind: 'expired' }
  | { readonly kind: 'answer'; readonly to: Interrupted; readonly command: Answer }
  /** Carry out what was shown. */
  | { readonly kind: 'order'; readonly to: Interrupted; readonly order: Order }
  /** Ask, and before that say no where something still waits. */
  | { readonly kind: 'question'; readonly no?: Interrupted };

/** An entry, and the interrupt that it names. */
export interface Named {
  readonly entry: ResumeEntry;
  readonly to: Interrupted;
}

/** A no, however it was said. */
export const noTo = ({ part: { id: interrupt } }: Interrupted): Answer => ({
  action: 'answer_interrupt',
  interrupt,
  confirmed: false,
  reason: '',
  explanation: '',
});

const explicit = z.looseObject({ confirmed: z.literal(true) });

/**
 * Only an explicit yes of the shape that was asked for is one. What is no answer at all may still be mended, until its
 * time is over; all else is a no, and the first answer is the only one.
 * @throws Refusal INPUT_INVALID
 */
export const takenOf = (
  named: readonly Named[],
  asked: Pick<Question, 'text' | 'message'>,
  pack: string,
  now: number,
): Taken => {
  // A thread has one active run, and so one interrupt that is open.
  const [first] = named;
  if (!first) return { kind: 'question' };
  const { entry, to } = first;
  const over = Date.parse(to.part.expiresAt) <= now;
  const cancelled = entry.status === 'cancelled';
  // A client has to cover what it was asked also where the person went on to something else.
  if (cancelled && asked.text !== '' && asked.message !== to.message)
    return { kind: 'question', ...(over || to.answeredBy ? {} : { no: to }) };
  if (to.answeredBy) return { kind: 'replay', run: to.answeredBy };
  if (over) return { kind: 'expired' };
  if (cancelled || !explicit.safeParse(entry.payload).success)
    return { kind: 'answer', to, command: noTo(to) };
  const { order } = to.part;
  if (order) {
    shaped(confirmation, entry.payload);
    return { kind: 'order', to, order };
  }
  const { emergency } = packOf(pack);
  if (!emergency) throw new Refusal('AUTHZ_DENIED');
  const { confirmed, reason, explanation } = shaped(emergencyAnswer(emergency), entry.payload);
  const yes = { action: 'answer_interrupt', interrupt: to.part.id, confirmed, reason, explanation } as const;
  return { kind: 'answer', to, command: yes };
};
