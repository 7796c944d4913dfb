import { emit } from '@jangada/hop/hop.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { raised, rules, severities } from '@jangada/proto/alert.ts';
import { revoked } from '@jangada/proto/auth.ts';
import { core } from '@jangada/proto/envelope.ts';
import { type Kept, keep } from '@jangada/runtime/keep.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { contract } from './contract.ts';
import { factOf } from './facts.ts';
import { type Raised, type Seen, watch } from './watch.ts';

const config = configOf(['DATABASE_URL', 'DATABASE_POOL_SIZE']);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
const alerts = telemetry.metrics.counter(
  'alerts_total',
  'What was raised about how somebody reads, by rule and how bad it is',
  ['rule', 'severity'],
);
for (const rule of rules) for (const severity of severities) alerts.inc({ rule, severity }, 0);

const keptOf = ({ tenant, id, actor, ended, ...rest }: Raised): readonly Kept[] => {
  const { rule, severity, at, session, value, limit } = rest;
  const body = { actor, rule, severity, at, value, limit, ended: ended.length };
  return [
    { tenant, id, emission: emit(raised, { ...body, ...(session === null ? {} : { session }) }) },
    ...ended.map((one) => ({
      ...{ tenant, id: one },
      emission: emit(revoked, { actor: contract.name, account: actor, reason: 'revoked' }),
    })),
  ];
};

await using service = await keep(
  contract,
  config,
  {
    record: ({ message, tenant, pass, sequence, storedAt }, head): Seen | undefined => {
      if (!pass) return undefined;
      const code = 'code' in head ? head.code : null;
      const by = { role: pass.rol, session: pass.sid };
      const fact = factOf(
        { fact: message.name, sequence, at: storedAt, ...by, code, details: head },
        pass.zone,
      );
      return fact && { tenant, actor: pass.sub, endsSessions: packOf(pass.pack).endsSessions, fact };
    },
    keep: async (seen) => {
      const found = await watch(store, seen);
      for (const { tenant, id, rule, severity, ended } of found) {
        alerts.inc({ rule, severity });
        telemetry.log.warn(
          { operation: 'alert', tenantId: tenant, alertId: id, rule, severity },
          'somebody reads as nobody should; see `jangada alerts`',
        );
        // Edges are told once it holds, so that what is open by these sessions closes.
        for (const session of ended) service.bus.nc.publish(core.ended(tenant, session));
      }
      return found.flatMap(keptOf);
    },
    probes: { database: () => store.ping() },
  },
  telemetry,
);

await service.stopped;
