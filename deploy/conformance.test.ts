import { type Bench, conforms } from '@jangada/testkit/conformance.ts';
import { keeps } from '@jangada/testkit/keeping.ts';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll } from 'vitest';
import { startBroker, type TestBroker } from './test-broker.ts';
import { collect } from './topology.ts';

// Every hop and sink there is, with its own rights alone.
let broker: TestBroker;
let operator: NatsConnection;

beforeAll(async () => {
  broker = await startBroker();
  operator = (await broker.as('operator')).nc;
});

afterAll(async () => {
  await operator?.close();
  await broker?.[Symbol.asyncDispose]();
});

const bench = (): Bench => ({
  operator,
  settings: (name) => ({ NATS_URL: broker.url, NATS_NKEY_SEED: broker.seedOf(name) }),
});

for (const contract of await collect()) {
  if (contract.kind === 'hop') conforms(contract, bench);
  if (contract.kind === 'sink') keeps(contract, bench);
}
