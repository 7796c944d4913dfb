import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { type Pass, questionHash } from '@jangada/trust/pass.ts';
import { type Signer, signerOf } from '@jangada/trust/seal.ts';

/** A pair of keys that nobody else trusts. */
export const keyPair = (kid: string): { signer: Signer; secret: string; ring: string } => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const secret = JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid });
  return {
    signer: signerOf(secret),
    secret,
    ring: JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid }] }),
  };
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
