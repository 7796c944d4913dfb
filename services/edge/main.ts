import { configOf, openService } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { contract } from './contract.ts';
import { edgeSettings, openServer } from './server.ts';

const config = configOf(['DATABASE_URL', 'DATABASE_POOL_SIZE', ...edgeSettings]);
await using store = await openStore(contract.name, config);
const probes = { database: () => store.ping() };
await using service = await openService(contract, config, probes);
await openServer(service, config, { store, probes });
await service.stopped;
