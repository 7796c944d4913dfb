import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contract } from '@jangada/hop/hop.ts';
import { openKeys } from '../keys.ts';
import { fileOf, kindNames, kinds, nextRing } from '../keysets.ts';
import { variables } from './containers.ts';
import { people, variableOf } from './nats.ts';

export interface Secrets {
  /** Every variable that is a key or a password. */
  readonly values: Readonly<Record<string, string>>;
  /** What signs the key ring (JWK); no part of the system reads it. */
  readonly root: string;
}

/** Fresh ones. */
export const freshSecrets = (contracts: readonly Contract[]): Secrets => {
  const dir = mkdtempSync(join(tmpdir(), 'jangada-keys-'));
  try {
    const names = contracts.map(({ name }) => name);
    const keys = openKeys(join(dir, 'keys.json'), names);
    const { broker } = keys;
    const users = [...names, ...people].flatMap((name) => [
      [variableOf('NKEY', name), broker[name]?.publicKey ?? ''],
      [variableOf('SEED', name), broker[name]?.seed ?? ''],
    ]);
    const passwords = variables(contracts)
      .filter(({ name }) => /(^|_)PASSWORD(_|$)/.test(name))
      .map(({ name }) => [name, randomBytes(24).toString('base64url')]);
    const sets = kindNames.map((kind) => [kinds[kind].setting, compact(keys.setOf(kind))]);
    const named = [
      ['ENCRYPTION_KEY', keys.encryptionKey],
      ['KEY_RING_ROOT', keys.keyRingRoot],
      ['KEY_RING', nextRing(keys.folder)(undefined) ?? ''],
      ...sets,
    ];
    const values = Object.fromEntries([...users, ...passwords, ...named]);
    return { values, root: readFileSync(fileOf(keys.folder, 'root'), 'utf8') };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

/** On one line, as a variable. */
const compact = (json: string): string => JSON.stringify(JSON.parse(json));
