import { mkdir, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { unpackPackages } from './apt.ts';
import { cached, type Progress } from './cache.ts';
import { onPath, output, type RunOptions } from './command.ts';
import { onFreePort, type Server, startServer } from './server.ts';

export interface RedisOptions {
  /** Keeps the log. */
  readonly dir: string;
  /** 0 or absent: a free one, the same over restarts. */
  readonly port?: number;
  /** Further arguments. */
  readonly args?: readonly string[];
  readonly progress?: Progress;
}

/** Start Redis (or Valkey) on 127.0.0.1 as a cache: a restart forgets everything. @throws when none can be had. */
export async function startRedis({ progress = () => {}, ...options }: RedisOptions): Promise<Server> {
  const program = await redisServer(progress);
  const dir = resolve(options.dir);
  await mkdir(dir, { recursive: true });
  return onFreePort(options.port, (port) =>
    startServer({
      ...program,
      name: 'redis-server',
      url: `redis://127.0.0.1:${port}`,
      args: [
        ...['--bind', '127.0.0.1', '--port', `${port}`, '--dir', dir, '--save', '', '--appendonly', 'no'],
        ...(options.args ?? []),
      ],
      logFile: join(dir, 'redis.log'),
      answers: () => ping(port),
    }),
  );
}

async function redisServer(progress: Progress): Promise<RunOptions & { readonly command: string }> {
  const installed = await onPath('redis-server', 'valkey-server');
  if (installed) return { command: installed };
  try {
    const folder = await cached(`redis-${process.arch}`, async (into) => {
      progress('redis-server: downloading');
      // Of the oldest release we run on, with its libraries: newer releases run it, not the other way round.
      const libraries = ['libatomic1', 'libjemalloc2', 'liblzf1', 'libssl3'];
      await unpackPackages('bookworm', ['redis-tools', ...libraries], into);
      // redis-tools holds the one binary that is the server when called by that name.
      await symlink('redis-check-rdb', join(into, 'usr/bin/redis-server'));
      await output(join(into, 'usr/bin/redis-server'), ['--version'], { env: libraryPath(into) });
    });
    return { command: join(folder, 'usr/bin/redis-server'), env: libraryPath(folder) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `No redis-server or valkey-server on PATH, and none could be downloaded (${reason}). ` +
        'Install one, or set REDIS_URL to a running server.',
      { cause: error },
    );
  }
}

function libraryPath(folder: string): NodeJS.ProcessEnv {
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  return { LD_LIBRARY_PATH: join(folder, 'usr/lib', triplet) };
}

const ping = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(2_000, () => socket.destroy());
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('no answer')));
    socket.once('data', (reply) => {
      socket.destroy();
      if (reply.toString().startsWith('+PONG')) resolve();
      else reject(new Error(reply.toString()));
    });
  });
