import { openCache } from '@jangada/cache/cache.ts';
import { embeddingSettings, openEmbedding } from '@jangada/knowledge/embedding.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { core } from '@jangada/proto/envelope.ts';
import { optional } from '@jangada/runtime/health.ts';
import { forgetChangedKeys } from '@jangada/runtime/rekey.ts';
import { serve } from '@jangada/runtime/serve.ts';
import { configOf } from '@jangada/runtime/service.ts';
import { openStore } from '@jangada/store/store.ts';
import { isolationViolations } from '@jangada/telemetry/isolation.ts';
import { openTelemetry } from '@jangada/telemetry/telemetry.ts';
import { openRoot, rootSettings } from '@jangada/vault/root.ts';
import { openVault } from '@jangada/vault/vault.ts';
import { contract } from './contract.ts';
import { decide, toolsFor } from './handler.ts';
import { openSearching } from './nearest.ts';
import { rowsOf } from './rows.ts';

const config = configOf([
  'MESSAGE_KEYS',
  'DATABASE_URL',
  'DATABASE_POOL_SIZE',
  'DATABASE_TENANT_URLS',
  'REDIS_URL',
  ...rootSettings,
  ...embeddingSettings,
  'CACHE_ALIKE',
]);
const telemetry = openTelemetry(contract.name, config);
await using store = await openStore(contract.name, config);
await using cache = openCache(config, telemetry.metrics);
// Without the root nothing that is sealed could be opened: better not to start than to fail each question.
const root = await openRoot(config);
const vault = openVault(root, telemetry.metrics);

const hits = telemetry.metrics.counter(
  'ai_agent_knowledge_base_hits',
  'Searches among texts, by source and whether anything was near to the question',
  ['knowledge_type', 'hit_result'],
);
const onlyWords = telemetry.metrics.counter(
  'knowledge_only_words_total',
  'Searches that compared words and no vectors, by reason',
  ['reason'],
);
const alike = telemetry.metrics.counter(
  'cache_alike_total',
  'Questions for texts that were taken for another that means the same, and so share what is remembered for it',
);
const told = {
  searched: (knowledge_type: string, hit_result: 'hit' | 'miss') => hits.inc({ knowledge_type, hit_result }),
  onlyWords: (reason: string) => onlyWords.inc({ reason }),
  shared: () => alike.inc(),
};
const batches = telemetry.metrics.histogram(
  'llm_batch_size',
  'Texts for which vectors were asked of their endpoint in one request',
  [1, 2, 4, 8, 16, 32, 64],
);
const embedding = await openEmbedding(config, (texts) => batches.observe(texts));
const searching = openSearching(embedding, told, config.CACHE_ALIKE);
const spared = telemetry.metrics.counter(
  'hop_spared_total',
  'Runs that went on without a service that was not there, by its name',
  ['hop'],
);
const onForeign = isolationViolations(telemetry.metrics, 'rows');

await using service = await serve(
  contract,
  config,
  {
    gather: async (body, turn) => {
      const pack = packOf(turn.pass.pack);
      const [found, isAttended] = await Promise.all([
        rowsOf(body, turn, { pack, store, cache, vault, searching, onForeign }),
        toolsFor(body, pack.sources[body.plan.source]) ? turn.isThere('tools') : true,
      ]);
      if (!isAttended) spared.inc({ hop: 'tools' });
      return { ...found, isAttended };
    },
    decide,
    probes: {
      database: () => store.ping(),
      redis: optional(() => cache.ping()),
      root: optional(() => root.health()),
    },
  },
  telemetry,
);

service.bus.nc.subscribe(core.changed('*'), {
  callback: (_error, message) => void cache.forget(message.subject.slice('changed.'.length)),
});

forgetChangedKeys(service.bus, vault);

await service.stopped;
