import type { Emission } from '@jangada/hop/hop.ts';
import type { Webhook } from '@jangada/outside/webhook.ts';
import type { Message } from '@jangada/proto/message.ts';
import type { Receipt } from '@jangada/proto/privacy.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { queries, type Store, type Transaction } from '@jangada/store/store.ts';
import type { CoreTables, Recipient } from '@jangada/store/tables.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import type { Signer } from '@jangada/verifier/statement.ts';
import type { Selectable } from 'kysely';

/** A request as it stands in PostgreSQL, and what it takes to carry one out. */

export type Request = Selectable<CoreTables['privacy_requests']>;

export interface Context {
  readonly store: Store;
  readonly vault: Vault;
  /** The key that certificates are signed with now. */
  readonly signer: () => Signer;
  readonly tenant: string;
  /** The webhook of somebody whom data were passed on to; undefined where people tell them. */
  readonly webhookOf: (recipient: string) => Webhook | undefined;
  /** Whether somebody has to approve that data are destroyed. */
  readonly reviews: 'none' | 'erasure';
  readonly log: Pick<Service['log'], 'warn'>;
  /** Says a fact, once for its id. */
  readonly say: (id: string, emission: Emission<Message>) => Promise<void>;
  /** Has every service forget what it remembers of the tenant. */
  readonly forget: () => Promise<void>;
}

const db = queries<CoreTables>();

export const erasesPerson = ({ type }: Pick<Request, 'type'>): boolean =>
  type === 'deletion' || type === 'anonymisation';

/** What a state changes of a request, beside the state. */
export interface Changes {
  readonly subject_id?: string;
  readonly details?: null;
  readonly receipts?: readonly Receipt[];
  readonly partial?: readonly string[];
  readonly certificate?: unknown;
  readonly recipients?: readonly Recipient[];
}

export const write = async (
  transaction: Transaction,
  { tenant_id: tenant, id }: Request,
  { receipts, partial, certificate, recipients, ...rest }: Changes,
): Promise<void> => {
  const changed = {
    ...rest,
    ...(receipts ? { receipts: JSON.stringify(receipts) } : {}),
    ...(partial ? { partial: JSON.stringify(partial) } : {}),
    ...(recipients ? { recipients: JSON.stringify(recipients) } : {}),
    ...(certificate ? { certificate: JSON.stringify(certificate) } : {}),
  };
  if (Object.keys(changed).length === 0) return;
  const update = db.updateTable('privacy_requests').set(changed);
  await transaction.rows(update.where('tenant_id', '=', tenant).where('id', '=', id));
};
