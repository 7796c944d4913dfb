import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contract } from '@jangada/hop/hop.ts';
import { openKeys } from '../keys.ts';
import { variables } from './containers.ts';
import { people, variableOf } from './nats.ts';

/** Fresh values for every variable that is a key or a password. */
export const freshSecrets = (contracts: readonly Contract[]): Readonly<Record<string, string>> => {
  const dir = mkdtempSync(join(tmpdir(), 'jangada-keys-'));
  try {
    const names = contracts.map(({ name }) => name);
    const { broker, ...keys } = openKeys(join(dir, 'keys.json'), names);
    const users = [...names, ...people].flatMap((name) => [
      [variableOf('NKEY', name), broker[name]?.publicKey ?? ''],
      [variableOf('SEED', name), broker[name]?.seed ?? ''],
    ]);
    const passwords = variables(contracts)
      .filter(({ name }) => /(^|_)PASSWORD(_|$)/.test(name))
      .map(({ name }) => [name, randomBytes(24).toString('base64url')]);
    // encryptionKey is ENCRYPTION_KEY, and so on.
    const named = Object.entries(keys).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
      value,
    ]);
    return Object.fromEntries([...users, ...passwords, ...named]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};
