import { Tree } from '@jangada/merkle/tree.ts';
import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { paced } from './pace.ts';

const db = queries<CoreTables>();

/** One class of one occasion. */
export interface About {
  readonly tenant: string;
  readonly tick: string;
  readonly class: string;
}

type Outcome = NonNullable<CoreTables['retention_items']['outcome']> | 'open';

/** What a plan lists, in its order, and how many of it have come to what. */
export interface Listed {
  readonly tree: Tree;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
}

/** Items of a plan from a place on. */
export const itemsFrom = ({ tenant, tick, class: name }: About, from: number) =>
  db
    .selectFrom('retention_items')
    .select(['n', 'leaf', 'outcome'])
    .where('tenant_id', '=', tenant)
    .where('tick', '=', tick)
    .where('class', '=', name)
    .where('n', '>=', from)
    .orderBy('n');

/** Reads a plan in pages, however many rows it lists. */
export const readList = async (store: Store, about: About, signal: AbortSignal): Promise<Listed> => {
  const tree = new Tree();
  const outcomes: Partial<Record<Outcome, number>> = {};
  let next = 0;
  await paced(signal, async (rows) => {
    const items = await store.read({ tenant: about.tenant }, itemsFrom(about, next).limit(rows));
    for (const { n, leaf, outcome } of items) {
      next = n + 1;
      tree.add(leaf);
      outcomes[outcome ?? 'open'] = (outcomes[outcome ?? 'open'] ?? 0) + 1;
    }
    return items.length;
  });
  return { tree, outcomes };
};
