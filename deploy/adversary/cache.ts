import { openCache } from '@jangada/cache/cache.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { until } from '@jangada/testkit/until.ts';
import { revokedRelation } from './authz.ts';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import type { Ground } from './ground.ts';

/** Answers that are remembered: for whom, for how long, and what a hand in Redis can do. */

const answersOf = async ({ redis }: Ground, tenant: string): Promise<string[]> =>
  (await redis.keys(`tenant:${tenant}:*`)).filter((key) => !key.endsWith(':generation'));

/** Data-access is ready without Redis; what is tried here needs it to have both. */
const withRedis = ({ journey }: Ground): Promise<unknown> =>
  until('data-access with its Redis', async () =>
    (await journey.system.statuses()).some(
      ({ name, ready, checks }) =>
        name === 'data-access' && ready && checks.every(({ status }) => status === 'healthy'),
    ),
  );

/** A process that restarts has only Redis to remember by. */
const forgetMemory = async (ground: Ground): Promise<void> => {
  const { journey } = ground;
  const service = journey.system.services.get('data-access');
  await service?.suspend();
  service?.resume();
  await journey.system.ready();
  await withRedis(ground);
};

const separate = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const question = 'lista de clientes';
  const [first, second] = [
    await ground.ask('professional', question),
    await ground.ask('professional2', question),
  ];
  const again = await ground.ask('professional2', question);
  const crossed = [second, again].filter(({ content }) =>
    /Ana Lima|Bruno Rocha|Carla Dias|Diego Melo/.test(content),
  ).length;
  const seen = /Ana Lima/.test(first.content) && /Elisa Prado/.test(second.content);
  return {
    refused: crossed === 0,
    holds: crossed === 0 && seen ? ['separate_entries'] : [],
    figures: { cross_hits: crossed },
  };
};

/** Values in Redis are replaced by other bytes: forged, of another key, of another tenant. Nobody may be told them. */
const tampered =
  (change: (entries: readonly string[], ground: Ground) => Promise<void>) =>
  async (_one: AttackCase, ground: Ground): Promise<Observed> => {
    const question = 'quantas consultas em 2023?';
    const before = await ground.ask('admin', question);
    const entries = await answersOf(ground, 'clinica-aurora');
    await ground.ask('foreign', 'quantas consultas em 2022?');
    await change(entries, ground);
    await forgetMemory(ground);
    const after = await ground.ask('admin', question);
    const same = after.status === 200 && after.content === before.content;
    const cached = /"cached":true/.test(after.text);
    return {
      refused: same && !cached,
      silent: same && !cached,
      holds: entries.length > 0 && same && !cached ? ['miss'] : [],
      figures: { tampered: await ground.journey.counted('data-access', 'cache_altered_total') },
      note: `${entries.length} entries changed; answered ${after.status}, cached: ${cached}`,
    };
  };

/** The cache as data-access opens it, asked many times at once for what it does not have. */
const stampede = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  let loads = 0;
  const { local, keys } = ground.journey.system;
  await using cache = openCache(
    { REDIS_URL: local.redisUrl, ENCRYPTION_KEY: Buffer.from(keys.encryptionKey, 'base64') } as never,
    openMetrics('adversary'),
  );
  const key = {
    ...{ tenant: 'clinica-aurora', scope: 'own:x', rules: 'r', plan: crypto.randomUUID() },
    space: { name: 'rows', maxBytes: 1_000_000 },
  };
  const answers = await Promise.all(
    Array.from({ length: 500 }, () =>
      cache.through(key, 60, async () => {
        loads += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
        return loads;
      }),
    ),
  );
  const before = await ground.journey.readsOfPeople();
  await Promise.all(Array.from({ length: 40 }, () => ground.ask('admin', 'quantas consultas em 2021?')));
  const reads = (await ground.journey.readsOfPeople()) - before;
  return {
    refused: loads === 1,
    holds: loads === 1 && answers.every(({ value }) => value === 1) ? ['single_flight'] : [],
    figures: { pg_queries_max: Math.max(loads, reads) },
    note: `500 callers: ${loads} load; 40 runs: ${reads} read`,
  };
};

const redisGone = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { redis } = ground.journey.system.servers;
  ground.redis.disconnect();
  await redis?.stop();
  try {
    const told = [];
    for (let day = 1; day <= 10; day++)
      told.push(await ground.ask('admin', `quantas consultas em ${day}/01/2014?`));
    const failed = told.filter(({ status }) => status !== 200).length;
    const { accounts } = ground.journey.system;
    const email = accounts.find(({ alias }) => alias === 'viewer')?.email;
    const login = await ground.http('POST', '/v1/auth/token', {
      address: ground.address(),
      body: { email, password: 'wrong' },
    });
    return {
      refused: login.status >= 400,
      holds: failed === 0 ? ['degrade'] : [],
      figures: { errors_max_rate: failed / told.length },
      note: `10 questions, ${failed} failed; a log-in meanwhile: ${login.status} ${login.code}`,
    };
  } finally {
    await redis?.restart();
    await ground.redis.connect();
    await withRedis(ground);
  }
};

/** Tags of HMAC-SHA256 in base64url, whole and shortened: chance spells short names in them. */
const tags = /(?<![\w-])(?:[\w-]{22}|[\w-]{43})(?![\w-])/g;

/** What a name in Redis tells: the tenant and nothing of who or what. */
const names = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  await ground.ask('admin', 'consultas de Ana Lima');
  // Data-access answers without waiting for Redis.
  await until('an answer in Redis', async () => (await answersOf(ground, 'clinica-aurora')).length > 0);
  const keys = await ground.redis.keys('*');
  const telling = keys.filter((key) =>
    /ana|lima|appointment|client|pro-1|admin/i.test(key.replaceAll(tags, '')),
  );
  const values = await Promise.all(
    (await answersOf(ground, 'clinica-aurora')).map((key) => ground.redis.getBuffer(key)),
  );
  const clear = values.filter((value) => /Ana Lima|rows/.test(value?.toString('latin1') ?? '')).length;
  const fine = telling.length === 0 && clear === 0 && keys.length > 0;
  return {
    refused: fine,
    holds: fine ? ['miss', 'ciphertext_only', 'no_foreign_data'] : [],
    figures: { hits: telling.length + clear, rows_foreign: 0 },
  };
};

export const cache = area('cache', [
  [/relation scope|same tenant|other professional|separate/i, separate],
  [/revoked|ended|withdrawn/i, revokedRelation],
  [
    /moved|rename|another tenant/i,
    tampered(async (entries, { redis }) => {
      const [theirs] = (await redis.keys('tenant:clinica-brisa:*')).filter(
        (key) => !key.endsWith(':generation'),
      );
      const value = theirs ? await redis.getBuffer(theirs) : null;
      for (const entry of entries) if (value) await redis.set(entry, value);
    }),
  ],
  [
    /poison|forged|writing Redis|direct/i,
    tampered(async (entries, { redis }) => {
      const forged = Buffer.from(
        JSON.stringify({
          value: { rows: [{ count: 666 }], asOf: new Date().toISOString() },
          until: Date.now() + 60_000,
          generation: '0',
        }),
      );
      for (const entry of entries) await redis.set(entry, forged);
    }),
  ],
  [
    /bit|truncat|corrupt/i,
    tampered(async (entries, { redis }) => {
      for (const entry of entries) {
        const value = await redis.getBuffer(entry);
        if (value) await redis.set(entry, value.subarray(0, value.length - 3));
      }
    }),
  ],
  [/stampede|single.flight|expiry/i, stampede],
  [/Redis (?:is )?(?:down|gone|away)|evict/i, redisGone],
  [/key|name|predict|guess/i, names],
]);
