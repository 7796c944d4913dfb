import { totpAt } from '@jangada/trust/totp.ts';
import type { AttackCase } from './case.ts';
import { area, NotBuilt, type Observed } from './driver.ts';
import { type Ground, queryFrame, type Told } from './ground.ts';

/** The second factor: used twice, guessed, and gone around. */

interface Enrolled {
  readonly email: string;
  readonly password: string;
  readonly secret: string;
}

const enrolled = ({ journey }: Ground, alias = 'admin'): Enrolled => {
  const account = journey.system.accounts.find((known) => known.alias === alias);
  const secret = (account as { totpSecret?: string } | undefined)?.totpSecret;
  if (!account || !secret) throw new NotBuilt('no account has a second factor');
  return { email: account.email, password: account.password, secret };
};

const submit = (
  ground: Ground,
  { email, password }: Enrolled,
  otp: string,
  address = ground.address(),
): Promise<Told> => ground.http('POST', '/v1/auth/token', { address, body: { email, password, otp } });

const isIn = ({ status }: Told): boolean => status === 200;

const twice = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const who = enrolled(ground);
  const otp = totpAt(who.secret, Date.now());
  const first = await submit(ground, who, otp);
  const second = await submit(ground, who, otp);
  return {
    refused: !isIn(second),
    code: second.code,
    holds: !isIn(second) ? ['second_rejected'] : [],
    note: `first: ${first.status}`,
  };
};

const race = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const who = enrolled(ground);
  const otp = await freshCode(ground, who);
  const tries = await Promise.all(Array.from({ length: 20 }, () => submit(ground, who, otp)));
  const accepted = tries.filter(isIn).length;
  const refusals = new Set(tries.filter((one) => !isIn(one)).map(({ code }) => code));
  return {
    refused: accepted <= 1,
    code: [...refusals].join('/'),
    holds: accepted === 1 ? ['exactly_one_accepted'] : [],
    figures: { count_accept: accepted },
  };
};

/** A code of a step that was not used yet: the window allows the step after this one. */
const freshCode = async (_ground: Ground, { secret }: Enrolled): Promise<string> =>
  totpAt(secret, Date.now() + 30_000);

const guessed = async (one: AttackCase, ground: Ground): Promise<Observed> => {
  const who = enrolled(ground);
  const after = Number(one.expected['after'] ?? 5);
  const address = ground.address();
  const tries = [];
  for (let guess = 0; guess <= after; guess++)
    tries.push(await submit(ground, who, String(100_000 + guess), address));
  const right = await submit(ground, who, totpAt(who.secret, Date.now()), address);
  const lockedAt = tries.findIndex(({ code }) => code === 'RATE_LIMITED');
  return {
    refused: !isIn(right),
    code: right.code,
    holds: right.code === 'RATE_LIMITED' ? ['locked'] : [],
    figures: { after: lockedAt === -1 ? Number.POSITIVE_INFINITY : lockedAt },
  };
};

/** Who signed in with a password alone asks for what takes more, and says in every way that they did more. */
const stepUp = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  const who = enrolled(ground);
  const { email, password } = who;
  const weak = await ground.http('POST', '/v1/auth/token', {
    address: ground.address(),
    body: { email, password },
  });
  const { access_token: token = '' } = JSON.parse(weak.text) as { access_token?: string };
  const claims = { 'x-amr': 'otp', 'x-acr': 'aal2' };
  const tries = [
    await ground.http('GET', '/v1/admin/connections', { token }),
    await ground.http('GET', '/v1/admin/connections?acr=aal2&amr=otp', { token, headers: claims }),
    await ground.http('POST', '/v1/auth/revoke', { token, body: { account: 'clinica-aurora-client' } }),
  ];
  using talk = await ground.socket({ token });
  if (!talk.refusal) talk.send(queryFrame('lista de clientes', { metadata: { amr: ['otp'] } }));
  const framed = await talk.code();
  return {
    refused: tries.every(({ status }) => status === 401 || status === 403) && framed !== undefined,
    code: [...new Set(tries.map(({ code }) => code))].join('/'),
    told: tries.map(({ text }) => text),
    note: `in a message: ${framed}; challenged with ${/"acr_values":"[^"]*"(?:,"max_age":\d+)?/.exec(tries[0]?.text ?? '')?.[0]}`,
  };
};

export const mfa = area('mfa', [
  [/reuse|replay|twice/i, twice],
  [/step.?up|spoof|aal1|\bamr\b|\bacr\b|auth_time|without (?:mfa|a second factor)/i, stepUp],
  [/concurrent|race|parallel/i, race],
  [/brute|wrong codes|guess/i, guessed],
]);
