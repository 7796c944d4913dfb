import type { Transaction } from '@jangada/store/store.ts';
import type { IndexKind } from './blind.ts';
import type { Holder, KeyClass } from './keys.ts';
import type { Vault } from './vault.ts';

/** A table with sealed columns; `id` names its rows. */
export interface SealedTable {
  readonly name: string;
  /** The column that names the person a row is about. */
  readonly subject: string;
  readonly columns: Readonly<Record<string, SealedColumn>>;
}

export interface SealedColumn {
  readonly class: KeyClass;
  /** Equal values are found by `<column>_index`. Only for values that hardly any two people share. */
  readonly index?: IndexKind;
}

declare const sealed: unique symbol;

/** A row whose sealed columns hold sealed fields. Nothing else makes one, so clear text cannot be written by mistake. */
export type StoredRow = Readonly<Record<string, unknown>> & { readonly [sealed]: true };

export const indexOf = (column: string): string => `${column}_index`;

/**
 * Seals what a table wants sealed, in the transaction that will write it. Nothing is kept of a person whose data were
 * erased. @throws Unavailable, Unprocessable
 */
export const sealRows = async (
  vault: Vault,
  table: SealedTable,
  tenant: string,
  rows: readonly Readonly<Record<string, unknown>>[],
  transaction: Transaction,
): Promise<StoredRow[]> => {
  const columns = Object.entries(table.columns);
  const subjectOf = (row: Readonly<Record<string, unknown>>): string => String(row[table.subject]);
  const holders: Holder[] = rows.flatMap((row) =>
    columns
      .filter(([column]) => typeof row[column] === 'string')
      .map(([, of]) => ({ subject: subjectOf(row), class: of.class })),
  );
  using sealer = await vault.sealer(tenant, holders, transaction);
  return rows.map((row) => {
    const subject = subjectOf(row);
    const stored: Record<string, unknown> = { ...row };
    for (const [column, { class: of, index }] of columns) {
      if (!(column in row)) continue;
      const value = row[column];
      const kept = typeof value === 'string' && sealer.accepts({ subject, class: of }) ? value : null;
      const place = { tenant, table: table.name, column, row: String(row['id']), subject };
      stored[column] = kept === null ? null : sealer.seal(place, of, kept);
      if (index) stored[indexOf(column)] = kept === null ? null : sealer.index(place, index, kept);
    }
    return stored as StoredRow;
  });
};
