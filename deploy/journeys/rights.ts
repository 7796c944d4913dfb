import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Receipt, RequestType } from '@jangada/proto/privacy.ts';
import { until } from '@jangada/testkit/until.ts';
import { totpAt } from '@jangada/trust/totp.ts';
import { strFromU8, unzipSync } from 'fflate';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dataSet } from '../import/test-imports.ts';
import { installed, openBrowser, picture } from './browser.ts';
import { type Journey, sharedJourney } from './journey.ts';
import { visitorsOf } from './visitors.ts';

/** Each thing that the law lets people ask (LGPD, art. 18), on records that nobody made for it: by API, and in the console. */

if (!existsSync(dataSet))
  console.warn(
    'SKIPPED: what people may ask was NOT tried on records of Synthea, which JANGADA_DATA_DIR would hold',
  );

const tenant = 'synthea';
/** People of the data set; of the last two all that there is is older than any law wants it kept. */
const people = {
  tess: '1854be9f-f085-e266-4e76-aa78df71a54e',
  ronald: '347efff6-86d5-bbd7-b570-ab9a7f43f97b',
  maynard: '3edac2e3-d223-6fae-d515-daf96ef6bc76',
  trish: '6cf3d1b9-4d5e-8bb3-51f4-e047a6386c38',
  gene: '261ad2a4-7c6f-da54-6a5b-3441beab9a6a',
  keenan: 'c2d1b552-0725-58ca-03fa-158d3437c06c',
} as const;
const records = [
  'conditions',
  'procedures',
  'careplans',
  'allergies',
  'immunizations',
  'medications',
  'observations',
];

const linesOf = (file: string): string[] => readFileSync(join(dataSet, `${file}.csv`), 'utf8').split('\n');
const rowsAbout = (person: string, ...files: readonly string[]): number =>
  files.flatMap(linesOf).filter((line) => line.includes(person)).length;

/** The files of the data set with nobody else in them: all of it would take longer than what is shown here. */
const placeFiles = (folder: string): void => {
  mkdirSync(folder);
  for (const name of readdirSync(dataSet).filter((name) => name.endsWith('.csv'))) {
    const [header = '', ...lines] = linesOf(name.slice(0, -'.csv'.length));
    const isAboutPeople = /PATIENT|BIRTHDATE/.test(header);
    const kept = lines.filter(
      (line) => !isAboutPeople || Object.values(people).some((id) => line.includes(id)),
    );
    writeFileSync(join(folder, name), [header, ...kept].join('\n'));
  }
};

describe.skipIf(!existsSync(dataSet))(
  'what people may ask, of records of Synthea,',
  { timeout: 180_000 },
  () => {
    let journey: Journey;
    const tokens = { tess: '', answerable: '', reviewer: '' };
    const secrets = { ...tokens };

    const call = (who: keyof typeof tokens, method: string, path: string, body?: object): Promise<Response> =>
      fetch(new URL(path, journey.system.local.edgeUrl), {
        method,
        headers: { authorization: `Bearer ${tokens[who]}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    const passwordOf = (): string =>
      journey.system.accounts.find(({ alias }) => alias === 'admin')?.password ?? '';
    const emailOf = (who: string): string => `${who}@synthea.example`;

    beforeAll(async () => {
      journey = await sharedJourney();
      const folder = join(journey.home, 'synthea');
      placeFiles(folder);
      const imported = await journey.jangada(
        'import',
        'synthea',
        folder,
        '--tenant',
        tenant,
        '--locale',
        'pt-BR',
        '--json',
      );
      expect(JSON.parse(imported.stdout)).toMatchObject({ badRows: [] });
      for (const [who, role, person] of [
        ['tess', 'client', people.tess],
        ['answerable', 'admin', null],
        ['reviewer', 'admin', null],
      ] as const) {
        await journey.sql(
          `insert into accounts (id, tenant_id, alias, email, password_hash, role, person_id)
         select $1 || '-' || $2, $1, $2, $3, password_hash, $4, $5 from accounts where id = 'clinica-aurora-admin'`,
          [tenant, who, emailOf(who), role, person],
        );
        const post = async (path: string, body: object) =>
          (await (await call(who, 'POST', path, body)).json()) as Record<string, string>;
        const proved = { email: emailOf(who), password: passwordOf() };
        tokens[who] = (await post('/v1/auth/token', proved))['access_token'] ?? '';
        secrets[who] = (await post('/v1/auth/mfa/enrol', {}))['secret'] ?? '';
        const confirmed = await post('/v1/auth/mfa/confirm', { otp: totpAt(secrets[who], Date.now()) });
        tokens[who] = confirmed['access_token'] ?? '';
      }
    });

    const carriedOut = async (requests: readonly string[], state: string): Promise<void> => {
      await journey.jangada('privacy', 'run', '--tenant', tenant);
      await until(`${requests.length} requests to be ${state}`, async () => {
        const there = await journey.sql('select from privacy_requests where id = any ($1) and state = $2', [
          requests,
          state,
        ]);
        return there.length === requests.length;
      });
    };
    const receiptsOf = async (request: string): Promise<readonly Receipt[]> => {
      const [row] = await journey.sql<{ receipts: Receipt[] }>(
        'select receipts from privacy_requests where id = $1',
        [request],
      );
      return row?.receipts ?? [];
    };
    const receiptOf = async (request: string, table: string) =>
      (await receiptsOf(request)).find((receipt) => receipt.table === table);
    const open = async (who: keyof typeof tokens, type: RequestType, own: object = {}) => {
      const opened = await call(who, 'POST', '/v1/privacy/requests', { type, ...own });
      expect(opened.status).toBe(202);
      return (await opened.json()) as { requestId: string; delivery: string };
    };
    const fetched = async (who: keyof typeof tokens, delivery: string): Promise<Record<string, string>> => {
      const handed = await call(who, 'GET', delivery);
      expect(handed.status).toBe(200);
      const files = unzipSync(new Uint8Array(await handed.arrayBuffer()));
      return Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, strFromU8(bytes, true)]));
    };
    const kindsIn = (ndjson = ''): Readonly<Record<string, number>> => {
      const kinds = ndjson
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { resourceType: string }).resourceType);
      return Object.fromEntries(
        Object.entries(Object.groupBy(kinds, (kind) => kind)).map(([kind, all = []]) => [kind, all.length]),
      );
    };
    /** What the question by her own account is answered. */
    const rowsOfTess = async (): Promise<readonly object[]> => {
      const told = await call('tess', 'GET', '/v1/clients');
      return ((await told.json()) as { clients: readonly object[] }).clients;
    };

    test('access and portability are all of it, each row of the files, and with access who read it', async () => {
      expect(await rowsOfTess()).toMatchObject([{ name: 'Tess185 Schmeler639' }]);
      const [access, portability] = [await open('tess', 'access'), await open('tess', 'portability')];
      await carriedOut([access.requestId, portability.requestId], 'delivered');
      const all = {
        Patient: 1,
        Appointment: rowsAbout(people.tess, 'encounters'),
        Observation: rowsAbout(people.tess, ...records),
      };
      const handed = [await fetched('tess', access.delivery), await fetched('tess', portability.delivery)];
      for (const files of handed) {
        expect(kindsIn(files['data.ndjson'])).toMatchObject(all);
        expect(files['billing.csv']?.trimEnd().split('\r\n')).toHaveLength(
          1 + rowsAbout(people.tess, 'claims_transactions'),
        );
        expect(files['data.pdf']).toMatch(/^%PDF/);
      }
      expect(handed.map((files) => Object.keys(files).includes('readers.csv'))).toEqual([true, false]);
      await carriedOut([access.requestId, portability.requestId], 'closed');
    });

    test('a correction is there at the next question', async () => {
      const email = 'tess@example.invalid';
      const { requestId } = await open('tess', 'correction', { corrections: { email } });
      await carriedOut([requestId], 'delivered');
      expect(await receiptOf(requestId, 'clients')).toMatchObject({ found: 1, changed: 1 });
      expect(await rowsOfTess()).toMatchObject([{ email }]);
    });

    test('consent is told as it was given, and all of it taken back holds at the next question', async () => {
      const consent = await open('tess', 'consent');
      await carriedOut([consent.requestId], 'delivered');
      const files = await fetched('tess', consent.delivery);
      expect(kindsIn(files['data.ndjson'])).toEqual({ Consent: 1, Basic: 1 });
      expect(Object.keys(files).filter((name) => name.endsWith('.csv'))).not.toContain('clients.csv');

      const { requestId } = await open('tess', 'revocation');
      await carriedOut([requestId], 'delivered');
      expect(await receiptOf(requestId, 'consents')).toMatchObject({ changed: 1 });
      expect(
        await (await call('answerable', 'GET', `/v1/appointments?subjectId=${people.tess}`)).json(),
      ).toMatchObject({
        code: 'CONSENT_REQUIRED',
      });
    });

    test('deletion and anonymisation leave nobody of whom no law has anything kept', async () => {
      const asked = [
        await open('answerable', 'deletion', { subjectId: people.gene }),
        await open('answerable', 'anonymisation', { subjectId: people.keenan }),
      ].map(({ requestId }) => requestId);
      const [deletion = '', anonymisation = ''] = asked;
      await carriedOut(asked, 'legal_review');
      for (const request of asked) {
        const own = await call('answerable', 'POST', `/v1/privacy/requests/${request}/review`, {
          approved: true,
          basis: 'LGPD, art. 18',
        });
        expect(own.ok).toBe(false);
        const approved = await call('reviewer', 'POST', `/v1/privacy/requests/${request}/review`, {
          approved: true,
          basis: 'LGPD, art. 18',
        });
        expect(approved.ok).toBe(true);
      }
      await carriedOut(asked, 'delivered');
      const gone = rowsAbout(people.gene, ...records);
      expect(await receiptOf(deletion, 'aesthetic_records')).toMatchObject({
        found: gone,
        deleted: gone,
        kept: 0,
      });
      const nameless = rowsAbout(people.keenan, ...records);
      expect(await receiptOf(anonymisation, 'aesthetic_records')).toMatchObject({
        found: nameless,
        anonymised: nameless,
        kept: 0,
      });
      expect(
        await journey.sql(`select id, name from clients where tenant_id = $1 and id = any ($2)`, [
          tenant,
          [people.gene, people.keenan],
        ]),
      ).toEqual([{ id: people.keenan, name: 'anonymised' }]);
      expect(
        await journey.sql(
          `select count(*)::int as rows, count(description)::int as said from aesthetic_records where tenant_id = $1 and client_id = any ($2)`,
          [tenant, [people.gene, people.keenan]],
        ),
      ).toEqual([{ rows: nameless, said: 0 }]);
      // That they had agreed is kept as proof, under an id that leads to nobody.
      expect(await receiptOf(deletion, 'consents')).toMatchObject({
        kept: 1,
        basis: expect.stringContaining('LGPD'),
      });
    });

    describe.skipIf(!installed)('in the console', () => {
      let browser: Browser;
      beforeAll(async () => {
        browser = await openBrowser();
      });
      afterAll(() => browser?.close());

      test('each is asked for, and what came of it is shown', async () => {
        const visitors = visitorsOf(browser, journey.system);
        const page = await visitors.open('pt-BR');
        await visitors.signIn(page, 'pt-BR', emailOf('reviewer'), passwordOf());
        await page.getByLabel('Código').fill(totpAt(secrets.reviewer, Date.now() + 30_000));
        await page.getByRole('button', { name: 'Confirmar' }).click();
        await page.getByRole('link', { name: 'Seus dados' }).click();
        const requests = page.getByRole('table', { name: 'Seus pedidos' });
        /** By kind: what it is called, whom it is about, and what the page says of what came of it. */
        const kinds = {
          access: [
            'Meus dados e quem os leu',
            people.ronald,
            /prontuários, encontrados: \d+, informados: \d+/,
          ],
          portability: [
            'Uma cópia para levar',
            people.ronald,
            /faturamento, encontrados: \d+, informados: \d+/,
          ],
          correction: ['Uma correção', people.ronald, /dados de clientes, encontrados: 1, alterados: 1/],
          consent: ['Meu consentimento', people.ronald, /consentimento, encontrados: 1, informados: 1/],
          revocation: [
            'Revogação de todo consentimento',
            people.ronald,
            /consentimento, encontrados: 1, alterados: 1/,
          ],
          anonymisation: [
            'Anonimização',
            people.maynard,
            /prontuários, encontrados: \d+, guardados: \d+ até .*Lei 13\.787\/2018/,
          ],
          deletion: [
            'Eliminação',
            people.trish,
            /prontuários, encontrados: \d+, guardados: \d+ até .*Lei 13\.787\/2018/,
          ],
        } as const satisfies Record<RequestType, readonly [string, string, RegExp]>;
        for (const [type, [name, subject]] of Object.entries(kinds)) {
          await page.getByLabel('O que você quer').selectOption(type);
          await page.getByLabel('Sobre quem').fill(subject);
          if (type === 'correction') await page.getByLabel('E-mail').fill('ronald@example.invalid');
          const sure = page.getByLabel('não pode ser desfeito');
          if (await sure.isVisible()) await sure.check();
          await page.getByRole('button', { name: 'Pedir', exact: true }).click();
          await requests.getByRole('row', { name }).waitFor();
        }
        const asked = await journey.sql<{ id: string }>(
          `select id from privacy_requests where opened_by = $1`,
          [`${tenant}-reviewer`],
        );
        expect(asked).toHaveLength(Object.keys(kinds).length);
        await carriedOut(
          asked.map(({ id }) => id),
          'delivered',
        );
        await page.getByRole('button', { name: 'Atualizar' }).click();
        for (const [name, , outcome] of Object.values(kinds)) {
          const row = requests.getByRole('row', { name });
          await row.getByText('pronto para buscar').first().waitFor();
          await row.getByText(/tipos? de dado/).click();
          await row.getByText(outcome).first().waitFor();
        }
        await picture(page, 'privacy-kinds');
        for (const [name] of [kinds.access, kinds.deletion]) {
          const handed = page.waitForEvent('download');
          await requests.getByRole('row', { name }).getByRole('button', { name: 'Buscar' }).click();
          const files = Object.keys(unzipSync(readFileSync(await (await handed).path())));
          expect(files).toContain('certificate.json');
          expect(files.includes('data.pdf')).toBe(name === kinds.access[0]);
        }
        expect(await visitors.leave()).toEqual([]);
      });
    });
  },
);
