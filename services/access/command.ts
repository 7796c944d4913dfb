import type { Command } from '@jangada/proto/access.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { queries, type Store, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { sql } from 'kysely';
import { answer, goingOn } from './answer.ts';
import { change, type Given, type Result } from './effect.ts';
import type { Outcome } from './handler.ts';

const db = queries<CoreTables>();

/**
 * Decides on a command and carries it out, in one transaction with a record of what came of it. A command that comes
 * again finds that record, and is neither decided nor carried out again.
 */
export const carryOut = (
  store: Store,
  { command, ...given }: Given & { readonly command: Command },
): Promise<Outcome> => {
  const { tid: tenant, rid: id, loc: locale } = given.pass;
  return store.within({ tenant }, async (transaction) => {
    const lock = sql`select pg_advisory_xact_lock(hashtextextended(${`access ${tenant}`}, 0))`;
    await transaction.rows(written(lock));
    const outcomeOf = async (result: Result): Promise<Outcome> => ({
      locale,
      ...result,
      goesOn:
        command.action === 'answer_interrupt' && !result.refused
          ? await goingOn(transaction, given)
          : undefined,
    });
    const [before] = await transaction.rows(
      db.selectFrom('access_commands').select(['refused', 'until']).where('id', '=', id),
    );
    if (before)
      return outcomeOf({
        refused: (before.refused ?? undefined) as Code | undefined,
        until: before.until ?? undefined,
      });
    const result =
      command.action === 'answer_interrupt'
        ? await answer(transaction, given, command)
        : await change(transaction, { ...given, command });
    await transaction.rows(
      db.insertInto('access_commands').values({
        tenant_id: tenant,
        id,
        action: command.action,
        refused: result.refused ?? null,
        until: result.until ?? null,
      }),
    );
    return outcomeOf(result);
  });
};
