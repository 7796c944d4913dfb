import { token as subjectToken } from '@jangada/proto/message.ts';
import { z } from 'zod';
import { Refusal } from './refusal.ts';

/** What tokens may say, and how strictly it is read. */

/** How surely a person was recognised: by a password alone, or with a second factor beside it. */
export const assurance = z.enum(['aal1', 'aal2']);
export type Assurance = z.output<typeof assurance>;

/** Our own tokens name their key and nothing else that could be followed: no `jku`, `jwk`, `x5u`, `crit`. */
export const ownHeader = z.strictObject({
  alg: z.literal('EdDSA'),
  typ: z.literal('at+jwt'),
  kid: z.string().min(1),
});

/** Claims of our own tokens (RFC 9068), all of them needed. Times are in seconds since 1970. */
export const ownClaims = z.object({
  sub: z.string().min(1),
  tid: z.string().regex(subjectToken),
  role: z.string().min(1),
  /** The person in the tenant's records that the account is. */
  pid: z.string().optional(),
  sid: z.string().regex(subjectToken),
  jti: z.string().min(1),
  acr: assurance,
  amr: z.array(z.string()).min(1),
  auth_time: z.number(),
  iat: z.number(),
  exp: z.number(),
});

/** Claims of an outside issuer's tokens, as OpenID Connect names them. */
export const outsideClaims = z.object({
  sub: z.string().min(1),
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
  sid: z.string().optional(),
  acr: z.string().optional(),
  amr: z.array(z.string()).optional(),
  auth_time: z.number().optional(),
  iat: z.number(),
  exp: z.number(),
});

/**
 * Refuses a token in which an object names a member twice: parsers differ in which of the two counts (RFC 8259 §4),
 * so what one part of a system checks need not be what another uses. Call it on tokens whose signature was verified.
 * @throws Refusal AUTH_INVALID
 */
export const refuseRepeated = (token: string): void => {
  for (const part of token.split('.', 2)) {
    if (repeatsName(Buffer.from(part, 'base64url').toString())) throw new Refusal('AUTH_INVALID');
  }
};

/** True when an object in a text that is JSON names a member twice, however each is escaped. */
export const repeatsName = (json: string): boolean => {
  const open: Set<string>[] = [];
  for (const [, begins, ends, text, names] of json.matchAll(/([{[])|([}\]])|("(?:[^"\\]|\\.)*")(\s*:)?/g)) {
    if (begins) open.push(new Set());
    else if (ends) open.pop();
    else if (text && names) {
      const name = JSON.parse(text) as string;
      if (open.at(-1)?.has(name)) return true;
      open.at(-1)?.add(name);
    }
  }
  return false;
};
