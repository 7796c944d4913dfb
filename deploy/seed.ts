import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packs } from '@jangada/packs/registry.ts';
import { sealedTables } from '@jangada/packs/sealed.ts';
import type { Transaction } from '@jangada/store/store.ts';
import { hashPassword } from '@jangada/trust/password.ts';
import { newTotpSecret } from '@jangada/trust/totp.ts';
import { factorOf, secondFactors } from '@jangada/vault/core.ts';
import { type SealedTable, sealRows } from '@jangada/vault/rows.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { type Compilable, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';

/** An account to play with, as `npx jangada accounts` prints it. */
export interface Account {
  readonly alias: string;
  readonly tenant: string;
  readonly role: string;
  readonly email: string;
  readonly password: string;
  /** Base32; an authenticator app, or `jangada ask`, makes codes of it. */
  readonly totpSecret?: string;
}

/**
 * Writes the demo tenants of every pack and returns their accounts. Passwords are random, made once per
 * installation and kept in `<home>/accounts.json`. Rows that are there stay as they are; the demo grows with the
 * days, so that there is always a tomorrow to ask about.
 */
export const seed = async (
  databaseUrl: string,
  home: string,
  { vault }: { readonly vault: Vault },
): Promise<readonly Account[]> => {
  const file = join(home, 'accounts.json');
  const known: Account[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  const db = new Kysely<Record<string, Record<string, unknown>>>({
    dialect: new PostgresDialect({
      pool: new pg.Pool({ connectionString: databaseUrl, max: 1, pipeline: true }),
    }),
  });
  const insert = async (
    tenant: string,
    table: string,
    rows: readonly Readonly<Record<string, unknown>>[],
    sealed?: SealedTable,
  ): Promise<void> => {
    for (let start = 0; start < rows.length; start += 500) {
      const some = rows.slice(start, start + 500);
      await db.transaction().execute(async (transaction) => {
        const stored = sealed
          ? await sealRows(vault, sealed, tenant, some, throughKysely(transaction))
          : some;
        await transaction
          .insertInto(table)
          .values(stored)
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      });
    }
  };

  const accounts: Account[] = [];
  try {
    for (const pack of packs) {
      for (const { tenant, accounts: people, rows } of pack.demo?.(Temporal.Now.instant()) ?? []) {
        await insert(tenant.id, 'tenants', [{ ...tenant, pack: pack.name }]);
        const sealed = sealedTables(pack);
        for (const [table, some] of Object.entries(rows))
          await insert(
            tenant.id,
            table,
            some,
            sealed.find(({ name }) => name === table),
          );
        for (const { alias, role, person, secondFactor } of people) {
          const id = `${tenant.id}-${alias}`;
          const email = `${alias}@${tenant.id}.example`;
          const before = known.find((account) => account.email === email);
          const password = before?.password ?? randomBytes(9).toString('base64url');
          const totpSecret = secondFactor ? (before?.totpSecret ?? newTotpSecret()) : undefined;
          accounts.push({
            alias,
            tenant: tenant.id,
            role,
            email,
            password,
            ...(totpSecret && { totpSecret }),
          });
          await db
            .insertInto('accounts')
            .values({
              id,
              tenant_id: tenant.id,
              alias,
              email,
              password_hash: await hashPassword(password),
              role,
              person_id: person ?? null,
            })
            .onConflict((conflict) =>
              conflict
                .column('email')
                .doUpdateSet((row) => ({ password_hash: row.ref('excluded.password_hash') })),
            )
            .execute();
          if (!totpSecret) continue;
          const factor = { id, subject_id: factorOf(id), secret: totpSecret };
          await db.transaction().execute(async (transaction) => {
            const [stored] = await sealRows(
              vault,
              secondFactors,
              tenant.id,
              [factor],
              throughKysely(transaction),
            );
            const secret = stored?.['secret'];
            await transaction
              .insertInto('second_factors')
              .values({ tenant_id: tenant.id, id, secret })
              // The step of the last code stays, so that it is not good again after a restart.
              .onConflict((conflict) => conflict.columns(['tenant_id', 'id']).doUpdateSet({ secret }))
              .execute();
          });
        }
      }
    }
  } finally {
    await db.destroy();
  }
  writeFileSync(file, JSON.stringify(accounts, null, 2), { mode: 0o600 });
  return accounts;
};

/** A transaction of Kysely as the vault reads and writes through it. */
const throughKysely = (
  transaction: Pick<Kysely<Record<string, Record<string, unknown>>>, 'executeQuery'>,
): Transaction => ({
  rows: async <R>(query: Compilable<R>) => (await transaction.executeQuery(query.compile())).rows,
});
