import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { openCache } from '@jangada/cache/cache.ts';
import { trustAuthority } from '@jangada/config/authority.ts';
import { openBus } from '@jangada/runtime/bus.ts';
import { type NatsServer, startNats } from '@jangada/servers/nats.ts';
import { startPostgres } from '@jangada/servers/postgres.ts';
import { startRedis } from '@jangada/servers/redis.ts';
import { freePort, type Server } from '@jangada/servers/server.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { until } from '@jangada/testkit/until.ts';
import { createUser } from '@nats-io/nkeys';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeCertificates } from './certificates.ts';
import { openOperator } from './cli/operator.ts';

/** Links by TLS: as the settings say it, to servers whose certificate an authority of our own has signed. */

const dir = mkdtempSync(join(tmpdir(), 'jangada-links-'));
const fileOf = (...name: string[]): string => join(dir, 'tls', ...name);
const text = (...name: string[]): string => readFileSync(fileOf(...name), 'utf8');
const standard = getCACertificates('default');
const seed = new TextDecoder().decode(createUser().getSeed());

let nats: NatsServer;
let plain: NatsServer;
let elsewhere: NatsServer;
let redis: Server;
let postgres: Server;
const urls = { nats: '', plain: '', redis: '', postgres: '' };

let authority: string;
let stranger: string;

beforeAll(async () => {
  await makeCertificates(fileOf(), [{ name: 'localhost' }, { name: 'elsewhere.example' }]);
  await makeCertificates(fileOf('strange'), [{ name: 'localhost' }]);
  authority = text('authority', 'ca.crt');
  stranger = text('strange', 'authority', 'ca.crt');
  const redisPort = await freePort();
  [nats, plain, elsewhere, redis, postgres] = await Promise.all([
    startNats({ dir: join(dir, 'nats'), configFile: tlsConfig('localhost') }),
    startNats({ dir: join(dir, 'plain') }),
    startNats({ dir: join(dir, 'other'), configFile: tlsConfig('elsewhere.example') }),
    startRedis({
      dir: join(dir, 'redis'),
      args: [
        ...['--tls-port', String(redisPort), '--tls-auth-clients', 'no', '--tls-protocols', 'TLSv1.3'],
        ...['--tls-cert-file', fileOf('localhost', 'server.crt')],
        ...['--tls-key-file', fileOf('localhost', 'server.key')],
      ],
    }),
    startPostgres({ dir: join(dir, 'postgres'), durability: 'relaxed' }),
  ]);
  await speakTls(postgres.url);
  urls.nats = nats.url.replace('nats://127.0.0.1', 'tls://localhost');
  urls.plain = plain.url.replace('nats://127.0.0.1', 'tls://localhost');
  urls.redis = `rediss://localhost:${redisPort}`;
  urls.postgres = `${postgres.url.replace('127.0.0.1', 'localhost')}?sslmode=verify-full`;
});
afterAll(async () => {
  await Promise.all([nats?.stop(), plain?.stop(), elsewhere?.stop(), redis?.stop(), postgres?.stop()]);
  rmSync(dir, { recursive: true, force: true });
});
afterEach(() => {
  setDefaultCACertificates(standard);
  vi.unstubAllEnvs();
});

/** A configuration of the broker with the certificate of a name, written beside it. */
const tlsConfig = (name: string): string => {
  const [cert, key] = ['server.crt', 'server.key'].map((file) => JSON.stringify(fileOf(name, file)));
  const path = fileOf(name, 'nats.conf');
  writeFileSync(path, `tls { cert_file: ${cert}, key_file: ${key}, min_version: "1.3" }`);
  return path;
};

/** The server reads its key only from a file of its own. */
const speakTls = async (url: string): Promise<void> => {
  const data = join(dir, 'postgres', 'data');
  mkdirSync(data, { recursive: true });
  for (const name of ['server.crt', 'server.key']) {
    const path = join(data, name);
    copyFileSync(fileOf('localhost', name), path);
    chmodSync(path, 0o600);
    if (process.getuid?.() === 0) chownSync(path, 65_534, 65_534);
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('alter system set ssl = on');
  await client.query(`alter system set ssl_min_protocol_version = 'TLSv1.3'`);
  await client.query('select pg_reload_conf()');
  await client.end();
};

/** A service tries for ever; here it has so long. */
const patienceMs = 3_000;

const greetBroker = async (url: string): Promise<void> => {
  const opening = openBus('link', { NATS_URL: url, NATS_NKEY_SEED: seed });
  opening.catch(() => undefined);
  const bus = await Promise.race([opening, sleep(patienceMs)]);
  if (!bus) throw new Error('no connection');
  await bus.nc.flush();
  await bus.close();
};
const greetCache = async (url: string): Promise<void> => {
  await using cache = openCache({ REDIS_URL: url, ENCRYPTION_KEY: Buffer.alloc(32) }, openMetrics('links'));
  await until(
    'the cache to answer',
    () =>
      cache.ping().then(
        () => true,
        () => false,
      ),
    patienceMs,
  );
};
const greetDatabase = async (url: string): Promise<unknown> => {
  const client = new pg.Client({ connectionString: url });
  // What the server says of a greeting that was broken off may come after its end.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ ssl: boolean }>(
      'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
    );
    return rows[0]?.ssl;
  } finally {
    await client.end();
  }
};

describe('a link by TLS', () => {
  test('holds to each server once its authority is trusted', async () => {
    trustAuthority(authority);
    await greetBroker(urls.nats);
    await greetCache(urls.redis);
    expect(await greetDatabase(urls.postgres)).toBe(true);
  });

  test('holds for the operator, who reads which authority that is', async () => {
    vi.stubEnv('TLS_CA', authority);
    await using operator = await openOperator({ natsUrl: urls.nats, operatorSeed: seed });
    await operator.nc.flush();
  });

  test.each(['nobody', 'another authority'])(
    'does not come about with a server that %s vouches for',
    async (who) => {
      if (who !== 'nobody') trustAuthority(stranger);
      await expect(greetBroker(urls.nats)).rejects.toThrow();
      await expect(greetCache(urls.redis)).rejects.toThrow();
      await expect(greetDatabase(urls.postgres)).rejects.toThrow();
    },
  );

  test('does not come about under another name', async () => {
    trustAuthority(authority);
    await expect(greetBroker(elsewhere.url.replace('nats://127.0.0.1', 'tls://localhost'))).rejects.toThrow();
    await expect(greetCache(urls.redis.replace('localhost', '127.0.0.1'))).rejects.toThrow();
    await expect(greetDatabase(urls.postgres.replace('localhost', '127.0.0.1'))).rejects.toThrow();
  });

  test('does not fall back to a broker that speaks none', async () => {
    trustAuthority(authority);
    await expect(greetBroker(urls.plain)).rejects.toThrow();
  });

  test('stands on certificates that are made once, with keys that only who serves reads', async () => {
    const before = text('localhost', 'server.crt');
    expect(await makeCertificates(fileOf(), [{ name: 'localhost' }, { name: 'elsewhere.example' }])).toBe(
      false,
    );
    expect(text('localhost', 'server.crt')).toBe(before);
    expect(statSync(fileOf('localhost', 'server.key')).mode & 0o777).toBe(0o600);
    // One that is another authority's is no good.
    copyFileSync(fileOf('localhost', 'server.crt'), fileOf('strange', 'localhost', 'server.crt'));
    expect(await makeCertificates(fileOf('strange'), [{ name: 'localhost' }])).toBe(true);
  });

  test('takes no authority that is none', () => {
    expect(() => trustAuthority('nothing')).toThrow('TLS_CA');
  });
});
