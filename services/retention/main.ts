import { due, idle, nightlyHour } from '@jangada/proto/retention.ts';
import { keep } from '@jangada/runtime/keep.ts';
import { keepScheduled } from '@jangada/runtime/schedules.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore, queries } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { contract } from './contract.ts';
import { isStale, tickOf } from './handler.ts';
import { keepLetters } from './letters.ts';
import { takeAll } from './sweep.ts';

const config = configOf(['DATABASE_URL', 'DATABASE_POOL_SIZE', 'DATABASE_TENANT_URLS']);
await using store = await openStore(contract.name, config);

await using service = await keep(contract, config, {
  record: (heard, body) => {
    const tick = tickOf(heard, body);
    return { ...tick, stale: isStale(tick, body, new Date()) };
  },
  keep: async (ticks, signal, tell) => {
    await takeAll(
      { store, signal, tell },
      ticks.filter(({ stale }) => !stale),
    );
    return [];
  },
  probes: { database: () => store.ping() },
});

await keepLetters(service);

const tenants = () => store.rows(queries<CoreTables>().selectFrom('tenants').select(['id', 'time_zone']));
await keepScheduled(service, tenants, [
  { tick: due, when: `0 0 ${nightlyHour} * * *`, staleAfterSeconds: 12 * 3_600 },
  { tick: idle, when: '0 */5 * * * *', staleAfterSeconds: 300 },
]);

await service.stopped;
