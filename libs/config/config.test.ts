import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from './config.ts';
import { type Name, secrets } from './settings.ts';

const dir = mkdtempSync(join(tmpdir(), 'jangada-config-'));
afterAll(() => rmSync(dir, { recursive: true }));

const fileOf = (text: string): string => {
  const path = join(dir, randomBytes(6).toString('hex'));
  writeFileSync(path, text);
  return path;
};

/** What readConfig says is wrong, one line each. */
const faultsOf = (names: readonly Name[], env: NodeJS.ProcessEnv): string[] => {
  try {
    readConfig(names, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message.split('\n').slice(1);
  }
  return [];
};

const key = randomBytes(32).toString('base64');

describe('a setting', () => {
  test('that is missing is named with what it is for', () => {
    expect(faultsOf(['NATS_URL'], {})).toEqual([expect.stringMatching(/NATS_URL \(the broker;/)]);
  });

  test('that is empty counts as missing, and takes its default where there is one', () => {
    expect(faultsOf(['NATS_URL'], { NATS_URL: '' })).toHaveLength(1);
    expect(readConfig(['JANGADA_PORT'], { JANGADA_PORT: '' })).toEqual({ JANGADA_PORT: 3000 });
  });

  test('that nobody asked for may be missing', () => {
    expect(readConfig(['LOG_LEVEL'], {})).toEqual({ LOG_LEVEL: 'INFO' });
  });

  test.each<[Name, string]>([
    ['NATS_URL', 'http://broker:4222'],
    ['NATS_URL', 'tls://10.0.0.1:4222'],
    ['REDIS_URL', 'http://cache:6379'],
    ['NATS_NKEY_SEED', 'not a seed'],
    ['JANGADA_PORT', '70000'],
    ['JANGADA_PORT', 'three thousand'],
    ['DATABASE_POOL_SIZE', '0'],
    ['LOG_LEVEL', 'TRACE'],
    ['DURABILITY', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
    ['ENCRYPTION_KEY', Buffer.alloc(16, 1).toString('base64')],
  ])('%s that is wrong is refused: %s', (name, value) => {
    expect(faultsOf([name], { [name]: value })).toEqual([expect.stringContaining(`${name} (`)]);
  });

  test.each([
    'JANGADA_PROT',
    'JANGADA_HOST_FILES',
    'GRANT_PUBLIC_KEY',
    'AI_SERVICE_URI',
    'AI_AGENT_DB_HOSTNAME',
  ])('that is surely meant for us and unknown is refused: %s', (name) => {
    expect(faultsOf([], { [name]: 'x' })).toEqual([expect.stringContaining(`${name} is not a setting`)]);
  });

  test('of somebody else is none of our business', () => {
    expect(faultsOf([], { HOME: '/root', NATS_URI: 'x', JANGADA_HOME: '/var/lib/jangada' })).toEqual([]);
  });

  test('is parsed to what it means', () => {
    const env = {
      ENCRYPTION_KEY: key,
      JANGADA_PORT: '0',
      ALLOWED_ORIGINS: 'https://a.example,https://b.example',
    };
    expect(readConfig(['ENCRYPTION_KEY', 'JANGADA_PORT', 'ALLOWED_ORIGINS'], env)).toEqual({
      ENCRYPTION_KEY: Buffer.from(key, 'base64'),
      JANGADA_PORT: 0,
      ALLOWED_ORIGINS: ['https://a.example', 'https://b.example'],
    });
  });
});

describe('the root key', () => {
  test.each(['production', 'development'])('has no default in %s: without it nothing starts', (NODE_ENV) => {
    expect(faultsOf(['ENCRYPTION_KEY'], { NODE_ENV })).toEqual([expect.stringContaining('ENCRYPTION_KEY')]);
  });
});

describe('a wrong configuration', () => {
  test('is told all at once', () => {
    const env = {
      JANGADA_PORT: 'x',
      LOG_LEVEL: 'loud',
      JANGADA_PROT: '1',
      DATABASE_URL_FILE: join(dir, 'none'),
    };
    const faults = faultsOf(['NATS_URL', 'JANGADA_PORT', 'LOG_LEVEL', 'DATABASE_URL'], env).join('\n');
    for (const name of ['NATS_URL', 'JANGADA_PORT', 'LOG_LEVEL', 'JANGADA_PROT', 'DATABASE_URL_FILE'])
      expect(faults).toContain(name);
  });

  test.each(secrets)('never tells the value of %s', (name) => {
    const wrong: NodeJS.ProcessEnv = { [name]: 'hunter2 is not a value' };
    expect(faultsOf([name, 'NATS_URL'], wrong).join('\n')).not.toContain('hunter2');
    const inFile = { [`${name}_FILE`]: fileOf('hunter2 is not a value') };
    expect(faultsOf([name, 'NATS_URL'], inFile).join('\n')).not.toContain('hunter2');
  });

  test('never tells the password of the database', () => {
    const env = { AI_AGENT_DB_HOST: 'db', AI_AGENT_DB_PORT: 'x', AI_AGENT_DB_PASSWORD: 'hunter2' };
    const faults = faultsOf(['DATABASE_URL'], env).join('\n');
    expect(faults).toContain('AI_AGENT_DB_PORT');
    expect(faults).not.toContain('hunter2');
  });
});

describe('a file', () => {
  test('holds any setting, without the newline at its end', () => {
    expect(readConfig(['ENCRYPTION_KEY'], { ENCRYPTION_KEY_FILE: fileOf(`${key}\n`) })).toEqual({
      ENCRYPTION_KEY: Buffer.from(key, 'base64'),
    });
  });

  test('yields to the setting itself, and not to an empty one', () => {
    const LOG_LEVEL_FILE = fileOf('ERROR');
    expect(readConfig(['LOG_LEVEL'], { LOG_LEVEL: 'DEBUG', LOG_LEVEL_FILE })).toEqual({ LOG_LEVEL: 'DEBUG' });
    expect(readConfig(['LOG_LEVEL'], { LOG_LEVEL: '', LOG_LEVEL_FILE })).toEqual({ LOG_LEVEL: 'ERROR' });
  });

  test('that cannot be read is named, and not its path', () => {
    const faults = faultsOf(['DATABASE_URL'], { DATABASE_URL_FILE: join(dir, 'absent') });
    expect(faults[0]).toContain('DATABASE_URL_FILE cannot be read');
    expect(faults.join('\n')).not.toContain(dir);
  });
});

describe('the separate settings of the database', () => {
  const separate = {
    AI_AGENT_DB_HOST: 'db.internal',
    AI_AGENT_DB_NAME: 'clinic',
    AI_AGENT_DB_USER: 'svc',
    AI_AGENT_DB_PASSWORD: 'p@ss/word',
  };
  const read = (env: NodeJS.ProcessEnv) => readConfig(['DATABASE_URL', 'DATABASE_POOL_SIZE'], env);

  test('make one URL, with the password as it is', () => {
    const { DATABASE_URL } = read(separate);
    const url = new URL(DATABASE_URL);
    expect(url.host).toBe('db.internal:5432');
    expect(url.pathname).toBe('/clinic');
    expect(url.username).toBe('svc');
    expect(decodeURIComponent(url.password)).toBe('p@ss/word');
    expect(url.search).toBe('');
  });

  test('choose port, TLS and size of the pool', () => {
    const env = { AI_AGENT_DB_PORT: '6432', AI_AGENT_DB_SSL: 'true', AI_AGENT_DB_POOL_SIZE: '25' };
    const { DATABASE_URL, DATABASE_POOL_SIZE } = read({ ...separate, ...env });
    expect(new URL(DATABASE_URL).port).toBe('6432');
    expect(new URL(DATABASE_URL).searchParams.get('sslmode')).toBe('verify-full');
    expect(DATABASE_POOL_SIZE).toBe(25);
  });

  test('take the password from a file, and say when it cannot be read', () => {
    const { AI_AGENT_DB_PASSWORD: _, ...rest } = separate;
    const { DATABASE_URL } = read({ ...rest, AI_AGENT_DB_PASSWORD_FILE: fileOf('from a file\n') });
    expect(decodeURIComponent(new URL(DATABASE_URL).password)).toBe('from a file');
    const absent = { ...rest, AI_AGENT_DB_PASSWORD_FILE: join(dir, 'absent') };
    expect(faultsOf(['DATABASE_URL'], absent).join('\n')).toContain(
      'AI_AGENT_DB_PASSWORD_FILE cannot be read',
    );
  });

  test('yield to DATABASE_URL', () => {
    expect(read({ ...separate, DATABASE_URL: 'postgres://other/db' }).DATABASE_URL).toBe(
      'postgres://other/db',
    );
  });
});
