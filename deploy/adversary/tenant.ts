import { randomBytes } from 'node:crypto';
import { headers } from '@jangada/proto/envelope.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import { reply } from '@jangada/proto/reply.ts';
import * as run from '@jangada/proto/run.ts';
import { sampleOf } from '@jangada/testkit/conformance.ts';
import { keyPair, secretSet } from '@jangada/testkit/identity.ts';
import { databasePart, type Grant, grantSealer, planHash } from '@jangada/trust/grant.ts';
import { secretFrom, signerFrom } from '@jangada/trust/keyset.ts';
import pg from 'pg';
import { offer } from './authn.ts';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import { carrying, forgery, type Ground, jwtOf, queryFrame } from './ground.ts';

/** One tenant reaching for another: at the door, at the broker, in the database. */

const other = 'clinica-brisa';

/** A real grant for the whole of a tenant's appointments, as permission would sign it. */
export const grantOf = async (
  { journey }: Ground,
  own: Partial<Grant> = {},
  databaseKeys = journey.system.keys.setOf('database-grant'),
): Promise<string> => {
  const plan = {
    source: 'appointments',
    ask: 'count',
    joins: [],
    filter: {},
    fields: [],
    limit: 50,
  } as const;
  const claims: Grant = {
    rid: crypto.randomUUID(),
    tid: 'clinica-aurora',
    sub: 'clinica-aurora-admin',
    ph: planHash({ ...plan, joins: [], fields: [] }),
    reach: 'tenant',
    pur: 'care',
    fields: [],
    limit: 50,
    exp: Date.now() + 30_000,
    ...own,
  };
  return grantSealer(
    signerFrom(() => journey.system.keys.setOf('grant')),
    secretFrom(() => databaseKeys),
  )(claims);
};

/** As data-access does: the grant, and the role that it says it leads to. */
const showGrant = async (client: pg.ClientBase, grant: string): Promise<void> => {
  const [, reach = 'tenant', purpose = 'care'] = grant.split('.');
  const role = `app_${reach || 'tenant'}_${purpose || 'care'}`;
  await client.query(`select set_config('app.grant', $1, true), set_config('role', $2, true)`, [grant, role]);
};

/** Runs SQL with data-access's credentials, in one transaction with the database part of a grant where one is given. */
export const asDataAccess = async (
  ground: Ground,
  statements: readonly string[],
  grant?: string,
): Promise<{ rows: readonly Record<string, unknown>[]; sqlstate: string | undefined; message: string }> => {
  const client = await ground.database('data-access');
  try {
    await client.query('begin');
    if (grant) await showGrant(client, grant);
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows ?? [];
    return { rows, sqlstate: undefined, message: '' };
  } catch (error) {
    const known = error instanceof pg.DatabaseError ? error : undefined;
    return { rows: [], sqlstate: known?.code ?? 'none', message: known?.message ?? String(error) };
  } finally {
    await client.end();
  }
};

/** Rows of whichever tenant is not the one that a grant is for. */
const foreign = (rows: readonly Record<string, unknown>[], tenant = 'clinica-aurora'): number =>
  rows.filter((row) => row['tenant_id'] !== tenant).length;

type Sql = readonly { readonly grant: 'none' | 'own'; readonly statements: readonly string[] }[];

/** Tries each script; what counts is the rows that came back which must not. */
const sql =
  (scripts: Sql) =>
  async (_one: AttackCase, ground: Ground): Promise<Observed> => {
    const own = databasePart(await grantOf(ground));
    const control = await asDataAccess(ground, [readClients], own);
    if (control.rows.length === 0 || foreign(control.rows) > 0)
      throw new Error(
        'a grant that holds does not show its own rows, so nothing would be shown by the others',
      );
    let leaked = 0;
    const states = new Set<string>();
    for (const { grant, statements } of scripts) {
      const seen = await asDataAccess(ground, statements, grant === 'own' ? own : undefined);
      if (seen.sqlstate) states.add(seen.sqlstate);
      leaked += grant === 'own' ? foreign(seen.rows) : seen.rows.length;
    }
    const [sqlstate] = states.size === 1 ? states : [[...states].join('/') || undefined];
    return {
      rows: leaked,
      refused: leaked === 0,
      sqlstate,
      figures: { rows_foreign: leaked },
      holds: leaked === 0 ? ['zero_rows', 'no_foreign_data'] : [],
      told: [],
    };
  };

const readClients = 'select tenant_id from clients';

const headerDiffers = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { token } = await ground.as('professional');
  using talk = await ground.socket({ token, headers: { 'x-tenant-id': other } });
  const overHttp = await ground.http('POST', '/v1/query', {
    token,
    headers: { 'x-tenant-id': other },
    body: { query: 'oi' },
  });
  const inBody = await ground.ask('professional', 'quantas consultas este mês?', { tenantId: other });
  using framed = await ground.socket({ token });
  framed.send(queryFrame('quantas consultas este mês?', { metadata: { tenantId: other } }));
  const codes = new Set([talk.refusal?.code, overHttp.code, inBody.code, await framed.code()]);
  return {
    refused: talk.refusal !== undefined && overHttp.status === 403,
    code: [...codes].join('/'),
    told: [overHttp.text],
  };
};

/** Ids that only the other tenant has, of each kind that a question can name. */
const foreignIds = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  await ground.journey.sql(
    `insert into clients (tenant_id, id, name, name_search) values ('${other}', 'only-brisa', 'Joana Vaz', 'joana vaz')
     on conflict do nothing`,
  );
  const told = [];
  for (const clientId of ['only-brisa', `${other}_client_123`, `${other}.only-brisa`])
    told.push(await ground.ask('admin', 'quantas consultas este mês?', { clientId }));
  const codes = new Set(told.map(({ code }) => code));
  return {
    refused: told.every(({ status }) => status >= 400),
    code: [...codes].join('/'),
    told: told.map(({ text }) => text),
    rows: 0,
  };
};

const guessedIds = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const told = [];
  for (let guess = 0; guess < 40; guess++)
    told.push(
      await ground.ask('professional2', 'dados do cliente', {
        clientId: `cl_${randomBytes(8).toString('hex')}`,
      }),
    );
  const answers = new Set(told.map(({ status, code }) => `${status} ${code}`));
  const limited = told.filter(({ code }) => code === 'RATE_LIMITED').length;
  const code = told.find((one) => one.code !== 'RATE_LIMITED')?.code;
  const uniform = answers.size === 1 || (answers.size === 2 && limited > 0);
  return {
    refused: told.every(({ status }) => status >= 400),
    code,
    holds: uniform ? ['not_found_uniform'] : [],
    note: `${told.length} guesses, ${limited} limited`,
  };
};

const metacharacters = async (one: AttackCase, ground: Ground): Promise<Observed> => {
  const { tid = ['a.b', '*', '>', 'a b', 'a\u0000'] } = (one.how.payload ?? {}) as {
    tid?: readonly string[];
  };
  const { header, payload, key, token } = await forgery(ground);
  const inToken = async (name: string) =>
    (await offer(ground, jwtOf(header, { ...payload, tid: name }, key))).code;
  const inQuery = async (name: string) => {
    using talk = await ground.socket({ token });
    talk.send(queryFrame('oi', { metadata: { tenantId: name } }));
    return await talk.code(8_000);
  };
  const inFrame = async (frame: object) => {
    using agent = await ground.socket({ token, protocols: ['agui.v1'] });
    agent.send(frame);
    return await agent.code(8_000);
  };
  const codes = await Promise.all(
    tid.flatMap((name) => [
      inToken(name),
      inQuery(name),
      inFrame({ op: 'resume', runId: `${name}.${other}` }),
      inFrame({ op: 'cancel', runId: name }),
    ]),
  );
  // A run of that name is one that there is not: the name itself never gets as far as a subject.
  const all = [...new Set(codes)].filter((code) => code !== 'NOT_FOUND');
  const plain = all.every((code) =>
    ['AUTH_INVALID', 'TENANT_ISOLATION_VIOLATION', 'INPUT_INVALID', 'INVALID_MESSAGE'].includes(code ?? ''),
  );
  return {
    refused: plain,
    code: plain ? (all.find((code) => code !== 'AUTH_INVALID') ?? all[0]) : all.join('/'),
  };
};

const forgedByService = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { pass, statement } = await ground.pass(
    { tid: other, sub: `${other}-foreign` },
    undefined,
    keyPair('forged').secret,
  );
  const body = JSON.stringify({ question: 'oi', locale: 'pt-BR' });
  const direct = await ground.publishAs(
    'intent',
    `run.permitted.${other}.${pass.rid}`,
    body,
    carrying(statement),
  );
  const last = await ground.lastLetter();
  const subject = `run.understood.${other}.${pass.rid}`;
  const next = await ground.publishAs('intent', subject, body, carrying(statement));
  const letter = await ground.letterAfter(subject, last);
  const reason = letter?.header.get('Jangada-Dead-Reason');
  return {
    refused: direct.outcome === 'denied',
    letter: direct.outcome === 'denied' ? reason : undefined,
    code: reason?.split(':')[0],
    note: `to data-access: ${direct.outcome}; to permission: ${next.outcome}, then ${reason}`,
  };
};

const pooled = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const url = new URL(ground.journey.system.local.databaseUrl);
  url.username = 'svc_data_access';
  const pool = new pg.Pool({ connectionString: url.href, max: 1, connectionTimeoutMillis: 5_000 });
  pool.on('error', () => undefined);
  try {
    const first = await pool.connect();
    await first.query('begin');
    await showGrant(first, databasePart(await grantOf(ground)));
    const before = (await first.query(readClients)).rows.length;
    await first.query('select 1/0').catch(() => undefined);
    await first.query('rollback');
    first.release();
    // Without a grant data-access is in no role that may read at all.
    const after = await pool.query(readClients).catch((error: pg.DatabaseError) => error.code);
    const rows = typeof after === 'string' || after === undefined ? 0 : after.rows.length;
    return {
      rows: before > 0 ? rows : -1,
      note: `${before} rows with the grant, then ${typeof after === 'string' ? after : rows}`,
    };
  } finally {
    await pool.end();
  }
};

const foreignStream = async (one: AttackCase, ground: Ground): Promise<Observed> => {
  const outcomes = [];
  const services = [
    'edge',
    'intent',
    'permission',
    'data-access',
    'response-generation',
    'retention',
    'audit',
  ];
  const requests = [
    '$JS.API.STREAM.PURGE.FACTS',
    '$JS.API.STREAM.DELETE.FACTS',
    '$JS.API.STREAM.UPDATE.FACTS',
    '$JS.API.CONSUMER.CREATE.FACTS.theirs',
    '$JS.API.CONSUMER.DURABLE.CREATE.FACTS.theirs',
    '$JS.API.STREAM.MSG.DELETE.FACTS',
    '$JS.API.STREAM.MSG.GET.FACTS',
  ];
  for (const service of services)
    for (const subject of requests) outcomes.push((await ground.publishAs(service, subject, '{}')).outcome);
  const denied = outcomes.every((outcome) => outcome === 'denied');
  return {
    refused: denied,
    holds: denied ? ['permission_violation'] : [],
    note: `${one.how.entry}: ${outcomes.length} tries`,
  };
};

/** A grant that is not one: wrong in each way that its seal for the database must catch. */
const badGrants = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const own = databasePart(await grantOf(ground));
  const said = own.slice(0, own.lastIndexOf('.'));
  const altered = own.replace('clinica-aurora', other);
  const forged = databasePart(await grantOf(ground, { tid: other }, secretSet('database')));
  const late = databasePart(await grantOf(ground, { exp: Date.now() - 1 }));
  let rows = 0;
  for (const grant of [altered, forged, late, said, `${said}.`, 'x.y', ''])
    rows += (await asDataAccess(ground, [readClients], grant || undefined)).rows.length;
  return {
    rows,
    refused: rows === 0,
    holds: rows === 0 ? ['zero_rows', 'zero_rows_or_error'] : [],
    code: 'CTX_NO_GRANT',
    figures: { rows_foreign: rows },
  };
};

const listening = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { connectAs } = await import('../journeys/journey.ts');
  const heard: string[] = [];
  for (const service of [
    'intent',
    'permission',
    'data-access',
    'response-generation',
    'retention',
    'audit',
    'edge',
  ]) {
    const nc = await connectAs(ground.journey.system, service);
    const subjects = [
      'run.>',
      'reply.>',
      'dead.>',
      `$JS.API.>`,
      '_INBOX_operator.>',
      '>',
      ...(service === 'edge' ? [] : ['live.>']),
    ];
    let denied = 0;
    for (const subject of subjects)
      nc.subscribe(subject, {
        callback: (error) => {
          if (error) denied += 1;
          else heard.push(service);
        },
      });
    await nc.flush();
    if (denied < subjects.length) heard.push(`${service} ${denied} of ${subjects.length}`);
    await nc.close();
  }
  return {
    refused: heard.length === 0,
    holds: heard.length === 0 ? ['permission_violation'] : [],
    note: heard.join(),
    rows: heard.length,
  };
};

/** A place in another tenant's pages is a place in one's own: it shows only what is one's own. */
const foreignCursor = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const first = await ground.ask('foreign', 'lista de consultas este ano');
  const { nextCursor } = JSON.parse(first.text) as { nextCursor?: string };
  if (!nextCursor) return { holds: [], note: 'the other tenant has one page only' };
  const own = await ground.ask('admin', 'lista de consultas este ano', { cursor: nextCursor });
  return {
    refused: own.status >= 400,
    code: own.code,
    holds: own.content.includes('Brisa') ? [] : ['no_foreign_data', 'reject'],
    told: [own.text],
    rows: 0,
    figures: { rows_foreign: own.content.includes('Brisa') ? 1 : 0 },
  };
};

/** What data-access says of a run, with the plan and rows that a forger wants told; `granted` is what the grant is for. */
interface Forgery {
  readonly plan: Partial<Plan>;
  readonly rows: readonly run.Row[];
  readonly granted?: Partial<Plan> | 'nothing';
}

/** Somebody who is at no tenant; told, they would be recognised. */
const theirs = 'Joana de Brisa';
const page: Partial<Plan> = { ask: 'list', fields: ['start', 'client'], limit: 2 };
const visit = { start: '2026-11-21T12:00:00.000Z', client: theirs };

const beyondGrant: readonly Forgery[] = [
  { plan: page, rows: [{ ...visit, cpf: '529.982.247-25' }] },
  { plan: page, rows: [visit, visit, visit] },
  { plan: page, rows: Array(run.rowsMax + 1).fill(visit) },
  { plan: { ask: 'count', fields: [] }, rows: [visit] },
  { plan: { ask: 'count', fields: [] }, rows: [{ count: theirs }] },
];
const beyondPlan: readonly Forgery[] = [
  { plan: { ...page, limit: 100 }, rows: [visit], granted: page },
  { plan: { ...page, filter: { subject: theirs } }, rows: [visit], granted: page },
  { plan: page, rows: [visit], granted: 'nothing' },
];

/** Says rows in data-access's stead, with its identity and the keys of bodies, and returns the run and all it told. */
const sayFetched = async (ground: Ground, { plan: own, rows, granted = own }: Forgery) => {
  const { journey } = ground;
  const { pass, statement } = await ground.pass();
  const plan = { ...sampleOf(run.fetched).plan, joins: [], filter: {}, ...own };
  const { rid, exp } = pass;
  const { fields, limit, ...rest } = granted === 'nothing' ? plan : { ...plan, ...granted, filter: {} };
  const grant = await grantOf(ground, { rid, exp, fields, limit, ph: planHash({ fields, limit, ...rest }) });
  const body = { ...sampleOf(run.fetched), plan, rows, matches: rows.length };
  const carried = granted === 'nothing' ? {} : { [headers.grant]: grant };
  const said = await ground.say('data-access', run.fetched, { pass, statement }, body, carried);
  const ends = await journey.endsOf(rid);
  const told = (await journey.stored('REPLY', `reply.*.${rid}`)).map((stored) =>
    JSON.stringify(journey.opened(reply, stored)),
  );
  return { rid, said, told, codes: ends.map((end) => ('code' in end ? end.code : end.type)) };
};

/** data-access is somebody else's: what it says is held against the grant before anything of it is told. */
const forgedRows =
  (forgeries: readonly Forgery[]) =>
  async (_one: AttackCase, ground: Ground): Promise<Observed> => {
    const own = await sayFetched(ground, { plan: page, rows: [visit] });
    if (!own.told.some((text) => text.includes(theirs)))
      throw new Error('rows within the grant are not told, so nothing would be shown by the others');
    const counters = [
      ['ai_agent_tenant_isolation_violations_total', 'source="answer"'],
      ['ai_agent_security_violations_total', 'violation_type="tenant_isolation"', 'severity="critical"'],
    ] as const;
    const count = () =>
      Promise.all(
        counters.map(([metric, ...labels]) =>
          ground.journey.counted('response-generation', metric, ...labels),
        ),
      );
    const before = await count();
    const seen = [];
    for (const forgery of forgeries) seen.push(await sayFetched(ground, forgery));
    const grown = (await count()).map((value, index) => value - (before[index] ?? 0));
    const told = seen.flatMap((one) => one.told);
    const letters = await Promise.all(seen.map(({ rid }) => ground.letterOf(rid)));
    const leaked = told.filter((text) => text.includes(theirs)).length;
    return {
      refused: leaked === 0 && seen.every(({ said }) => said.outcome === 'stored'),
      letter: letters.every(Boolean) ? letters[0]?.header.get('Jangada-Dead-Reason') : undefined,
      code: [...new Set(seen.flatMap(({ codes }) => codes))].join('/'),
      told,
      figures: { rows_foreign: leaked, all_critical: grown.every((by) => by === forgeries.length) },
      note: `${forgeries.length} forgeries, counted ${grown.join(' and ')}`,
    };
  };

export const tenant = area('tenant', [
  [/rows that were not granted/i, forgedRows(beyondGrant)],
  [/rows of another plan/i, forgedRows(beyondPlan)],
  [/X-Tenant|header differs|body (?:tenant|names)|tenantId/i, headerDiffers],
  [/tag belongs|foreign id|id (?:of|from) (?:another|other) tenant|issued by tenant/i, foreignIds],
  [/guess|enumerat|random id/i, guessedIds],
  [/metachar|dot, star/i, metacharacters],
  [/compromised|self-made|forges another/i, forgedByService],
  [/cursor|page token/i, foreignCursor],
  [
    /\bGUC\b|set_config|plain session setting/i,
    sql([
      { grant: 'none', statements: [`select set_config('app.tenant', '${other}', true)`, readClients] },
      { grant: 'none', statements: [`set app.tenant = '${other}'`, readClients] },
      { grant: 'own', statements: [`select set_config('app.tenant', '${other}', true)`, readClients] },
    ]),
  ],
  [
    /grant key|key table/i,
    sql([
      { grant: 'own', statements: ['select * from sec.grant_key'] },
      { grant: 'none', statements: ['select * from sec.grant_key'] },
    ]),
  ],
  [
    /insert/i,
    sql([
      {
        grant: 'own',
        statements: [
          `insert into clients (tenant_id, id, name, name_search) values ('${other}', 'x', 'x', 'x') returning tenant_id`,
        ],
      },
    ]),
  ],
  [
    /update moves|moves? (?:a )?row/i,
    sql([
      {
        grant: 'own',
        statements: [`update clients set tenant_id = '${other}' where id = 'cli-1' returning tenant_id`],
      },
    ]),
  ],
  [
    /SET ROLE|session_authorization|role switch/i,
    sql([
      { grant: 'own', statements: ['set role jangada_owner', readClients] },
      {
        grant: 'own',
        statements: [
          'set role svc_retention',
          `select set_config('app.tenant', '${other}', true)`,
          readClients,
        ],
      },
      { grant: 'own', statements: ['set session authorization postgres', readClients] },
    ]),
  ],
  [
    /leaky|error text|statistics|histogram/i,
    sql([
      {
        grant: 'own',
        statements: [
          `select tenant_id from clients where 1 / (case when tenant_id = '${other}' then 0 else 1 end) = 1`,
        ],
      },
      {
        grant: 'own',
        statements: [
          `select tablename as tenant_id from pg_stats where tablename = 'clients' and most_common_vals is not null`,
        ],
      },
      { grant: 'none', statements: ['select stxrelid from pg_statistic_ext_data, pg_statistic_ext limit 1'] },
    ]),
  ],
  [
    /disable|row_security|alter table|policy off/i,
    sql([
      { grant: 'own', statements: ['set row_security = off', readClients] },
      { grant: 'own', statements: ['alter table clients disable row level security', readClients] },
      { grant: 'own', statements: ['drop policy svc_data_access_select on clients', readClients] },
    ]),
  ],
  [/pooled|pool(?:ed)? connection|keeps previous/i, pooled],
  [
    /forged grant|tampered grant|expired grant|grant .*(?:forged|expired|altered)|without a grant|no grant/i,
    badGrants,
  ],
  [/stream admin|\$JS\.API|purge/i, foreignStream],
  [/subscribe|wildcard|listen|eavesdrop/i, listening],
]);
