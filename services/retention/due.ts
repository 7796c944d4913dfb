import { holdingsOf } from '@jangada/packs/holdings.ts';
import type { Left, Pack, RetentionRule } from '@jangada/packs/pack.ts';
import { sealedTables } from '@jangada/packs/sealed.ts';
import { type RawBuilder, sql } from 'kysely';

/** A rule whose rows are in PostgreSQL. */
export type Applied = RetentionRule & { readonly table: string; readonly ageColumn: string };

export const isApplied = (rule: RetentionRule): rule is Applied =>
  rule.table !== undefined && rule.ageColumn !== undefined;

/** How rows of one class are found, named and compared, as SQL on their table. */
export interface Due {
  readonly rule: Applied;
  readonly table: RawBuilder<unknown>;
  readonly age: RawBuilder<unknown>;
  readonly key: readonly RawBuilder<unknown>[];
  /** True of a row whose time is over, and that nothing else keeps. */
  readonly isDue: RawBuilder<unknown>;
  /**
   * Hash of `["<key>",…]|<policy>|` and SHA-256 of the row as PostgreSQL writes it, as a leaf of a Merkle tree (RFC 6962,
   * section 2.1). Whoever has the row can make it, and nobody makes the row of it.
   */
  readonly leaf: RawBuilder<unknown>;
  /** What a row that stays is changed to, by column; nothing where rows go. */
  readonly left: readonly { readonly column: string; readonly value: RawBuilder<unknown> }[];
}

/** What a rule leaves in each column that it names, and in those by which a sealed one is found. */
const leftOf = ({ table, columns = {} }: Applied, pack: Pack): Due['left'] => {
  const sealed = sealedTables(pack).find(({ name }) => name === table)?.columns ?? {};
  return Object.entries(columns).flatMap(([column, left]) => [
    { column, value: valueLeft(left, sql.ref(`${table}.${column}`)) },
    ...(sealed[column]?.index ? [{ column: `${column}_index`, value: sql`null` }] : []),
  ]);
};

const valueLeft = (left: Left, was: RawBuilder<unknown>): RawBuilder<unknown> => {
  if (left === 'nothing') return sql`null`;
  return typeof left === 'object' ? sql`${left.says}` : sql`date_trunc(${left}, ${was}, 'UTC')`;
};

/**
 * Each person's record is one, over all rules of the pack that count from its last entry. Nothing is due of anybody who waits to be
 * told what there is of them.
 */
export const dueOf = (
  rule: Applied,
  { policy, before }: { readonly policy: string; readonly before: string },
  pack: Pack,
): Due => {
  const { table, ageColumn, person, anchor, key = ['id'], unlessReferencedBy = [] } = rule;
  const own = (column: string) => sql.ref(`${table}.${column}`);
  const limit = sql`${before}::timestamptz`;
  const unreferenced = unlessReferencedBy.map(
    (other) =>
      sql`not exists (select from ${sql.table(other.table)} where ${sql.ref(`${other.table}.${other.column}`)} = ${own('id')})`,
  );
  const entries =
    anchor === 'lastEntry' ? pack.retention.filter(isApplied).filter((one) => one.anchor === anchor) : [];
  const quiet = entries.map(
    (other) =>
      sql`not exists (select from ${sql.table(other.table)} as entry
        where ${sql.ref(`entry.${other.person}`)} = ${own(person ?? '')} and ${sql.ref(`entry.${other.ageColumn}`)} >= ${limit})`,
  );
  const waited = holdingsOf(pack)
    .filter((holding) => holding.table === table && !holding.byAccount)
    .map(
      ({ subject }) =>
        sql`not exists (select from privacy_requests p where p.tenant_id = ${own('tenant_id')}
          and p.subject_id = ${own(subject)} and p.state <> 'closed')`,
    );
  const left = leftOf(rule, pack);
  // What was thinned before is as it is to be, and due no more.
  const whole = left.map(({ column, value }) => sql`${own(column)} is distinct from ${value}`);
  const named = sql`array[${sql.join(key.map(own))}]::text[]`;
  return {
    rule,
    table: sql.table(table),
    age: own(ageColumn),
    key: key.map(own),
    isDue: sql.join(
      [
        sql`${own(ageColumn)} < ${limit}`,
        ...unreferenced,
        ...quiet,
        ...waited,
        ...(whole.length > 0 ? [sql`(${sql.join(whole, sql` or `)})`] : []),
      ],
      sql` and `,
    ),
    left,
    leaf: sql`sha256('\\x00'::bytea || convert_to(to_json(${named})::text || '|' || ${policy} || '|', 'UTF8')
      || sha256(convert_to((${sql.table(table)}.*)::text, 'UTF8')))`,
  };
};
