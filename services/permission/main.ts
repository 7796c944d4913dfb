import { packOf } from '@jangada/packs/registry.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { grantSealer } from '@jangada/trust/grant.ts';
import { signerOf } from '@jangada/trust/seal.ts';
import { contract } from './contract.ts';
import { decide, namesPerson, reachOf } from './handler.ts';
import { namedIn } from './reach.ts';

const config = configOf([
  'PASS_PUBLIC_KEYS',
  'GRANT_PRIVATE_KEY',
  'GRANT_DATABASE_KEY',
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
]);
const sign = grantSealer(signerOf(config.GRANT_PRIVATE_KEY), config.GRANT_DATABASE_KEY);
await using store = await openStore(contract.name, config);

await using service = await serve(contract, config, {
  gather: async ({ plan }, { pass }) => {
    const pack = packOf(pass.pack);
    const reach = reachOf(plan, pack, pass);
    const people = pack.sources[plan.source]?.subject?.table;
    const named =
      reach && people && namesPerson(plan)
        ? await namedIn(store, pass.tid, people, plan.filter, { reach, by: pass.per })
        : undefined;
    return { pack, pass, named, sign };
  },
  decide,
  probes: { database: () => store.ping() },
});

await service.stopped;
