import { keep } from '@jangada/runtime/keep.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { contract } from './contract.ts';
import { isStale, tickOf } from './handler.ts';
import { keepLetters } from './letters.ts';
import { scheduleAll } from './schedule.ts';
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

// New tenants get their schedule without a restart.
const lookForTenants = () =>
  scheduleAll(service.bus, store).catch(() =>
    service.log.warn({ operation: 'schedule' }, 'schedules could not be checked; trying again'),
  );
await lookForTenants();
const timer = setInterval(lookForTenants, 60_000);
service.onDrain(async () => clearInterval(timer));

await service.stopped;
