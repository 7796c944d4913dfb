import { keep } from '@jangada/runtime/keep.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import { contract } from './contract.ts';
import { entryOf, forgedEntryOf } from './handler.ts';
import { append } from './ledger.ts';
import { seal } from './seal.ts';
import { countUnanswered } from './unanswered.ts';
import { keepSealed } from './witness.ts';

const config = configOf([
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'AUDIT_CHECKPOINT_KEYS',
  'AUDIT_CHECKPOINT_LOG',
]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
const unanswered = countUnanswered(telemetry.metrics);

await using service = await keep(
  contract,
  config,
  {
    record: entryOf,
    forged: forgedEntryOf,
    keep: async (entries) => {
      await append(store, entries);
      for (const { details } of entries) if (details.unanswered) unanswered(details.unanswered);
      return [];
    },
    probes: { database: () => store.ping() },
  },
  telemetry,
);

const signing = { log: config.JANGADA_ENV, signer: signerFrom(config.AUDIT_CHECKPOINT_KEYS) };
service.onDrain(
  await keepSealed({
    ...{ store, bus: service.bus, log: service.log, metrics: service.metrics },
    path: config.AUDIT_CHECKPOINT_LOG,
    seal: () => seal(store, signing),
  }),
);

await service.stopped;
