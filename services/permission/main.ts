import { followChanges } from '@jangada/limits/changes.ts';
import { openLimits } from '@jangada/limits/limits.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { readerOf, sourceOf } from '@jangada/packs/rules.ts';
import { listedTextOf } from '@jangada/proto/run.ts';
import { optional } from '@jangada/runtime/health.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { isolationChecks } from '@jangada/telemetry/isolation.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { openBodies } from '@jangada/trust/body.ts';
import { grantSealer } from '@jangada/trust/grant.ts';
import { secretFrom, signerFrom } from '@jangada/trust/keyset.ts';
import { assertSigned, ownerOf } from '@jangada/trust/pass.ts';
import { consentFor, mayAnswer, namesPerson, reachOf } from './checks.ts';
import { contract } from './contract.ts';
import { knownIn } from './facts.ts';
import { decide } from './handler.ts';
import { interrupt } from './interrupt.ts';
import { limiting } from './limit.ts';

const config = configOf([
  'MESSAGE_KEYS',
  'GRANT_PRIVATE_KEYS',
  'GRANT_DATABASE_KEYS',
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'DATABASE_TENANT_URLS',
  'REDIS_URL',
  'RATE_LIMIT_PROFILE',
  'RATE_LIMIT_REPLICAS',
]);
const telemetry = openTelemetry(contract.name, config);
const sign = grantSealer(signerFrom(config.GRANT_PRIVATE_KEYS), secretFrom(config.GRANT_DATABASE_KEYS));
await using store = await openStore(contract.name, config);

const bodies = openBodies(config.MESSAGE_KEYS);
const isolated = isolationChecks(telemetry.metrics, 'permission');
await using limits = openLimits({ settings: config, metrics: telemetry.metrics });

await using service = await serve(
  contract,
  config,
  {
    limit: limiting(limits),
    gather: async (body, { pass }) => {
      const { question, plan } = body;
      // Nobody tells the rows of a list: that one was asked for has to be what the edge signed.
      if (question === undefined) assertSigned(listedTextOf(plan), pass, 'list');
      const pack = packOf(pass.pack);
      const { rol: role, pur: purpose } = pass;
      const person = readerOf(pack, plan, { person: pass.per, owner: ownerOf(pass) });
      const asker = { pack, role, person, purpose, assurance: pass.acr, pass, sign };
      const reach = reachOf({ pack, plan, role, purpose });
      const people = sourceOf(pack, plan.source)?.subject?.table;
      // What the role may not, or what is about oneself or nobody, depends on nothing that PostgreSQL knows.
      if (!reach || !people || (reach === 'own' && !namesPerson(plan)))
        return { ...asker, named: undefined, revision: undefined, answerUntil: undefined };
      const consent = consentFor({ pack, plan, role, purpose });
      const { filter } = plan;
      const { revision, ...known } = await knownIn(store, pass.tid, {
        people,
        filter,
        reach,
        by: person,
        consent,
      });
      const named = namesPerson(plan) ? known : undefined;
      if (named) isolated(named.inTenant);
      const facts = { ...asker, plan, named };
      const answerUntil = mayAnswer(facts, body.canAnswer === true)
        ? await interrupt(store, bodies, pass, body, facts)
        : undefined;
      return { ...asker, named, revision, answerUntil };
    },
    decide,
    probes: { database: () => store.ping(), redis: optional(() => limits.ping()) },
  },
  telemetry,
);
await followChanges(service.bus.nc, limits, telemetry.log);

await service.stopped;
