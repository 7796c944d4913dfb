import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@jangada/testkit/until.ts';
import { totpAt } from '@jangada/trust/totp.ts';
import type { Report } from '@jangada/verifier/report.ts';
import { strFromU8, unzipSync } from 'fflate';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, test } from 'vitest';
import { insertRows } from '../test-database.ts';
import { rootEnv, vaultFrom } from '../vault.ts';
import { type Journey, sharedJourney, webhookEndpoint } from './journey.ts';

/** Somebody asks what there is of them, has it, and then has it gone. */

let journey: Journey;
let token = '';
const tenant = 'clinica-aurora';
const [person, name, record] = ['cli-gone', 'Zulmira Ausente', 'old and hers alone'];

const call = (method: string, path: string, body?: object, bearer = token): Promise<Response> =>
  fetch(new URL(path, journey.system.local.edgeUrl), {
    method,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
const json = async (response: Response) => (await response.json()) as Record<string, string>;

const stateOf = async (request: string): Promise<string | undefined> => {
  const [row] = await journey.sql<{ state: string }>('select state from privacy_requests where id = $1', [
    request,
  ]);
  return row?.state;
};
const carriedOut = async (request: string, state: string): Promise<void> => {
  await journey.jangada('privacy', 'run', '--tenant', tenant);
  await until(`${request} to be ${state}`, async () => (await stateOf(request)) === state || undefined);
};

describe('privacy requests', () => {
  /** Somebody of long ago, whom the account of a client is from now on, with a second factor. */
  beforeAll(async () => {
    journey = await sharedJourney();
    const { system, sql } = journey;
    const vault = await vaultFrom(rootEnv(system.keys));
    const write = (table: string, row: object) =>
      insertRows(system.local.databaseUrl, vault, { tenant, table, rows: [{ ...row }] });
    const at = '1990-01-01T00:00:00Z';
    const own = { id: 'gone-1', client_id: person, provider_id: 'pro-1' };
    await write('clients', { id: person, name, name_search: name.toLowerCase(), created_at: at });
    await write('appointments', {
      ...own,
      ...{ service: 'x', start_time: at, duration_minutes: 30, status: 'completed' },
    });
    await write('billing', {
      ...{ id: 'gone-1', client_id: person, kind: 'charge', status: 'paid', service: 'x', amount: 1 },
      issued_at: at,
    });
    await write('aesthetic_records', { ...own, kind: 'note', description: record, recorded_at: at });
    await sql(
      `insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by, recorded_at)
     values ($1, 'gone', $2, 'given', 'health', 'health', 'person', 'desk', 'test', $3)`,
      [tenant, person, at],
    );
    await sql(`update accounts set person_id = $2 where tenant_id = $1 and alias = 'client2'`, [
      tenant,
      person,
    ]);
    const client = await journey.as('client2');
    await client.query('quantas consultas eu tenho este mês?');
    ({ token } = client);
    const { secret = '' } = await json(await call('POST', '/v1/auth/mfa/enrol', {}));
    const otp = totpAt(secret, Date.now());
    token = (await json(await call('POST', '/v1/auth/mfa/confirm', { otp })))['access_token'] ?? '';
  });

  test('who asks is told what there is of them by a link that works once, for them alone', async () => {
    const opened = await call('POST', '/v1/privacy/requests', { type: 'access' });
    expect(opened.status).toBe(202);
    const { requestId = '', delivery = '' } = await json(opened);
    await carriedOut(requestId, 'delivered');
    const [, own] = await Promise.all([journey.as('client'), call('GET', '/v1/privacy/requests')]);
    expect(await own.json()).toMatchObject({
      requests: [{ requestId, type: 'access', state: 'delivered', partial: [] }],
    });
    const stolen = await call('GET', delivery, undefined, (await journey.as('client')).token);
    expect(stolen.ok).toBe(false);
    const fetched = await call('GET', delivery);
    expect(fetched.headers.get('content-type')).toBe('application/zip');
    const files = unzipSync(new Uint8Array(await fetched.arrayBuffer()));
    expect(strFromU8(files['data.ndjson'] ?? new Uint8Array())).toContain(record);
    const again = await call('GET', delivery);
    expect({ status: again.status, ...(await json(again)) }).toMatchObject({
      status: 403,
      code: 'AUTHZ_DENIED',
    });
  });

  test('another, and who proved too little, is told that it is not certain who they are', async () => {
    const { token: other } = await journey.as('client');
    for (const subjectId of [person, 'cli-1']) {
      const refused = await call('POST', '/v1/privacy/requests', { type: 'deletion', subjectId }, other);
      expect(await json(refused)).toMatchObject({ code: 'DSR_IDENTITY' });
      expect(await journey.auditOf(refused.headers.get('jangada-run') ?? '')).toMatchObject([
        { fact: 'access.refused', decision: 'denied', code: 'DSR_IDENTITY' },
      ]);
    }
  });

  test('who asks to be deleted is nowhere any more that anybody could read, and audit knows how it went', async () => {
    const { token: admin } = await journey.as('admin');
    const start = `${Temporal.Now.plainDateISO('UTC').add({ days: 41 })}T09:00:00-03:00`;
    const booking = { type: 'ScheduleAppointment', subjectId: person, providerId: 'pro-1', start };
    await call('POST', '/v1/commands', { ...booking, durationMinutes: 30 }, admin);
    const holding = async (table: string) =>
      (await journey.sql(`select from ${table} where subject_id = $1`, [person])).length > 0 || undefined;
    await until('a booking of theirs', () => holding('bookings'));
    const endpoint = await webhookEndpoint();
    endpoint.behave({
      answers: ({ body }) => ({
        request: (body['data'] as { request: string } | undefined)?.request,
        classes: { billing_data: { done: 1, kept: 0 } },
      }),
    });
    const { requestId = '' } = await json(await call('POST', '/v1/privacy/requests', { type: 'deletion' }));
    await carriedOut(requestId, 'legal_review');
    const basis = ['--basis', 'LGPD, art. 18, VI'];
    expect((await journey.jangada('privacy', 'approve', requestId, ...basis)).code).toBe(0);
    await carriedOut(requestId, 'closed');
    endpoint.behave({ status: 204 });
    expect(endpoint.told.filter(({ id }) => id === `${requestId}-accountant`)).toMatchObject([
      { body: { type: 'privacy.deletion', data: { subject: person, classes: ['billing_data'] } } },
    ]);
    const tables = await journey.sql<{ table: string }>(
      `select c.oid::regclass::text as "table" from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')`,
    );
    const found: string[] = [];
    for (const { table } of tables)
      if (
        (
          await journey.sql(
            `select from ${table} t where t::text ilike '%' || $1 || '%' or t::text ~ ('\\y' || $2 || '\\y')`,
            [name, person],
          )
        ).length > 0
      )
        found.push(table);
    // Of their keys only that they were destroyed.
    expect(found.splice(0)).toEqual(['subject_keys']);
    expect(
      await journey.sql(`select from subject_keys where subject_id = $1 and state <> 'destroyed'`, [person]),
    ).toEqual([]);
    const redis = new Redis(journey.system.local.redisUrl);
    for (const key of await redis.keys('*'))
      if ((await redis.dumpBuffer(key))?.includes(name)) found.push(key);
    redis.disconnect();
    for (const stream of ['INTAKE', 'FACTS', 'REPLY', 'EVENTS', 'DEAD'])
      for (const { data, subject } of await journey.stored(stream))
        if (Buffer.from(data).includes(name) || subject.includes(person)) found.push(`${stream} ${subject}`);
    expect(found).toEqual([]);
    expect(await journey.sql(`select from accounts where person_id = $1`, [person])).toEqual([]);
    const told = await until('audit to hear the end', async () => {
      const entries = await journey.sql<{ state: string }>(
        `select details->>'state' as state from audit_entries where fact = 'privacy.moved' and details->>'request' = $1 order by sequence`,
        [requestId],
      );
      return entries.at(-1)?.state === 'closed' ? entries.map(({ state }) => state) : undefined;
    });
    expect(told).toEqual([
      ...['identity_verified', 'inventory', 'legal_review', 'executing', 'verified', 'delivered', 'closed'],
    ]);
    expect(
      await journey.sql(
        `select details from audit_entries where fact = 'privacy.notified' and details->>'request' = $1`,
        [requestId],
      ),
    ).toMatchObject([{ details: { recipient: 'accountant', outcome: 'confirmed' } }]);
    const shown = await journey.jangada('privacy', 'show', requestId, '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject({ state: 'closed', certificate: { type: 'deletion' } });
    const file = join(journey.home, 'certificate.json');
    writeFileSync(file, (await journey.jangada('privacy', 'certificate', requestId)).stdout);
    expect(await journey.jangada('privacy', 'verify', file)).toMatchObject({ code: 0 });
    writeFileSync(file, readFileSync(file, 'utf8').replace('"deletion"', '"access"'));
    expect(await journey.jangada('privacy', 'verify', file)).toMatchObject({ code: 1 });
    const { stdout } = await journey.jangada('audit', 'verify', '--json');
    // Messages that nobody signed leave gaps, and were sent here.
    const { findings } = JSON.parse(stdout) as Report;
    expect(findings.filter(({ fault }) => fault !== 'gap')).toEqual([]);
    const ledger = await journey.jangada('privacy', 'ledger');
    expect(ledger.stdout).toContain(requestId);
    expect(ledger.stdout).not.toContain(person);
    const listed = await journey.jangada('privacy', 'list', '--tenant', tenant);
    expect(listed.stdout).toContain('deletion');
  });
});
