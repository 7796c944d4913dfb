import type { Holding } from '@jangada/packs/holdings.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { peopleOf } from '@jangada/packs/rules.ts';
import { sealedTables } from '@jangada/packs/sealed.ts';
import type { Receipt } from '@jangada/proto/privacy.ts';
import { lockClass } from '@jangada/store/lock.ts';
import { queries, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import type { KeyClass } from '@jangada/vault/keys.ts';
import { shred, thaw } from '@jangada/vault/shred.ts';
import { sql } from 'kysely';
import { correct } from './correct.ts';
import { enterErasure } from './erasures.ts';
import { basisOf, holdingsFor, referringTo, whomOf } from './inventory.ts';
import { type Context, erasesPerson, type Request, write } from './request.ts';
import { anonymise, count, erase } from './rows.ts';

/** What came of a request, and the classes of which more or less is there than its receipts say. */
export interface Outcome {
  readonly receipts: readonly Receipt[];
  readonly partial: readonly string[];
}

const db = queries<CoreTables>();

/**
 * Does what a request asks where that takes one transaction, compares what is there with what is to be, and is part of the
 * transaction that goes on from it. What it takes the law to keep stays, and is told.
 */
export const settle = async (
  transaction: Transaction,
  context: Pick<Context, 'vault'>,
  pack: Pack,
  request: Request,
): Promise<Outcome> => {
  if (erasesPerson(request)) return reconcile(transaction, pack, request);
  const corrected = request.type === 'correction' && (await correct(transaction, context, pack, request));
  if (request.type === 'revocation') await revoke(transaction, pack, request);
  const changed = corrected || request.type === 'revocation';
  const receipts: Receipt[] = [];
  const partial: string[] = [];
  for (const receipt of request.receipts) {
    const [holding] = holdingsFor(pack, request).filter(({ table }) => table === receipt.table);
    if (!holding) continue;
    const { found } = await count(transaction, holding, await whomOf(transaction, request), []);
    // What was taken back is an entry more.
    const expected = receipt.found + (request.type === 'revocation' && receipt.table === 'consents' ? 1 : 0);
    if (found < expected && !changed) partial.push(receipt.class);
    const told = request.type === 'correction' ? 0 : found;
    receipts.push(changed ? { ...receipt, changed: 1 } : { ...receipt, found, told });
  }
  return { receipts, partial };
};

/** Takes all consent back, at once. */
const revoke = async (transaction: Transaction, pack: Pack, request: Request): Promise<void> => {
  const { tenant_id, id, subject_id, identity, opened_by: recorded_by } = request;
  await transaction.rows(
    db
      .insertInto('consents')
      .values({
        ...{ tenant_id, id, subject_id, recorded_by, action: 'withdrawn', holds: null, channel: 'privacy' },
        level: pack.consent.levels[0] ?? '',
        basis: identity === 'document' ? 'document' : 'person',
      })
      .onConflict((conflict) => conflict.columns(['tenant_id', 'id']).doNothing()),
  );
};

/**
 * Destroys what may go, again from where it stood. First it is written down that it will be, so that a backup from before
 * cannot bring it back unnoticed; then the keys, which takes every copy at once; then the rows.
 */
export const erasePerson = async (context: Context, pack: Pack, request: Request): Promise<void> => {
  const { store, vault, tenant, forget } = context;
  await store.within({ tenant }, (transaction) => enterErasure(transaction, vault, request));
  for (const kind of ['discretionary', 'clinical'] as const) await destroyKeys(context, pack, request, kind);
  for (const holding of holdingsFor(pack, request))
    await store.within({ tenant }, async (transaction) => {
      const receipts = await receiptsOf(transaction, request);
      const receipt = receipts?.find(({ table }) => table === holding.table);
      if (!receipts || !receipt) return;
      await transaction.rows(lockClass(tenant, holding.class));
      const gone = await eraseFrom(transaction, pack, request, holding);
      const deleted = receipt.deleted + gone.deleted;
      const changed = { ...receipt, deleted, anonymised: gone.anonymised ?? receipt.anonymised };
      await write(transaction, request, {
        receipts: receipts.map((one) => (one === receipt ? changed : one)),
      });
    });
  await forget();
};

/**
 * The receipts of a request as they stand, which nobody else adds to before the transaction ends; undefined where another
 * instance, or an attempt that was taken for dead, has brought it further.
 */
export const receiptsOf = async (
  transaction: Transaction,
  { tenant_id: tenant, id }: Pick<Request, 'tenant_id' | 'id'>,
): Promise<readonly Receipt[] | undefined> => {
  const [now] = await transaction.rows(
    db
      .selectFrom('privacy_requests')
      .select(['state', 'receipts'])
      .where('tenant_id', '=', tenant)
      .where('id', '=', id)
      .forUpdate(),
  );
  return now?.state === 'executing' ? now.receipts : undefined;
};

/** Destroys keys of one class, unless something that is sealed with them has to stay. */
const destroyKeys = async (context: Context, pack: Pack, request: Request, kind: KeyClass): Promise<void> => {
  const { store, tenant, forget } = context;
  const which = { store, tenant, subject: request.subject_id, class: kind, announce: forget };
  const stay = (transaction: Transaction) => haveToStay(transaction, pack, request, kind);
  if (await store.within({ tenant }, stay)) return thaw(which);
  const classes = new Set(sealedWith(pack, request, kind).map((holding) => holding.class));
  await shred({
    ...{ ...which, tables: sealedTables(pack) },
    // A hold that came meanwhile keeps them; one that comes from now on waits, and finds them gone.
    stays: async (transaction) => {
      for (const name of [...classes].sort()) await transaction.rows(lockClass(tenant, name));
      return stay(transaction);
    },
  });
};

const sealedWith = (pack: Pack, request: Request, kind: KeyClass): readonly Holding[] =>
  holdingsFor(pack, request).filter(({ table }) => {
    const sealed = sealedTables(pack).find(({ name }) => name === table);
    return Object.values(sealed?.columns ?? {}).some((column) => column.class === kind);
  });

/** Clinical keys stay with whatever is kept, those of contacts and the like with what a legal hold is on, and nothing else. */
const haveToStay = async (
  transaction: Transaction,
  pack: Pack,
  request: Request,
  kind: KeyClass,
): Promise<boolean> => {
  const whom = await whomOf(transaction, request);
  for (const holding of sealedWith(pack, request, kind)) {
    if (kind === 'discretionary' && !whom.held.has(holding.class)) continue;
    if ((await count(transaction, holding, whom, [])).kept > 0) return true;
  }
  return false;
};

const eraseFrom = async (
  transaction: Transaction,
  pack: Pack,
  request: Request,
  holding: Holding,
): Promise<{ readonly deleted: number; readonly anonymised?: number }> => {
  const whom = await whomOf(transaction, request);
  const referring = referringTo(pack, holding);
  const ofPack = Object.values(pack.sources).some(({ table, subject }) => table === holding.table && subject);
  if (request.type === 'anonymisation' && ofPack && holding.table !== 'consents') {
    const sealed = sealedTables(pack).find(({ name }) => name === holding.table);
    await anonymise(transaction, holding, whom, {
      isPerson: holding.table === peopleOf(pack)?.table,
      sealed: Object.keys(sealed?.columns ?? {}),
      referring,
    });
    const { found, kept } = await count(transaction, holding, whom, referring);
    return { deleted: 0, anonymised: found - kept };
  }
  return { deleted: (await erase(transaction, holding, whom, referring)).length };
};

/** Compares what is there with what is to be: by what was found, nothing is missing and nothing is left over. */
const reconcile = async (transaction: Transaction, pack: Pack, request: Request): Promise<Outcome> => {
  const whom = await whomOf(transaction, request);
  const partial: string[] = [];
  const compared: Receipt[] = [];
  for (const receipt of request.receipts) {
    const [holding] = holdingsFor(pack, request).filter(({ table }) => table === receipt.table);
    if (!holding) continue;
    const { found: left, kept, until } = await count(transaction, holding, whom, referringTo(pack, holding));
    const agrees = left === kept + receipt.anonymised && receipt.found === receipt.deleted + left;
    // What only a hold keeps goes once it is released: until then it is not over.
    if (!agrees || (left > 0 && whom.held.has(holding.class))) partial.push(receipt.class);
    // What came after the inventory is in the next one.
    compared.push({
      ...{ ...receipt, kept, ...(agrees ? {} : { found: receipt.deleted + left }) },
      // A hold may have come, or gone, since.
      ...{ basis: kept > 0 ? basisOf(holding, whom) : undefined, until: until ?? undefined },
    });
  }
  const keys = await transaction.rows(
    written(sql`
      select from subject_keys where tenant_id = ${whom.tenant} and subject_id = ${whom.subject} and state = 'active'
        and class = 'discretionary'`),
  );
  if (keys.length > 0 && !(await haveToStay(transaction, pack, request, 'discretionary')))
    partial.push('keys');
  return { receipts: compared, partial: [...new Set(partial)] };
};
