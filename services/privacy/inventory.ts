import { type Holding, heldOf, holdingsOf } from '@jangada/packs/holdings.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { peopleOf } from '@jangada/packs/rules.ts';
import type { Receipt } from '@jangada/proto/privacy.ts';
import { queries, type Transaction } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import type { Request } from './request.ts';
import { count, type Whom } from './rows.ts';

const db = queries<CoreTables>();

/** The basis of what a legal hold keeps. */
const byHold = 'legal hold';

/** What a request of a type looks at: all that there is of somebody, or what they agreed to alone. */
export const holdingsFor = (pack: Pack, { type }: Pick<Request, 'type'>): readonly Holding[] => {
  const all = holdingsOf(pack);
  if (type === 'consent' || type === 'revocation')
    return all.filter(({ class: name }) => name === 'consents');
  if (type === 'correction') return all.filter(({ table }) => table === peopleOf(pack)?.table);
  return all;
};

/** Tables whose rows keep the person that they are about. */
export const referringTo = (pack: Pack, { table }: Holding): readonly Holding[] =>
  table === peopleOf(pack)?.table ? heldOf(pack).filter((other) => other.table !== table) : [];

export const whomOf = async (
  transaction: Transaction,
  { tenant_id: tenant, subject_id: subject }: Pick<Request, 'tenant_id' | 'subject_id'>,
): Promise<Whom> => {
  const holds = db
    .selectFrom('legal_holds')
    .select('class')
    .where('tenant_id', '=', tenant)
    .where('released_at', 'is', null);
  const held = await transaction.rows(holds);
  return { tenant, subject, held: new Set(held.map((hold) => hold.class)) };
};

/** How much there is in each place, and how much of it the law, or a legal hold, has kept. */
export const takeInventory = async (
  transaction: Transaction,
  pack: Pack,
  request: Request,
): Promise<readonly Receipt[]> => {
  const whom = await whomOf(transaction, request);
  const receipts: Receipt[] = [];
  for (const holding of holdingsFor(pack, request)) {
    const { found, kept, until } = await count(transaction, holding, whom, referringTo(pack, holding));
    const basis = basisOf(holding, whom);
    receipts.push({
      ...{ class: holding.class, table: holding.table, found },
      ...{ told: 0, deleted: 0, anonymised: 0, changed: 0, kept },
      ...(kept > 0 ? { basis } : {}),
      ...(until ? { until } : {}),
    });
  }
  return receipts;
};

/**
 * Whether something goes of which the pack wants that a person has looked at it. What a legal hold keeps may go at its release,
 * and nobody is asked again then.
 */
export const isReviewed = (pack: Pack, { receipts }: Pick<Request, 'receipts'>): boolean =>
  receipts.some(
    ({ class: name, found, kept, basis }) =>
      (found > kept || (found > 0 && basis === byHold)) && pack.reviewed?.includes(name),
  );

/** Why what is kept in one place is. */
export const basisOf = ({ class: name, keptFor }: Holding, { held }: Whom): string =>
  held.has(name) ? byHold : (keptFor?.basis ?? 'names whose the kept records are');
