import type { Command } from '@jangada/proto/access.ts';
import type { Body } from '@jangada/proto/message.ts';
import type { understood } from '@jangada/proto/run.ts';
import { heldOf } from '@jangada/runtime/held.ts';
import { queries, type Transaction } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { sql } from 'kysely';
import { change, type Given, type Result } from './effect.ts';

const db = queries<CoreTables>();

type Answer = Extract<Command, { action: 'answer_interrupt' }>;
interface Open {
  readonly subject_id: string | null;
}

/**
 * Takes an answer to an interrupt, once, of whom was asked, where and for what they were asked, and in time. Whoever has to
 * prove first who they are has not answered yet.
 */
export const answer = async (transaction: Transaction, given: Given, command: Answer): Promise<Result> => {
  const { pass } = given;
  const [open] = await transaction.rows(
    db
      .selectFrom('interrupts')
      .select(['subject_id', 'answered_by', sql<boolean>`expires_at <= now()`.as('expired')])
      .where('id', '=', command.interrupt)
      .where('account_id', '=', pass.sub)
      .where('session', '=', pass.sid)
      .where('purpose', 'is not distinct from', pass.pur ?? null),
  );
  // What waits for a yes to change the agenda is not kept here: that yes is the command itself, and a no changes nothing.
  if (!open) return { refused: command.confirmed ? 'NOT_FOUND' : 'CANCELLED', until: undefined };
  if (open.answered_by !== null) return { refused: 'MSG_REPLAY', until: undefined };
  if (open.expired) return { refused: 'INTERRUPT_EXPIRED', until: undefined };
  const result = await decided(transaction, given, command, open);
  if (result.refused !== 'AUTH_STEP_UP')
    await transaction.rows(
      db.updateTable('interrupts').set({ answered_by: pass.rid }).where('id', '=', command.interrupt),
    );
  return result;
};

const decided = async (
  transaction: Transaction,
  given: Given,
  { confirmed, reason, explanation }: Answer,
  { subject_id: subjectId }: Open,
): Promise<Result> => {
  if (!confirmed) return { refused: 'CANCELLED', until: undefined };
  // Nobody and several look alike.
  if (subjectId === null) return { refused: 'PERSON_UNCLEAR', until: undefined };
  const emergency = { action: 'break_glass', subjectId, reason, explanation } as const;
  const result = await change(transaction, { ...given, command: emergency });
  // Who has come to have a relationship meanwhile needs no emergency.
  return result.refused === 'INPUT_INVALID' ? { refused: undefined, until: undefined } : result;
};

/** The question that goes on because this command answered what it was interrupted for. */
export const goingOn = async (
  transaction: Transaction,
  { pass: { tid: tenant, rid }, bodies }: Given,
): Promise<Body<typeof understood>> => {
  const [row] = await transaction.rows(
    db.selectFrom('interrupts').select(['id', 'asked']).where('answered_by', '=', rid),
  );
  if (!row) throw new Error('what was answered is there');
  const { canAnswer: _asked, ...question } = heldOf(bodies, { tenant, id: row.id }, row.asked);
  return { ...question, answers: row.id };
};
