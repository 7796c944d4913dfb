import { until } from '@jangada/testkit/until.ts';
import { totpAt } from '@jangada/trust/totp.ts';
import pg from 'pg';
import { sweep } from '../journeys/sweep.ts';
import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import type { Ground, Told } from './ground.ts';

/** Rights over one's own data, asked for by others, asked for too often, and while something is away. */

const tenant = 'clinica-aurora';
const path = '/v1/privacy/requests';

/** Tokens with a second factor, of accounts that had none; each is enrolled once for all attacks. */
const proven = new Map<string, Promise<string>>();
const provenToken = (ground: Ground, alias = 'client2'): Promise<string> => {
  const known = proven.get(alias) ?? enrol(ground, alias);
  proven.set(alias, known);
  return known;
};

const enrol = async (ground: Ground, alias: string): Promise<string> => {
  const { token } = await ground.journey.as(alias);
  const enrolled = await ground.http('POST', '/v1/auth/mfa/enrol', { token, body: {} });
  const { secret } = JSON.parse(enrolled.text) as { secret: string };
  const body = { otp: totpAt(secret, Date.now()) };
  const confirmed = await ground.http('POST', '/v1/auth/mfa/confirm', { token, body });
  return (JSON.parse(confirmed.text) as { access_token: string }).access_token;
};

const open = async (ground: Ground, type: string): Promise<{ requestId: string; delivery: string }> => {
  const told = await ground.http('POST', path, { token: await provenToken(ground), body: { type } });
  return JSON.parse(told.text) as { requestId: string; delivery: string };
};

const stateOf = async ({ journey }: Ground, request: string): Promise<string> =>
  (await journey.sql<{ state: string }>('select state from privacy_requests where id = $1', [request]))[0]
    ?.state ?? '';

const carryOut = async (ground: Ground): Promise<void> => {
  await ground.journey.jangada('privacy', 'run', '--tenant', tenant);
};

const become = (ground: Ground, request: string, state: string): Promise<string> =>
  until(`${request} to be ${state}`, async () => {
    const now = await stateOf(ground, request);
    return now === state ? now : undefined;
  });

const impostor = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const ask = async (token: string, subjectId: string): Promise<Told> =>
    ground.http('POST', path, { token, body: { type: 'deletion', subjectId } });
  const tries = [
    await ask(await provenToken(ground), 'cli-1'),
    await ask((await ground.as('professional')).token, 'cli-1'),
    // Themselves, by a password alone.
    await ask((await ground.as('client')).token, 'cli-1'),
  ];
  return {
    refused: tries.every(({ status }) => status === 403),
    code: [...new Set(tries.map(({ code }) => code))].join('/'),
  };
};

/** What is to be changed is locked, and so cannot be written for longer than a statement may take. */
const away = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  const { requestId } = await open(ground, 'revocation');
  const holder = new pg.Client({ connectionString: journey.system.local.databaseUrl });
  await holder.connect();
  await holder.query('begin; lock table consents in exclusive mode');
  await carryOut(ground);
  await until('privacy to wait', async () => {
    const waiting = await journey.sql(
      `select from pg_stat_activity where usename = 'svc_privacy' and wait_event_type = 'Lock'`,
    );
    return waiting.length > 0 || undefined;
  });
  const meanwhile = await stateOf(ground, requestId);
  await holder.end();
  await carryOut(ground);
  const end = await become(ground, requestId, 'delivered').catch(() => stateOf(ground, requestId));
  return {
    holds: meanwhile === 'executing' && end === 'delivered' ? ['waits_and_completes'] : [],
    // What it never was before it could be.
    figures: { status_meanwhile: meanwhile, never: meanwhile === 'executing' ? 'done' : meanwhile },
    note: `meanwhile ${meanwhile}, then ${end}`,
  };
};

const stolen = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { requestId, delivery } = await open(ground, 'access');
  await carryOut(ground);
  await become(ground, requestId, 'delivered');
  const [waiting] = await ground.journey.sql<{ hours: number }>(
    `select round(extract(epoch from expires_at - now()) / 3600)::int as hours from privacy_deliveries where id = $1`,
    [requestId],
  );
  const fetch = (token: string): Promise<Told> => ground.http('GET', delivery, { token });
  const byOther = await fetch(await provenToken(ground, 'client'));
  const first = await fetch(await provenToken(ground));
  const again = await fetch(await provenToken(ground));
  return {
    refused: first.status === 200 && [byOther, again].every(({ status }) => status === 403),
    code: [...new Set([byOther.code, again.code])].join('/'),
    figures: { expires_h: waiting?.hours ?? 0 },
    told: [byOther.text, again.text],
  };
};

const purge = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const { journey } = ground;
  await journey.sql(
    `insert into appointments values ($1, 'dsr-old', 'cli-2', 'pro-1', 'x', '1990-01-01', 30, 'completed')
     on conflict do nothing`,
    [tenant],
  );
  await open(ground, 'access');
  const isThere = async (): Promise<boolean> =>
    (await journey.sql(`select from appointments where id = 'dsr-old'`)).length > 0;
  await sweep(journey, tenant);
  const kept = await isThere();
  await journey.sql(`update privacy_requests set state = 'closed' where opened_by like $1`, [`${tenant}%`]);
  await sweep(journey, tenant);
  const goneAfter = !(await isThere());
  return {
    holds: kept && goneAfter ? ['purge_skips'] : [],
    // The row went as soon as the request was over, and by nothing else.
    figures: { skipped_reason: kept && goneAfter ? 'open_dsr' : 'none' },
    note: `after the first sweep it was ${kept ? 'there' : 'gone'}, after the second ${goneAfter ? 'gone' : 'there'}`,
  };
};

const flood = async (one: AttackCase, ground: Ground): Promise<Observed> => {
  const after = Number(one.expected['after'] ?? 5);
  const { journey } = ground;
  // The system is otherwise set up for more than a person asks.
  await journey.jangada('limits', 'set', 'privacy-user', '--tenant', tenant, '--max', String(after));
  const { token } = await journey.as('client');
  const tries: Told[] = [];
  await until('the limit to be set', async () => {
    tries.length = 0;
    for (let count = 0; count < 12; count++)
      tries.push(await ground.http('POST', path, { token, body: { type: 'access' } }));
    return tries.some(({ status }) => status === 429) || undefined;
  });
  const limited = tries.filter(({ status }) => status === 429);
  await journey.jangada('limits', 'reset', 'privacy-user', '--tenant', tenant);
  return {
    refused: limited.length > 0 && tries.at(-1)?.status === 429,
    code: [...new Set(limited.map(({ code }) => code))].join('/'),
    note: `${tries.length - limited.length} of ${tries.length} let in`,
  };
};

export const dsr = area('dsr', [
  [/impostor|another person/i, impostor],
  [/is down|away/i, away],
  [/link stolen|one-time/i, stolen],
  [/purge|retention deletes/i, purge],
  [/flood/i, flood],
]);
