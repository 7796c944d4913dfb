import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { headOf } from '@jangada/vault/field.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { throughClient } from '../vault.ts';
import { importCommand } from './command.ts';
import { printProgress } from './progress.ts';
import { type BadRow, ImportRefused } from './synthea.ts';
import { fixtures, type Imports, openImports, silent } from './test-imports.ts';

// The first run on a machine downloads PostgreSQL.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let imports: Imports;
let rows: Imports['rows'];
let run: Imports['run'];
let contentOf: Imports['contentOf'];

beforeAll(async () => {
  imports = await openImports();
  ({ rows, run, contentOf } = imports);
});
afterAll(() => imports?.[Symbol.asyncDispose]());

/** What is on record in a tenant, opened. */
const recordsOf = async (tenant: string): Promise<string[]> => {
  const records = (await rows(
    'select id, client_id, kind, description from aesthetic_records where tenant_id = $1',
    tenant,
  )) as { id: string; client_id: string; kind: string; description: Buffer }[];
  const fields = records.map((row) => ({
    subject: row.client_id,
    class: 'clinical' as const,
    ...headOf(row.description),
  }));
  using opener = await imports.vault.opener(tenant, fields, throughClient(imports.client));
  return records.map(({ id, client_id: subject, kind, description }) => {
    const place = { tenant, table: 'aesthetic_records', column: 'description', row: id, subject };
    return `${kind}: ${opener.open(place, 'clinical', description)}`;
  });
};

const told = ({ file, line, column, reason }: BadRow): string => `${file}:${line} ${column ?? '-'} ${reason}`;

const badRows = [
  'organizations.csv:4 - has a quote that is not closed',
  'organizations.csv:5 NAME is missing',
  'patients.csv:5 BIRTHDATE is not a date',
  'patients.csv:6 - has 9 columns, the header has 25',
  'patients.csv:7 Id is missing',
  'patients.csv:8 Id is repeated',
  'patients.csv:10 FIRST is not UTF-8 text',
  'encounters.csv:5 STOP is before START',
  'encounters.csv:6 START is not a date',
  'encounters.csv:7 PROVIDER is missing',
  'claims_transactions.csv:8 AMOUNT is not a number with at most 2 decimals',
  'claims_transactions.csv:9 AMOUNT is not a number with at most 2 decimals',
  'claims_transactions.csv:10 TYPE is not one of CHARGE, PAYMENT, TRANSFERIN, TRANSFEROUT',
  'claims_transactions.csv:11 AMOUNT is missing',
  'conditions.csv:5 STOP is not a date',
  'procedures.csv:1 PATIENT is not in the header',
  ...['START', 'STOP', 'PATIENT', 'ENCOUNTER', 'CODE', 'DESCRIPTION'].map(
    (column) => `allergies.csv:1 ${column} is not in the header`,
  ),
  'observations.csv:4 PATIENT is missing',
];

describe('an import of made-up files', () => {
  test('keeps every good row, and reports each bad one by file, line, column and reason', async () => {
    const heard: BadRow[] = [];
    const report = await run('good', { progress: { ...silent, badRow: (row) => heard.push(row) } });
    expect(report.badRows.map(told)).toEqual(badRows);
    expect(heard.map(told).sort()).toEqual([...badRows].sort());
    expect(
      report.files.map(({ file, state, rows, imported, skipped }) => [file, state, rows, imported, skipped]),
    ).toEqual([
      ['organizations.csv', 'imported', 4, 2, 2],
      ['providers.csv', 'imported', 2, 2, 0],
      ['patients.csv', 'imported', 8, 3, 5],
      ['encounters.csv', 'imported', 6, 3, 3],
      ['claims.csv', 'imported', 2, 2, 0],
      ['claims_transactions.csv', 'imported', 10, 6, 4],
      ['conditions.csv', 'imported', 5, 4, 1],
      ['procedures.csv', 'refused', 0, 0, 0],
      ['careplans.csv', 'imported', 1, 1, 0],
      ['allergies.csv', 'refused', 0, 0, 0],
      ['immunizations.csv', 'missing', 0, 0, 0],
      ['medications.csv', 'imported', 1, 1, 0],
      ['observations.csv', 'imported', 3, 2, 1],
    ]);
  });

  test('says nothing of what the bad rows hold', async () => {
    const report = JSON.stringify(await run('discreet'));
    for (const value of ['client-', 'Impossible', '1991-02-30', 'yesterday', 'REFUND', '1.005', 'Coral']) {
      expect(report).not.toContain(value);
    }
  });

  test('maps patients to clients, with names as they stand and folded for search', async () => {
    await run('mapped');
    expect(
      await rows(
        `select id, name, name_search, birth_date::text, status, phone, created_at from clients where tenant_id = 'mapped' order by id`,
      ),
    ).toEqual([
      {
        id: 'client-1',
        name: 'Zélia12 Conceição34',
        name_search: 'zelia12 conceicao34',
        birth_date: '1990-03-14',
        status: 'active',
        phone: null,
        created_at: '1990-03-14T00:00:00.000Z',
      },
      expect.objectContaining({ id: 'client-2', status: 'inactive' }),
      expect.objectContaining({ id: 'client-5', name: 'Dora9 d"Água10', name_search: 'dora9 d"agua10' }),
    ]);
    expect(await rows(`select name, city, phone from units where tenant_id = 'mapped' order by id`)).toEqual([
      { name: 'Harbour Clinic, North', city: 'Salvador', phone: '555 0101' },
      { name: 'Dune Clinic', city: 'Natal', phone: null },
    ]);
    expect(
      await rows(
        `select name_search, speciality, unit from providers where tenant_id = 'mapped' order by id`,
      ),
    ).toEqual([
      { name_search: 'iris7 araujo8', speciality: 'DERMATOLOGY', unit: 'unit-1' },
      { name_search: 'otto5 lang6', speciality: null, unit: 'unit-2' },
    ]);
  });

  test('maps encounters to appointments, and relates providers to clients from the first one on', async () => {
    await run('related');
    expect(
      await rows(
        `select id, start_time, duration_minutes, status from appointments where tenant_id = 'related' order by id`,
      ),
    ).toEqual([
      {
        id: 'visit-1',
        start_time: '2023-05-02T10:00:00.000Z',
        duration_minutes: 30,
        status: 'completed',
      },
      {
        id: 'visit-2',
        start_time: '2022-12-31T23:59:59.000Z',
        duration_minutes: 30,
        status: 'completed',
      },
      {
        id: 'visit-3',
        start_time: '2999-01-01T08:00:00.000Z',
        duration_minutes: 60,
        status: 'scheduled',
      },
    ]);
    expect(
      await rows(
        `select provider_id, subject_id, basis, valid_from, valid_to from care_relationships where tenant_id = 'related' order by 1`,
      ),
    ).toEqual([
      {
        provider_id: 'provider-1',
        subject_id: 'client-1',
        basis: 'care',
        valid_from: '2022-12-31T23:59:59.000Z',
        valid_to: null,
      },
      {
        provider_id: 'provider-2',
        subject_id: 'client-2',
        basis: 'encounter',
        valid_from: '2999-01-01T08:00:00.000Z',
        valid_to: null,
      },
    ]);
  });

  test('leaves a relation alone that somebody assigned, and one that ended', async () => {
    await run('ended');
    await imports.client.query(
      `update care_relationships set basis = 'assigned', valid_from = '2030-01-01' where tenant_id = 'ended' and provider_id = 'provider-1'`,
    );
    await imports.client.query(
      `update care_relationships set valid_to = valid_from + interval '1 day' where tenant_id = 'ended' and provider_id = 'provider-2'`,
    );
    const before = await contentOf('ended');
    await run('ended');
    expect(await contentOf('ended')).toBe(before);
  });

  test('maps lines of accounts by their type, and knows what is paid, open and settled', async () => {
    await run('billed');
    expect(
      await rows(`select id, kind, status, amount from billing where tenant_id = 'billed' order by id`),
    ).toEqual([
      { id: 'line-1', kind: 'charge', status: 'paid', amount: '100.10' },
      { id: 'line-2', kind: 'payment', status: 'paid', amount: '80.05' },
      { id: 'line-3', kind: 'charge', status: 'settled', amount: '0.20' },
      { id: 'line-4', kind: 'transfer', status: 'open', amount: '0.20' },
      { id: 'line-5', kind: 'transfer', status: 'open', amount: '0.20' },
      { id: 'line-6', kind: 'payment', status: 'paid', amount: '0.20' },
    ]);
  });

  test('keeps equal rows that have no id of their own, each under its own id', async () => {
    await run('records');
    expect((await recordsOf('records')).sort()).toEqual([
      'careplan: Sun protection',
      ...Array<string>(3).fill('condition: Dry skin'),
      'condition: Sunburn',
      'medication: Zinc ointment',
      'observation: Body Height: 171.5 cm',
      'observation: Quality of life',
    ]);
  });

  test('changes nothing when it is done again, and only what is different after that', async () => {
    const first = await run('again');
    const before = await contentOf('again');
    const second = await run('again');
    expect(await contentOf('again')).toBe(before);
    for (const { table, changed, imported } of first.files)
      expect(changed).toBe(table === null ? 0 : imported);
    expect(second.files.filter(({ changed }) => changed > 0)).toEqual([]);
    expect([first.tenant.created, second.tenant.created]).toEqual([true, false]);

    await imports.client.query(
      `update clients set name = 'Other', phone_index = '1' where tenant_id = 'again' and id = 'client-1'`,
    );
    const third = await run('again');
    expect(third.files.find(({ file }) => file === 'patients.csv')?.changed).toBe(1);
    expect(
      await rows(`select name, phone_index from clients where tenant_id = 'again' and id = 'client-1'`),
    ).toEqual([{ name: 'Zélia12 Conceição34', phone_index: Buffer.from('1') }]);
  });

  test('makes the tenant as told, once, and tells of the change when it is committed', async () => {
    let seen: unknown[] = [];
    const onChanged = async (tenant: string) => {
      seen = [tenant, ...(await rows('select count(*)::int from clients where tenant_id = $1', tenant))];
    };
    await run('made', { timeZone: 'America/Sao_Paulo', locale: 'pt-BR', onChanged });
    await run('made', { timeZone: 'Asia/Tokyo' });
    expect(seen).toEqual(['made', { count: 3 }]);
    expect(await rows(`select pack, time_zone, locale, currency from tenants where id = 'made'`)).toEqual([
      { pack: 'aesthetic-clinic', time_zone: 'America/Sao_Paulo', locale: 'pt-BR', currency: 'USD' },
    ]);
  });

  test('needs no more rights than the role of imports has', async () => {
    const databaseUrl = Object.assign(new URL(imports.url), { username: 'svc_import' }).href;
    const { files } = await run('narrow', { databaseUrl });
    expect(files).toEqual((await run('wide')).files);
    // What is sealed is never the same twice.
    const clear = async (tenant: string) =>
      (await contentOf(tenant)).replaceAll(/\{"type":"Buffer","data":\[[\d,]+\]\}/g, 'sealed');
    expect((await clear('narrow')).replaceAll('narrow', 'wide')).toBe(await clear('wide'));
    expect((await recordsOf('narrow')).sort()).toEqual((await recordsOf('wide')).sort());
  });

  test('that fails leaves nothing of the file it failed in, and tells of those before', async () => {
    await imports.client.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise 'no berth left'; end $$;
      create trigger refuse before insert on billing for each row when (new.id = 'line-6') execute function refuse()`);
    const changed: string[] = [];
    const failing = run('failing', {
      onChanged: async (tenant) => {
        changed.push(tenant);
      },
    });
    await expect(failing).rejects.toThrow('no berth left');
    await imports.client.query('drop trigger refuse on billing');
    expect(changed).toEqual(['failing']);
    expect(await rows(`select from clients where tenant_id = 'failing'`)).toHaveLength(3);
    expect(await rows(`select from billing where tenant_id = 'failing'`)).toEqual([]);
  });

  test('tells rows apart that are equal, and ids that repeat, however far apart they stand', async () => {
    const folder = join(imports.dir, 'equal');
    await mkdir(folder);
    const conditions = Array.from({ length: 2_500 }, () => '2023-05-02,,client-1,visit-1,11,Dry skin\n');
    const units = Array.from({ length: 2_500 }, (_, index) => `unit-${index % 2_400},Clinic,,\n`);
    await writeFile(
      join(folder, 'conditions.csv'),
      `START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION\n${conditions.join('')}`,
    );
    await writeFile(join(folder, 'organizations.csv'), `Id,NAME,CITY,PHONE\n${units.join('')}`);
    const report = await run('equal', { dir: folder });
    await run('equal', { dir: folder });
    expect(await rows(`select count(*)::int from aesthetic_records where tenant_id = 'equal'`)).toEqual([
      { count: 2_500 },
    ]);
    expect(await rows(`select count(*)::int from units where tenant_id = 'equal'`)).toEqual([
      { count: 2_400 },
    ]);
    expect(report.badRows).toHaveLength(100);
    expect(report.badRows.map(told)).toContain('organizations.csv:2402 Id is repeated');
  });

  test('is not ended by fields and lines that no table could hold', async () => {
    const folder = join(imports.dir, 'odd');
    await mkdir(folder);
    const lines = [
      'Id,NAME,CITY,PHONE',
      'unit-1,Clinic,,',
      `unit-2,${'x'.repeat(501)},,`,
      'unit-3,Cli\0nic,,',
      'unit-4,Clinic,,',
      `unit-5,${'x'.repeat(1_000_001)},,`,
      'unit-6,Clinic,,',
    ];
    await writeFile(join(folder, 'organizations.csv'), lines.join('\n'));
    const report = await run('odd', { dir: folder });
    expect(report.badRows.map(told)).toEqual([
      'organizations.csv:3 NAME is longer than 500 characters',
      'organizations.csv:4 NAME is not UTF-8 text',
      'organizations.csv:6 - is longer than 1000000 bytes, the rest of the file was not read',
    ]);
    expect(await rows(`select id from units where tenant_id = 'odd' order by id`)).toEqual([
      { id: 'unit-1' },
      { id: 'unit-4' },
    ]);
  });

  test('refuses a folder without such files and a tenant of another pack, and makes nothing', async () => {
    await expect(run('empty', { dir: join(fixtures, 'nowhere') })).rejects.toThrow(/holds no file/);
    expect(await rows(`select from tenants where id = 'empty'`)).toEqual([]);
    await imports.client.query(
      `insert into tenants values ('other', 'Other', 'care-home', 'UTC', 'en', 'USD')`,
    );
    await expect(run('other')).rejects.toThrow(ImportRefused);
  });
});

describe('the command', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  const runCommand = async (...args: string[]) => {
    vi.stubEnv('DATABASE_URL', imports.url);
    for (const name of ['NATS_URL', 'NATS_NKEY_SEED', 'REDIS_URL', 'JANGADA_EDGE_URL'])
      vi.stubEnv(name, 'unused');
    vi.stubEnv('ENCRYPTION_KEY', imports.encryptionKey);
    const output: string[] = [];
    const progress: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => output.push(String(text)) > 0);
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => progress.push(String(text)) > 0);
    const changed: string[] = [];
    await importCommand(async (tenant) => {
      changed.push(tenant);
    }).parseAsync(['synthea', fixtures, ...args], { from: 'user' });
    return { output: output.join(''), progress: progress.join(''), changed };
  };

  test('prints the report as JSON, its progress elsewhere, and tells of the change', async () => {
    const { output, progress, changed } = await runCommand('--tenant', 'scripted', '--json');
    expect(JSON.parse(output)).toMatchObject({
      tenant: { id: 'scripted', created: true },
      files: { length: 13 },
    });
    expect(progress).toContain('patients.csv:5 BIRTHDATE is not a date\n');
    expect(progress).toContain('immunizations.csv: not in the folder, the rest goes on\n');
    expect(changed).toEqual(['scripted']);
  });

  test('prints one table at the end', async () => {
    const { output } = await runCommand('--tenant', 'typed');
    expect(output).toMatch(/^File +Table +Rows +Imported +New or changed +Skipped\n/);
    expect(output).toMatch(/^patients\.csv +clients +8 +3 +3 +5$/m);
    expect(output).toMatch(/^ +total +42 +26 +24 +16$/m);
  });

  test.for([
    { isTTY: true, expected: '\r\x1b[Ka.csv: 1,000 rows read\r\x1b[Ka.csv: 100,000 rows read' },
    { isTTY: false, expected: 'a.csv: 100,000 rows read\n' },
  ])(
    'shows rows in a line that updates on a terminal and seldom elsewhere: $isTTY',
    ({ isTTY, expected }) => {
      const shown: string[] = [];
      const progress = printProgress({ isTTY, write: (text) => shown.push(text) > 0 });
      progress.rows('a.csv', 1_000);
      progress.rows('a.csv', 100_000);
      expect(shown.join('')).toBe(expected);
    },
  );
});
