import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { leafOf, rootOf } from '@jangada/merkle/tree.ts';
import { z } from 'zod';
import { shards } from './entry.ts';
import { claimsIn, type Signer, signStatement } from './statement.ts';

/**
 * A checkpoint: how far every chain had come at a moment, signed. Whoever keeps one can tell later whether the trail that
 * they are shown is the one that was there then.
 */

const hash = z.string().regex(/^[\w-]{43}$/);

const claims = z.strictObject({
  v: z.literal(1),
  /** The deployment whose trail it is. */
  log: z.string(),
  /** From 0, without a gap. */
  number: z.int().nonnegative(),
  at: z.iso.datetime(),
  /** By shard: how many entries its chain holds, and the chain after the last of them. */
  heads: z.array(z.strictObject({ next: z.int().nonnegative(), chain: hash })).length(shards),
  /** Root of a tree over the chains after each batch since the checkpoint before, by shard and then in their order. */
  links: hash,
  /** SHA-256 of the checkpoint before; null in the first. */
  before: hash.nullable(),
});
export type Checkpoint = Omit<z.output<typeof claims>, 'v'>;

const use = 'audit checkpoint 1';

export const signCheckpoint = (signer: Signer, checkpoint: Checkpoint): string =>
  signStatement(use, signer, { v: 1, ...checkpoint });

/** What a statement says; undefined where none of the keys signed it, or it is none. */
export const checkpointOf = (
  keyOf: (kid: string) => KeyObject | undefined,
  statement: string,
): Checkpoint | undefined => {
  const said = claimsIn(use, keyOf, statement);
  if (said === undefined) return undefined;
  const { v: _v, ...checkpoint } = claims.parse(said);
  return checkpoint;
};

/** What a checkpoint says that was read where only we write it; whoever checks goes by `checkpointOf`. @throws ZodError */
export const claimsOf = (statement: string): Checkpoint => {
  const payload = Buffer.from(statement.slice(0, statement.indexOf('.')), 'base64url').toString();
  const { v: _v, ...checkpoint } = claims.parse(JSON.parse(payload));
  return checkpoint;
};

/** What the checkpoint after a statement says of it. */
export const hashOf = (statement: string): string =>
  createHash('sha256').update(statement).digest('base64url');

/** The root that a checkpoint has of the links since the one before. */
export const linksOf = (chains: readonly Uint8Array[]): string =>
  rootOf(chains.map(leafOf)).toString('base64url');

const publicKeys = z.object({
  keys: z
    .array(z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), kid: z.string(), x: z.string() }))
    .min(1),
});

/** The keys of a JWK set, private or public, that verify. They serve for ever: what they signed is read years later. @throws Error */
export const keysOf = (text: string): ((kid: string) => KeyObject | undefined) => {
  const keys = new Map(
    publicKeys
      .parse(JSON.parse(text))
      .keys.map(({ kid, ...key }) => [kid, createPublicKey({ key, format: 'jwk' })]),
  );
  return (kid) => keys.get(kid);
};
