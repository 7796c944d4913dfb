import type { IndexKind } from '@jangada/vault/blind.ts';
import { coreTables } from '@jangada/vault/core.ts';
import type { SealedColumn, SealedTable } from '@jangada/vault/rows.ts';
import { columnOf } from './column.ts';
import type { Pack, Source } from './pack.ts';

/** Which columns of a tenant's tables are sealed: the core's, and those of its pack from the fields that say so. */

const tables = new WeakMap<Pack, readonly SealedTable[]>();

export const sealedTables = (pack: Pack): readonly SealedTable[] => {
  const known = tables.get(pack);
  if (known) return known;
  const ofPack = Object.values(pack.sources).flatMap((source) => {
    const columns = Object.values(source.fields).flatMap(({ column, sealed }): [string, SealedColumn][] =>
      sealed ? [[columnOf(column), sealed]] : [],
    );
    return columns.length > 0 && source.subject
      ? [
          {
            name: source.table,
            subject: columnOf(source.subject.column),
            columns: Object.fromEntries(columns),
          },
        ]
      : [];
  });
  const made = [...coreTables, ...ofPack];
  tables.set(pack, made);
  return made;
};

/** The column by whose index people of a source are found; undefined where they are not found by such values. */
export const indexedColumn = (
  pack: Pack,
  source: Source,
  kind: IndexKind,
): { readonly table: string; readonly column: string } | undefined => {
  const people = sealedTables(pack).find(({ name }) => name === source.subject?.table);
  const column = Object.entries(people?.columns ?? {}).find(([, { index }]) => index === kind)?.[0];
  return people && column !== undefined ? { table: people.name, column } : undefined;
};
