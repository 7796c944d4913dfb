import type { given } from '@jangada/proto/feedback.ts';
import type { Body } from '@jangada/proto/message.ts';
import { type Store, type Transaction, written } from '@jangada/store/store.ts';
import type { Sealed } from '@jangada/store/tables.ts';
import { ownerOf, type Pass } from '@jangada/trust/pass.ts';
import { feedback } from '@jangada/vault/core.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { sql } from 'kysely';

/**
 * Keeps what was said of a run in the place of what was said of it before. The one that was given last stays, in whatever
 * order they come and however often.
 */
export const record = (
  store: Store,
  vault: Vault,
  { run, rating, comment }: Body<typeof given>,
  pass: Pass,
): Promise<void> =>
  store.within({ tenant: pass.tid }, async (transaction) => {
    const { tid: tenant, iat } = pass;
    const subject = ownerOf(pass);
    const sealed =
      comment === undefined ? null : await sealedFor(transaction, vault, { tenant, run, subject }, comment);
    const statement = sql`
      insert into feedback (tenant_id, id, subject_id, rating, comment, at)
      values (${tenant}, ${run}, ${subject}, ${rating}, ${sealed}, ${new Date(iat)})
      on conflict (tenant_id, id) do update
        set rating = excluded.rating, comment = excluded.comment, at = excluded.at
        where feedback.at <= excluded.at`;
    await transaction.rows(written(statement));
  });

/** Null for a person whose data were erased: nothing is sealed for them again. */
const sealedFor = async (
  transaction: Transaction,
  vault: Vault,
  { tenant, run, subject }: { tenant: string; run: string; subject: string },
  comment: string,
): Promise<Sealed<string> | null> => {
  const { class: kept } = feedback.columns.comment;
  const holder = { subject, class: kept };
  using sealer = await vault.sealer(tenant, [holder], transaction);
  if (!sealer.accepts(holder)) return null;
  return sealer.seal({ tenant, table: feedback.name, column: 'comment', row: run, subject }, kept, comment);
};
