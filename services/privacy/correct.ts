import { correctable } from '@jangada/packs/holdings.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { foldName } from '@jangada/packs/read.ts';
import { peopleOf } from '@jangada/packs/rules.ts';
import { sealedTables } from '@jangada/packs/sealed.ts';
import { type Transaction, written } from '@jangada/store/store.ts';
import { privacyRequests } from '@jangada/vault/core.ts';
import { headOf } from '@jangada/vault/field.ts';
import { sealRows } from '@jangada/vault/rows.ts';
import { sql } from 'kysely';
import { z } from 'zod';
import { openedOf } from './opened.ts';
import type { Context, Request } from './request.ts';

/**
 * Writes what is right instead of what was wrong, of the person alone, and sealed where it was. True when anything was:
 * of whoever was erased meanwhile, what they wanted can be read no more.
 */
export const correct = async (
  transaction: Transaction,
  { vault }: Pick<Context, 'vault'>,
  pack: Pack,
  request: Request,
): Promise<boolean> => {
  const { tenant_id: tenant, subject_id: subject, id: row, details } = request;
  const table = peopleOf(pack)?.table;
  if (!table || !details) return false;
  const { class: of } = privacyRequests.columns.details;
  using opener = await vault.opener(tenant, [{ subject, class: of, ...headOf(details) }], transaction);
  const place = { tenant, table: privacyRequests.name, column: 'details', row, subject };
  const wanted = openedOf(opener, place, of, details);
  if (wanted === null) return false;
  const corrections = z.record(z.string(), z.string()).parse(JSON.parse(wanted));
  const fields = correctable(pack);
  const values = Object.fromEntries(
    Object.entries(corrections).flatMap(([field, value]) => {
      const column = fields.get(field);
      if (column === undefined) return [];
      // What a name is found by goes with it.
      return column === 'name'
        ? [
            [column, value],
            ['name_search', foldName(value)],
          ]
        : [[column, value]];
    }),
  );
  const sealed = sealedTables(pack).find(({ name }) => name === table);
  const [stored = values] = sealed
    ? await sealRows(vault, sealed, tenant, [{ id: subject, ...values }], transaction)
    : [];
  const changes = Object.entries(stored)
    .filter(([column]) => column !== 'id')
    .map(([column, value]) => sql`${sql.ref(column)} = ${value}`);
  await transaction.rows(
    written(sql`
      update ${sql.table(table)} set ${sql.join(changes)} where tenant_id = ${tenant} and id = ${subject}`),
  );
  return true;
};
