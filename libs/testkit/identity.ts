import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Signer } from '@jangada/trust/keyset.ts';
import { type Pass, questionHash } from '@jangada/trust/pass.ts';
import { signRing, type Use } from '@jangada/trust/ring.ts';
import type { FindKey } from '@jangada/trust/seal.ts';

/** A pair of keys that nobody else trusts. */
export interface KeyPair {
  readonly kid: string;
  readonly signer: () => Pick<Signer, 'kid' | 'key'>;
  /** The private key as the settings hold it. */
  readonly secret: string;
  /** The public key, in a set of its own. */
  readonly publicSet: string;
  readonly x: string;
  readonly find: FindKey;
}

export const keyPair = (kid: string): KeyPair => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x = '', ...own } = publicKey.export({ format: 'jwk' });
  const signer = { kid, key: privateKey };
  return {
    kid,
    x,
    signer: () => signer,
    secret: JSON.stringify({ keys: [{ ...privateKey.export({ format: 'jwk' }), kid }] }),
    publicSet: JSON.stringify({ keys: [{ ...own, x, kid }] }),
    find: (wanted) => (wanted === kid ? publicKey : undefined),
  };
};

const always = { notBefore: '2000-01-01T00:00:00Z', notAfter: '2999-01-01T00:00:00Z' };

/** A ring with the public keys of pairs, by what they sign, under a root of its own. */
export const ringOf = (
  pairs: Partial<Record<Use, readonly KeyPair[]>>,
  { root = keyPair('root'), epoch = 1 } = {},
): { readonly root: string; readonly statement: string } => {
  const keys = (Object.keys(pairs) as Use[]).flatMap((use) =>
    (pairs[use] ?? []).map(({ kid, x }) => ({ use, kid, x, ...always })),
  );
  return { root: root.publicSet, statement: signRing(root.signer(), { epoch, keys }) };
};

/** A set of secrets, as the settings hold it. */
export const secretSet = (kid = '1'): string =>
  JSON.stringify({ keys: [{ kty: 'oct', kid, k: randomBytes(32).toString('base64url') }] });

/** A pass with everything a test does not care about. */
export const passFor = (question: string, own: Partial<Pass> = {}): Pass => ({
  env: 'local',
  tid: 'clinica-teste',
  sub: 'user-1',
  rol: 'admin',
  acr: 'aal1',
  amr: ['pwd'],
  auth_time: Date.now(),
  sid: 'session-1',
  rid: `run-${crypto.randomUUID()}`,
  qh: questionHash(question),
  pur: 'care',
  pack: 'aesthetic-clinic',
  zone: 'America/Sao_Paulo',
  loc: 'en',
  cur: 'BRL',
  iat: Date.now(),
  exp: Date.now() + 30_000,
  ...own,
});
