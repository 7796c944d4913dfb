import { databasePart } from '@jangada/trust/grant.ts';
import pg from 'pg';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import { type Ground, queryFrame } from './ground.ts';
import { grantOf, tenant } from './tenant.ts';

/** Text that would like to be SQL. */

const counted = async ({ journey }: Ground): Promise<string> => {
  const [row] = await journey.sql<{ tables: string }>(
    `select string_agg(relname || ' ' || reltuples::int * 0 || ' ' || relnatts, ',' order by relname) as tables
     from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`,
  );
  const [clients] = await journey.sql<{ count: number }>('select count(*)::int from clients');
  return `${row?.tables} ${clients?.count}`;
};

/** Asks by socket and over HTTP; what was stored is as before, and no more is told than to anybody. */
const asked =
  (texts: readonly string[], alias = 'professional') =>
  async (one: AttackCase, ground: Ground): Promise<Observed> => {
    const before = await counted(ground);
    const { token } = await ground.as(alias);
    const startedAt = performance.now();
    let slowest = 0;
    const told: string[] = [];
    for (const query of texts) {
      const from = performance.now();
      using talk = await ground.socket({ token });
      talk.send(queryFrame(query));
      await talk.code(10_000);
      told.push(...talk.frames, (await ground.ask(alias, query)).text);
      slowest = Math.max(slowest, (performance.now() - from) / 2);
    }
    const intact = (await counted(ground)) === before;
    // The professional of these questions cares for the first four people only.
    const foreign = told.filter((text) =>
      /Elisa Prado|Fábio Nunes|Gabriela Souza|Heitor Alves/.test(text),
    ).length;
    const broken = told.filter((text) => /"code":"INTERNAL"/.test(text)).length;
    const fine = intact && foreign === 0 && broken === 0;
    return {
      refused: told.some((text) => text.includes('"error"')),
      told,
      holds: fine ? ['ok_no_effect', 'treated_as_text', 'no_effect'] : [],
      figures: {
        tables_intact: intact,
        rows_scope: foreign === 0 ? 'own' : 'foreign',
        rows_foreign: foreign,
      },
      ms: slowest,
      note: `${one.how.entry}: ${told.length} answers in ${(performance.now() - startedAt).toFixed(0)} ms`,
    };
  };

/** Places in the grammar that name a column, and what comes back through a cursor. */
const columns = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const sort = ['name; drop table clients', '(case when 1=1 then name else id end)'];
  const cursors = [
    'x',
    "' or 1=1 --",
    Buffer.from(JSON.stringify(["'; drop table clients; --", 'x'])).toString('base64url'),
  ];
  const { token } = await ground.as('professional');
  const before = await counted(ground);
  const answers = [];
  for (const value of sort)
    answers.push(
      await ground.http('POST', '/v1/query', { token, body: { query: 'lista de clientes', sort: value } }),
    );
  for (const cursor of cursors)
    answers.push(await ground.ask('professional', 'lista de consultas este ano', { cursor }));
  return {
    refused: answers.every(({ status }) => status >= 400) && (await counted(ground)) === before,
    code: [...new Set(answers.map(({ code }) => code))].join('/'),
    told: answers.map(({ text }) => text),
  };
};

/** Through the store as data-access opens it, and by its bare connection. */
const stacked = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { openStore } = await import('@jangada/store/store.ts');
  const url = new URL(ground.journey.system.local.databaseUrl);
  url.username = 'svc_data_access';
  await using store = await openStore('data-access', { DATABASE_URL: url.href, DATABASE_POOL_SIZE: 1 });
  const text = `select 1; select set_config('app.tenant', 'clinica-brisa', true)`;
  const query = { compile: () => ({ sql: text, parameters: [] }) };
  const grant = databasePart(await grantOf(ground));
  const tries = await Promise.allSettled([store.rows(query as never), store.read({ grant }, query as never)]);
  const states = tries.map((one) => {
    const cause = one.status === 'rejected' ? (one.reason as Error).cause : undefined;
    return cause instanceof pg.DatabaseError ? cause.code : undefined;
  });
  return {
    refused: tries.every(({ status }) => status === 'rejected'),
    sqlstate: [...new Set(states)].join('/'),
  };
};

const injections = [
  "agenda de Robert'); DROP TABLE clients;--",
  "consultas de x' or '1'='1",
  'consultas de "Ana" union select email from accounts --',
  "quantas consultas de Ana'; update clients set tenant_id = 'clinica-brisa'; --",
];

const shadowing = tenant.find(({ words }) => words.test('SET ROLE'));

export const sqli = area('sqli', [
  [
    /search_path|shadow|pg_temp/i,
    async (one, ground) => {
      const { asDataAccess } = await import('./tenant.ts');
      const own = databasePart(await grantOf(ground));
      const scripts = [
        [
          `create function pg_temp.hmac(bytea, bytea, text) returns bytea language sql as $$ select '\\x00'::bytea $$`,
          'select tenant_id from clients',
        ],
        [
          'create schema if not exists mine',
          'set search_path = mine, public',
          'select tenant_id from clients',
        ],
        [
          `create temp table grant_key (inner_key bytea, outer_key bytea)`,
          'set search_path = pg_temp, sec, public',
          'select tenant_id from clients',
        ],
        [
          `create function pg_temp.sha256(bytea) returns bytea language sql as $$ select $1 $$`,
          'set search_path = pg_temp, pg_catalog, public',
          'select tenant_id from clients',
        ],
        [
          `create or replace function sec.granted_tenant() returns text language sql as $$ select 'clinica-brisa' $$`,
          'select tenant_id from clients',
        ],
      ];
      let foreign = 0;
      let sqlstate: string | undefined;
      for (const statements of scripts) {
        for (const grant of [own, undefined]) {
          const seen = await asDataAccess(ground, statements, grant);
          sqlstate ??= seen.sqlstate;
          foreign += seen.rows.filter((row) => !grant || row['tenant_id'] !== 'clinica-aurora').length;
        }
      }
      const role = await shadowing?.run(one, ground);
      foreign += role?.rows ?? 0;
      return {
        rows: foreign,
        sqlstate,
        figures: { rows_foreign: foreign },
        refused: foreign === 0,
        holds: foreign === 0 ? ['zero_rows_or_error'] : [],
      };
    },
  ],
  [
    /time.based|pg_sleep|blind/i,
    asked(["consultas de maria' || (select pg_sleep(5))--", "consultas de Ana'; select pg_sleep(5); --"]),
  ],
  [/stacked|simple query/i, stacked],
  [/order by|column injection|\bsort\b|cursor/i, columns],
  [
    /tsquery|full.?text|operator injection/i,
    asked([
      'consultas de a & !b | (c <-> d):*',
      "consultas de ':* | x:*",
      'consultas de !Ana',
      'consultas de (((',
    ]),
  ],
  [/like|wildcard|percent/i, asked(['consultas de %', 'consultas de _na Lima', 'consultas de \\% \\_'])],
  [
    /json|path|operator/i,
    asked(['consultas de {"$gt":""}', 'consultas de $.tenant_id', "consultas de ' -> 'tenant_id"]),
  ],
  [
    /second.order|stored/i,
    async (one, ground) => {
      await ground.journey.sql(
        `insert into clients (tenant_id, id, name, name_search) values ('clinica-aurora', 'cli-quote', $1, $2) on conflict do nothing`,
        ["Bob'); drop table clients;--", "bob'); drop table clients;--"],
      );
      return asked(["dados do cliente Bob'); drop table clients;--", 'lista de clientes Bob'], 'admin')(
        one,
        ground,
      );
    },
  ],
  [/name|entity|injection|union|drop table/i, asked(injections)],
]);
