import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRoot } from './cache.ts';
import { output } from './command.ts';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * The mirror this machine uses for its own Debian release, with a slash at its end.
 *
 * Other vendors' repositories name their suites after Debian's releases too, but only Debian's also holds
 * `<codename>-updates`.
 *
 * @param uris what `apt-get update --print-uris` prints: `'<uri>' <file> <size> <hash>` by line.
 */
export function mirrorOf(uris: string, codename: string): string | undefined {
  const mirrorsOf = (suite: string): readonly string[] =>
    uris.split('\n').flatMap((line) => line.match(`^'(.+/)dists/${suite}/InRelease'`)?.[1] ?? []);
  const updates = mirrorsOf(`${codename}-updates`);
  const mirrors = mirrorsOf(codename);
  return mirrors.find((mirror) => updates.includes(mirror)) ?? mirrors[0];
}

/**
 * Unpack packages of a Debian suite into a folder: no root, nothing installed, apt's own state untouched.
 *
 * Signatures are verified with the machine's Debian keyring. Dependencies are the caller's: name them all.
 *
 * @throws when this is not Debian, when the mirror is out of reach, when the suite lacks a package.
 */
export async function unpackPackages(
  suite: string,
  packages: readonly string[],
  into: string,
): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'jangada-apt-'));
  try {
    const config = await configure(work, suite);
    const apt = (...args: string[]) => output('apt-get', ['-c', config, '-qq', ...args], { cwd: work });
    await apt('update');
    await apt('download', ...packages);
    for (const file of await readdir(work)) {
      if (file.endsWith('.deb')) await output('dpkg-deb', ['-x', join(work, file), into]);
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** An apt that knows one suite of this machine's mirror and keeps all its state in `work`. */
async function configure(work: string, suite: string): Promise<string> {
  const lists = join(work, 'lists');
  await mkdir(join(lists, 'partial'), { recursive: true });
  await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true });
  // Empty lists make apt name every index it would fetch; `indextargets` prints none on a new machine.
  const uris = await output('apt-get', ['-o', `Dir::State::Lists=${lists}`, 'update', '--print-uris']);
  const mirror = mirrorOf(uris, await codename());
  if (!mirror) throw new Error('apt has no Debian mirror in its sources');

  const sources = join(work, 'sources');
  await writeFile(sources, `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  const settings = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '-',
    'Dir::State::Lists': lists,
    'Dir::Cache': join(work, 'cache'),
    // Else an installed, newer package stands in the way of the one asked for.
    'Dir::State::status': '/dev/null',
    'Debug::NoLocking': 'true',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
    'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled': 'false',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'APT::Update::Error-Mode': 'any',
    ...(isRoot && { 'APT::Sandbox::User': 'root' }),
  };
  const config = join(work, 'apt.conf');
  await writeFile(
    config,
    Object.entries(settings)
      .map(([key, value]) => `${key} "${value}";\n`)
      .join(''),
  );
  return config;
}

async function codename(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const name = release.match(/^VERSION_CODENAME=(\w+)$/m)?.[1];
  if (!/^ID=debian$/m.test(release) || !name) throw new Error('this machine does not run Debian');
  return name;
}
