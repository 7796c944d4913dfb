import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where one running system is: written by `npm start`, read by the command line. Environment variables win, so
 * that the same commands work against a system that something else started.
 */
export interface Local {
  readonly natsUrl: string;
  /** Seed of the operator's own identity at the broker. */
  readonly operatorSeed: string;
  /** PostgreSQL as the owner of everything: for migrations, imports and tests. */
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly edgeUrl: string;
  /** Where the broker tells its own settings, if it is known. */
  readonly brokerMonitorUrl?: string;
}

/** The project-local folder that holds data, keys and logs of the local system. */
export const home = (env: NodeJS.ProcessEnv = process.env): string =>
  env['JANGADA_HOME'] ?? join(import.meta.dirname, '..', '.jangada');

/** Where the local system appends checkpoints of the audit trail to. */
export const checkpointLog = (folder = home()): string => join(folder, 'checkpoints.log');

export const localFile = (): string => join(home(), 'run.json');

/** No system is running, or it cannot be found from here. The text says the next step. */
export class NotRunning extends Error {
  override readonly name = 'NotRunning';
}

const parts = ['natsUrl', 'operatorSeed', 'databaseUrl', 'redisUrl', 'edgeUrl'] as const;
type Part = (typeof parts)[number];

/** @throws NotRunning where something is missing of what is needed; all otherwise */
export const readLocal = <P extends Part = Part>(
  needed: readonly (P | Part)[] = parts,
): Pick<Local, P | 'brokerMonitorUrl'> => {
  const { env } = process;
  let written: Partial<Local> = {};
  try {
    written = JSON.parse(readFileSync(localFile(), 'utf8')) as Local;
  } catch {
    // Everything may still come from the environment.
  }
  const local = {
    natsUrl: env['NATS_URL'] ?? written.natsUrl,
    operatorSeed: env['NATS_NKEY_SEED'] ?? written.operatorSeed,
    databaseUrl: env['DATABASE_URL'] ?? written.databaseUrl,
    redisUrl: env['REDIS_URL'] ?? written.redisUrl,
    edgeUrl: env['JANGADA_EDGE_URL'] ?? written.edgeUrl,
  };
  if (needed.some((part) => !local[part])) {
    throw new NotRunning(
      'no running system found. Start one with `npm start`, then try again in another terminal',
    );
  }
  const { brokerMonitorUrl } = written;
  return { ...(local as Local), ...(brokerMonitorUrl ? { brokerMonitorUrl } : {}) };
};
