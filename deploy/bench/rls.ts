import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '@jangada/servers/postgres.ts';
import { type Claim, connect, openStore } from '@jangada/store/store.ts';
import { databasePart, grantSealer } from '@jangada/trust/grant.ts';
import { secretFrom, signerFrom } from '@jangada/trust/keyset.ts';
import pg from 'pg';
import { roleOf } from '../generate/roles.ts';
import { openKeys } from '../keys.ts';
import { migrate } from '../migrate.ts';
import { fillGuarded, questions, scansOf, tenants } from './guarded.ts';

/**
 * `npm run bench:rls`: questions over a million rows under a grant, beside the same ones without row-level security.
 * Both are read by the same store in the same kind of transaction, in turns; figures are medians.
 */

const appointments = Number(process.argv[2] ?? 1_000_000);
/** So many rounds, and so long, that nothing that passes decides: a question may take a quarter of a millisecond. */
const rounds = 200;
const eachMs = 4_000;
const most = 1.5;

const median = (figures: readonly number[]): number =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? 0;
const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

const dir = mkdtempSync(join(tmpdir(), 'jangada-rls-'));
const keys = openKeys(join(dir, 'keys.json'), []);
const databaseKeys = () => keys.setOf('database-grant');
const seal = grantSealer(
  signerFrom(() => keys.setOf('grant')),
  secretFrom(databaseKeys),
);
await using postgres = await startPostgres({ dir, durability: 'relaxed' });
await migrate(postgres.url, { grantDatabaseKeys: databaseKeys() });
const administrator = new pg.Client({ connectionString: postgres.url });
await administrator.connect();
await administrator.query(fillGuarded(appointments / tenants));
const { rows: versions } = await administrator.query<{ server_version: string }>('show server_version');
await administrator.query('vacuum analyze');
await administrator.end();

const url = new URL(postgres.url);
url.username = roleOf('data-access');
await using guarded = await openStore('data-access', { DATABASE_URL: url.href, DATABASE_POOL_SIZE: 1 });
// The superuser, whom no policy binds.
await using open = connect('bench', { DATABASE_URL: postgres.url, DATABASE_POOL_SIZE: 1 });

const lines: string[] = [];
const wrong: string[] = [];
for (const { what, grant, guarded: question, open: explicit } of questions) {
  const claims = { rid: 'r', tid: 't1', sub: 's', ph: 'h', pur: 'care', fields: [], limit: 50, ...grant };
  const shown = databasePart(await seal({ ...claims, exp: Date.now() + 3_600_000 }));
  const withGrant: Claim = { grant: shown };
  const same = JSON.stringify(await guarded.read(withGrant, question));
  if (same !== JSON.stringify(await open.read({ tenant: 't1' }, explicit))) wrong.push(`${what}: other rows`);
  const [under, without]: [number[], number[]] = [[], []];
  const until = performance.now() + eachMs;
  for (let round = 0; round < rounds || performance.now() < until; round++) {
    under.push(await timed(() => guarded.read(withGrant, question)));
    without.push(await timed(() => open.read({ tenant: 't1' }, explicit)));
  }
  const ratio = median(under) / median(without);
  const scans = await scansOf(url.href, { 'app.grant': shown, role: `app_${grant.reach}_care` }, question);
  if (ratio > most) wrong.push(`${what}: ${ratio.toFixed(2)} times as long`);
  if (scans.some((scan) => scan === 'Seq Scan appointments')) wrong.push(`${what}: reads the whole table`);
  const line = [
    what,
    median(without).toFixed(2),
    median(under).toFixed(2),
    ratio.toFixed(2),
    scans.join(', '),
  ];
  lines.push(`| ${line.join(' | ')} |`);
  console.error(lines.at(-1));
}

const [date = ''] = new Date().toISOString().split('T');
const document = `# What row-level security costs

${date}, \`npm run bench:rls\`; Node ${process.versions.node}, PostgreSQL ${versions[0]?.server_version}, ${appointments.toLocaleString('en')} appointments of ${tenants} tenants.

The same questions by the same store, in turns, in one run: under a grant with row-level security, as data-access asks
them; and as the superuser, whom no policy binds, with tenant and reach as conditions of the statement. Both are one
round trip with a transaction. Medians of ${rounds} or more, over ${eachMs / 1_000} s. None may take more than ${most} times as long, or read the whole table.

| question | without ms | with ms | ratio | scans |
| --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
if (appointments === 1_000_000) writeFileSync(join(import.meta.dirname, 'RLS.md'), document);
console.log(document);
rmSync(dir, { recursive: true, force: true });
for (const line of wrong) console.error(line);
process.exitCode = wrong.length > 0 ? 1 : 0;
