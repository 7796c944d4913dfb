import { packOf } from '@jangada/packs/registry.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { grantSealer } from '@jangada/trust/grant.ts';
import { signerOf } from '@jangada/trust/seal.ts';
import { namesPerson, reachOf } from './checks.ts';
import { contract } from './contract.ts';
import { namedIn } from './facts.ts';
import { decide } from './handler.ts';

const config = configOf([
  'PASS_PUBLIC_KEYS',
  'MESSAGE_KEYS',
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
    const { rol: role, per: person, pur: purpose } = pass;
    const reach = reachOf({ pack, plan, role });
    const people = pack.sources[plan.source]?.subject?.table;
    const named =
      reach && people && namesPerson(plan)
        ? await namedIn(store, pass.tid, people, plan.filter, { reach, by: person })
        : undefined;
    return {
      pack,
      role,
      person,
      purpose,
      assurance: pass.acr,
      named,
      pass,
      sign,
    };
  },
  decide,
  probes: { database: () => store.ping() },
});

await service.stopped;
