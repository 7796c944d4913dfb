import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createUser } from '@nats-io/nkeys';

/**
 * Keys of a local system, made once and kept in its folder with mode 0600. In production each comes from the
 * platform's secrets instead, by the same setting names.
 */
export interface Keys {
  /** Seed and public key at the broker, by service name; `operator` and `provisioner` beside the services. */
  readonly broker: Readonly<Record<string, { readonly seed: string; readonly publicKey: string }>>;
  readonly encryptionKey: string;
  readonly passPrivateKey: string;
  readonly passPublicKeys: string;
  readonly grantPrivateKey: string;
  readonly grantPublicKeys: string;
  readonly grantDatabaseKey: string;
  readonly tokenPrivateKey: string;
  readonly messageKeys: string;
}

const pair = (kid: string): { secret: string; ring: string } => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    secret: JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid }),
    ring: JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid }] }),
  };
};

/** One secret of 32 bytes as a JWK set. */
const secretSet = (kid: string): string =>
  JSON.stringify({ keys: [{ kty: 'oct', kid, k: randomBytes(32).toString('base64url') }] });

const kid = (): string => randomBytes(6).toString('base64url');

const user = (): { seed: string; publicKey: string } => {
  const made = createUser();
  return { seed: new TextDecoder().decode(made.getSeed()), publicKey: made.getPublicKey() };
};

const makeKeys = (): Keys => {
  const pass = pair(kid());
  const grant = pair(kid());
  return {
    broker: {},
    encryptionKey: randomBytes(32).toString('base64'),
    passPrivateKey: pass.secret,
    passPublicKeys: pass.ring,
    grantPrivateKey: grant.secret,
    grantPublicKeys: grant.ring,
    grantDatabaseKey: randomBytes(32).toString('base64'),
    tokenPrivateKey: pair(kid()).secret,
    messageKeys: secretSet('1'),
  };
};

/** Reads the keys at `path`, making what is missing: all of them at first, a broker user when a service is new. */
export const openKeys = (path: string, services: readonly string[]): Keys => {
  // A folder of an older release lacks what has been added since.
  const stored = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Partial<Keys>) : {};
  const known: Keys = { ...makeKeys(), ...stored };
  const names = [...services, 'operator', 'provisioner'];
  const keys: Keys = {
    ...known,
    broker: Object.fromEntries(names.map((name) => [name, known.broker[name] ?? user()])),
  };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, JSON.stringify(keys, null, 2), { mode: 0o600 });
  return keys;
};
