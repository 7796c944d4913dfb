import { emit } from '@jangada/hop/hop.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { deadlineDays, late, moved, type RequestState } from '@jangada/proto/privacy.ts';
import { queries, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { sql } from 'kysely';
import { erasePerson, receiptsOf, settle } from './carry-out.ts';
import { close, deliver, isOver } from './deliver.ts';
import { isReviewed, takeInventory, whomOf } from './inventory.ts';
import { notify, recipientsOf } from './recipients.ts';
import { type Changes, type Context, erasesPerson, type Request, write } from './request.ts';

/**
 * A request goes from state to state, each in one transaction with what it takes. What may take several is counted in its
 * receipts as it goes, so that whoever comes after a process that died finds how far it came. It waits in three states: in
 * `legal_review` for somebody who approves, where that is demanded, in `executing` while what is there does not agree with
 * its receipts or a legal hold keeps some of it, and in `delivered` until it is fetched and whom data were passed on to has been told.
 */

const db = queries<CoreTables>();

/** Parts of the time, in per cent, at whose end an open request is told of. */
const warnings = [50, 80, 95] as const;

/** Takes every open request of a tenant as far as it comes. One that fails leaves the others alone. */
export const advanceAll = async (context: Context, signal: AbortSignal): Promise<void> => {
  const { store, tenant, log } = context;
  const [owner] = await store.rows(db.selectFrom('tenants').select('pack').where('id', '=', tenant));
  if (!owner) return;
  for (const { id } of await store.read({ tenant }, unfinished(tenant))) {
    // Whose request cannot go on has to hear of its time all the more.
    for (const step of [advance, warn]) {
      signal.throwIfAborted();
      try {
        await step(context, id, owner.pack);
      } catch (error) {
        log.warn(
          { operation: 'privacy', tenantId: tenant, runId: id, ...faultFields(error) },
          'a privacy request could not go on; trying again',
        );
      }
    }
  }
};

/** Those that wait for whom data were passed on to come last: who is slow to answer holds up nobody else's. */
const unfinished = (tenant: string) =>
  db
    .selectFrom('privacy_requests')
    .select('id')
    .where('tenant_id', '=', tenant)
    .where(sql<boolean>`state <> 'closed' or told < jsonb_array_length(history)`)
    .orderBy(sql`state = 'delivered'`)
    .orderBy('at');

const advance = async (context: Context, id: string, packName: string): Promise<void> => {
  const pack = packOf(packName);
  for (;;) {
    const request = await read(context, id);
    if (!request) return;
    const next = await nextOf(context, pack, request);
    await tell(context, id);
    if (!next) return;
  }
};

/** True when the request came to its next state, or nearer to it. */
const nextOf = async (
  context: Context,
  pack: ReturnType<typeof packOf>,
  request: Request,
): Promise<boolean> => {
  const { store, tenant, reviews, forget } = context;
  const enter = (state: RequestState, work?: (transaction: Transaction) => Promise<Changes>) =>
    store.within({ tenant }, async (transaction) => {
      if (!(await move(transaction, request, state))) return false;
      if (work) await write(transaction, request, await work(transaction));
      return true;
    });
  switch (request.state) {
    case 'received':
      return enter('identity_verified');
    case 'identity_verified':
      return enter('inventory', async (transaction) => ({
        receipts: await takeInventory(transaction, pack, request),
      }));
    case 'inventory':
      return enter('legal_review');
    case 'legal_review':
      if (request.approved === false)
        return enter('closed', (transaction) => close(transaction, context, request));
      if (
        request.approved === null &&
        erasesPerson(request) &&
        (reviews === 'erasure' || isReviewed(pack, request))
      )
        return false;
      return enter('executing');
    case 'executing':
      if (erasesPerson(request)) await erasePerson(context, pack, request);
      return store.within({ tenant }, async (transaction) => {
        const stored = await receiptsOf(transaction, request);
        if (!stored) return false;
        const { receipts, partial } = await settle(transaction, context, pack, {
          ...request,
          receipts: stored,
        });
        await write(transaction, request, { receipts, partial });
        if (partial.length > 0) return false;
        await write(transaction, request, { recipients: recipientsOf(pack, receipts) });
        return move(transaction, request, 'verified');
      });
    case 'verified':
      // What is remembered of them still says what was wrong. Until all were told to forget it, the request stays here.
      if (request.type === 'correction') await forget();
      return enter('delivered', (transaction) => deliver(transaction, context, pack, request));
    case 'delivered':
      // Who confirmed just now may have been the last that it waited for.
      if (await notify(context, pack, request)) return true;
      if (!(await store.within({ tenant }, (transaction) => isOver(transaction, request)))) return false;
      return enter('closed', (transaction) => close(transaction, context, request));
    case 'closed':
      return false;
  }
};

const read = async (
  { store, tenant }: Pick<Context, 'store' | 'tenant'>,
  id: string,
): Promise<Request | undefined> => {
  const one = db
    .selectFrom('privacy_requests')
    .selectAll()
    .where('tenant_id', '=', tenant)
    .where('id', '=', id);
  return (await store.read({ tenant }, one))[0];
};

/** False where another instance came there first: then nothing may be done twice. Until the transaction ends nobody else comes. */
const move = async (transaction: Transaction, request: Request, state: RequestState): Promise<boolean> => {
  const { tenant_id: tenant, id, state: from } = request;
  const stage = JSON.stringify([{ state, at: new Date().toISOString() }]);
  const entered = await transaction.rows(
    written(sql`
      update privacy_requests set state = ${state}, history = history || ${stage}::jsonb
      where tenant_id = ${tenant} and id = ${id} and state = ${from} returning id`),
  );
  return entered.length > 0;
};

/** Tells audit of the states that it was not told of yet. Told twice, it is the same fact. */
const tell = async ({ store, tenant, say }: Context, id: string): Promise<void> => {
  const request = await read({ store, tenant }, id);
  if (!request) return;
  const { type, history, told, receipts, approved, recipients } = request;
  for (const { state } of history.slice(told)) {
    const isCounted = state === 'inventory' || state === 'verified';
    await say(
      `${id}-${state}`,
      emit(moved, {
        ...{ request: id, type, state },
        ...(state === 'verified' && recipients.length > 0
          ? { recipients: recipients.map(({ name }) => name) }
          : {}),
        ...(isCounted ? { receipts: [...receipts] } : {}),
        ...(state === 'closed' && approved === false ? { rejected: true } : {}),
      }),
    );
  }
  if (history.length > told)
    await store.read(
      { tenant },
      db
        .updateTable('privacy_requests')
        .set({ told: history.length })
        .where('tenant_id', '=', tenant)
        .where('id', '=', id),
    );
};

/** Says, once for each, that a part of the time is over. What waits for nothing but a legal hold is not late. */
const warn = async ({ store, tenant, say }: Context, id: string): Promise<void> => {
  const request = await read({ store, tenant }, id);
  if (!request) return;
  const { type, state, deadline_at, warned, recipients, partial } = request;
  if (state === 'closed' || (state === 'delivered' && recipients.every(({ told }) => told))) return;
  const left = Date.parse(deadline_at) - Date.now();
  const over = 100 - (left / (deadlineDays * 86_400_000)) * 100;
  const percent = warnings.findLast((one) => one <= over);
  if (percent === undefined || percent <= warned) return;
  if (state === 'executing' && partial.length > 0) {
    const { held } = await store.within({ tenant }, (transaction) => whomOf(transaction, request));
    if (partial.every((name) => held.has(name))) return;
  }
  await say(`${id}-${percent}`, emit(late, { request: id, type, state, percent }));
  const update = db.updateTable('privacy_requests').set({ warned: percent });
  await store.read({ tenant }, update.where('tenant_id', '=', tenant).where('id', '=', id));
};
