import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Name } from '@jangada/config/settings.ts';
import { publicKeysOf, type Signer } from '@jangada/trust/keyset.ts';
import { type RingClaims, ringClaimsOf, signRing, type Use } from '@jangada/trust/ring.ts';

/**
 * The key sets of a system, a file each, and the root that signs the key ring. Whoever keeps this folder can speak for
 * everybody: locally it is in the system's home, in production on a machine that runs nothing else.
 */

/** A key as its file holds it (RFC 7517), with the time it serves. */
export interface Jwk {
  readonly kid: string;
  readonly kty: 'OKP' | 'oct';
  readonly x?: string;
  readonly k?: string;
  readonly notBefore: string;
  readonly notAfter: string;
}

interface Kind {
  readonly says: string;
  /** The setting that its file is for. */
  readonly setting: Name;
  /** What services verify with it; absent for a secret that both ends hold, and where only who is outside verifies. */
  readonly use?: Use;
  /** Longest that something it made may still be met, in ms. Only after that is it safe to refuse. */
  readonly longestMs: number;
  /** How long an old key still serves beside the new, in ms. */
  readonly overlapMs: number;
  make(known: readonly Jwk[]): object;
}

const minute = 60_000;
const day = 24 * 60 * minute;

/** Between the making of a key and its first use, for the slowest way in which it may reach a service. */
export const leadMs = 2 * minute;
/** Until it is replaced. */
const lifetimeMs = 3_650 * day;

const randomKid = (): string => randomBytes(6).toString('base64url');
const pair = (): object => {
  const { privateKey } = generateKeyPairSync('ed25519');
  return { ...privateKey.export({ format: 'jwk' }), kid: randomKid() };
};
const secret = (kid: string): object => ({ kty: 'oct', kid, k: randomBytes(32).toString('base64url') });
/** For what names its key in two bytes. */
const numbered = (known: readonly Jwk[]): object =>
  secret(String(Math.max(0, ...known.map(({ kid }) => Number(kid))) + 1));

export const kinds = {
  pass: {
    says: 'the edge says who asks',
    setting: 'PASS_PRIVATE_KEYS',
    use: 'pass',
    // A pass ends with its run: RUN_DEADLINE_MS at most.
    longestMs: minute,
    overlapMs: day,
    make: pair,
  },
  grant: {
    says: 'permission says what may be read',
    setting: 'GRANT_PRIVATE_KEYS',
    use: 'grant',
    longestMs: minute,
    overlapMs: day,
    make: pair,
  },
  token: {
    says: 'the edge says who logged in',
    setting: 'TOKEN_PRIVATE_KEYS',
    use: 'token',
    longestMs: 60 * minute,
    overlapMs: day,
    make: pair,
  },
  'database-grant': {
    says: 'permission says to PostgreSQL what may be read',
    setting: 'GRANT_DATABASE_KEYS',
    longestMs: minute,
    overlapMs: day,
    make: () => secret(randomKid()),
  },
  message: {
    says: 'bodies of messages are sealed with it',
    setting: 'MESSAGE_KEYS',
    // Facts and replies are kept for a day, and read again within it.
    longestMs: day,
    overlapMs: 2 * day,
    make: numbered,
  },
  origin: {
    says: 'the edge says from where somebody called, to the audit trail',
    setting: 'PASS_ORIGIN_KEYS',
    // As long as any entry of the trail may be kept.
    longestMs: lifetimeMs,
    overlapMs: lifetimeMs,
    make: numbered,
  },
  checkpoint: {
    says: 'audit says how far the chains of the trail have come',
    setting: 'AUDIT_CHECKPOINT_KEYS',
    // Whoever verifies the trail later has to know every key that ever signed a checkpoint of it.
    longestMs: lifetimeMs,
    overlapMs: lifetimeMs,
    make: pair,
  },
  certificate: {
    says: 'privacy says what came of a request',
    setting: 'PRIVACY_CERTIFICATE_KEYS',
    // Somebody shows a certificate for as long as they like.
    longestMs: lifetimeMs,
    overlapMs: lifetimeMs,
    make: pair,
  },
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as KindName[];
const kindOf = (name: KindName): Kind => kinds[name];

const rootName = 'root';
export const fileOf = (folder: string, name: KindName | typeof rootName): string =>
  join(folder, `${name}.json`);

const iso = (ms: number): string => new Date(ms).toISOString();

/** A first key, which serves at once, also where a clock is a little late. */
export const firstKey = (
  name: KindName,
  own: object = kindOf(name).make([]),
  begins = Date.now() - minute,
): Jwk => ({ ...own, notBefore: iso(begins), notAfter: iso(begins + lifetimeMs) }) as Jwk;

export const setText = (keys: readonly object[]): string => JSON.stringify({ keys }, null, 2);

const parse = (text: string): readonly Jwk[] => (JSON.parse(text) as { keys: Jwk[] }).keys;

export const readSet = (folder: string, name: KindName): readonly Jwk[] =>
  parse(readFileSync(fileOf(folder, name), 'utf8'));

/** Replaces a file as a whole: a reader meets the old or the new one. */
export const writePrivate = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
};

export const writeSet = (folder: string, name: KindName, keys: readonly Jwk[]): void =>
  writePrivate(fileOf(folder, name), setText(keys));

/** Makes the root if there is none. */
export const makeRoot = (folder: string): void => {
  const path = fileOf(folder, rootName);
  if (!existsSync(path)) writePrivate(path, JSON.stringify(pair()));
};

const readRoot = (folder: string): Pick<Signer, 'kid' | 'key'> & { x: string } => {
  const jwk = JSON.parse(readFileSync(fileOf(folder, rootName), 'utf8')) as { kid: string; x: string };
  return { kid: jwk.kid, x: jwk.x, key: createPrivateKey({ key: jwk, format: 'jwk' }) };
};

/** The root's public half, as `KEY_RING_ROOT` holds it. */
export const rootText = (folder: string): string => {
  const { kid, x } = readRoot(folder);
  return JSON.stringify({ keys: [{ kty: 'OKP', crv: 'Ed25519', kid, x }] });
};

/** The newest key that serves now or will. */
const newest = (keys: readonly Jwk[]): Jwk | undefined =>
  keys.toSorted((a, b) => Date.parse(b.notBefore) - Date.parse(a.notBefore))[0];

/** A set with a new key, which begins after `leadMs`; the others end `overlapMs` after that. */
export const rotated = (
  name: KindName,
  keys: readonly Jwk[],
  after: { leadMs: number; overlapMs: number },
  now = Date.now(),
): readonly Jwk[] => {
  const begins = now + after.leadMs;
  const ends = iso(begins + after.overlapMs);
  const old = keys.map((key) => (key.notAfter > ends ? { ...key, notAfter: ends } : key));
  return [...old, firstKey(name, kindOf(name).make(keys), begins)];
};

/**
 * A set without the keys that nothing can be met of any more: the newest has been in use for longer than whatever the
 * others made may live. `force` drops all but the newest that serves, whatever they made.
 */
export const retired = (
  name: KindName,
  keys: readonly Jwk[],
  { force = false, now = Date.now() } = {},
): readonly Jwk[] => {
  const current = newest(keys.filter(({ notBefore }) => Date.parse(notBefore) <= now));
  if (!current) return keys;
  const over = Date.parse(current.notBefore) + kindOf(name).longestMs <= now;
  return keys.filter(
    (key) =>
      key === current ||
      Date.parse(key.notBefore) > now ||
      !(force || over || Date.parse(key.notAfter) <= now),
  );
};

/** What the ring has to say of the sets in a folder, with some of them as they are about to be. */
const ringKeys = (
  folder: string,
  planned: Partial<Record<KindName, readonly Jwk[]>> = {},
): RingClaims['keys'] =>
  kindNames.flatMap((name) => {
    const { use } = kindOf(name);
    if (!use) return [];
    const keys = planned[name] ?? readSet(folder, name);
    return keys.map(({ kid, x = '', notBefore, notAfter }) => ({ use, kid, x, notBefore, notAfter }));
  });

/** The ring that follows `last`, signed by the folder's root; undefined when it says all that is to be said. */
export const nextRing =
  (folder: string, planned?: Partial<Record<KindName, readonly Jwk[]>>) =>
  (last: string | undefined): string | undefined => {
    const known = last ? ringClaimsOf(publicKeysOf(rootText(folder)), last) : undefined;
    const keys = ringKeys(folder, planned);
    if (known && JSON.stringify(known.keys) === JSON.stringify(keys)) return undefined;
    return signRing(readRoot(folder), { epoch: (known?.epoch ?? 0) + 1, keys });
  };

/** Keys that a ring of the folder's root lists and the folder does not hold, as `<use> <id>`. */
export const unheld = (folder: string, statement: string): readonly string[] => {
  const nameOf = ({ use, kid, x }: RingClaims['keys'][number]): string => `${use} ${kid} ${x}`;
  const held = new Set(ringKeys(folder).map(nameOf));
  const listed = ringClaimsOf(publicKeysOf(rootText(folder)), statement)?.keys ?? [];
  return listed.filter((key) => !held.has(nameOf(key))).map(({ use, kid }) => `${use} ${kid}`);
};

/** A ring that was signed elsewhere, unless the one there is as new. */
export const givenRing =
  (statement: string) =>
  (last: string | undefined): string | undefined =>
    last && epochOf(last) >= epochOf(statement) ? undefined : statement;

/** Only to order what was written; services verify. */
const epochOf = (statement: string): number =>
  (JSON.parse(Buffer.from(statement.split('.')[0] ?? '', 'base64url').toString()) as RingClaims).epoch;
