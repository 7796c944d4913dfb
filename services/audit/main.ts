import { keep } from '@jangada/runtime/keep.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { contract } from './contract.ts';
import { entryOf, forgedEntryOf } from './handler.ts';
import { append } from './ledger.ts';

const config = configOf(['DATABASE_URL', 'DATABASE_POOL_SIZE']);
await using store = await openStore(contract.name, config);

await using service = await keep(contract, config, {
  record: entryOf,
  forged: forgedEntryOf,
  keep: async (entries) => {
    await append(store, entries);
    return [];
  },
  probes: { database: () => store.ping() },
});

await service.stopped;
