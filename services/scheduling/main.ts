import { packOf } from '@jangada/packs/registry.ts';
import { optional } from '@jangada/runtime/health.ts';
import { forgetChangedKeys } from '@jangada/runtime/rekey.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { traceparentOf } from '@jangada/telemetry/trace.ts';
import { assertSigned } from '@jangada/trust/pass.ts';
import { openRoot, rootSettings } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { openAgendas } from './agendas.ts';
import { carryOut } from './carry-out.ts';
import { contract } from './contract.ts';
import { decide, type Outcome } from './handler.ts';

const config = configOf([
  'MESSAGE_KEYS',
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'DATABASE_TENANT_URLS',
  ...rootSettings,
]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
// Without the root no booking could be sealed: better not to start than to fail each command.
const root = await openRoot(config);
const vault = openVault(root, telemetry.metrics);
const agendas = openAgendas();
const booked = telemetry.metrics.counter('appointments_booked_total', 'Bookings that were made');
const cancelled = telemetry.metrics.counter('appointments_cancelled_total', 'Bookings that were cancelled');
const refusals = telemetry.metrics.counter(
  'agenda_refusals_total',
  'Commands that were refused, by type and code',
  ['type', 'code'],
);

const count = (outcome: Outcome): void => {
  if ('refused' in outcome) refusals.inc({ type: outcome.type, code: outcome.refused });
  else if (outcome.again) return;
  else if (outcome.type === 'ScheduleAppointment') booked.inc();
  else if (outcome.type === 'CancelAppointment') cancelled.inc();
};

await using service = await serve(
  contract,
  config,
  {
    gather: async ({ command }, { pass, span, signal }, bus) => {
      assertSigned(JSON.stringify(command), pass, 'command');
      const carrying = span('agenda');
      try {
        const pack = packOf(pass.pack);
        const order = { command, pass, pack, traceparent: traceparentOf(carrying), signal };
        const outcome = await carryOut({ bus, store, vault, agendas }, order);
        count(outcome);
        return { outcome, locale: pass.loc };
      } finally {
        carrying.end();
      }
    },
    decide,
    probes: { database: () => store.ping(), root: optional(() => root.health()) },
  },
  telemetry,
);

forgetChangedKeys(service.bus, vault);

await service.stopped;
