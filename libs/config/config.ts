import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { isReread, type Name, settings, type Values } from './settings.ts';

/** A configuration that a service must not start with. Names settings, never values. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Prefix of settings that are surely meant for us, so that a misspelt one is an error and not silence. */
const ours =
  /^(JANGADA|AI_SERVICE|AI_AGENT|AI_SECURITY|AI_ENCRYPTION|AI_KMS|AUDIT|ENCRYPTION|GRANT|PASS|TOKEN|MESSAGE|KEY_RING|OIDC|TOOL|EMBEDDING)_/;
/** Set for the command-line tools and the supervisor, which read them before any service does. */
const forTools = new Set([
  'JANGADA_CACHE_DIR',
  'JANGADA_HOME',
  'JANGADA_DATA_DIR',
  'JANGADA_ADVERSARIAL_CASES',
  'JANGADA_EDGE_URL',
]);
const database = ['HOST', 'PORT', 'NAME', 'USER', 'PASSWORD', 'SSL', 'POOL_SIZE'].map(
  (part) => `AI_AGENT_DB_${part}`,
);

/**
 * Reads the named settings from the environment or from the files that `<NAME>_FILE` names.
 * @throws ConfigError naming every setting that is missing, wrong or unknown, all at once
 */
export const readConfig = <N extends Name>(
  names: readonly N[],
  env: NodeJS.ProcessEnv = process.env,
): Values<N> => {
  const wrong: string[] = [];
  const source = withDatabase(env, wrong);
  for (const key of Object.keys(source)) {
    const name = key.replace(/_FILE$/, '');
    if (ours.test(key) && !(name in settings) && !forTools.has(key) && !database.includes(name)) {
      wrong.push(`${key} is not a setting`);
    }
  }
  const values = Object.fromEntries(
    names.map((name) => {
      const parsed = (settings[name].value as z.ZodType).safeParse(settingFrom(name, source, wrong));
      if (!parsed.success)
        wrong.push(`${name} (${settings[name].says}): ${z.prettifyError(parsed.error).split('\n')[0]}`);
      return [name, isReread(name) ? rereader(String(parsed.data), fileOf(name, source)) : parsed.data];
    }),
  );
  if (wrong.length > 0) throw new ConfigError(`cannot start:\n  ${wrong.join('\n  ')}`);
  return values as Values<N>;
};

/** The file that a setting comes from, if it does. */
const fileOf = (name: string, env: NodeJS.ProcessEnv): string | undefined =>
  env[name] ? undefined : env[`${name}_FILE`];

/** How often a file is looked at, and only when its value is asked for. */
const lookAgainMs = 1_000;

/**
 * The text of a file as it is now. A platform swaps a link or a whole folder, so it is the file behind the name that
 * is compared. One that is away for a moment keeps its last text.
 */
const rereader = (first: string, file: string | undefined): (() => string) => {
  if (!file) return () => first;
  const stampOf = (): string => {
    const { ino, mtimeMs, size } = statSync(file);
    return `${ino} ${mtimeMs} ${size}`;
  };
  let text = first;
  let stamp = '';
  let lookedAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() - lookedAt < lookAgainMs) return text;
    lookedAt = performance.now();
    try {
      const now = stampOf();
      if (now !== stamp) text = readFileSync(file, 'utf8').trim();
      stamp = now;
    } catch {
      return text;
    }
    return text;
  };
};

const settingFrom = (name: string, env: NodeJS.ProcessEnv, wrong: string[]): string | undefined => {
  const file = fileOf(name, env);
  if (!file) return env[name] || undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    wrong.push(`${name}_FILE cannot be read`);
    return undefined;
  }
};

/** The separate database settings of a container platform, as one URL. */
const withDatabase = (env: NodeJS.ProcessEnv, wrong: string[]): NodeJS.ProcessEnv => {
  const { AI_AGENT_DB_HOST: host, AI_AGENT_DB_NAME: name, AI_AGENT_DB_USER: user } = env;
  if (!host || env['DATABASE_URL'] || env['DATABASE_URL_FILE']) return env;
  const url = URL.parse(`postgres://${host}:${env['AI_AGENT_DB_PORT'] || 5432}/${name || user || ''}`);
  if (!url) {
    wrong.push('AI_AGENT_DB_HOST and AI_AGENT_DB_PORT do not make an address');
    return env;
  }
  url.username = user ?? '';
  url.password = settingFrom('AI_AGENT_DB_PASSWORD', env, wrong) ?? '';
  if (env['AI_AGENT_DB_SSL'] === 'true') url.searchParams.set('sslmode', 'verify-full');
  return {
    ...env,
    DATABASE_URL: url.href,
    DATABASE_POOL_SIZE: env['AI_AGENT_DB_POOL_SIZE'] ?? env['DATABASE_POOL_SIZE'],
  };
};
