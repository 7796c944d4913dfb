import { packs } from '@jangada/packs/registry.ts';
import { post, signIn } from './cli/sign-in.ts';
import type { Account } from './seed.ts';

/**
 * Books what demo tenants have booked, by commands of their own accounts: an agenda is its events, which no row can stand
 * for. Those that were given at an earlier start are the same. @throws Error where one is not taken
 */
export const bookDemo = async (edgeUrl: string, accounts: readonly Account[]): Promise<void> => {
  const demos = packs.flatMap((pack) => pack.demo?.(Temporal.Now.instant()) ?? []);
  for (const { tenant, commands = [] } of demos)
    for (const [alias, own] of Map.groupBy(commands, ({ by }) => by)) {
      const account = accounts.find((one) => one.alias === alias && one.tenant === tenant.id);
      if (!account) throw new Error(`${tenant.id} has no account ${alias}`);
      const access = await signIn(edgeUrl, account);
      for (const { key, command } of own) {
        const headers = { authorization: `Bearer ${await access()}`, 'idempotency-key': key };
        const { ok, status } = await post(`${edgeUrl}/v1/commands`, command, headers);
        if (!ok) throw new Error(`the edge answered ${status}`);
      }
    }
};
