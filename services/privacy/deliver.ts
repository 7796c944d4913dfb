import type { Pack } from '@jangada/packs/pack.ts';
import { queries, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { sealParcel } from '@jangada/trust/parcel.ts';
import { type Shown, signCertificate } from '@jangada/verifier/certificate.ts';
import { zipSync } from 'fflate';
import { sql } from 'kysely';
import { isErased, pseudonymOf } from './erasures.ts';
import { filesOf } from './files.ts';
import { type Changes, type Context, erasesPerson, type Request } from './request.ts';

/** How long an outcome waits to be fetched. */
const fetchWithinMs = 72 * 3_600_000;

const db = queries<CoreTables>();

/** What came of a request, as whoever answers for it shows it. It names nobody. */
const certificateOf = async (
  transaction: Transaction,
  { signer }: Pick<Context, 'signer'>,
  request: Request,
): Promise<Shown> => {
  const { tenant_id, id, type, at, deadline_at, receipts, history, identity, reviewed_by, subject_id } =
    request;
  const { recipients } = request;
  const keys = await transaction.rows(
    db
      .selectFrom('subject_keys')
      .select(['id', 'class'])
      .where('tenant_id', '=', tenant_id)
      .where('subject_id', '=', subject_id)
      .where('state', '=', 'destroyed'),
  );
  return signCertificate(signer(), {
    ...{ tenant: tenant_id, request: id, type, openedAt: at, deadlineAt: deadline_at, identity, history },
    receipts: [...receipts],
    ...(reviewed_by ? { reviewedBy: reviewed_by } : {}),
    ...(erasesPerson(request) ? { keysDestroyed: keys } : {}),
    ...(recipients.length > 0 ? { recipients: recipients.map(({ name }) => name) } : {}),
  });
};

/** Makes what is to be handed over, sealed for the link, and lets it wait. Nothing waits for whom nobody could let in. */
export const deliver = async (
  transaction: Transaction,
  { vault, signer }: Pick<Context, 'vault' | 'signer'>,
  pack: Pack,
  request: Request,
): Promise<Changes> => {
  const { tenant_id, id, opened_by, recipient } = request;
  const certificate = await certificateOf(transaction, { signer }, request);
  const account = db.selectFrom('accounts').select('id').where('tenant_id', '=', tenant_id);
  const opener = await transaction.rows(account.where('id', '=', opened_by));
  if (opener.length === 0) return { certificate };
  const files = await filesOf(transaction, vault, pack, request, certificate);
  await transaction.rows(
    db
      .insertInto('privacy_deliveries')
      .values({
        ...{ tenant_id, id, account_id: opened_by, recipient },
        content: await sealParcel(recipient, zipSync({ ...files })),
        expires_at: new Date(Date.now() + fetchWithinMs),
      })
      .onConflict((conflict) => conflict.columns(['tenant_id', 'id']).doNothing()),
  );
  return { certificate };
};

/** True once everybody was told whom data were passed on to, and it was fetched, cannot be any more, or nobody is there to do so. */
export const isOver = async (
  transaction: Transaction,
  { tenant_id, id, recipients }: Request,
): Promise<boolean> => {
  if (recipients.some(({ told }) => !told)) return false;
  const waiting = await transaction.rows(
    written(sql`
      select from privacy_deliveries
      where tenant_id = ${tenant_id} and id = ${id} and used_at is null and expires_at > now()`),
  );
  return waiting.length === 0;
};

/** Nothing stays of what was handed over, nor of whom it was about once they were erased; nor of what they had asked before. */
export const close = async (
  transaction: Transaction,
  { vault }: Pick<Context, 'vault'>,
  request: Request,
): Promise<Changes> => {
  const { tenant_id, id, subject_id } = request;
  await transaction.rows(
    db.deleteFrom('privacy_deliveries').where('tenant_id', '=', tenant_id).where('id', '=', id),
  );
  if (!(await isErased(transaction, vault, request))) return { details: null };
  const pseudonym = (await pseudonymOf(transaction, vault, request)).toString('base64url');
  await transaction.rows(
    db
      .updateTable('privacy_requests')
      .set({ subject_id: pseudonym })
      .where('tenant_id', '=', tenant_id)
      .where('subject_id', '=', subject_id)
      .where('state', '=', 'closed'),
  );
  return { details: null, subject_id: pseudonym };
};
