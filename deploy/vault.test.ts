import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '@jangada/servers/postgres.ts';
import type { Server } from '@jangada/servers/server.ts';
import { factorOf } from '@jangada/vault/core.ts';
import { headOf } from '@jangada/vault/field.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrate } from './migrate.ts';
import { tenantSql } from './test-database.ts';
import { throughClient, vaultFrom } from './vault.ts';

// What becomes of rows that are older than the sealing of their columns.

const newVault = (key = randomBytes(32)): Promise<Vault> =>
  vaultFrom({ ENCRYPTION_KEY: key.toString('base64') });
const root = randomBytes(32);

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

/** A second factor's secret as it stood under the root key itself, in hex. */
const sealedBefore = (account: string, text: string): string => {
  const nonce = randomBytes(12);
  const key = Buffer.from(hkdfSync('sha256', root, '', 'jangada second factor 1', 32));
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(account));
  const body = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([Buffer.from([1]), nonce, body, cipher.getAuthTag()]).toString('hex');
};

let dir: string;
let server: Server;

const urlOf = (user: string): string => {
  const url = new URL(server.url);
  if (user !== '') url.username = user;
  url.pathname = '/clinic';
  return url.href;
};

const ask = async (text: string, url = urlOf('')): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query<Record<string, unknown>>(text);
    return (Array.isArray(result) ? result.at(-1) : result).rows;
  } finally {
    await client.end();
  }
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-sealing-'));
  server = await startPostgres({ dir, durability: 'relaxed' });
  await ask('create role administrator login createrole', server.url);
  await ask('create database clinic owner administrator', server.url);
  await migrate(urlOf('administrator'));
  // As it was before.
  await ask(`
    alter table clients drop constraint clients_email_is_sealed, drop constraint clients_phone_is_sealed,
      drop constraint clients_cpf_is_sealed, drop column cpf, drop column email_index, drop column phone_index, drop column cpf_index,
      alter column email type text using null, alter column phone type text using null;
    alter table aesthetic_records drop constraint aesthetic_records_description_is_sealed,
      alter column description type text using '', alter column description set not null;
    alter table emergencies rename column id to command;
    alter table emergencies drop constraint emergencies_explanation_is_sealed,
      alter column explanation type text using '', alter column explanation set not null;
    alter table second_factors drop constraint second_factors_secret_is_sealed, drop constraint second_factors_pending_is_sealed,
      drop column subject_id;
    alter table second_factors rename column id to account_id;
    delete from kysely_migration
      where name like '%0002_sealed' or name in ('core/0014_explanation', 'core/0025_factor_vault');
    ${tenantSql('casa')} ${tenantSql('other')}
    insert into accounts (id, tenant_id, alias, email, password_hash, role)
      select alias, 'casa', alias, alias || '@casa.example', '', 'admin' from unnest(array['ana', 'bia']) alias;
    insert into second_factors (tenant_id, account_id, secret, pending)
      values ('casa', 'ana', decode('${sealedBefore('ana', secret)}', 'hex'), null),
        ('casa', 'bia', null, decode('${sealedBefore('bia', secret)}', 'hex'));
    insert into clients (tenant_id, id, name, name_search, email, phone)
      select tenant, 'c' || n, 'Ana ' || n, 'ana ' || n, 'ana' || n || '@' || tenant || '.example', null
      from unnest(array['casa', 'other']) tenant, generate_series(1, 600) n;
    insert into aesthetic_records (tenant_id, id, client_id, kind, description, recorded_at)
      values ('casa', 'r1', 'c1', 'x', 'a note', now());
    insert into emergencies (tenant_id, command, provider_id, subject_id, reason, explanation, until)
      select 'casa', 'run-' || subject, 'p1', subject, 'emergency', 'unconscious', now()
      from unnest(array['c1', 'erased']) subject;
    insert into subject_keys (tenant_id, subject_id, class, version, id, wrapped, tenant_key_version, state)
      values ('casa', 'erased', 'clinical', 1, 'a key', null, 1, 'destroyed')`);
}, 90_000);
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

describe('an older installation', () => {
  test('is not taken further without a root, and says which setting is missing', async () => {
    await expect(migrate(urlOf('administrator'))).rejects.toThrow(/wait to be sealed: ENCRYPTION_KEY/);
  });

  test('is sealed by an administrator who is no superuser, wherever that stopped before', async () => {
    const vault = await newVault(root);
    await expect(migrate(urlOf('administrator'), { vault, rootKeys: [randomBytes(32)] })).rejects.toThrow(
      'rows of second_factors could not be sealed',
    );
    await migrate(urlOf('administrator'), { vault, rootKeys: [randomBytes(32), root] });
    const [left] = await ask(`
      select (select count(*) from clients where email is not null and substr(email, 1, 1) <> '\\x01'::bytea)::int as clear,
        (select count(*) from clients where substr(email, 1, 1) = '\\x01'::bytea and length(email_index) = 18)::int as sealed,
        (select count(*) from aesthetic_records where substr(description, 1, 1) = '\\x01'::bytea)::int as records,
        (select string_agg(id, ' ') from emergencies where substr(explanation, 1, 1) = '\\x01'::bytea) as explained,
        (select count(*) from emergencies where explanation is null)::int as erased,
        (select count(*) from pg_constraint where not convalidated)::int as unproven,
        (select count(*) from pg_class where relrowsecurity and not relforcerowsecurity)::int as unbound`);
    expect(left).toEqual({
      ...{ clear: 0, sealed: 1_200, records: 1, explained: 'run-c1', erased: 1 },
      ...{ unproven: 0, unbound: 0 },
    });
  });

  test('keeps second factors, sealed as every field is, each in its place', async () => {
    const vault = await newVault(root);
    const client = new pg.Client({ connectionString: urlOf('') });
    await client.connect();
    try {
      const { rows } = await client.query<{ id: string; secret: Buffer | null; pending: Buffer | null }>(
        'select id, secret, pending from second_factors order by id',
      );
      const opened = rows.flatMap(({ id, ...columns }) =>
        Object.entries(columns).map(async ([column, bytes]) => {
          if (!bytes) return null;
          const whose = { subject: factorOf(id), class: 'discretionary' } as const;
          using opener = await vault.opener('casa', [{ ...whose, ...headOf(bytes) }], throughClient(client));
          const place = { tenant: 'casa', table: 'second_factors', column, row: id, subject: whose.subject };
          return opener.open(place, whose.class, bytes);
        }),
      );
      expect(await Promise.all(opened)).toEqual([secret, null, null, secret]);
    } finally {
      await client.end();
    }
  });

  test('starts again with its root and with no other', async () => {
    await migrate(urlOf('administrator'), { vault: await newVault(root) });
    await expect(migrate(urlOf('administrator'), { vault: await newVault() })).rejects.toMatchObject({
      code: 'CRYPTO_KEY_RETIRED',
    });
  });
});
