import { ConfigError } from '@jangada/config/config.ts';
import { Unavailable, Unprocessable } from '@jangada/hop/outcome.ts';
import { connect, queries, type Transaction } from '@jangada/store/store.ts';
import type { CoreTables, Sealed } from '@jangada/store/tables.ts';
import { emergencies } from '@jangada/vault/core.ts';
import { headOf, type Place } from '@jangada/vault/field.ts';
import { readLocal } from '../local.ts';
import { operatorVault } from '../vault.ts';
import { remark } from './output.ts';

/** Why somebody reached for a person without a relationship. */
export interface Emergency {
  readonly subject: string;
  readonly reason: string;
  /** Null where the root of keys is not here, and once the person's data were erased. */
  readonly explanation: string | null;
}

const db = queries<CoreTables>();

/** The emergency that a command opened; undefined where it opened none. @throws Unavailable */
export const emergencyOf = async (tenant: string, command: string): Promise<Emergency | undefined> => {
  await using store = connect('operator', {
    DATABASE_URL: readLocal(['databaseUrl']).databaseUrl,
    DATABASE_POOL_SIZE: 1,
  });
  return await store.within({ tenant }, async (transaction) => {
    const [kept] = await transaction.rows(
      db
        .selectFrom('emergencies')
        .select(['subject_id', 'reason', 'explanation'])
        .where('tenant_id', '=', tenant)
        .where('id', '=', command),
    );
    if (!kept) return undefined;
    const { subject_id: subject, reason, explanation } = kept;
    const place = { tenant, table: emergencies.name, column: 'explanation', row: command, subject };
    return { subject, reason, explanation: explanation && (await opened(transaction, place, explanation)) };
  });
};

/** What cannot be opened is told as absent: that there was an emergency stays readable. */
const opened = async (
  transaction: Transaction,
  place: Place,
  bytes: Sealed<string>,
): Promise<string | null> => {
  const { class: kept } = emergencies.columns.explanation;
  try {
    const vault = await operatorVault();
    const field = { subject: place.subject, class: kept, ...headOf(bytes) };
    using opener = await vault.opener(place.tenant, [field], transaction);
    return opener.open(place, kept, bytes);
  } catch (error) {
    const code = error instanceof Unprocessable ? error.code : undefined;
    if (!code && !(error instanceof ConfigError || error instanceof Unavailable)) throw error;
    const why = code === 'CRYPTO_KEY_SHREDDED' ? 'was erased' : 'is sealed with a key that is not here';
    remark(`the explanation of ${place.row} ${why}`);
    return null;
  }
};
