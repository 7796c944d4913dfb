import { execFile } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { packOf } from '@jangada/packs/registry.ts';
import { connect } from '@jangada/store/store.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesOf } from '../../services/privacy/files.ts';
import type { Request } from '../../services/privacy/request.ts';
import { faultsOfFhir } from '../test-fhir.ts';
import { dataSet, type Imports, openImports } from './test-imports.ts';

/** `npm run proof:import`: files that do not fit into memory, and every row of a real data set. */

let imports: Imports;

beforeAll(async () => {
  imports = await openImports();
});
afterAll(() => imports?.[Symbol.asyncDispose]());

describe('an import of a large file', () => {
  const count = 100_000;
  const chunk = 5_000;

  test('needs no more memory for it', async () => {
    const folder = join(imports.dir, 'large');
    await mkdir(folder);
    const file = createWriteStream(join(folder, 'organizations.csv'));
    await pipeline(function* () {
      yield 'Id,NAME,ADDRESS,CITY,STATE,ZIP,LAT,LON,PHONE,REVENUE,UTILIZATION\n';
      for (let start = 0; start < count; start += chunk) {
        const ids = Array.from({ length: chunk }, (_, index) => start + index);
        yield ids
          .map((id) => `unit-${id},Clinic ${id},${id} Quay,Natal ${id},RN,59000,0.0,0.0,555 ${id},0.0,1\n`)
          .join('');
      }
    }, file);
    // Its rows, held at once, would be more than this heap and end the process.
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--max-old-space-size=40',
      '--input-type=module',
      '--eval',
      `const { importSynthea } = await import(${JSON.stringify(join(import.meta.dirname, 'synthea.ts'))});
      const { files } = await importSynthea({
        ...${JSON.stringify({ dir: folder, tenant: 'large', databaseUrl: imports.url })},
        progress: { rows() {}, badRow() {}, done() {} },
        onChanged: async () => {},
      });
      console.log(files[0].imported);`,
    ]);
    expect(Number(stdout)).toBe(count);
    expect(await imports.rows(`select count(*)::int from units where tenant_id = 'large'`)).toEqual([
      { count },
    ]);
  });
});

if (!existsSync(dataSet)) {
  console.warn(
    'SKIPPED: the Synthea data set is not here. Set JANGADA_DATA_DIR to the folder that holds synthea/.',
  );
}

describe.skipIf(!existsSync(dataSet))('an import of the Synthea data set', () => {
  /** The data set has neither quotes nor bad rows, so this reads it without what is tested. */
  const csv = (file: string): Record<string, string>[] => {
    const [header = '', ...lines] = readFileSync(join(dataSet, file), 'utf8').trimEnd().split('\n');
    const names = header.split(',');
    return lines.map((line) =>
      Object.fromEntries(line.split(',').map((field, index) => [names[index], field])),
    );
  };
  const countOf = async (table: string, where = 'true') =>
    (await imports.rows(`select count(*)::int from ${table} where tenant_id = 'synthea' and ${where}`))[0]?.[
      'count'
    ];

  beforeAll(async () => {
    const report = await imports.run('synthea', { dir: dataSet });
    expect(report.badRows).toEqual([]);
  });

  test.for([
    ['organizations.csv', 'units'],
    ['providers.csv', 'providers'],
    ['patients.csv', 'clients'],
    ['encounters.csv', 'appointments'],
    ['claims_transactions.csv', 'billing'],
  ] as const)('every row of %s is in %s', async ([file, table]) => {
    expect(await countOf(table)).toBe(csv(file).length);
  });

  test.for([
    ['conditions.csv', 'condition'],
    ['procedures.csv', 'procedure'],
    ['careplans.csv', 'careplan'],
    ['allergies.csv', 'allergy'],
    ['immunizations.csv', 'immunization'],
    ['medications.csv', 'medication'],
    ['observations.csv', 'observation'],
  ] as const)('every row of %s is a record of kind %s', async ([file, kind]) => {
    expect(await countOf('aesthetic_records', `kind = '${kind}'`)).toBe(csv(file).length);
  });

  test('every pair of provider and patient of the encounters is related', async () => {
    const pairs = new Set(csv('encounters.csv').map((row) => `${row['PROVIDER']} ${row['PATIENT']}`));
    expect(await countOf('care_relationships')).toBe(pairs.size);
  });

  test('2023 has 90 appointments', async () => {
    expect(await countOf('appointments', `extract(year from start_time at time zone 'UTC') = 2023`)).toBe(90);
  });

  test('charges add up to the cent, month by month', async () => {
    const cents = new Map<string, bigint>();
    for (const row of csv('claims_transactions.csv').filter(({ TYPE }) => TYPE === 'CHARGE')) {
      const month = row['FROMDATE']?.slice(0, 7) ?? '';
      cents.set(month, (cents.get(month) ?? 0n) + BigInt(row['AMOUNT']?.replace('.', '') ?? 0));
    }
    const sums = await imports.rows(
      `select to_char(issued_at at time zone 'UTC', 'YYYY-MM') as month, (sum(amount) * 100)::bigint::text as cents
        from billing where tenant_id = 'synthea' and kind = 'charge' group by 1`,
    );
    expect(new Map(sums.map(({ month, cents }) => [month, BigInt(String(cents))]))).toEqual(cents);
    expect(cents.size).toBeGreaterThan(100);
  });

  test('what people are told of themselves is FHIR R4 by its own definitions', async () => {
    const store = connect('volume', { DATABASE_URL: imports.url, DATABASE_POOL_SIZE: 1 });
    const people = csv('patients.csv').slice(0, 20);
    for (const { Id: subject_id = '' } of people) {
      const request = {
        tenant_id: 'synthea',
        subject_id,
        id: 'asked',
        type: 'access',
        at: '2026-01-01T00:00:00Z',
      };
      const files = await store.within({ tenant: 'synthea' }, (transaction) =>
        filesOf(transaction, imports.vault, packOf('aesthetic-clinic'), request as unknown as Request, {}),
      );
      const ndjson = Buffer.from(files['data.ndjson'] ?? []).toString();
      expect(ndjson.split('\n').length).toBeGreaterThan(2);
      expect(faultsOfFhir(ndjson)).toEqual([]);
    }
    await store[Symbol.asyncDispose]();
  }, 300_000);

  test('doing it again changes nothing', async () => {
    const before = await imports.contentOf('synthea');
    const { files } = await imports.run('synthea', { dir: dataSet });
    expect(files.filter(({ changed }) => changed > 0)).toEqual([]);
    expect(await imports.contentOf('synthea')).toBe(before);
  });
});
