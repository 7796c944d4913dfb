import { connect, type Store } from '@jangada/store/store.ts';
import { databasePart } from '@jangada/trust/grant.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fillGuarded, questions, scansOf, tenants } from './bench/guarded.ts';
import { roleOf } from './generate/roles.ts';
import { grantFor, startDatabase, type TestDatabase } from './test-database.ts';

// How questions are carried out under row-level security. How long they take is `npm run bench:rls`.

let database: TestDatabase;
let guarded: Store;
let open: Store;
beforeAll(async () => {
  database = await startDatabase();
  await database.administer(fillGuarded(50_000 / tenants));
  guarded = await database.storeOf('data-access');
  open = connect('plans', { DATABASE_URL: database.server.url, DATABASE_POOL_SIZE: 1 });
}, 90_000);
afterAll(async () => {
  await open[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

describe('under a grant', () => {
  test.each(questions.map((question) => [question.what, question] as const))(
    '%s: the rows of explicit conditions, by an index',
    async (_what, { grant, guarded: question, open: explicit }) => {
      const shown = databasePart(await database.grant(grantFor({ tid: 't1', ...grant })));
      const rows = await guarded.read({ grant: shown }, question);
      expect(rows.length).toBeGreaterThan(0);
      expect(rows).toEqual(await open.read({ tenant: 't1' }, explicit));
      const url = new URL(database.server.url);
      url.username = roleOf('data-access');
      const scans = await scansOf(url.href, [shown, `app_${grant.reach}_care`], question);
      expect(scans.length).toBeGreaterThan(0);
      expect(scans).not.toContain('Seq Scan appointments');
    },
  );
});
