import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNats } from '@jangada/servers/nats.ts';
import {
  connect,
  type NatsConnection,
  nkeyAuthenticator,
  PermissionViolationError,
} from '@nats-io/transport-node';
import { variableOf } from './generate/nats.ts';
import { type Keys, openKeys } from './keys.ts';
import { provision } from './provision.ts';
import { collect, root } from './topology.ts';

/** A private broker with the generated users, provisioned: what somebody may not publish is refused here too. */
export interface TestBroker extends AsyncDisposable {
  /** Keeps everything of it; gone afterwards. */
  readonly dir: string;
  readonly url: string;
  readonly keys: Keys;
  /** What a user proves itself with. */
  seedOf(name: string): string;
  /** A connection as one user, and what the broker denied it, as `publish <subject>` or `subscription <subject>`. */
  as(name: string): Promise<AsyncDisposable & { readonly nc: NatsConnection; readonly denied: Set<string> }>;
}

export const startBroker = async (): Promise<TestBroker> => {
  const dir = await mkdtemp(join(tmpdir(), 'jangada-broker-'));
  const keys = openKeys(
    join(dir, 'keys.json'),
    (await collect()).map(({ name }) => name),
  );
  const seedOf = (name: string): string => keys.broker[name]?.seed ?? '';
  const server = await startNats({
    dir: join(dir, 'nats'),
    configFile: join(root, 'deploy/generated/nats.conf'),
    env: Object.fromEntries(
      Object.entries(keys.broker).map(([name, { publicKey }]) => [variableOf('NKEY', name), publicKey]),
    ),
    syncInterval: '1s',
  });
  await provision(server.url, seedOf('provisioner'));
  return {
    dir,
    url: server.url,
    keys,
    seedOf,
    as: async (name) => {
      const nc = await connect({
        servers: server.url,
        authenticator: nkeyAuthenticator(new TextEncoder().encode(seedOf(name))),
        inboxPrefix: `_INBOX_${name}`,
      });
      const denied = new Set<string>();
      void (async () => {
        for await (const status of nc.status())
          if (status.type === 'error' && status.error instanceof PermissionViolationError)
            denied.add(`${status.error.operation} ${status.error.subject}`);
      })();
      return { nc, denied, [Symbol.asyncDispose]: () => nc.close() };
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};
