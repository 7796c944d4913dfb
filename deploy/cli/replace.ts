import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Jwk, type KindName, nextRing, readSet, unheld, writeSet } from '../keysets.ts';
import { followRing, publishRing, RingMoved, readRing } from '../ring.ts';
import { Failure } from './failure.ts';

/**
 * Replacing the keys of a set, by one at a time. In one folder a file keeps the turn; between copies of a folder, which
 * know nothing of each other, the broker does: whoever read the ring before another wrote it is refused, and so is a
 * folder that does not hold what the ring lists.
 */
interface Replacement {
  plan(known: readonly Jwk[]): readonly Jwk[];
  /**
   * Those who verify before those who sign can use a key, and those who sign before the others stop: whatever dies in
   * between leaves a key too many, and never one too few.
   */
  readonly order: 'verifiers first' | 'verifiers last';
  /** Whoever may write the ring; absent for a kind that it does not list. */
  readonly nc: NatsConnection | undefined;
  /** Tells those who verify and read no ring. */
  readonly tell?: (keys: readonly Jwk[]) => Promise<void>;
}

/** @throws Failure when somebody else replaces keys; nothing is changed then */
export const replaceSet = (
  folder: string,
  kind: KindName,
  { plan, order, nc, tell }: Replacement,
): Promise<readonly Jwk[]> =>
  inTurn(folder, async () => {
    const standing = nc && (await readRing(nc));
    if (standing?.statement) demandHeld(folder, standing.statement);
    const known = readSet(folder, kind);
    const planned = plan(known);
    if (JSON.stringify(planned) === JSON.stringify(known)) return known;
    const announce = async (): Promise<void> => {
      const statement = standing && nextRing(folder, { [kind]: planned })(standing.statement);
      if (nc && statement) await followRing(nc, standing, statement).catch(refused);
      await tell?.(planned);
    };
    if (order === 'verifiers first') await announce();
    writeSet(folder, kind, planned);
    if (order === 'verifiers last')
      await announce().catch((error: unknown) => {
        writeSet(folder, kind, known);
        throw error;
      });
    return planned;
  });

/** Has the ring say what a folder holds and nothing else. @throws Failure when somebody else replaces keys */
export const publishFolder = (folder: string, nc: NatsConnection): Promise<boolean> =>
  inTurn(folder, () => publishRing(nc, nextRing(folder)).catch(refused));

const refused = (error: unknown): never => {
  if (!(error instanceof RingMoved)) throw error;
  throw new Failure(
    'somebody else replaced keys at the same moment, and nothing was changed here; ' +
      'look at `npx jangada keys list`, then type this again',
    undefined,
    error,
  );
};

const demandHeld = (folder: string, statement: string): void => {
  const missing = unheld(folder, statement);
  if (missing.length > 0)
    throw new Failure(
      `the key ring lists what ${folder} does not hold: ${missing.join(', ')}. Somebody is replacing keys with another ` +
        'copy of this folder, or a command died: bring the newest copy here, or drop them with `npx jangada keys publish`',
    );
};

const inTurn = async <T>(folder: string, work: () => Promise<T>): Promise<T> => {
  const file = join(folder, 'turn');
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new Failure(
      `process ${readFileSync(file, 'utf8')} is replacing keys in ${folder}; type this again when it is done. ` +
        `If there is no such process it died within: remove ${file}`,
      undefined,
      error,
    );
  }
  try {
    return await work();
  } finally {
    rmSync(file);
  }
};
