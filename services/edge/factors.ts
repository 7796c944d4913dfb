import { randomInt } from 'node:crypto';
import { queries, type Store, type Transaction } from '@jangada/store/store.ts';
import type { CoreTables, Sealed } from '@jangada/store/tables.ts';
import { hashPassword, verifyPassword } from '@jangada/trust/password.ts';
import { codePattern, newTotpSecret, totpStep, totpUri } from '@jangada/trust/totp.ts';
import { factorOf, secondFactors } from '@jangada/vault/core.ts';
import { headOf, type Place } from '@jangada/vault/field.ts';
import type { Vault } from '@jangada/vault/vault.ts';

/** Second factors: one-time codes of an authenticator app, and recovery codes for the day the phone is lost. */

/** What came of a code; `last` is a wrong one after which no further is judged for a while. */
export type Verdict = 'right' | 'wrong' | 'last' | 'used' | 'locked';

interface Holder {
  readonly id: string;
  readonly tenant: string;
}

/**
 * Each throws Unavailable when PostgreSQL, or the root of keys where its word is needed, cannot be reached: without them nobody
 * knows what was used and what a code is made of.
 */
export interface Factors {
  /** Takes a code or a recovery code. Right at most once for each, however many ask at the same time. */
  verify(holder: Holder, code: string): Promise<{ verdict: Verdict; recovered: boolean }>;
  isEnrolled(holder: Holder): Promise<boolean>;
  /** Begins with a new secret; the present one stays good until the new one is confirmed. */
  enrol(holder: Holder, label: string): Promise<{ secret: string; uri: string }>;
  /** Makes the new secret the only one and returns new recovery codes, which are shown this once. */
  confirm(holder: Holder, code: string): Promise<{ verdict: Verdict; recoveryCodes: readonly string[] }>;
}

const triesMax = 5;
const triesWithinMs = 15 * 60_000;
const recoveryCodesCount = 10;
// No letter or digit that is read as another.
const recoveryAlphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
const recoveryPattern = /^(\d)-([a-z2-9]{5})-([a-z2-9]{5})-([a-z2-9]{5})$/;

const db = queries<CoreTables>();
type Factor = Pick<CoreTables['second_factors'], 'secret' | 'pending'> & {
  last_step: number;
  failures: number;
  failed_since: string | null;
};

const isLocked = ({ failures, failed_since }: Factor, now: number): boolean =>
  failures >= triesMax && failed_since !== null && now - Date.parse(failed_since) < triesWithinMs;

/** The first character says which code it is, so that only one slow hash is computed. 73 bits follow. */
const newRecoveryCode = (number: number): string => {
  const letters = () =>
    Array.from({ length: 5 }, () => recoveryAlphabet[randomInt(recoveryAlphabet.length)]).join('');
  return `${number}-${letters()}-${letters()}-${letters()}`;
};

type Column = keyof typeof secondFactors.columns;

const placeOf = ({ id, tenant }: Holder, column: Column): Place => ({
  ...{ tenant, table: secondFactors.name, column, row: id, subject: factorOf(id) },
});

export const openFactors = (store: Store, vault: Vault): Factors => {
  const mine = db.updateTable('second_factors');

  const sealed = async (
    holder: Holder,
    column: Column,
    secret: string,
    transaction: Transaction,
  ): Promise<Sealed<string>> => {
    const { class: kept } = secondFactors.columns[column];
    const whose = { subject: factorOf(holder.id), class: kept };
    using sealer = await vault.sealer(holder.tenant, [whose], transaction);
    return sealer.seal(placeOf(holder, column), kept, secret);
  };

  const opened = async (
    holder: Holder,
    column: Column,
    bytes: Buffer,
    transaction: Transaction,
  ): Promise<string> => {
    const { class: kept } = secondFactors.columns[column];
    const field = { subject: factorOf(holder.id), class: kept, ...headOf(bytes) };
    using opener = await vault.opener(holder.tenant, [field], transaction);
    return opener.open(placeOf(holder, column), kept, bytes);
  };

  /**
   * Works on an account's factor while nobody else does: of codes that come at the same time each is judged with
   * what the one before left behind.
   */
  const alone = <T>(
    { id, tenant }: Holder,
    work: (factor: Factor | undefined, transaction: Transaction) => Promise<T>,
  ): Promise<T> =>
    store.within({ tenant }, async (transaction) => {
      const [factor] = await transaction.rows(
        db
          .selectFrom('second_factors')
          .select(['secret', 'pending', 'last_step', 'failures', 'failed_since'])
          .where('tenant_id', '=', tenant)
          .where('id', '=', id)
          .forUpdate(),
      );
      return work(factor, transaction);
    });

  const fail = async (
    { id, tenant }: Holder,
    factor: Factor,
    transaction: Transaction,
    now: number,
  ): Promise<Verdict> => {
    const recent = factor.failed_since !== null && now - Date.parse(factor.failed_since) < triesWithinMs;
    const failures = recent ? factor.failures + 1 : 1;
    const since = recent ? {} : { failed_since: new Date(now) };
    await transaction.rows(
      mine
        .set({ failures, ...since })
        .where('tenant_id', '=', tenant)
        .where('id', '=', id),
    );
    return failures < triesMax ? 'wrong' : 'last';
  };

  /** Takes the step if no later one was taken: the row is ours alone, and the condition holds even if it were not. */
  const takeStep = async (
    { id, tenant }: Holder,
    step: number,
    transaction: Transaction,
  ): Promise<boolean> => {
    const taken = await transaction.rows(
      mine
        .set({ last_step: step, failures: 0, failed_since: null })
        .where('tenant_id', '=', tenant)
        .where('id', '=', id)
        .where('last_step', '<', step)
        .returning('id'),
    );
    return taken.length === 1;
  };

  const takeRecoveryCode = async (
    { id, tenant }: Holder,
    code: string,
    transaction: Transaction,
    now: number,
  ): Promise<Verdict> => {
    const number = Number(recoveryPattern.exec(code)?.[1] ?? Number.NaN);
    if (Number.isNaN(number)) return 'wrong';
    const codes = db.selectFrom('recovery_codes').select(['hash', 'used_at']);
    const [stored] = await transaction.rows(
      codes.where('tenant_id', '=', tenant).where('account_id', '=', id).where('number', '=', number),
    );
    if (!stored || !(await verifyPassword(code, stored.hash))) return 'wrong';
    const taken = await transaction.rows(
      db
        .updateTable('recovery_codes')
        .set({ used_at: new Date(now) })
        .where('tenant_id', '=', tenant)
        .where('account_id', '=', id)
        .where('number', '=', number)
        .where('used_at', 'is', null)
        .returning('number'),
    );
    return taken.length === 1 ? 'right' : 'used';
  };

  return {
    verify: (holder, code) => {
      const now = Date.now();
      const recovering = !codePattern.test(code);
      return alone(holder, async (factor, transaction) => {
        const judge = async (): Promise<Verdict> => {
          if (!factor?.secret) return 'wrong';
          if (isLocked(factor, now)) return 'locked';
          if (recovering) {
            const verdict = await takeRecoveryCode(holder, code, transaction, now);
            return verdict === 'wrong' ? fail(holder, factor, transaction, now) : verdict;
          }
          const step = totpStep(await opened(holder, 'secret', factor.secret, transaction), code, now);
          if (step !== undefined) return (await takeStep(holder, step, transaction)) ? 'right' : 'used';
          return fail(holder, factor, transaction, now);
        };
        const verdict = await judge();
        return { verdict, recovered: recovering && verdict === 'right' };
      });
    },

    isEnrolled: ({ id, tenant }) =>
      store
        .read(
          { tenant },
          db
            .selectFrom('second_factors')
            .select('id')
            .where('tenant_id', '=', tenant)
            .where('id', '=', id)
            .where('secret', 'is not', null),
        )
        .then(({ length }) => length > 0),

    enrol: async (holder, label) => {
      const { id, tenant } = holder;
      const secret = newTotpSecret();
      await store.within({ tenant }, async (transaction) => {
        const pending = await sealed(holder, 'pending', secret, transaction);
        await transaction.rows(
          db
            .insertInto('second_factors')
            .values({ tenant_id: tenant, id, pending })
            .onConflict((conflict) => conflict.columns(['tenant_id', 'id']).doUpdateSet({ pending })),
        );
      });
      return { secret, uri: totpUri(secret, label) };
    },

    confirm: async (holder, code) => {
      const now = Date.now();
      const recoveryCodes = Array.from({ length: recoveryCodesCount }, (_, number) =>
        newRecoveryCode(number),
      );
      const hashes = await Promise.all(recoveryCodes.map(hashPassword));
      const owner = { tenant_id: holder.tenant, account_id: holder.id };
      return alone(holder, async (factor, transaction) => {
        if (!factor?.pending) return { verdict: 'wrong', recoveryCodes: [] };
        if (isLocked(factor, now)) return { verdict: 'locked', recoveryCodes: [] };
        const secret = await opened(holder, 'pending', factor.pending, transaction);
        const step = totpStep(secret, code, now);
        if (step === undefined)
          return { verdict: await fail(holder, factor, transaction, now), recoveryCodes: [] };
        const confirmed = {
          secret: await sealed(holder, 'secret', secret, transaction),
          pending: null,
          last_step: step,
          failures: 0,
          failed_since: null,
        };
        await transaction.rows(
          mine.set(confirmed).where('tenant_id', '=', holder.tenant).where('id', '=', holder.id),
        );
        await transaction.rows(
          db
            .deleteFrom('recovery_codes')
            .where('tenant_id', '=', holder.tenant)
            .where('account_id', '=', holder.id),
        );
        const codes = hashes.map((hash, number) => ({ ...owner, number, hash }));
        await transaction.rows(db.insertInto('recovery_codes').values(codes));
        return { verdict: 'right', recoveryCodes };
      });
    },
  };
};
