import { createHash } from 'node:crypto';
import { Unprocessable } from '@jangada/hop/outcome.ts';
import { clientTool } from '@jangada/proto/client-tools.ts';
import { z } from 'zod';
import type { Signer } from './keyset.ts';
import { type FindKey, reader, sealer } from './seal.ts';

/**
 * The pass: who asks, for which run, until when. Only the edge signs it, after it verified the access token;
 * every hop verifies it before it parses anything, and no later hop can widen it.
 */
export const pass = z.strictObject({
  /** The deployment that it is for. */
  env: z.string(),
  /** Tenant. */
  tid: z.string(),
  /** The account that asked. */
  sub: z.string(),
  /** Its role in the tenant's pack. */
  rol: z.string(),
  /** The person in the tenant's records that this account is, if any. */
  per: z.string().optional(),
  /** How surely: by password alone (aal1), or with a second factor (aal2; NIST SP 800-63B). */
  acr: z.enum(['aal1', 'aal2']),
  /** By what, as RFC 8176 names it. */
  amr: z.array(z.string()),
  /** When, in ms since 1970; what is demanded beside a second factor is that it was given lately (RFC 9470). */
  auth_time: z.number(),
  /** Session. */
  sid: z.string(),
  /** Run. */
  rid: z.string(),
  /** From where they called, sealed for whoever reads the audit trail; nobody on the way opens it. */
  from: z.string().optional(),
  /** Hash of the question. */
  qh: z.string(),
  /** Purpose of the processing, where the question named one; otherwise it is the pack's default. */
  pur: z.string().optional(),
  /** Set where whoever asked wants to be told of each hop that the run comes to. */
  steps: z.literal(true).optional(),
  /** The same of what the run has come to, and of the reading of rows as something that goes on. */
  state: z.literal(true).optional(),
  activity: z.literal(true).optional(),
  /** Tools of the client's by which the answer may be shown: those that it offers and the pack allows. */
  tools: z.array(clientTool).min(1).max(clientTool.options.length).optional(),
  /** The tenant's pack, time zone, language and currency: settings that hops need and must not look up. */
  pack: z.string(),
  zone: z.string(),
  loc: z.enum(['en', 'pt-BR']),
  cur: z.string(),
  /** When it was signed and until when the run may take, in ms since 1970. */
  iat: z.number(),
  exp: z.number(),
});
export type Pass = z.output<typeof pass>;

/** Who asks what nobody has asked, so that it is remembered when somebody does: may read what a visitor may, and no more. */
export const warmer = { subject: 'warming', role: 'public' } as const;

/** True of a question that nobody has asked: it is no lead, no gap and no use of the cache. */
export const isWarming = ({ sub, rol }: Pick<Pass, 'sub' | 'rol'>): boolean =>
  sub === warmer.subject && rol === warmer.role;

/**
 * Whose own conversations and judgements are, and whose key they are sealed with: the person in the tenant's records, so that erasing
 * the person erases them, and otherwise the account.
 */
export const ownerOf = ({ per, sub }: Pick<Pass, 'per' | 'sub'>): string => per ?? `account:${sub}`;

/** Hash that binds a pass to its question. */
export const questionHash = (question: string): string =>
  createHash('sha256').update(question).digest('base64url');

/**
 * That a pass was made for exactly this: whoever changed it on the way does not get it in somebody's name.
 * @throws Unprocessable CTX_PAYLOAD_MISMATCH
 */
export const assertSigned = (text: string, { qh }: Pick<Pass, 'qh'>, what: string): void => {
  if (questionHash(text) !== qh)
    throw new Unprocessable('CTX_PAYLOAD_MISMATCH', `the ${what} is not the signed one`);
};

/** Signs passes; only the edge has the key. */
export const passSealer = (signer: () => Pick<Signer, 'kid' | 'key'>): ((claims: Pass) => Promise<string>) =>
  sealer(signer);

/** @see reader for what it throws */
export const passReader = (find: FindKey): ((statement: string) => Pass) => reader(find, pass);
