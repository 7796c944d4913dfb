import { Tree } from '@jangada/merkle/tree.ts';
import { queries, type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables, Reading } from '@jangada/store/tables.ts';
import { type Selectable, sql } from 'kysely';
import { paced } from './pace.ts';

const db = queries<CoreTables>();

/** One class of one occasion. */
export interface About {
  readonly tenant: string;
  readonly tick: string;
  readonly class: string;
}

/** What a plan lists, in its order, and how many of it have come to what; of those that nobody came to, `open`. */
export interface Listed {
  readonly tree: Tree;
  readonly outcomes: Readonly<Partial<Record<string, number>>>;
}

/** Items of a plan from a place on. */
export const itemsFrom = ({ tenant, tick, class: name }: About, from: number) =>
  db
    .selectFrom('retention_items')
    .select('leaf')
    .where('tenant_id', '=', tenant)
    .where('tick', '=', tick)
    .where('class', '=', name)
    .where('n', '>=', from)
    .orderBy('n');

/** How far a plan was read. */
export const readingOf = async (
  transaction: Transaction,
  { tenant, tick, class: name }: About,
): Promise<Reading | null> => {
  const [plan] = await transaction.rows(
    db
      .selectFrom('retention_plans')
      .select('read')
      .where('tenant_id', '=', tenant)
      .where('tick', '=', tick)
      .where('class', '=', name),
  );
  return plan?.read ?? null;
};

/**
 * Reads a plan in pages, however many rows it lists: from where it was left, where it was read for the same before and not to its
 * end. How far it is goes out with what is asked next.
 */
export const readList = async (
  store: Store,
  about: About,
  what: Reading['for'],
  signal: AbortSignal,
): Promise<Listed> => {
  const { tenant } = about;
  const before = await store.within({ tenant }, (transaction) => readingOf(transaction, about));
  const begun = before?.for === what ? before : undefined;
  const tree = new Tree(begun?.parts.map(({ count, root }) => ({ count, root: Buffer.from(root, 'hex') })));
  const outcomes: Partial<Record<string, number>> = { ...begun?.outcomes };
  await paced(signal, async (rows) => {
    const parts = tree.parts.map(({ count, root }) => ({ count, root: Buffer.from(root).toString('hex') }));
    const items = await store.read(
      { tenant },
      nextItems(about, { for: what, parts, outcomes }, tree.count, rows),
    );
    for (const { leaf, outcome } of items) {
      tree.add(leaf);
      outcomes[outcome ?? 'open'] = (outcomes[outcome ?? 'open'] ?? 0) + 1;
    }
    return items.length;
  });
  return { tree, outcomes };
};

const nextItems = ({ tenant, tick, class: name }: About, reading: Reading, from: number, rows: number) =>
  written(sql<Pick<Selectable<CoreTables['retention_items']>, 'leaf' | 'outcome'>>`
    with kept as (
      update retention_plans set read = ${JSON.stringify(reading)}::jsonb
      where tenant_id = ${tenant} and tick = ${tick} and class = ${name})
    select leaf, outcome from retention_items
    where tenant_id = ${tenant} and tick = ${tick} and class = ${name} and n >= ${from} order by n limit ${rows}`);
