import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as auth from '@jangada/proto/auth.ts';
import { core } from '@jangada/proto/envelope.ts';
import { connect, queries } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { Command } from 'commander';
import { z } from 'zod';
import { home, readLocal } from '../local.ts';
import { exitCodes, Failure } from './failure.ts';
import { openOperator, say } from './operator.ts';
import { type Format, jsonOption, print, table } from './output.ts';

const account = z.object({
  alias: z.string(),
  tenant: z.string(),
  role: z.string(),
  email: z.string(),
  password: z.string(),
  /** Base32; present where the account signs in with a one-time code too. */
  totpSecret: z.string().optional(),
});
export type Account = z.output<typeof account>;

/** The demo accounts that the seeder wrote. @throws Failure when there are none yet */
export const readAccounts = (): readonly Account[] => {
  let text: string;
  try {
    text = readFileSync(join(home(), 'accounts.json'), 'utf8');
  } catch (error) {
    throw new Failure('there are no demo accounts yet; `npm start` makes them', exitCodes.unreachable, error);
  }
  return z.array(account).parse(JSON.parse(text));
};

/** @throws Failure naming the aliases there are */
export const accountOf = (accounts: readonly Account[], alias: string): Account => {
  const found = accounts.find((known) => known.alias === alias);
  if (found) return found;
  throw new Failure(
    `there is no account ${alias}; there are ${accounts.map((known) => known.alias).join(', ')}`,
  );
};

const db = queries<CoreTables>();

/**
 * Takes the second factor and the recovery codes from an account whose holder has neither any more, and ends its
 * sessions: whoever has the phone gets no further with it. Nothing is taken that audit does not hear of.
 * @throws Failure for an address that no account has, or one without a second factor
 */
const resetFactor = async (email: string): Promise<{ account: string; ended: number }> => {
  const local = readLocal();
  await using operator = await openOperator(local);
  await using store = connect('operator', { DATABASE_URL: local.databaseUrl, DATABASE_POOL_SIZE: 1 });
  const [holder] = await store.rows(
    db.selectFrom('accounts').select(['id', 'tenant_id']).where('email', '=', email),
  );
  if (!holder) throw new Failure('no account has this address');
  const { id: account, tenant_id: tenant } = holder;
  const actor = 'operator';
  const ended = await store.within({ tenant }, async (transaction) => {
    const taken = await transaction.rows(
      db
        .deleteFrom('second_factors')
        .where('tenant_id', '=', tenant)
        .where('id', '=', account)
        .returning('id'),
    );
    if (taken.length === 0) throw new Failure('this account has no second factor');
    await transaction.rows(
      db.deleteFrom('recovery_codes').where('tenant_id', '=', tenant).where('account_id', '=', account),
    );
    const sessions = await transaction.rows(
      db
        .updateTable('sessions')
        .set({ ended_at: new Date(), reason: 'revoked' })
        .where('tenant_id', '=', tenant)
        .where('account_id', '=', account)
        .where('reason', 'is', null)
        .returning('id'),
    );
    await say(operator, auth.changed, tenant, { actor, account, change: 'reset' });
    for (const { id } of sessions)
      await say(operator, auth.revoked, tenant, { actor, account, reason: 'revoked' }, id);
    return sessions;
  });
  for (const { id } of ended) operator.nc.publish(core.ended(tenant, id));
  await operator.nc.flush();
  return { account, ended: ended.length };
};

export const accountsCommand = (): Command =>
  new Command('accounts')
    .description('demo accounts of the local system')
    .addOption(jsonOption())
    .action((format: Format) => {
      const accounts = readAccounts();
      print(format, accounts, () =>
        table(
          ['alias', 'tenant', 'role', 'email', 'password', 'one-time secret'],
          accounts.map((known) => [
            known.alias,
            known.tenant,
            known.role,
            known.email,
            known.password,
            known.totpSecret,
          ]),
        ),
      );
    })
    .addCommand(
      new Command('reset-factor')
        .description(
          'for whoever lost phone and recovery codes, once it is sure who asks; ends their sessions',
        )
        .argument('<email>', 'the address they sign in with')
        // `--json` is the option of the command above, which takes it wherever it stands.
        .action(async (email: string, _own: object, command: Command) => {
          const format = command.optsWithGlobals<Format>();
          const done = await resetFactor(email);
          print(
            format,
            done,
            () =>
              `${done.account} has no second factor any more, and ${done.ended} sessions ended. The next log-in may enrol.`,
          );
        }),
    );
