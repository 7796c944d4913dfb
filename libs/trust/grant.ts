import { createHash, createHmac } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import { z } from 'zod';
import type { SecretKey, Signer } from './keyset.ts';
import { ownerOf, type Pass } from './pass.ts';
import { type FindKey, reader, sealer } from './seal.ts';

/**
 * The grant: what one plan of one run may read. Only the permission service signs it. It has two parts: a signed
 * statement that data-access verifies, and the claims that rows depend on, under an HMAC that PostgreSQL verifies
 * inside its row-level-security policies with a key that data-access never holds.
 */
export const grant = z.strictObject({
  rid: z.string(),
  tid: z.string().regex(/^[a-z0-9-]+$/),
  sub: z.string(),
  /** Hash of the plan; nothing else may be executed. */
  ph: z.string(),
  /** Whose rows: the tenant's, those of people in care of `by`, or those of `by`. */
  reach: z.enum(['tenant', 'related', 'own']),
  by: z.string().optional(),
  /**
   * Purpose of the processing, as the pack declares it: it decides which columns PostgreSQL shows. A role of the
   * database is named after it, so it holds neither a dot nor a quote.
   */
  pur: z.string().regex(/^[a-z][a-z_]{0,29}$/),
  fields: z.array(z.string()),
  limit: z.int(),
  /** Levels of consent, any of which whom a row is about must have given; absent where none is needed. */
  consent: z.array(z.string()).optional(),
  /** People there must be behind each figure; absent where rows may be listed. */
  min: z.int().optional(),
  /** Changes when relationships or consents do: what was read under another is not told again. */
  rev: z.string().optional(),
  /** The rules that decided, as `policyOf` in libs/packs names them. */
  pol: z.string().optional(),
  /** Expiry in ms since 1970. */
  exp: z.number(),
});
export type Grant = z.output<typeof grant>;

/** Hash of a plan, independent of the order of its keys. */
export const planHash = (plan: Plan): string =>
  createHash('sha256').update(canonical(plan)).digest('base64url');

const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join()}}`;
};

/** The claims that PostgreSQL is shown. */
const shown = z.object({ ...grant.pick({ tid: true, reach: true, pur: true, by: true, exp: true }).shape });

/**
 * Signs grants, `<statement>~<database part>`; only the permission service has both keys.
 *
 * The database part is `<tenant>.<reach>.<purpose>.<person, in hex>.<expiry>.<key>.<seal, in hex>`. It says only what
 * the policies ask, in a form that PostgreSQL takes apart in 11 µs, where the statement's JSON in base64url took 21.
 */
export const grantSealer = (
  signer: () => Pick<Signer, 'kid' | 'key'>,
  databaseKey: () => Pick<SecretKey, 'kid' | 'secret'>,
): ((claims: Grant) => Promise<string>) => {
  const seal = sealer(signer);
  return async (claims) => {
    const { tid, reach, pur, by = '', exp } = shown.parse(claims);
    const { kid, secret } = databaseKey();
    const said = [tid, reach, pur, Buffer.from(by).toString('hex'), exp, kid].join('.');
    return `${await seal(claims)}~${said}.${createHmac('sha256', secret).update(said).digest('hex')}`;
  };
};

/** What PostgreSQL is shown of a grant. */
export const databasePart = (statement: string): string => statement.slice(statement.lastIndexOf('~') + 1);

/** The grant as it travels on to who tells what was read: without what PostgreSQL is shown, so that it reads nothing. */
export const statedPart = (statement: string): string => statement.slice(0, statement.lastIndexOf('~') + 1);

/** @see reader for what it throws */
export const grantReader = (find: FindKey): ((statement: string) => Grant) => {
  const read = reader(find, grant);
  return (statement) => read(statement.slice(0, Math.max(0, statement.lastIndexOf('~'))));
};

/**
 * A grant can only narrow the pass: the same tenant and person, the same run, nobody else's eyes, no longer life.
 * @throws Unprocessable CTX_INVALID when it claims what only a pass can say; CTX_NO_GRANT when it is not for this run
 */
export const limitGrant = (grant: Grant, pass: Pass): void => {
  const claims = grant.tid === pass.tid && grant.sub === pass.sub;
  if (!claims || (grant.by !== undefined && grant.by !== ownerOf(pass)))
    throw new Unprocessable('CTX_INVALID', 'the grant is for another tenant or person');
  if (grant.rid !== pass.rid || grant.exp > pass.exp || Date.now() > grant.exp)
    throw new Unprocessable('CTX_NO_GRANT', 'the grant is for another run, or has expired');
};
