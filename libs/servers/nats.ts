import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { unpackPackages } from './apt.ts';
import { cached, type Progress } from './cache.ts';
import { onPath, output } from './command.ts';
import { freePort, onFreePort, type Server, startServer } from './server.ts';

export interface NatsServer extends Server {
  /** Base URL of the monitoring endpoints (`/varz`, `/jsz`, `/healthz`). */
  readonly monitorUrl: string;
}

export interface NatsOptions {
  /** Keeps the config, the log and JetStream's files. */
  readonly dir: string;
  /** 0 or absent: a free one, the same over restarts. */
  readonly port?: number;
  /** Users, accounts and permissions; may use `$VARIABLES` of `env`. Listening and JetStream are set here. */
  readonly configFile?: string;
  /** `always` fsyncs before each acknowledgement; a duration such as `1s` is what a power cut may lose. */
  readonly syncInterval?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly progress?: Progress;
}

/** Start nats-server with JetStream on 127.0.0.1. @throws when no nats-server >= 2.14 can be had. */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const { configFile, syncInterval = 'always', env = {}, progress = () => {} } = options;
  const command = await natsServer(progress);
  const dir = resolve(options.dir);
  await mkdir(dir, { recursive: true });
  return onFreePort(options.port, async (port) => {
    const monitorPort = await freePort();
    const monitorUrl = `http://127.0.0.1:${monitorPort}`;

    const config = join(dir, 'nats-server.conf');
    const settings = [
      `listen: "127.0.0.1:${port}"`,
      `http: "127.0.0.1:${monitorPort}"`,
      `jetstream { store_dir: ${JSON.stringify(join(dir, 'data'))}, sync_interval: "${syncInterval}" }`,
      // nats-server resolves an include against the including file, absolute paths too.
      ...(configFile ? [`include ${JSON.stringify(relative(dir, resolve(configFile)))}`] : []),
    ];
    await writeFile(config, `${settings.join('\n')}\n`);

    const server = await startServer({
      name: 'nats-server',
      url: `nats://127.0.0.1:${port}`,
      command,
      args: ['--config', config],
      // Its caches otherwise grow past 1 GB under load; below that, memory is cheaper than collecting it.
      env: { GOMEMLIMIT: '1GiB', GOGC: '400', ...env },
      logFile: join(dir, 'nats-server.log'),
      answers: async () => {
        const health = await fetch(`${monitorUrl}/healthz`, { signal: AbortSignal.timeout(2_000) });
        if (!health.ok) throw new Error(await health.text());
      },
    });
    return Object.assign(server, { monitorUrl });
  });
}

/** Schedules with cron came with 2.14. */
async function natsServer(progress: Progress): Promise<string> {
  const installed = await onPath('nats-server');
  if (installed && (await hasSchedules(installed))) return installed;
  try {
    const folder = await cached(`nats-server-${process.arch}`, async (into) => {
      progress('nats-server: downloading');
      await unpackPackages('forky', ['nats-server'], into);
      if (!(await hasSchedules(join(into, 'usr/sbin/nats-server'))))
        throw new Error('the version is too old');
    });
    return join(folder, 'usr/sbin/nats-server');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `No nats-server >= 2.14 on PATH, and none could be downloaded (${reason}). ` +
        'Install it, or set NATS_URL to a running server.',
      { cause: error },
    );
  }
}

async function hasSchedules(command: string): Promise<boolean> {
  const [, major = 0, minor = 0] = (await output(command, ['-v'])).match(/v(\d+)\.(\d+)/)?.map(Number) ?? [];
  return major > 2 || (major === 2 && minor >= 14);
}
