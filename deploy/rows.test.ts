import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { agendasOf } from '@jangada/bookings/agenda.ts';
import { agendaIdOf } from '@jangada/bookings/state.ts';
import { type Cache, openCache } from '@jangada/cache/cache.ts';
import { readConfig } from '@jangada/config/config.ts';
import { type Embedding, embeddingSettings, openEmbedding } from '@jangada/knowledge/embedding.ts';
import { candidates, searched } from '@jangada/packs/knowledge.ts';
import type { Pack, Source } from '@jangada/packs/pack.ts';
import { cursorOf, type Paged, read as readPlan } from '@jangada/packs/read.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { sealedTables } from '@jangada/packs/sealed.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import type { Turn } from '@jangada/runtime/serve.ts';
import { startRedis } from '@jangada/servers/redis.ts';
import type { Server } from '@jangada/servers/server.ts';
import { connect, type Store, written } from '@jangada/store/store.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { passFor } from '@jangada/testkit/identity.ts';
import { databasePart, type Grant, planHash } from '@jangada/trust/grant.ts';
import { warmer } from '@jangada/trust/pass.ts';
import { rotate } from '@jangada/vault/rotate.ts';
import { shred } from '@jangada/vault/shred.ts';
import { Redis } from 'ioredis';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openSearching, type Searching } from '../services/data-access/nearest.ts';
import { rowsOf } from '../services/data-access/rows.ts';
import { scansOf } from './bench/guarded.ts';
import { roleOf } from './generate/roles.ts';
import { refreshKnowledge } from './knowledge.ts';
import { grantFor, startDatabase, type TestDatabase, tenantSql } from './test-database.ts';

// What data-access reads for a granted plan, with a real cache before a real database.

const pack = packOf('aesthetic-clinic');
const source = pack.sources['clients'] as Source;
const plan: Plan = {
  source: 'clients',
  ask: 'list',
  joins: [],
  filter: {},
  fields: ['name', 'phone'],
  limit: 50,
};

let database: TestDatabase;
let redisServer: Server;
let redis: Redis;
let store: Store;
let cache: Cache;

beforeAll(async () => {
  database = await startDatabase();
  redisServer = await startRedis({ dir: join(database.dir, 'redis') });
  redis = new Redis(redisServer.url);
  store = await database.storeOf('data-access');
  const settings = { REDIS_URL: redisServer.url, ENCRYPTION_KEY: randomBytes(32) };
  cache = openCache(settings, openMetrics('data-access'));
  await vi.waitFor(() => cache.ping());
  await database.administer(`
    ${tenantSql('casa')} ${tenantSql('other')}
`);
  for (const tenant of ['casa', 'other'])
    await database.write(tenant, 'clients', [
      { id: 'c1', name: `Ana of ${tenant}`, name_search: 'ana', phone: '+55 11 90000-0001' },
    ]);
}, 90_000);
afterAll(async () => {
  await cache[Symbol.asyncDispose]();
  redis.disconnect();
  await redisServer.stop();
  await database[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await redis.flushall();
  for (const tenant of ['casa', 'other']) await cache.forget(tenant);
});

interface Asked {
  readonly tenant?: string;
  readonly role?: string;
  readonly account?: string;
  readonly intent?: string;
  readonly plan?: Plan;
  readonly grant?: Partial<Grant>;
  readonly pack?: Pack;
  readonly searching?: Searching;
}

const onForeign = vi.fn();
const told = { searched: vi.fn(), onlyWords: vi.fn(), shared: vi.fn() };
const embedding = await openEmbedding(readConfig(embeddingSettings, {}));
const searchingLocally = openSearching(embedding, told, 1);

/** Reads as one run does, with a pass and a grant of its own. */
const read = async (asked: Asked = {}) => {
  const { tenant = 'casa', role = 'admin', intent = 'client_query' } = asked;
  const wanted = asked.plan ?? plan;
  const { account: sub } = asked;
  const pass = passFor('clientes', { tid: tenant, rol: role, ...(sub === undefined ? {} : { sub }) });
  const named = { rid: pass.rid, tid: tenant, ph: planHash(plan), fields: plan.fields, limit: plan.limit };
  const grant = grantFor({ ...named, ...asked.grant });
  const end = vi.fn();
  const found = await rowsOf(
    {
      question: 'clientes',
      locale: 'pt-BR',
      plan: wanted,
      intent: { type: intent, confidence: 1, entities: [], requiredPermissions: [], dataSources: [] },
    },
    {
      pass,
      tenant,
      run: pass.rid,
      grant,
      grantStatement: await database.grant(grant),
      delivery: 1,
      signal: new AbortController().signal,
      isThere: async () => true,
      span: (name) =>
        ({ end: name === 'postgresql' ? end : () => undefined }) as unknown as ReturnType<Turn['span']>,
    },
    {
      pack: asked.pack ?? pack,
      store,
      cache,
      vault: database.vault,
      searching: asked.searching ?? searchingLocally,
      onForeign,
    },
  );
  return { ...found, names: found.rows.map((row) => row['name']), asked: end.mock.calls.length };
};

describe('a granted plan', () => {
  test('is read from the database once, and from the cache after it', async () => {
    const first = await read();
    expect(first).toMatchObject({ names: ['Ana of casa'], cached: false, asked: 1 });
    const second = await read();
    expect(second).toMatchObject({ names: ['Ana of casa'], cached: true, asked: 0, asOf: first.asOf });
  });

  test('is read once for all who write a name in their own way', async () => {
    const named = (subject: string): Asked => {
      const wanted = { ...plan, filter: { subject } };
      return { plan: wanted, grant: { ph: planHash(wanted) } };
    };
    expect(await read(named('Ana'))).toMatchObject({ names: ['Ana of casa'], cached: false });
    for (const same of ['ANA', 'ána'])
      expect(await read(named(same))).toMatchObject({ cached: true, asked: 0 });
    expect(await read(named('Anabela'))).toMatchObject({ names: [], cached: false });
  });

  test.each<[string, Asked]>([
    ['another reach', { grant: { reach: 'related', by: 'p1' } }],
    ['another tenant', { tenant: 'other' }],
  ])('is not answered from what was read under %s', async (_what, other) => {
    await read();
    expect(await read(other)).toMatchObject({ cached: false, asked: 1 });
    expect((await read(other)).names).toEqual(other.tenant ? ['Ana of other'] : []);
  });

  test.each(pack.intents.map(({ name, ttlSeconds }) => [name, ttlSeconds] as const))(
    'is kept in Redis as long as its intent says: %s, %i s',
    async (intent, ttlSeconds) => {
      await read({ intent });
      const ttl = await vi.waitFor(async () => {
        const [name = ''] = (await redis.keys('tenant:casa:*')).filter((key) => !key.endsWith(':generation'));
        const seconds = await redis.ttl(name);
        expect(seconds).toBeGreaterThan(0);
        return seconds;
      });
      expect(ttl).toBeGreaterThan(ttlSeconds - 5);
      expect(ttl).toBeLessThanOrEqual(ttlSeconds);
    },
  );

  test('is read anew once the tenant’s data has changed', async () => {
    await read();
    await database.administer("update clients set name = 'Ana Lima' where tenant_id = 'casa'");
    expect((await read()).names).toEqual(['Ana of casa']);
    await cache.forget('casa');
    expect(await read()).toMatchObject({ names: ['Ana Lima'], cached: false });
    await database.administer("update clients set name = 'Ana of casa' where tenant_id = 'casa'");
  });

  test('is masked by role, whoever read it first', async () => {
    await database.administer(`insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from)
      values ('casa', 'p2', 'c1', 'care', now() - interval '1 day')`);
    const grant = { reach: 'related', by: 'p2' } as const;
    expect(await read({ grant })).toMatchObject({ masked: [], cached: false });
    expect(await read({ grant, role: 'aesthetic_professional' })).toMatchObject({
      names: ['Ana of casa'],
      cached: true,
      masked: ['email', 'phone', 'cpf'],
    });
  });
});

describe('what somebody agreed to', () => {
  const history: Plan = {
    source: 'consents',
    ask: 'list',
    joins: [],
    filter: { subjectId: 'c1' },
    fields: [...(pack.sources['consents']?.list ?? [])],
    limit: 2,
  };
  const told = async (own: Partial<Asked> = {}, over: Partial<Plan> = {}) => {
    const wanted = { ...history, ...over };
    const granted = { ph: planHash(wanted), fields: wanted.fields, limit: wanted.limit };
    const { rows, cached } = await read({
      intent: 'consents',
      ...own,
      plan: wanted,
      grant: { ...granted, ...own.grant },
    });
    return { rows, channels: rows.map((row) => row['channel']), cached };
  };
  const record = (tenant: string, subject: string, channel: string) =>
    database.administer(`insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
      values ('${tenant}', '${subject}-${channel}', '${subject}', 'withdrawn', 'contact', null, 'person', '${channel}', 'somebody')`);
  beforeAll(async () => {
    for (const channel of ['first', 'second', 'third']) await record('casa', 'c1', channel);
    await record('casa', 'c3', 'of-another');
    await record('other', 'c1', 'of-other');
  });

  test('is told from the last on, page by page, without who recorded it, though nothing holds any more', async () => {
    const { rows, channels } = await told();
    // One more than a page, which says that there is another.
    expect(channels).toEqual(['third', 'second', 'first']);
    expect(rows[0]).toMatchObject({ action: 'withdrawn', level: 'contact', holds: null, basis: 'person' });
    expect(rows[0]?.['recordedAt']).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(JSON.stringify(rows)).not.toContain('somebody');
    const cursor = cursorOf(rows[1] as Paged);
    expect((await told({}, { cursor })).channels).toEqual(['first']);
  });

  test.each<[string, Partial<Asked>, string[]]>([
    ['of oneself', { role: 'client', grant: { reach: 'own', by: 'c1' } }, ['third', 'second', 'first']],
    ['of another, by who reaches themselves', { role: 'client', grant: { reach: 'own', by: 'c3' } }, []],
    ['without a relationship', { role: 'aesthetic_professional', grant: { reach: 'related', by: 'p9' } }, []],
    ['of one’s own tenant, where an id is in two', { tenant: 'other' }, ['of-other']],
  ])('%s', async (_what, own, channels) => {
    expect((await told(own)).channels).toEqual(channels);
  });

  test('is read anew when something was added: the grant says how many there are', async () => {
    await told({ grant: { rev: '5' } });
    expect(await told({ grant: { rev: '5' } })).toMatchObject({ cached: true });
    await record('casa', 'c1', 'fourth');
    const { channels, cached } = await told({ grant: { rev: '6' } });
    expect(cached).toBe(false);
    expect(channels[0]).toBe('fourth');
  });

  test.each([
    ['an instant', '2026-11-21T12:00:00Z'],
    ['more than a number', '1) or (1 = 1'],
  ])('is not gone on with from %s', async (_what, order) => {
    const cursor = Buffer.from(JSON.stringify([order, 'x'])).toString('base64url');
    await expect(told({}, { cursor })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});

describe('nothing is read, and nothing told from the cache,', () => {
  test.each<[string, Asked]>([
    ['for another plan than the grant names', { plan: { ...plan, filter: { state: 'inactive' } } }],
    ['for a field that was not granted', { grant: { fields: ['name'] } }],
    ['for more rows than were granted', { grant: { limit: 49 } }],
    ['of the tenant for who reaches people in care', { role: 'aesthetic_professional' }],
    ['of the tenant for who reaches themselves', { role: 'client' }],
    [
      'of people in care for who reaches themselves',
      { role: 'client', grant: { reach: 'related', by: 'p1' } },
    ],
    ['for a role that the pack does not know', { role: 'nobody' }],
    ['for a name of Object’s', { role: 'constructor' }],
  ])('%s', async (_what, asked) => {
    await read();
    await expect(read(asked)).rejects.toMatchObject({ code: 'CTX_NO_GRANT' });
  });

  test('when the grant expires before the database sees it, and nobody after it is told that there is nothing', async () => {
    await expect(read({ grant: { exp: Date.now() - 1 } })).rejects.toMatchObject({ code: 'CTX_NO_GRANT' });
    expect((await read()).names).toEqual(['Ana of casa']);
  });
});

describe('where somebody has taken a policy away while services run', () => {
  beforeAll(() => database.administer('alter table clients disable row level security'));
  afterAll(() => database.administer('alter table clients enable row level security'));
  beforeEach(() => onForeign.mockClear());

  test.each([
    ['a list', { ask: 'list' }],
    ['a list of one', { ask: 'list', limit: 1 }],
    ['a count', { ask: 'count', fields: [] }],
  ] as const)(
    '%s that has rows of two tenants is dropped, counted and not remembered',
    async (_what, own) => {
      const asked: Plan = { ...plan, ...own, fields: own.ask === 'list' ? plan.fields : [] };
      const grant = { ph: planHash(asked), fields: asked.fields };
      for (const times of [1, 2]) {
        await expect(read({ plan: asked, grant })).rejects.toMatchObject({ code: 'CTX_PAYLOAD_MISMATCH' });
        expect(onForeign).toHaveBeenCalledTimes(times);
      }
    },
  );

  test('what has rows of the tenant alone, or none, is told', async () => {
    for (const subjectId of ['only-casa', 'nobody']) {
      await database.administer(`insert into clients (tenant_id, id, name, name_search)
        values ('casa', 'only-casa', 'Caio', 'caio') on conflict do nothing`);
      const asked: Plan = { ...plan, ask: 'count', fields: [], filter: { subjectId } };
      const { rows } = await read({ plan: asked, grant: { ph: planHash(asked), fields: [] } });
      expect(rows).toEqual([{ count: subjectId === 'nobody' ? 0 : 1 }]);
    }
    await database.administer(`delete from clients where id = 'only-casa'`);
    expect(onForeign).not.toHaveBeenCalled();
  });
});

describe('what was granted', () => {
  test('goes on to who tells the rows, without what PostgreSQL is shown', async () => {
    const { grant } = await read();
    expect(grant).toMatch(/^[\w-]+\.[\w.-]+~$/);
  });
});

describe('sealed fields', () => {
  const everything: Plan = { ...plan, fields: ['name', 'email', 'phone', 'cpf'] };
  const granted = { fields: everything.fields, ph: planHash(everything) };
  const bia = {
    id: 'c2',
    name: 'Bia Luz',
    name_search: 'bia luz',
    email: 'Bia@casa.example',
    phone: '+55 11 98765-4321',
    cpf: '529.982.247-25',
  };
  const shown = ({ name, email, phone, cpf }: typeof bia) => ({ name, email, phone, cpf });
  const open = async (asked: Asked = {}) => {
    const found = await read({ plan: everything, grant: granted, ...asked });
    return found.rows.map(({ name, email, phone, cpf }) => ({ name, email, phone, cpf }));
  };
  const rotating = (kind: 'tenant' | 'subject' | 'index') =>
    rotate(kind, {
      store: admin,
      vault: database.vault,
      tenant: 'casa',
      tables: sealedTables(pack),
      announce: async () => database.vault.forget('casa'),
    });
  let admin: Store;
  beforeAll(async () => {
    admin = connect('operator', { DATABASE_URL: database.server.url, DATABASE_POOL_SIZE: 2 });
    await database.write('casa', 'clients', [bia]);
  });
  afterAll(() => admin[Symbol.asyncDispose]());

  test('are opened for the run, and neither the database nor the cache holds them in clear', async () => {
    expect(await open()).toContainEqual(shown(bia));
    const [dump] = await database.administer(
      `select string_agg(encode(email, 'escape') || encode(phone, 'escape') || encode(cpf, 'escape'), ' ') as text from clients`,
    );
    expect(String(dump?.['text'])).not.toMatch(/bia|98765|529/i);
    // A cache in this process: what it hands out is what it was given.
    const { rows } = (
      await cache.through(
        { tenant: 'casa', space: { name: 'rows', maxBytes: 1_000_000 }, scope: '', rules: '', plan: '' },
        60,
        async () => ({
          rows: await store.read(
            { grant: databasePart(await database.grant(grantFor({ fields: everything.fields }))) },
            readPlan(source, everything, { person: undefined, zone: 'UTC' }),
          ),
        }),
      )
    ).value;
    expect(JSON.stringify(rows)).toContain('"sealed"');
    expect(JSON.stringify(rows)).not.toMatch(/98765|529\.982/);
  });

  test.each([
    { kind: 'phone', value: '+5511987654321' },
    { kind: 'cpf', value: '52998224725' },
    { kind: 'email', value: 'bia@casa.example' },
  ] as const)('find their person by $kind', async (identifier) => {
    const asked = { plan: { ...everything, filter: { identifier } }, grant: granted };
    const planned = { ...asked, grant: { ...granted, ph: planHash(asked.plan) } };
    expect((await read(planned)).names).toEqual(['Bia Luz']);
    // The same value of another tenant is nobody here, and looks like one that nobody has.
    expect((await read({ ...planned, tenant: 'other' })).names).toEqual([]);
  });

  test('find nobody by a value that nobody has', async () => {
    const asked = { ...everything, filter: { identifier: { kind: 'cpf', value: '11144477735' } } } as const;
    expect((await read({ plan: asked, grant: { ...granted, ph: planHash(asked) } })).names).toEqual([]);
  });

  test('are opened after every key was rotated, also those of a page that was read before', async () => {
    await open();
    for (const kind of ['tenant', 'subject', 'index'] as const)
      expect(await rotating(kind)).toMatchObject({ left: 0, retired: expect.any(Number) });
    // The cache still holds the page that was sealed with the keys of before.
    expect(await open()).toContainEqual(shown(bia));
    const asked = { ...everything, filter: { identifier: { kind: 'cpf', value: '52998224725' } } } as const;
    expect((await read({ plan: asked, grant: { ...granted, ph: planHash(asked) } })).names).toEqual([
      'Bia Luz',
    ]);
  });

  test('of another tenant, moved into a row, fail the question', async () => {
    await database.write('other', 'clients', [bia]);
    const move = (from: string) =>
      database.administer(`update clients set email = (select email from clients where tenant_id = '${from}' and id = 'c2')
        where tenant_id = 'other' and id = 'c2'`);
    const [{ email: before } = {}] = await database.administer(
      `select encode(email, 'hex') as email from clients where tenant_id = 'other' and id = 'c2'`,
    );
    await move('casa');
    await expect(open({ tenant: 'other' })).rejects.toMatchObject({ code: 'CRYPTO_AAD' });
    await database.administer(
      `update clients set email = '\\x${String(before)}' where tenant_id = 'other' and id = 'c2'`,
    );
    await cache.forget('other');
    expect(await open({ tenant: 'other' })).toContainEqual(shown(bia));
  });

  test('that were erased are null, and everybody else is told', async () => {
    const destroyed = await shred({
      store: admin,
      tenant: 'casa',
      subject: 'c2',
      class: 'discretionary',
      tables: sealedTables(pack),
      announce: async () => database.vault.forget('casa'),
    });
    expect(destroyed).not.toEqual([]);
    const rows = await open();
    expect(rows).toContainEqual({ name: 'Bia Luz', email: null, phone: null, cpf: null });
    expect(rows).toContainEqual(expect.objectContaining({ name: 'Ana of casa', phone: '+55 11 90000-0001' }));
    expect(await open({ tenant: 'other' })).toContainEqual(shown(bia));
  });

  test('cannot be written in clear by anybody', async () => {
    const write = `update clients set email = 'clear@casa.example, and as long as a sealed field would be' where id = 'c1'`;
    await expect(database.administer(write)).rejects.toMatchObject({ code: '23514' });
  });
});

describe('texts near to a question', () => {
  const home = packOf('care-home');
  const cloud = packOf('cloud-pricing');
  const articles: Plan = {
    source: 'articles',
    ask: 'list',
    joins: [],
    filter: {},
    fields: ['article', 'title'],
    limit: 5,
  };
  const about = (text: string, own: Partial<Plan> = {}): Plan => ({
    ...articles,
    filter: { nearest: { text, language: 'pt-BR' }, language: 'pt-BR' },
    ...own,
  });
  const found = async (text: string, own: Asked = {}) => {
    const wanted = about(text, own.plan);
    const asked = { role: 'manager', intent: 'article_query', pack: home, ...own, plan: wanted };
    const { rows } = await read({
      tenant: 'lar',
      ...asked,
      grant: { ph: planHash(wanted), fields: wanted.fields, limit: 5, pur: 'care', ...own.grant },
    });
    return rows.map(({ article }) => article);
  };
  const refresh = (own: Partial<Parameters<typeof refreshKnowledge>[1]> = {}) =>
    refreshKnowledge(database.server.url, { embedding, tenant: 'lar', ...own });
  const ofFall = 'alguém levou um tombo, o que escrevo?';

  beforeAll(async () => {
    await database.administer(`
      ${tenantSql('lar', 'care-home')} ${tenantSql('lar-b', 'care-home')} ${tenantSql('nuvem', 'cloud-pricing')}
      insert into facility_articles (tenant_id, id, topic, language, title, body, audience) values
        ('lar', 'criancas', 'visiting', 'pt-BR', 'Crianças nas visitas', 'Crianças são bem-vindas com um adulto.', 'public'),
        ('lar', 'children', 'visiting', 'en', 'Children on visits', 'Children are welcome with an adult.', 'public'),
        ('lar', 'queda', 'documentation', 'pt-BR', 'Registrar uma queda', 'Anote local e hora.', 'tenant'),
        ('lar-b', 'dela', 'visiting', 'pt-BR', 'Netos nas visitas', 'Netos pequenos podem visitar.', 'public');
      insert into cloud_discounts values ('nuvem', 'd1', 'Azure', 'spot', '90%', '2026-11-02', 'demo');
      insert into cloud_articles values
        ('nuvem', 'azure-spot', 'Azure', 'pt-BR', 'Máquinas spot na Azure', 'Até 90% abaixo do preço avulso.'),
        ('nuvem', 'aws-spot', 'AWS', 'pt-BR', 'Instâncias spot na AWS', 'Até 90% menos.'),
        ('nuvem', 'spot', 'general', 'pt-BR', 'Conviver com spot', 'Grave o estado, porque spot para.')`);
    await refreshKnowledge(database.server.url, { embedding });
  });

  test('are found by what it says, in other words and in its language', async () => {
    expect(await found('posso levar minha neta?')).toEqual(['criancas']);
    expect(told.searched).toHaveBeenLastCalledWith('articles', 'hit');
    expect(await found('qual a capital da França?')).toEqual([]);
    expect(told.searched).toHaveBeenLastCalledWith('articles', 'miss');
  });

  test('are those that the grant opens: of no other tenant, and of no other audience', async () => {
    expect(await found(ofFall)).toEqual(['queda']);
    const anybody = { role: 'public', grant: { pur: 'information' } };
    expect(await found(ofFall, anybody)).toEqual([]);
    const ofOther = { tenant: 'lar-b', ...anybody, grant: { tid: 'lar-b', pur: 'information' } };
    expect(await found('posso levar minha neta?', ofOther)).toEqual(['dela']);
    // Not even as what is compared: the database gives no more to who searches.
    const texts = home.sources['articles'] as Source;
    const reader = { person: undefined, zone: 'UTC' };
    const statement = await database.grant(grantFor({ tid: 'lar', pur: 'information' }));
    const compared = await store.read(
      { grant: databasePart(statement) },
      candidates(texts, articles, reader),
    );
    expect(compared.map(({ id }) => id)).toEqual(['children', 'criancas']);
  });

  test('are there for whoever asks what was asked so that they are', async () => {
    const anybody = { role: warmer.role, grant: { pur: 'information' } };
    const texts = { plan: about('posso levar minha neta?'), pack: home, tenant: 'lar', ...anybody };
    const granted = {
      ...texts,
      grant: { ...texts.grant, ph: planHash(texts.plan), fields: texts.plan.fields, limit: 5 },
    };
    const warm = { ...granted, account: warmer.subject };
    expect(await read(warm)).toMatchObject({ cached: false, asked: 1 });
    expect(await read(granted)).toMatchObject({ cached: true, asked: 0 });
    expect(await read(warm)).toMatchObject({ cached: false, asked: 1 });
  });

  test('are remembered for whoever asks in the same words, and from a cosine on in others', async () => {
    const searching = openSearching(embedding, told, 0.5);
    const ask = (text: string, own: Partial<Asked> = {}) => {
      const plan = about(text);
      const named = { ph: planHash(plan), fields: plan.fields, limit: 5, pur: 'care' };
      const asked = { tenant: 'lar', role: 'manager', intent: 'article_query', pack: home, plan, ...own };
      return read({ ...asked, grant: { ...named, ...own.grant } });
    };
    expect(await ask('posso levar minha neta na visita?')).toMatchObject({ cached: false });
    expect(await ask('Posso levar a minha NETA, na visita')).toMatchObject({ cached: true, asked: 0 });
    const other = 'minha neta pode ir na visita?';
    expect(await ask(other)).toMatchObject({ cached: false });

    const shared = told.shared.mock.calls.length;
    const first = await ask('posso levar minha sobrinha na visita?', { searching });
    expect(first).toMatchObject({ cached: false });
    const second = await ask('minha sobrinha pode ir na visita?', { searching });
    expect(second).toMatchObject({ cached: true, asked: 0, rows: first.rows });
    expect(told.shared).toHaveBeenCalledTimes(shared + 1);
    // What is asked of something else, by somebody of less rights or of another tenant is another question.
    expect(await ask('alguém caiu da cama, o que escrevo?', { searching })).toMatchObject({ cached: false });
    const anybody = { role: 'public', grant: { pur: 'information' } };
    for (const own of [anybody, { tenant: 'lar-b', ...anybody, grant: { tid: 'lar-b', pur: 'information' } }])
      expect(await ask('minha sobrinha pode ir na visita?', { searching, ...own })).toMatchObject({
        cached: false,
      });
    expect(told.shared).toHaveBeenCalledTimes(shared + 1);
  });

  test('are named beside rows that they are about, of their category and of all', async () => {
    const plan = about('desconto spot na Azure?', {
      source: 'discounts',
      cites: 'articles',
      fields: ['provider', 'upTo'],
      filter: {
        nearest: { text: 'desconto spot na Azure?', language: 'pt-BR' },
        facets: { provider: ['Azure'] },
      },
    });
    const grant = { ph: planHash(plan), fields: plan.fields, limit: 5, pur: 'pricing' };
    const asked = { tenant: 'nuvem', role: 'viewer', pack: cloud };
    await expect(read({ ...asked, plan, grant })).rejects.toMatchObject({ code: 'CTX_NO_GRANT' });
    const { rows, cited } = await read({ ...asked, role: 'analyst', plan, grant });
    expect(rows).toMatchObject([{ upTo: '90%' }]);
    expect(cited?.map(({ id }) => id)).toEqual(['azure-spot', 'spot']);
    // A search within a category looks at its partition alone.
    const search = searched(cloud, plan) as Plan;
    const narrow = { ...search, filter: { ...search.filter, facets: { provider: ['Azure'] } } };
    const texts = cloud.sources['articles'] as Source;
    const unspoken = {
      ...texts,
      knowledge: { ...texts.knowledge, category: { column: 'cloud_articles.provider', facet: 'provider' } },
    };
    const { sql: text, parameters } = candidates(unspoken as Source, narrow, {
      person: undefined,
      zone: 'UTC',
    }).compile();
    const written = text.replace(/\$(\d+)/g, (_, at: string) => {
      const value = parameters[Number(at) - 1];
      return Array.isArray(value) ? `'{${value}}'` : `'${value}'`;
    });
    const lines = await database.administer(`explain (costs off) ${written}`);
    const partitions = JSON.stringify(lines).match(/on vectors_\d/g);
    expect(new Set(partitions).size).toBe(1);
  });

  test('are those that questions may be answered from, which have an index', async () => {
    expect(await found(ofFall)).toEqual(['queda']);
    await database.administer(`
      update facility_articles set ai_searchable = false where tenant_id = 'lar' and id = 'queda';
      insert into facility_articles (tenant_id, id, topic, language, title, body)
        select 'lar-b', 'x' || n, 'visiting', 'en', 'Visits ' || n, 'On day ' || n from generate_series(1, 3000) n;
      analyze facility_articles`);
    await cache.forget('lar');
    expect(await found(ofFall)).toEqual([]);
    expect(await refresh()).toMatchObject([{ articles: 2, embedded: 0, removed: 2 }]);
    const texts = home.sources['articles'] as Source;
    const compared = candidates(texts, about(ofFall), { person: undefined, zone: 'UTC' });
    const grant = databasePart(await database.grant(grantFor({ tid: 'lar', pur: 'care' })));
    const url = new URL(database.server.url);
    url.username = roleOf('data-access');
    const claim = { 'app.grant': grant, role: 'app_tenant_care' };
    expect(await scansOf(url.href, claim, compared)).toContain('by facility_articles_ai_search');
    // An index of words is of use to whom no policy binds, and to nobody else: docs/adr/0017.
    await database.administer(`
      create index facility_articles_words on facility_articles using gin (to_tsvector('english', title || ' ' || body))
      where ai_searchable`);
    const byWords = written(sql`
      select id from facility_articles where ai_searchable and to_tsvector('english', title || ' ' || body) @@ to_tsquery('english', '17')`);
    expect(await scansOf(database.server.url, {}, byWords)).toContain('by facility_articles_words');
    expect(await scansOf(url.href, claim, byWords)).not.toContain('by facility_articles_words');
    await database.administer(`
      drop index facility_articles_words;
      update facility_articles set ai_searchable = true where tenant_id = 'lar';
      delete from facility_articles where tenant_id = 'lar-b' and id <> 'dela'`);
    await cache.forget('lar');
    expect(await refresh()).toMatchObject([{ articles: 3, embedded: 2 }]);
  });

  test('are embedded again only where they changed, and an index is replaced when it is whole', async () => {
    expect(await refresh()).toMatchObject([{ articles: 3, embedded: 0, kept: 6, removed: 0, version: 1 }]);
    await database.administer(`
      update facility_articles set body = 'Animais pequenos podem vir na coleira.', title = 'Cachorros' where id = 'criancas'`);
    expect(await refresh()).toMatchObject([{ embedded: 2, kept: 4, removed: 2, version: 1 }]);
    expect(await refresh({ rebuild: true })).toMatchObject([{ embedded: 0, kept: 6, version: 2 }]);
    await cache.forget('lar');
    const during: unknown[] = [];
    const other: Embedding = {
      ...embedding,
      space: () => 'other',
      embed: async (texts, options) => {
        during.push(await found('cachorro na coleira?'));
        return embedding.embed(texts, options);
      },
    };
    expect(await refresh({ embedding: other })).toMatchObject([{ embedded: 6, version: 3 }]);
    expect(during).toEqual([['criancas']]);
    // Until data-access is set to it too, and after, questions are answered.
    await cache.forget('lar');
    told.onlyWords.mockClear();
    expect(await found('Cachorros na coleira')).toEqual(['criancas']);
    expect(told.onlyWords).toHaveBeenCalledWith('index');
    await cache.forget('lar');
    const broken = { ...other, embed: () => Promise.reject(new Error('down')) };
    const searching = openSearching(broken, told, 1);
    expect(await found('Cachorros na coleira', { searching })).toEqual(['criancas']);
    expect(told.onlyWords).toHaveBeenLastCalledWith('unavailable');
    const rows = await database.administer(
      `select distinct version from knowledge_vectors where tenant_id = 'lar'`,
    );
    expect(rows).toEqual([{ version: 3 }]);
  });
});

describe('an agenda', () => {
  const scheduling = packOf('clinic-scheduling');
  const zone = 'America/Sao_Paulo';
  const monday = Temporal.Now.plainDateISO(zone).add({
    days: 14 - Temporal.Now.plainDateISO(zone).dayOfWeek + 1,
  });
  const at = (time: string, days = 0): string =>
    monday
      .add({ days })
      .toZonedDateTime({ timeZone: zone, plainTime: time })
      .toInstant()
      .toString({ fractionalSecondDigits: 3 });
  const day = (days: number, until = days): Plan['filter'] => ({
    period: { from: at('00:00', days), to: at('00:00', until + 1) },
  });
  const asks = (own: Partial<Plan>, { grant, tenant = 'agenda' }: Pick<Asked, 'grant' | 'tenant'> = {}) => {
    const source = own.source ?? 'free_times';
    const fields = (own.ask ?? 'list') === 'list' ? [...(scheduling.sources[source]?.list ?? [])] : [];
    const wanted: Plan = { source, ask: 'list', joins: [], filter: {}, fields, limit: 50, ...own };
    const granted = { ph: planHash(wanted), fields, limit: wanted.limit, ...grant };
    return read({ pack: scheduling, tenant, role: 'coordinator', plan: wanted, grant: granted });
  };
  const shown = (rows: readonly Record<string, unknown>[]): unknown[] =>
    rows.map(({ start, end, provider }) => [start, end, provider]);
  const [lima, serra] = ['Dra. Helena Lima', 'Dr. Caio Serra'];

  beforeAll(async () => {
    await database.administer(`
      ${['agenda', 'agenda-b'].map((tenant) => tenantSql(tenant, 'clinic-scheduling')).join(' ')}
      update tenants set calendar = '${JSON.stringify({ week: { 1: [['08:00', '12:00']], 2: [['08:00', '12:00']] } })}'
        where id = 'agenda';
      insert into practitioners (tenant_id, id, name, name_search) values
        ('agenda', 'doc-1', '${lima}', 'dra. helena lima'), ('agenda', 'doc-2', '${serra}', 'dr. caio serra');
      insert into patients (tenant_id, id, name, name_search) select 'agenda', 'p' || n, 'Ana', 'ana' from generate_series(1, 3) n;
      insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
        select tenant_id, id, id, 'given', 'service', 'service', 'demo', 'demo', 'demo' from patients where id <> 'p3';
      insert into bookings
        select 'agenda', 'b' || n, 'p' || n % 2 + 1, 'doc-1', null, null, '2026-01-05T12:00Z'::timestamptz + n * interval '1 hour',
          '2026-01-05T13:00Z'::timestamptz + n * interval '1 hour',
          (array['attended', 'attended', 'attended', 'no_show', 'cancelled', 'confirmed'])[n], 1, now() from generate_series(1, 6) n;
      insert into bookings values ('agenda', 'b7', 'p3', 'doc-2', null, null, '2026-01-05T12:00Z', '2026-01-05T13:00Z', 'no_show', 1, now())`);
    const said = (provider: string, days: number, rows: readonly object[]) =>
      database.write(
        'agenda',
        'agenda_times',
        rows.map((row, version) => {
          const [of] = agendasOf('provider', provider, {
            from: Date.parse(at('08:00', days)),
            until: Date.parse(at('09:00', days)),
          });
          if (!of) throw new Error('an hour lies in a day');
          return { id: `${provider} ${days} ${version}`, agenda_id: agendaIdOf(of), version, ...row };
        }),
      );
    await said('doc-1', 0, [
      { kind: 'taken', starts_at: at('08:00'), ends_at: at('09:00') },
      { kind: 'freed' },
      { kind: 'taken', starts_at: at('11:50'), ends_at: at('12:30') },
    ]);
    await said('doc-2', 0, [
      {
        ...{ kind: 'opened', starts_at: at('00:00'), ends_at: at('00:00', 1) },
        open: JSON.stringify([{ from: at('10:00'), until: at('14:00') }]),
      },
    ]);
    // Said while days began at another time, and again since.
    const day = (from: string, until: string, open: readonly object[]) => ({
      ...{ kind: 'opened', starts_at: from, ends_at: until },
      open: JSON.stringify(open),
    });
    const [midnight, next] = [at('00:00', 1), at('00:00', 2)];
    await said('doc-2', 1, [
      day(at('22:00'), at('22:00', 1), []),
      day(midnight, next, [{ from: midnight, until: next }]),
    ]);
  }, 60_000);

  test.each<[string, Partial<Grant>]>([
    ['the tenant', {}],
    ['who is in their care', { reach: 'related', by: 'doc-1' }],
    ['nobody but themselves', { reach: 'own', by: 'p1' }],
  ])(
    'says what is free in the tenant’s hours and the provider’s, and the same to who reaches %s',
    async (_whom, grant) => {
      const found = await asks({ filter: day(0) }, { grant });
      expect(shown(found.rows)).toEqual([
        [at('09:00'), at('11:50'), lima],
        [at('10:00'), at('12:00'), serra],
      ]);
      expect(found).toMatchObject({ cached: false, suppressed: false });
      expect((await asks({ ask: 'count', filter: day(0, 7) }, { grant })).rows).toEqual([{ count: 6 }]);
    },
  );

  test('is of who is named, or of whoever asks, page by page', async () => {
    const named = await asks(
      { filter: { ...day(0), provider: 'Lima', mine: true } },
      { grant: { by: 'doc-2' } },
    );
    expect(shown(named.rows)).toEqual([[at('09:00'), at('11:50'), lima]]);
    const mine = await asks({ filter: { ...day(0), mine: true } }, { grant: { by: 'doc-2' } });
    expect(shown(mine.rows)).toEqual([[at('10:00'), at('12:00'), serra]]);
    const first = await asks({ filter: day(0), limit: 1 });
    expect(first.rows).toHaveLength(2);
    const cursor = cursorOf(first.rows[0] as Paged);
    const next = await asks({ filter: day(0), limit: 1, cursor });
    expect(shown(next.rows)).toEqual([[at('10:00'), at('12:00'), serra]]);
    expect((await asks({ filter: day(6) })).rows).toEqual([]);
    expect((await asks({ filter: day(0) }, { tenant: 'agenda-b' })).rows).toEqual([]);
  });

  test('says how much of what could be booked is', async () => {
    const share = async (filter: Plan['filter']) => (await asks({ ask: 'share', filter })).rows;
    expect(await share({ ...day(0), provider: 'Lima' })).toEqual([{ part: 70, whole: 240, percent: '29.2' }]);
    expect(await share(day(0, 1))).toEqual([{ part: 70, whole: 840, percent: '8.3' }]);
    expect(await share(day(5))).toEqual([{ part: 0, whole: 0, percent: null }]);
  });

  test('is not looked through for more time than can be', async () => {
    await expect(asks({ filter: day(-400, 800) })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(asks({ filter: day(0), cursor: 'x' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('has rates of what came of bookings, of whoever agrees, and lists none that is cancelled unless it is meant', async () => {
    const of = (own: Partial<Plan>) => asks({ source: 'appointments', ...own });
    const share = async (state: string, grant: Partial<Grant> = {}) => {
      const { rows } = await asks({ source: 'appointments', ask: 'share', filter: { state } }, { grant });
      return rows.map(({ part, whole, percent }) => [part, whole, percent]);
    };
    expect(await share('no_show')).toEqual([[1, 4, '25.0']]);
    expect(await share('cancelled')).toEqual([[1, 6, '16.7']]);
    expect(await share('attended', { reach: 'own', by: 'p2' })).toEqual([[2, 2, '100.0']]);
    // Of the consent of the third nothing is told. A figure of many has as many who stayed away, and as many who came.
    const ofMany = (min: number) => share('no_show', { pur: 'statistics', min });
    expect(await ofMany(1)).toEqual([[1, 4, '25.0']]);
    expect(await ofMany(2)).toEqual([]);
    expect((await of({ ask: 'count' })).rows).toMatchObject([{ count: 5 }]);
    expect((await of({ ask: 'count', filter: { state: 'cancelled' } })).rows).toMatchObject([{ count: 1 }]);
  });
});
