import { Unprocessable } from '@jangada/hop/outcome.ts';
import type { Source } from '@jangada/packs/pack.ts';
import type { ReadRow, SealedCell } from '@jangada/packs/read.ts';
import type { Row } from '@jangada/proto/run.ts';
import type { Transaction } from '@jangada/store/store.ts';
import { headOf } from '@jangada/vault/field.ts';
import type { Vault } from '@jangada/vault/vault.ts';

interface Opening {
  readonly tenant: string;
  readonly source: Source;
  readonly vault: Vault;
  /** Reads keys under the run's grant. */
  readonly keys: Transaction;
}

const isSealed = (value: ReadRow[string] | undefined): value is SealedCell =>
  typeof value === 'object' && value !== null;

/**
 * Opens what is sealed in a page, with one query for keys at most. What was erased is null. A value that should be
 * sealed and is not is refused, like any that is not in its place.
 * @throws Unavailable, Unprocessable
 */
export const openRows = async (rows: readonly ReadRow[], opening: Opening): Promise<readonly Row[]> => {
  const { tenant, source, vault, keys } = opening;
  const sealed = Object.entries(source.fields).flatMap(([name, field]) =>
    field.sealed && rows[0] && name in rows[0]
      ? [{ name, column: field.column, class: field.sealed.class }]
      : [],
  );
  if (sealed.length === 0) return rows as readonly Row[];
  const cells = rows.map((row) =>
    sealed.flatMap(({ name, column, class: of }) => {
      const cell = row[name];
      if (!isSealed(cell)) return [];
      const bytes = Buffer.from(cell.sealed, 'base64');
      const place = {
        tenant,
        table: source.table,
        column: column.slice(source.table.length + 1),
        row: cell.row,
        subject: cell.subject,
      };
      return [{ name, class: of, subject: cell.subject, bytes, place, ...headOf(bytes) }];
    }),
  );
  using opener = await vault.opener(tenant, cells.flat(), keys);
  const textOf = ({ place, class: of, bytes }: (typeof cells)[number][number]): string | null => {
    try {
      return opener.open(place, of, bytes);
    } catch (error) {
      if (error instanceof Unprocessable && error.code === 'CRYPTO_KEY_SHREDDED') return null;
      throw error;
    }
  };
  return rows.map((row, at) => ({
    ...(row as Row),
    ...Object.fromEntries((cells[at] ?? []).map((cell) => [cell.name, textOf(cell)])),
  }));
};
