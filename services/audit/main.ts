import { keep } from '@jangada/runtime/keep.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { contract } from './contract.ts';
import { entryOf, forgedEntryOf } from './handler.ts';
import { append } from './ledger.ts';
import { countUnanswered } from './unanswered.ts';

const config = configOf(['DATABASE_URL', 'DATABASE_POOL_SIZE']);
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

await service.stopped;
