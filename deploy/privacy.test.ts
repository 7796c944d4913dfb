import { ConfigError } from '@jangada/config/config.ts';
import { policy } from '@jangada/hop/policy.ts';
import { type Outside, openOutside } from '@jangada/outside/outside.ts';
import type { Webhook } from '@jangada/outside/webhook.ts';
import { holdingsOf } from '@jangada/packs/holdings.ts';
import { packs } from '@jangada/packs/registry.ts';
import { late, moved, notified, type RequestType } from '@jangada/proto/privacy.ts';
import { resilience } from '@jangada/runtime/resilience.ts';
import { lockClass } from '@jangada/store/lock.ts';
import { connect, queries, type Store, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { textsOf } from '@jangada/testkit/pdf.ts';
import { until } from '@jangada/testkit/until.ts';
import { startWebhookEndpoint, type Taking, type WebhookEndpoint } from '@jangada/testkit/webhook.ts';
import { signerFrom } from '@jangada/trust/keyset.ts';
import { openParcel, recipientOf } from '@jangada/trust/parcel.ts';
import { certificateOf, shown } from '@jangada/verifier/certificate.ts';
import { keysOf } from '@jangada/verifier/checkpoint.ts';
import { strFromU8, unzipSync } from 'fflate';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRecipients } from '../services/privacy/recipients.ts';
import type { Context } from '../services/privacy/request.ts';
import { advanceAll } from '../services/privacy/requests.ts';
import { type Erasure, listErasures, replayErasures } from './erasures.ts';
import { firstKey, setText } from './keysets.ts';
import { startDatabase, type TestDatabase, tenantSql } from './test-database.ts';
import { faultsOfFhir } from './test-fhir.ts';

// Privacy requests in PostgreSQL, carried out as the service's own role.

let database: TestDatabase;
let store: Store;
const never = new AbortController().signal;
const link = Buffer.alloc(32, 7);
const keys = setText([firstKey('certificate')]);
const signer = signerFrom(() => keys);

beforeAll(async () => {
  database = await startDatabase();
  store = await database.storeOf('privacy');
  await database.administer(`${tenantSql('casa')} ${tenantSql('other')}
    insert into accounts (tenant_id, id, alias, email, password_hash, role, person_id)
      values ('casa', 'staff', 'staff', 's@x.invalid', '', 'admin', null);
    insert into providers (tenant_id, id, name, name_search) values ('casa', 'p', 'Paula', 'paula');`);
}, 90_000);
afterAll(async () => {
  for (const one of toClose) await one[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

/** Somebody of whom there is something in most places; what they have is old, or of now. */
const plant = async (id: string, { old }: { old: boolean }): Promise<void> => {
  const at = old ? '1990-01-01T00:00:00Z' : new Date().toISOString();
  const own = { id: `${id}-1`, client_id: id };
  await database.write('casa', 'clients', [
    {
      ...{ id, name: '=Ana Lima', name_search: 'ana lima', created_at: at, cpf: '52998224725' },
      ...{ email: `${id}@example.invalid`, phone: '11987654321', birth_date: '1980-01-01' },
    },
  ]);
  await database.write('casa', 'appointments', [
    { ...own, provider_id: 'p', service: 'x', start_time: at, duration_minutes: 30, status: 'completed' },
  ]);
  await database.write('casa', 'billing', [
    { ...own, kind: 'charge', status: 'paid', service: 'x', amount: 1, issued_at: at },
  ]);
  await database.write('casa', 'aesthetic_records', [
    { ...own, kind: 'note', description: 'a secret of hers', recorded_at: at },
  ]);
  await database.write('casa', 'feedback', [
    { id: `${id}-run`, subject_id: id, rating: 5, comment: 'a comment of hers', at },
  ]);
  await database.administer(`
    insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by, recorded_at)
      values ('casa', 'given-${id}', '${id}', 'given', 'health', 'health', 'person', 'desk', 'staff', '${at}');
    insert into accounts (tenant_id, id, alias, email, password_hash, role, person_id)
      values ('casa', 'account-${id}', '${id}', '${id}@x.invalid', '', 'client', '${id}');
    insert into sessions (tenant_id, id, account_id, amr, authenticated_at, created_at, used_at)
      values ('casa', 'session-${id}', 'account-${id}', '{pwd}', now(), now(), now());`);
};

/** Of what somebody has said yes to, where they are asked. */
const ask = async (
  id: string,
  subject: string,
  type: RequestType,
  { ageDays = 0, approved = true }: { readonly ageDays?: number; readonly approved?: boolean } = {},
): Promise<void> => {
  await database.administer(`
    insert into privacy_requests (tenant_id, id, subject_id, type, identity, opened_by, recipient, at, deadline_at, approved, reviewed_by)
    values ('casa', '${id}', '${subject}', '${type}', 'document', 'staff', '${recipientOf(link)}',
      now() - interval '${ageDays} days', now() + interval '${15 - ageDays} days', ${approved ? "true, 'other'" : 'null, null'})`);
};

const said: { id: string; message: string; body: unknown }[] = [];
const advance = (own: Partial<Context> = {}): Promise<void> =>
  advanceAll(
    {
      ...{ store, vault: database.vault, tenant: 'casa', reviews: 'none', signer },
      webhookOf: () => undefined,
      log: { warn: (fields: object) => expect.fail(JSON.stringify(fields)) } as unknown as Context['log'],
      say: async (id, { message, body }) => void said.push({ id, message: message.name, body }),
      forget: async () => database.vault.forget('casa'),
      ...own,
    },
    never,
  );

const holdSql = (name: string): string =>
  `insert into legal_holds (tenant_id, class, reason) values ('casa', '${name}', 'a lawsuit')`;
const hold = (name: string) => database.administer(holdSql(name));
const keyStatesOf = async (subject: string): Promise<string[]> => {
  const keys = await database.administer(
    `select class, state from subject_keys where subject_id = '${subject}' order by 1`,
  );
  return keys.map((key) => `${key['class']} ${key['state']}`);
};

const requestOf = async (id: string) =>
  (await database.administer(`select * from privacy_requests where id = '${id}'`))[0] as {
    state: string;
    subject_id: string;
    partial: string[];
    receipts: { table: string; found: number; deleted: number; kept: number; basis?: string }[];
    certificate: object;
    recipients: object[];
  };
const filesOf = async (id: string): Promise<Record<string, string>> => {
  const [parcel] = await database.administer(`select content from privacy_deliveries where id = '${id}'`);
  const files = unzipSync(await openParcel(link, String(parcel?.['content'])));
  return Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, strFromU8(bytes, true)]));
};

const operator = (url = database.server.url): Store => {
  const opened = connect('operator', { DATABASE_URL: url, DATABASE_POOL_SIZE: 1 });
  toClose.push(opened);
  return opened;
};
const toClose: Store[] = [];

/** Copies the database, has `work` done with the first, and carries out in the copy what its ledger says. */
const restoreFrom = async (name: string, work: () => Promise<readonly Erasure[]>): Promise<void> => {
  const { pathname } = new URL(database.server.url);
  const client = new pg.Client({ connectionString: new URL('/template1', database.server.url).href });
  await client.connect();
  // Who is connected to what is copied keeps it from being copied.
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${pathname.slice(1)}'`,
  );
  await client.query(`create database ${name} template "${pathname.slice(1)}"`);
  await client.end();
  const erasures = await work();
  const { href } = new URL(`/${name}`, database.server.url);
  const copy = operator(href);
  const leftIn = async () =>
    (await copy.rows(queries<{ clients: { id: string } }>().selectFrom('clients').select('id'))).map(
      ({ id }) => id,
    );
  expect(await leftIn()).toContain('c5');
  database.vault.forget('casa');
  // And two of whom something is kept.
  expect(await replayErasures(copy, database.vault, erasures)).toBe(3);
  await advance({ store: await database.storeOf('privacy', 2, { casa: href }) });
  // Their request names them until whom their bills were passed on to is told again.
  expect(await leftOf('c5', (statement) => copy.rows(written(sql.raw(statement))))).toEqual([
    'privacy_requests',
    'subject_keys',
  ]);
};

/** Tables in which anything of somebody is left, by their id. */
const leftOf = async (
  id: string,
  ask: (statement: string) => Promise<readonly Readonly<Record<string, unknown>>[]> = database.administer,
): Promise<string[]> => {
  const tables = await ask(
    `select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1`,
  );
  const left = await ask(
    tables
      .map(
        ({ name }) =>
          `select '${name}' as name where exists (select from ${name} t where t::text ~ '\\y${id}\\y')`,
      )
      .join(' union all '),
  );
  return left.map(({ name }) => String(name));
};

test('every column that names a person belongs to a class, or to what says why it does not', async () => {
  const held = new Set(packs.flatMap(holdingsOf).map(({ table, subject }) => `${table}.${subject}`));
  const names = [...new Set([...held].map((one) => one.split('.')[1])), 'subject_id'];
  const columns = await database.administer(`
    select c.relname || '.' || a.attname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0
      and (a.attname in ('${names.join("', '")}') and a.attname <> 'id' or a.attname = 'person_id') order by 1`);
  const elsewhere = [
    // The run.
    'audit_entries.subject_id',
    // Of whoever asked, who opens it alone, for as long as it waits.
    'interrupts.account_id',
    'privacy_deliveries.account_id',
    // Goes with its factor.
    'recovery_codes.account_id',
    // Follows from its account, which is held.
    'second_factors.subject_id',
    // A keyed hash once they were erased.
    'privacy_requests.subject_id',
    // Destroyed.
    'subject_keys.subject_id',
  ];
  expect(columns.map(({ name }) => name).filter((name) => !held.has(String(name)))).toEqual(
    elsewhere.toSorted(),
  );
});

test('all that is kept of people is called something that they read, but for ids and what machines alone need', async () => {
  const rows = await database.administer(`
    select c.relname as table, a.attname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped`);
  const unnamed = packs.flatMap((pack) =>
    holdingsOf(pack).flatMap(({ table, told }) =>
      rows
        .filter((row) => row['table'] === table)
        .map(({ name }) => String(name))
        .filter((name) => (told?.includes(name) ?? true) && !/(?:^|_)(?:id|index|search)$/.test(name))
        .filter((name) => !(['en', 'pt-BR'] as const).every((locale) => pack.wording[locale].columns?.[name]))
        .map((name) => `${table}.${name}`),
    ),
  );
  expect([...new Set(unnamed)].toSorted()).toEqual([
    ...['attempt', 'code', 'ending', 'is_first'].map((name) => `ai_agent_conversations.${name}`),
    ...['expires_at', 'is_active', 'session_type'].map((name) => `ai_agent_sessions.${name}`),
    'bookings.version',
    // Who has read is told, and not who wrote.
    ...['command', 'opened_by'].map((name) => `care_relationships.${name}`),
    ...['number', 'recorded_by'].map((name) => `consents.${name}`),
  ]);
});

describe('who asks for their data', () => {
  test('is handed all of it, opened, for machines, for a spreadsheet and to be read, sealed for the link', async () => {
    await plant('c1', { old: false });
    await ask('r1', 'c1', 'access');
    const [own] = await store.within({ tenant: 'casa' }, (read) =>
      database.vault.pseudonymsOf('casa', 'c1', read),
    );
    const read = (run: string, whom: string | undefined) =>
      `insert into audit_entries (tenant_id, subject_id, fact, sequence, at, actor, role, purpose, decision, resource, details)
       values ('casa', '${run}', 'run.fetched', 1, now(), 'reader-of-${run}', 'admin', 'care', 'allowed', 'clients',
         '{"people":{"seen":["${whom}"]}}');`;
    await database.administer(read('hers', own) + read('another', 'x'));
    await advance();
    expect(await requestOf('r1')).toMatchObject({ state: 'delivered', partial: [] });
    const files = await filesOf('r1');
    expect(faultsOfFhir(files['data.ndjson'] ?? '')).toEqual([]);
    const resources = files['data.ndjson']
      ?.trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(resources?.map(({ resourceType }) => resourceType)).toEqual(
      expect.arrayContaining(['Patient', 'Appointment', 'Observation', 'Consent']),
    );
    expect(resources).toContainEqual(expect.objectContaining({ valueString: 'a secret of hers' }));
    expect(files['clients.csv']).toContain("'=Ana Lima");
    expect(files['feedback.csv']).toContain('a comment of hers');
    expect(files['accounts.csv']).not.toContain('password');
    expect(files['readers.csv']).toMatch(
      /^at,account,role,purpose,data\r\n\S+,reader-of-hers,admin,care,clients\r\n$/,
    );
    expect(files['recipients.csv']).toContain('accountant,billing_data,tax');
    const pages = textsOf(Buffer.from(files['data.pdf'] ?? '', 'latin1')).join('\n');
    for (const said of [
      '=Ana Lima',
      '01/01/1980',
      'a secret of hers',
      'reader-of-hers',
      'Paula',
      'R$',
      'contabilidade',
    ])
      expect(pages).toContain(said);
    expect(pages).not.toMatch(/_id|reader-of-another|aesthetic_records/);
    expect(JSON.parse(files['manifest.json'] ?? '')).toHaveLength(Object.keys(files).length - 1);
    const [{ content = '' } = {}] = await database.administer('select content from privacy_deliveries');
    await expect(openParcel(Buffer.alloc(32, 8), String(content))).rejects.toThrow();
  });

  test('has fetched it or lets it lie: then nothing of it is left', async () => {
    await advance();
    expect((await requestOf('r1')).state).toBe('delivered');
    await database.administer('update privacy_deliveries set used_at = now()');
    await advance();
    expect((await requestOf('r1')).state).toBe('closed');
    expect(await database.administer('select from privacy_deliveries')).toEqual([]);
    expect(said.filter(({ message }) => message === moved.name).map(({ id }) => id)).toEqual(
      ['identity_verified', 'inventory', 'legal_review', 'executing', 'verified', 'delivered', 'closed'].map(
        (state) => `r1-${state}`,
      ),
    );
    expect(JSON.stringify(said)).not.toMatch(/\bc1\b/);
  });
});

describe('who asks to be deleted', () => {
  test('is, wherever nothing has it kept, and no value of theirs opens any more', async () => {
    await plant('c2', { old: true });
    // One was over before the erasure and names nobody after it; the other is only fetched then.
    await ask('r2-before', 'c2', 'consent');
    await advance();
    await database.administer('update privacy_deliveries set used_at = now()');
    await advance();
    expect(await requestOf('r2-before')).toMatchObject({ state: 'closed', subject_id: 'c2' });
    await ask('r2-meanwhile', 'c2', 'consent');
    await ask('r2', 'c2', 'deletion');
    await advance();
    await database.administer(`update privacy_deliveries set used_at = now() where id = 'r2'`);
    await advance();
    // Somebody has her bills, and is to be told before it is over.
    expect(await requestOf('r2')).toMatchObject({
      state: 'delivered',
      subject_id: 'c2',
      recipients: [{ name: 'accountant' }],
    });
    expect(said.find(({ id }) => id === 'r2-verified')?.body).toMatchObject({ recipients: ['accountant'] });
    await database.administer(
      `update privacy_requests set recipients = '[{"name":"accountant","told":{"by":"staff","at":"2026-11-21T10:00:00Z"}}]' where id = 'r2'`,
    );
    await advance();
    await database.administer('update privacy_deliveries set used_at = now()');
    await advance();
    const { state, partial, receipts } = await requestOf('r2');
    expect({ state, partial }).toEqual({ state: 'closed', partial: [] });
    expect(receipts.every(({ found, deleted }) => found === deleted)).toBe(true);
    expect(receipts.filter(({ deleted }) => deleted > 0).map(({ table }) => table)).toEqual(
      expect.arrayContaining(['clients', 'appointments', 'aesthetic_records', 'feedback', 'accounts']),
    );
    // Keys that are no more, so that nothing is sealed for them again.
    expect(await leftOf('c2')).toEqual(['subject_keys']);
    expect(
      await database.administer(`select from subject_keys where subject_id = 'c2' and state <> 'destroyed'`),
    ).toEqual([]);
    expect(await database.administer(`select type from erasures where id = 'r2'`)).toEqual([
      { type: 'deletion' },
    ]);
  });

  test('has a certificate that is signed, and that says nothing else to whoever verifies it', async () => {
    const certificate = shown.parse((await requestOf('r2')).certificate);
    expect(certificateOf(keysOf(keys), certificate)).toMatchObject({
      ...{ tenant: 'casa', request: 'r2', type: 'deletion', recipients: ['accountant'] },
      keysDestroyed: expect.arrayContaining([expect.objectContaining({ class: 'clinical' })]),
    });
    expect(JSON.stringify(certificate)).not.toContain('"c2"');
    expect(certificateOf(keysOf(keys), { ...certificate, type: 'access' })).toBeUndefined();
    expect(certificateOf(keysOf(setText([firstKey('certificate')])), certificate)).toBeUndefined();
  });

  test('stays where the law says so, with its basis and its end, and cannot be asked about', async () => {
    await plant('c3', { old: false });
    await ask('r3', 'c3', 'deletion');
    await advance();
    const { state, receipts } = await requestOf('r3');
    expect(state).toBe('delivered');
    const of = (table: string) => receipts.find((receipt) => receipt.table === table);
    expect(of('aesthetic_records')).toMatchObject({
      ...{ found: 1, deleted: 0, kept: 1 },
      ...{ basis: expect.stringContaining('13.787'), until: expect.stringMatching(/^20[45]\d/) },
    });
    expect(of('clients')).toMatchObject({ kept: 1 });
    expect(of('feedback')).toMatchObject({ deleted: 1 });
    // Whose records are kept is restricted: what takes consent is not read.
    expect(await database.administer(`select from consent_levels where subject_id = 'c3'`)).toEqual([]);
    expect(await keyStatesOf('c3')).toEqual(['clinical active', 'discretionary destroyed']);
  });

  test('and asks again is told what was kept, without what was destroyed, of which nothing is corrected', async () => {
    await ask('r12', 'c3', 'access');
    await ask('r13', 'c3', 'correction');
    // Sealed before the key was gone.
    await database.administer(
      `update privacy_requests set details = (select email from clients where id = 'c3') where id = 'r13'`,
    );
    await advance();
    const files = await filesOf('r12');
    expect(files['aesthetic_records.csv']).toContain('a secret of hers');
    expect(files['clients.csv']).toContain('Ana Lima');
    expect(files['clients.csv']).not.toContain('52998224725');
    expect(await requestOf('r13')).toMatchObject({
      ...{ state: 'delivered', partial: [] },
      receipts: [{ table: 'clients', found: 1, changed: 0 }],
    });
  });

  test('waits for who approves, where the pack wants it of what would go, and a no leaves everything', async () => {
    await plant('c4', { old: true });
    await ask('r4', 'c4', 'deletion', { approved: false });
    await advance();
    expect((await requestOf('r4')).state).toBe('legal_review');
    await database.administer(
      `update privacy_requests set approved = false, reviewed_by = 'other' where id = 'r4'`,
    );
    await advance({ reviews: 'erasure' });
    expect((await requestOf('r4')).state).toBe('closed');
    expect(await leftOf('c4')).toContain('clients');
    expect(said.at(-1)?.body).toMatchObject({ state: 'closed', rejected: true });
  });

  test('waits for who approves where a legal hold is all that keeps it, and goes with none at its release', async () => {
    await plant('c13', { old: true });
    await hold('aesthetic_records');
    await ask('r18', 'c13', 'deletion', { approved: false });
    await advance();
    expect((await requestOf('r18')).receipts).toContainEqual(
      expect.objectContaining({ table: 'aesthetic_records', found: 1, kept: 1, basis: 'legal hold' }),
    );
    await database.administer('update legal_holds set released_at = now()');
    await advance();
    expect((await requestOf('r18')).state).toBe('legal_review');
    await database.administer(
      `update privacy_requests set approved = false, reviewed_by = 'other' where id = 'r18'`,
    );
    await advance();
    expect(await leftOf('c13')).toContain('aesthetic_records');
  });

  test('waits for nobody where nothing of the kind would go, unless somebody has to approve everything', async () => {
    await plant('c12', { old: false });
    await ask('r17', 'c12', 'deletion', { approved: false });
    await advance({ reviews: 'erasure' });
    expect((await requestOf('r17')).state).toBe('legal_review');
    await advance();
    expect((await requestOf('r17')).state).toBe('delivered');
  });

  test('keeps what a legal hold is on, and the keys that it is sealed with, however late the hold comes', async () => {
    await ask('r5', 'c4', 'deletion', { ageDays: 13 });
    await hold('billing_data');
    // Once the keys are frozen, and before they are destroyed.
    let first = true;
    await advance({
      forget: async () => {
        if (first) await hold('feedback');
        first = false;
        database.vault.forget('casa');
      },
    });
    const { receipts } = await requestOf('r5');
    for (const table of ['billing', 'feedback'])
      expect(receipts.find((receipt) => receipt.table === table)).toMatchObject({
        ...{ deleted: 0, kept: 1, basis: 'legal hold' },
      });
    expect(await leftOf('c4')).toEqual(expect.arrayContaining(['billing', 'feedback', 'clients']));
    expect(await keyStatesOf('c4')).toEqual(['clinical destroyed', 'discretionary active']);
  });

  test('is not over while a hold is on something of theirs, and not late for it; what it kept goes after its release', async () => {
    const now = async () => {
      const { state, partial } = await requestOf('r5');
      return { state, partial: partial.toSorted() };
    };
    // As a process leaves it that died before it looked again.
    await database.administer(
      `update subject_keys set state = 'frozen' where class = 'discretionary' and subject_id = 'c4'`,
    );
    await advance();
    expect(await keyStatesOf('c4')).toEqual(['clinical destroyed', 'discretionary active']);
    expect(await now()).toEqual({ state: 'executing', partial: ['billing_data', 'feedback'] });
    expect(said.filter(({ id, message }) => message === late.name && id.startsWith('r5'))).toEqual([]);
    await database.administer('update legal_holds set released_at = now()');
    await advance();
    expect(await now()).toEqual({ state: 'delivered', partial: [] });
    expect(await keyStatesOf('c4')).toEqual(['clinical destroyed', 'discretionary destroyed']);
    const left = await leftOf('c4');
    for (const table of ['billing', 'feedback', 'clients']) expect(left).not.toContain(table);
  });

  test('waits for who places a hold', async () => {
    await plant('c10', { old: true });
    await ask('r15', 'c10', 'deletion');
    const holder = new pg.Client({ connectionString: database.server.url });
    await holder.connect();
    await holder.query('begin');
    const lock = lockClass('casa', 'appointment_data').compile();
    await holder.query(lock.sql, [...lock.parameters]);
    await holder.query(holdSql('appointment_data'));
    const advanced = advance();
    await until('the erasure to wait', async () => {
      const waiting = await database.administer(
        `select from pg_locks where locktype = 'advisory' and not granted`,
      );
      return waiting.length > 0 || undefined;
    });
    await holder.query('commit');
    await holder.end();
    await advanced;
    expect(await leftOf('c10')).toContain('appointments');
    await database.administer('update legal_holds set released_at = now()');
    await advance();
    expect(await leftOf('c10')).not.toContain('appointments');
  });
});

describe('two that carry out one request', () => {
  test('add to what the other has counted, or stop', async () => {
    await plant('c11', { old: true });
    await ask('r16', 'c11', 'deletion');
    let first = true;
    await advance({
      // In the middle of the erasure another one goes all the way.
      forget: async () => {
        if (first) {
          first = false;
          await advance();
        }
        database.vault.forget('casa');
      },
    });
    const { state, partial, receipts } = await requestOf('r16');
    expect({ state, partial }).toEqual({ state: 'delivered', partial: [] });
    expect(receipts.filter(({ deleted }) => deleted > 0).length).toBeGreaterThan(5);
    expect(receipts.filter(({ found, deleted }) => found !== deleted)).toEqual([]);
  });
});

describe('whom data were passed on to', () => {
  const key = 'a key that both have';
  let endpoint: WebhookEndpoint;
  let outside: Outside;
  let webhooks: ReadonlyMap<string, Webhook>;
  beforeAll(async () => {
    endpoint = await startWebhookEndpoint(key);
    outside = openOutside([endpoint.host]);
    webhooks = open({ 'casa/accountant': endpoint.url });
  });
  afterAll(async () => {
    await outside[Symbol.asyncDispose]();
    await endpoint[Symbol.asyncDispose]();
  });
  const once = policy({ attempts: 1 });
  const open = (urls: Readonly<Record<string, string>>, telling = once) =>
    openRecipients({
      ...{ urls, keys: { casa: key }, outside },
      policyOf: (name) => resilience(name, telling, openMetrics('privacy')),
    });
  /** A receipt as it is to be, but for what is given. */
  const receipt = (own: object = {}): Taking => ({
    answers: ({ body }) => ({
      request: (body['data'] as { request: string }).request,
      classes: { billing_data: { done: 1, kept: 0 } },
      ...own,
    }),
  });
  const goOn = () => advance({ webhookOf: (name) => webhooks.get(`casa/${name}`) });
  const toldOf = (id: string) => endpoint.told.filter((one) => one.id === `${id}-accountant`);
  const noticesOf = (id: string) =>
    said.filter(({ message, id: fact }) => message === notified.name && fact.startsWith(`${id}-`));
  /** As if it had been some hours ago. */
  const rested = (id: string) =>
    database.administer(`
      update privacy_requests set recipients = jsonb_set(recipients, '{0,notice,at}', '"2020-01-01T00:00:00.000Z"')
      where id = '${id}'`);
  const over = (id: string) =>
    database.administer(`update privacy_deliveries set used_at = now() where id = '${id}'`);

  test('is told by their webhook, and it is over once their receipt agrees', async () => {
    endpoint.behave(receipt({ classes: { billing_data: { done: 0, kept: 1, basis: 'CTN, art. 195' } } }));
    await plant('c20', { old: true });
    await ask('n1', 'c20', 'deletion');
    await goOn();
    expect(toldOf('n1')).toEqual([
      {
        id: 'n1-accountant',
        taken: true,
        body: {
          type: 'privacy.deletion',
          timestamp: expect.any(String),
          data: {
            ...{ tenant: 'casa', recipient: 'accountant', request: 'n1' },
            ...{ subject: 'c20', classes: ['billing_data'] },
          },
        },
      },
    ]);
    expect((await requestOf('n1')).recipients).toMatchObject([
      { name: 'accountant', told: { by: 'webhook', classes: { billing_data: { kept: 1 } } } },
    ]);
    expect(noticesOf('n1')).toMatchObject([
      {
        id: 'n1-accountant-confirmed',
        body: { outcome: 'confirmed', classes: { billing_data: { done: 0, kept: 1 } } },
      },
    ]);
    await over('n1');
    await goOn();
    expect((await requestOf('n1')).state).toBe('closed');
    expect(toldOf('n1')).toHaveLength(1);
    expect(JSON.stringify(noticesOf('n1'))).not.toMatch(/\bc20\b|CTN/);
  });

  test.each([
    ['is away', 'away', { status: 503 }],
    ['says that it took it', 'taken', { status: 204 }],
    ['confirms another request', 'differs', receipt({ request: 'another' })],
    ['confirms less than it was given', 'differs', receipt({ classes: {} })],
    [
      'keeps something without a basis',
      'differs',
      receipt({ classes: { billing_data: { done: 0, kept: 1 } } }),
    ],
  ] as const)('and %s is told again, later and under the same id', async (how, outcome, taking) => {
    const id = `n-${how.replaceAll(' ', '-')}`;
    await plant(`c-${id}`, { old: true });
    await ask(id, `c-${id}`, 'deletion');
    endpoint.behave(taking);
    await goOn();
    await over(id);
    await goOn();
    expect(toldOf(id)).toHaveLength(1);
    expect(await requestOf(id)).toMatchObject({
      state: 'delivered',
      recipients: [{ notice: { outcome, tries: 1 } }],
    });
    expect(noticesOf(id).map(({ body }) => body)).toEqual(
      outcome === 'differs' ? [{ request: id, recipient: 'accountant', outcome }] : [],
    );
    endpoint.behave(receipt());
    await rested(id);
    await goOn();
    expect(toldOf(id)).toHaveLength(2);
    expect((await requestOf(id)).state).toBe('closed');
  });

  test('and takes no word of it is left to who administers', async () => {
    endpoint.behave({ status: 410 });
    await plant('c21', { old: true });
    await ask('n2', 'c21', 'deletion');
    await goOn();
    await rested('n2');
    await goOn();
    expect(toldOf('n2')).toHaveLength(1);
    expect(noticesOf('n2')).toMatchObject([{ body: { outcome: 'refused' } }]);
    expect((await requestOf('n2')).recipients).toMatchObject([{ notice: { outcome: 'refused' } }]);
  });

  test('is told nowhere that the operator did not name, and nothing that is not signed', () => {
    expect(() => open({ 'casa/accountant': 'https://elsewhere.example.org/' })).toThrow(ConfigError);
    expect(() => open({ 'other/accountant': endpoint.url })).toThrow(/WEBHOOK_KEYS has no key of other/);
    expect(() => open({ 'casa/acountant': endpoint.url })).toThrow(/no pack passes anything on to acountant/);
  });

  test('and is away is asked no more for a while, which is no try, and holds up nobody else', async () => {
    endpoint.behave({ status: 503 });
    const breaker = { failures: 1, withinMs: 600_000, openMs: 600_000, successes: 1 };
    const resting = open({ 'casa/accountant': endpoint.url }, policy({ attempts: 1, breaker }));
    for (const id of ['n3', 'n4']) {
      await plant(`c-${id}`, { old: true });
      await ask(id, `c-${id}`, 'deletion');
    }
    await advance({ webhookOf: (name) => resting.get(`casa/${name}`) });
    expect((await requestOf('n3')).recipients).toMatchObject([{ notice: { outcome: 'away', tries: 1 } }]);
    expect((await requestOf('n4')).recipients).toEqual([{ name: 'accountant' }]);
    expect(toldOf('n4')).toEqual([]);
    await plant('c-n5', { old: true });
    await ask('n5', 'c-n5', 'access');
    endpoint.behave(receipt());
    await goOn();
    const facts = said.map(({ id }) => id);
    expect(facts).toContain('n4-accountant-confirmed');
    expect(facts.indexOf('n5-delivered')).toBeLessThan(facts.indexOf('n4-accountant-confirmed'));
    for (const id of ['n3', 'n4', 'n5']) await over(id);
    await rested('n3');
    await goOn();
    expect((await requestOf('n3')).state).toBe('closed');
  });
});

test('a backup that comes back brings back nobody who was erased: the ledger is carried out again', async () => {
  await plant('c5', { old: true });
  await restoreFrom('before', async () => {
    await ask('r6', 'c5', 'deletion');
    await advance();
    const erasures = await listErasures(operator());
    expect(JSON.stringify(erasures)).not.toMatch(/\bc5\b/);
    return erasures;
  });
});

describe('who asks', () => {
  test('to be made nobody stays as a figure, and as no one', async () => {
    await plant('c6', { old: true });
    await ask('r7', 'c6', 'anonymisation');
    await advance();
    expect(await requestOf('r7')).toMatchObject({ state: 'delivered', partial: [] });
    const [person] = await database.administer(`select * from clients where id = 'c6'`);
    expect(person).toMatchObject({ name: 'anonymised', birth_date: null, cpf: null, cpf_index: null });
    const kept = await database.administer(
      `select (select count(*)::int from appointments where client_id = 'c6') as appointments,
         (select count(*)::int from aesthetic_records where client_id = 'c6' and description is null) as records,
         (select count(*)::int from accounts where person_id = 'c6') as accounts`,
    );
    expect(kept).toEqual([{ appointments: 1, records: 1, accounts: 0 }]);
  });

  test('for a correction has it, sealed, and found by its new value', async () => {
    await plant('c7', { old: false });
    await ask('r8', 'c7', 'correction');
    const right = JSON.stringify({ name: 'Ána Nova', email: 'nova@example.invalid' });
    const place = { tenant: 'casa', table: 'privacy_requests', column: 'details', row: 'r8', subject: 'c7' };
    const found = await store.within({ tenant: 'casa' }, async (transaction) => {
      const holder = { subject: 'c7', class: 'discretionary' } as const;
      using sealer = await database.vault.sealer('casa', [holder], transaction);
      const details = sealer.seal(place, 'discretionary', right);
      await transaction.rows(
        queries<CoreTables>().updateTable('privacy_requests').set({ details }).where('id', '=', 'r8'),
      );
      const at = { tenant: 'casa', table: 'clients', column: 'email' };
      return database.vault.indexesOf(at, 'email', 'nova@example.invalid', transaction);
    });
    await advance();
    expect(await requestOf('r8')).toMatchObject({ state: 'delivered', partial: [] });
    const [person] = await database.administer(
      `select name, name_search, email_index from clients where id = 'c7'`,
    );
    expect(person).toEqual({ name: 'Ána Nova', name_search: 'ana nova', email_index: found[0] });
  });

  test('what they agreed to is told that, and who takes it back is not read from then on', async () => {
    await ask('r9', 'c7', 'consent');
    await ask('r10', 'c7', 'revocation');
    await advance();
    const files = await filesOf('r9');
    expect(Object.keys(files)).toEqual(expect.arrayContaining(['consents.csv', 'data.ndjson']));
    expect(Object.keys(files)).not.toContain('clients.csv');
    expect(await database.administer(`select level from consent_levels where subject_id = 'c7'`)).toEqual([
      { level: null },
    ]);
    await database.administer(`update privacy_deliveries set used_at = now()`);
    await advance();
    expect((await requestOf('r10')).state).toBe('closed');
  });

  test('is told of to who audits when a part of the time is over, once for each', async () => {
    await plant('c8', { old: true });
    await ask('r11', 'c8', 'deletion', { ageDays: 13, approved: false });
    await advance({ reviews: 'erasure' });
    await advance({ reviews: 'erasure' });
    expect(said.filter(({ id, message }) => message === late.name && id.startsWith('r11'))).toEqual([
      { id: 'r11-80', message: late.name, body: expect.objectContaining({ percent: 80 }) },
    ]);
  });

  test('is told of too where the request cannot go on', async () => {
    await ask('r14', 'c8', 'access', { ageDays: 13 });
    const warned: object[] = [];
    const log = { warn: (fields: object) => void warned.push(fields) } as unknown as Context['log'];
    const unsigned = () => {
      throw new Error('no key');
    };
    await advance({ reviews: 'erasure', signer: unsigned, log });
    expect(warned).toMatchObject([{ runId: 'r14' }]);
    expect(said.filter(({ message }) => message === late.name).map(({ id }) => id)).toContain('r14-80');
  });

  test('is handed nothing by one that comes after another has closed it', async () => {
    expect((await requestOf('r14')).state).toBe('verified');
    let first = true;
    const behind: Store = {
      ...store,
      read: async (claim, query, span) => {
        const rows = await store.read(claim, query, span);
        if (first && /"id":"r14".*"state":"verified"/.test(JSON.stringify(rows))) {
          first = false;
          await advance({ reviews: 'erasure' });
          await database.administer(`update privacy_deliveries set used_at = now() where id = 'r14'`);
          await advance({ reviews: 'erasure' });
        }
        return rows;
      },
    };
    await advance({ reviews: 'erasure', store: behind });
    expect(first).toBe(false);
    expect((await requestOf('r14')).state).toBe('closed');
    expect(await database.administer(`select from privacy_deliveries where id = 'r14'`)).toEqual([]);
  });
});
