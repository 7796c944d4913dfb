import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NatsServer, startNats } from '@jangada/servers/nats.ts';
import { type Bench, conforms } from '@jangada/testkit/conformance.ts';
import { keeps } from '@jangada/testkit/keeping.ts';
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node';
import { afterAll, beforeAll } from 'vitest';
import { variableOf } from './generate/nats.ts';
import { type Keys, openKeys } from './keys.ts';
import { provision } from './provision.ts';
import { collect, root } from './topology.ts';

// Every hop and sink there is, on a broker with the generated users: what a hop may not publish is refused here too.
const contracts = await collect();
const dir = mkdtempSync(join(tmpdir(), 'jangada-conformance-'));
const keys: Keys = openKeys(
  join(dir, 'keys.json'),
  contracts.map((contract) => contract.name),
);
const seedOf = (name: string): string => keys.broker[name]?.seed ?? '';
let server: NatsServer;
let operator: NatsConnection;

beforeAll(async () => {
  server = await startNats({
    dir: join(dir, 'nats'),
    configFile: join(root, 'deploy/generated/nats.conf'),
    env: Object.fromEntries(
      Object.entries(keys.broker).map(([name, { publicKey }]) => [variableOf('NKEY', name), publicKey]),
    ),
    syncInterval: '1s',
  });
  await provision(server.url, seedOf('provisioner'));
  operator = await connect({
    servers: server.url,
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seedOf('operator'))),
    inboxPrefix: '_INBOX_operator',
  });
});

afterAll(async () => {
  await operator?.close();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const bench = (): Bench => ({
  operator,
  settings: (name) => ({ NATS_URL: server.url, NATS_NKEY_SEED: seedOf(name) }),
});

for (const contract of contracts) {
  if (contract.kind === 'hop') conforms(contract, bench);
  if (contract.kind === 'sink') keeps(contract, bench);
}
