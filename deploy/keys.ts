import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createUser } from '@nats-io/nkeys';
import {
  fileOf,
  firstKey,
  type KindName,
  kindNames,
  makeRoot,
  rootText,
  writePrivate,
  writeSet,
} from './keysets.ts';

/**
 * Keys of a local system, made once and kept in its folder with mode 0600. In production each comes from the
 * platform's secrets instead, by the same setting names.
 */
export interface Keys {
  /** Seed and public key at the broker, by service name; `operator` and `provisioner` beside the services. */
  readonly broker: Readonly<Record<string, { readonly seed: string; readonly publicKey: string }>>;
  readonly encryptionKey: string;
  /** The root key to come: known to every service before the root is rotated to it. */
  readonly encryptionKeysAccepted: string;
  /** Folder of the key sets and of the root that signs the key ring. */
  readonly folder: string;
  /** Public half of that root. */
  readonly keyRingRoot: string;
  /** The text of a key set, as it is now. */
  setOf(kind: KindName): string;
}

/** What is kept in one file. */
type Kept = Pick<Keys, 'broker' | 'encryptionKey' | 'encryptionKeysAccepted'>;

/** What an earlier release kept there too, before keys were sets that rotate. */
interface Earlier {
  readonly passPrivateKey?: string;
  readonly grantPrivateKey?: string;
  readonly tokenPrivateKey?: string;
  /** In base64. */
  readonly grantDatabaseKey?: string;
  readonly messageKeys?: string;
}

const user = (): { seed: string; publicKey: string } => {
  const made = createUser();
  return { seed: new TextDecoder().decode(made.getSeed()), publicKey: made.getPublicKey() };
};

/** Reads the keys at `path`, making what is missing: all of them at first, a broker user when a service is new. */
export const openKeys = (path: string, services: readonly string[]): Keys => {
  const folder = join(dirname(path), 'keys');
  const known = (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}) as Partial<Kept> & Earlier;
  const names = [...services, 'operator', 'provisioner'];
  const kept: Kept = {
    broker: Object.fromEntries(names.map((name) => [name, known.broker?.[name] ?? user()])),
    encryptionKey: known.encryptionKey ?? randomBytes(32).toString('base64'),
    encryptionKeysAccepted: known.encryptionKeysAccepted ?? randomBytes(32).toString('base64'),
  };
  makeRoot(folder);
  for (const kind of kindNames)
    if (!existsSync(fileOf(folder, kind))) writeSet(folder, kind, [firstKey(kind, earlier[kind](known))]);
  writePrivate(path, JSON.stringify(kept, null, 2));
  return {
    ...kept,
    folder,
    keyRingRoot: rootText(folder),
    setOf: (kind) => readFileSync(fileOf(folder, kind), 'utf8'),
  };
};

const jwk = (text: string | undefined): object | undefined =>
  text === undefined ? undefined : (JSON.parse(text) as object);

/** The key that an earlier release had, if any: what it signed and sealed is still about. */
const earlier: Readonly<Record<KindName, (known: Earlier) => object | undefined>> = {
  pass: ({ passPrivateKey }) => jwk(passPrivateKey),
  grant: ({ grantPrivateKey }) => jwk(grantPrivateKey),
  token: ({ tokenPrivateKey }) => jwk(tokenPrivateKey),
  'database-grant': ({ grantDatabaseKey }) =>
    grantDatabaseKey === undefined
      ? undefined
      : { kty: 'oct', kid: 'first', k: Buffer.from(grantDatabaseKey, 'base64').toString('base64url') },
  message: ({ messageKeys }) => (jwk(messageKeys) as { keys: object[] } | undefined)?.keys[0],
  origin: () => undefined,
  checkpoint: () => undefined,
  certificate: () => undefined,
};

/** The root keys that are kept at `path`. */
export const ownKeys = (path: string): RootKeys => JSON.parse(readFileSync(path, 'utf8')) as RootKeys;

/** The root keys of a local system: the one that wraps, and one that every service accepts beside it. */
type RootKeys = Pick<Keys, 'encryptionKey' | 'encryptionKeysAccepted'>;

/** The one to come first. */
export const swapRootKeys = ({ encryptionKey, encryptionKeysAccepted }: RootKeys): RootKeys => ({
  encryptionKey: encryptionKeysAccepted,
  encryptionKeysAccepted: encryptionKey,
});

/** Keeps the other key as the one that wraps, or puts a fresh one in the place of the one of before. */
export const nextRootKey = (path: string, how: 'swap' | 'fresh'): void => {
  const kept = JSON.parse(readFileSync(path, 'utf8')) as Kept;
  const next =
    how === 'swap' ? swapRootKeys(kept) : { encryptionKeysAccepted: randomBytes(32).toString('base64') };
  writePrivate(path, JSON.stringify({ ...kept, ...next }, null, 2));
};
