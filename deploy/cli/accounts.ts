import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { home } from '../local.ts';
import { exitCodes, Failure } from './failure.ts';
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
    });
