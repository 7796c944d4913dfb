import { optional } from '@jangada/runtime/health.ts';
import { forgetChangedKeys } from '@jangada/runtime/rekey.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { assertSigned } from '@jangada/trust/pass.ts';
import { openRoot, rootSettings } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { contract } from './contract.ts';
import { decide } from './handler.ts';
import { record } from './judgement.ts';

const config = configOf([
  'MESSAGE_KEYS',
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'DATABASE_TENANT_URLS',
  ...rootSettings,
]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
const root = await openRoot(config);
const vault = openVault(root, telemetry.metrics);
const ratings = telemetry.metrics.counter(
  'agent_feedback_total',
  'Judgements of answers, by how good they were, from 1 to 5',
  ['rating'],
);
for (const rating of ['1', '2', '3', '4', '5']) ratings.inc({ rating }, 0);

await using service = await serve(
  contract,
  config,
  {
    gather: async (judgement, { pass }) => {
      assertSigned(JSON.stringify(judgement), pass, 'judgement');
      await record(store, vault, judgement, pass);
      ratings.inc({ rating: String(judgement.rating) });
      return pass;
    },
    decide,
    probes: { database: () => store.ping(), root: optional(() => root.health()) },
  },
  telemetry,
);

forgetChangedKeys(service.bus, vault);

await service.stopped;
