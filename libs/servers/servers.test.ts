import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { mirrorOf } from './apt.ts';
import { cached } from './cache.ts';
import { startNats } from './nats.ts';
import { startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';
import { freePort, onFreePort, startServer } from './server.ts';

// The first run on a machine downloads.
vi.setConfig({ testTimeout: 120_000 });

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-servers-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('nats-server', () => {
  const messagesIn = async (url: string, stream: string): Promise<number> => {
    const connection = await connect({ servers: url });
    const { state } = await (await jetstreamManager(connection)).streams.info(stream);
    await connection.close();
    return state.messages;
  };

  test('keeps what it acknowledged over a restart and over kill -9, on the same port', async () => {
    await using nats = await startNats({ dir });
    const connection = await connect({ servers: nats.url });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: 'TICKS', subjects: ['tick.>'], allow_msg_schedules: true });
    await jetstream(connection).publish('tick.one', 'first');
    await connection.close();
    const { url, pid } = nats;

    await nats.restart();
    expect(nats.url).toBe(url);
    expect(nats.pid).not.toBe(pid);
    expect(await messagesIn(url, 'TICKS')).toBe(1);

    await nats.kill();
    expect(isAlive(nats.pid)).toBe(false);
    await nats.restart();
    expect(await messagesIn(url, 'TICKS')).toBe(1);
  });

  test('fsyncs every acknowledgement unless told an interval', async () => {
    const syncs = async (monitorUrl: string): Promise<unknown> =>
      (
        (await (await fetch(`${monitorUrl}/varz`)).json()) as {
          jetstream: { config: { sync_always?: boolean } };
        }
      ).jetstream.config.sync_always ?? false;
    await using always = await startNats({ dir: join(dir, 'always') });
    await using relaxed = await startNats({ dir: join(dir, 'relaxed'), syncInterval: '1s' });
    expect(await syncs(always.monitorUrl)).toBe(true);
    expect(await syncs(relaxed.monitorUrl)).toBe(false);
  });

  test('includes a config of users and resolves its variables', async () => {
    const configFile = join(dir, 'users.conf');
    await writeFile(configFile, 'authorization { users: [{ user: edge, password: $EDGE_PASSWORD }] }');
    await using nats = await startNats({
      dir: join(dir, 'nats'),
      configFile,
      env: { EDGE_PASSWORD: 'wave-7' },
    });
    await expect(connect({ servers: nats.url, reconnect: false })).rejects.toThrow(/authorization/i);
    const connection = await connect({ servers: nats.url, user: 'edge', pass: 'wave-7' });
    await connection.close();
  });
});

describe('PostgreSQL', () => {
  const query = async (url: string, sql: string): Promise<unknown> => {
    const client = new Client(url);
    await client.connect();
    const { rows } = await client.query<{ value: unknown }>(sql);
    await client.end();
    return rows[0]?.value;
  };

  test.for(['relaxed', 'always'] as const)(
    '%s: keeps its rows over a restart and over kill -9',
    async (durability) => {
      await using postgres = await startPostgres({ dir, durability });
      await query(postgres.url, 'create table berths (value int)');
      await query(postgres.url, 'insert into berths values (7)');
      await postgres.restart();
      expect(await query(postgres.url, 'select value from berths')).toBe(7);

      await postgres.kill();
      await postgres.restart();
      expect(await query(postgres.url, 'select value from berths')).toBe(7);
      expect(await query(postgres.url, 'select current_setting($$fsync$$) as value')).toBe(
        durability === 'always' ? 'on' : 'off',
      );
    },
  );

  test('is back at once after kill -9 in the midst of a computation', async () => {
    await using postgres = await startPostgres({ dir, durability: 'relaxed' });
    const client = new Client(postgres.url);
    client.on('error', () => {});
    await client.connect();
    // Left alone, this backend would outlive its postmaster for a minute and hold the shared memory.
    const interrupted = client
      .query('select count(*) from generate_series(1, 300000000)')
      .catch(() => 'interrupted');
    const computing =
      "select count(*)::int as value from pg_stat_activity where state = 'active' and query like '%, 300000000)'";
    await vi.waitFor(async () => expect(await query(postgres.url, computing)).toBe(1));
    await postgres.kill();
    expect(await interrupted).toBe('interrupted');
    await postgres.restart();
    expect(await query(postgres.url, 'select 1 as value')).toBe(1);
  });

  test('opens an existing cluster again, and has the statistics of statements', async () => {
    await using first = await startPostgres({ dir, durability: 'relaxed' });
    await query(first.url, 'create extension pg_stat_statements');
    await first.stop();
    await using second = await startPostgres({ dir, durability: 'relaxed' });
    expect(await query(second.url, 'select count(*) >= 0 as value from pg_stat_statements')).toBe(true);
  });

  test('runs in a folder whose parent only the owner may enter', async () => {
    const closed = join(dir, 'closed', 'postgres');
    await mkdir(join(dir, 'closed'), { mode: 0o700 });
    await using postgres = await startPostgres({ dir: closed, durability: 'relaxed' });
    expect(await query(postgres.url, 'select 1 as value')).toBe(1);
    expect((await stat(join(closed, 'data', 'PG_VERSION'))).isFile()).toBe(true);
  });
});

describe('Redis', () => {
  test('answers scripts, and comes back empty on the same port after kill -9', async () => {
    await using server = await startRedis({ dir });
    const redis = new Redis(server.url, { lazyConnect: true });
    redis.on('error', () => {});
    await redis.set('greeting', 'ahoy');
    expect(await redis.eval("return redis.call('get', KEYS[1])", 1, 'greeting')).toBe('ahoy');
    await server.kill();
    await server.restart();
    await vi.waitFor(async () => expect(await redis.get('greeting')).toBe(null), { timeout: 10_000 });
    redis.disconnect();
  });
});

describe('a server', () => {
  const sleeper = (logFile: string, script: string, answers: () => Promise<unknown>) =>
    startServer({
      name: 'sleeper',
      url: '',
      command: process.execPath,
      args: ['-e', script],
      logFile,
      answers,
    });

  test('that dies while starting is reported with the end of its log', async () => {
    const start = sleeper(join(dir, 'log'), 'console.error("no berth left"); process.exit(3)', () =>
      Promise.reject(new Error('closed')),
    );
    await expect(start).rejects.toThrow(/sleeper did not start[\s\S]*no berth left/);
  });

  test('ends at dispose, and stopping it again does nothing', async () => {
    let pid: number;
    {
      await using server = await sleeper(join(dir, 'log'), 'setInterval(() => {}, 1000)', () =>
        Promise.resolve(),
      );
      ({ pid } = server);
      expect(isAlive(pid)).toBe(true);
      await server.stop();
    }
    expect(isAlive(pid)).toBe(false);
  });

  test.runIf(process.platform === 'linux')('goes when its parent is killed with kill -9', async () => {
    const script = `
      import { startRedis } from ${JSON.stringify(import.meta.resolve('./redis.ts'))};
      console.log((await startRedis({ dir: ${JSON.stringify(dir)} })).pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000 });
  });

  test('is not started on a port that another one has', async () => {
    await using first = await startRedis({ dir });
    const port = Number(new URL(first.url).port);
    await expect(startRedis({ dir, port })).rejects.toThrow(`port ${port} of 127.0.0.1 is taken`);
  });

  test('gets another port where somebody else took its own before it could listen', async () => {
    let taken: ReturnType<typeof createServer> | undefined;
    await using started = await onFreePort(0, async (port) => {
      if (!taken) {
        taken = createServer().listen(port, '127.0.0.1');
        await once(taken, 'listening');
        return startServer({
          ...{ name: 'listener', url: '', command: process.execPath, logFile: join(dir, 'listener.log') },
          args: ['-e', `require('node:net').createServer().listen(${port}, '127.0.0.1')`],
          answers: () => Promise.reject(new Error('not yet')),
        });
      }
      return startRedis({ dir, port });
    });
    expect(started.url).not.toContain(String((taken?.address() as { port: number } | null)?.port));
    taken?.close();
  });

  test('gets a port that no outgoing connection is given and that is free', async () => {
    const port = await freePort();
    expect(port).toBeLessThan(32_768);
    await new Promise<void>((resolve) => {
      const listener = createServer().listen(port, '127.0.0.1', () => listener.close(() => resolve()));
    });
  });
});

describe('the cache', () => {
  test('shows a folder only when it is complete, and one of two runs wins', async () => {
    vi.stubEnv('JANGADA_CACHE_DIR', dir);
    const both = Promise.withResolvers<void>();
    let building = 0;
    const build = async (into: string): Promise<void> => {
      await writeFile(join(into, 'half'), '');
      building += 1;
      if (building === 2) both.resolve();
      await both.promise;
      expect(await readdir(dir)).not.toContain('hull');
      await writeFile(join(into, 'whole'), 'oak');
    };
    const folders = await Promise.all([cached('hull', build), cached('hull', build)]);
    expect(folders).toEqual([join(dir, 'hull'), join(dir, 'hull')]);
    expect(await readdir(dir)).toEqual(['hull']);
    expect(await readFile(join(dir, 'hull', 'whole'), 'utf8')).toBe('oak');
  });

  test('keeps nothing of a build that failed', async () => {
    vi.stubEnv('JANGADA_CACHE_DIR', dir);
    await expect(cached('hull', () => Promise.reject(new Error('no oak')))).rejects.toThrow('no oak');
    expect(await readdir(dir)).toEqual([]);
  });
});

describe("the mirror of this machine's Debian", () => {
  const uris = [
    "'https://vendor.example/linux/debian/dists/bookworm/InRelease' vendor_dists_bookworm_InRelease 0 ",
    "'http://mirror.example/debian-security/dists/bookworm-security/InRelease' mirror_security_InRelease 0 ",
    "'http://mirror.example/debian/dists/bookworm/InRelease' mirror_dists_bookworm_InRelease 0 ",
    "'http://mirror.example/debian/dists/bookworm-updates/InRelease' mirror_updates_InRelease 0 ",
    "'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' mirror_Packages 0 ",
  ].join('\n');

  test("is the one that has the release's updates, not a vendor's suite of the same name", () => {
    expect(mirrorOf(uris, 'bookworm')).toBe('http://mirror.example/debian/');
  });

  test('is the only one there is when none has updates', () => {
    expect(mirrorOf(uris.split('\n')[2] ?? '', 'bookworm')).toBe('http://mirror.example/debian/');
  });

  test('is unknown on another release', () => {
    expect(mirrorOf(uris, 'trixie')).toBeUndefined();
  });
});
