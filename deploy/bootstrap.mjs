#!/usr/bin/env node
// Runs on any Node >= 18: installs what the lockfile pins, then hands over to the Node the lockfile pins.
// Standard output belongs to the command that is run; everything said here goes to standard error.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const launchedBy = launchers();
const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const bin = join(modules, '.bin');
const node = join(bin, 'node');
const entries = {
  start: 'start.ts',
  test: 'test.ts',
  adversary: 'adversary/adversary.ts',
  bench: 'bench/bench.ts',
  'bench:rls': 'bench/rls.ts',
  'bench:commands': 'bench/commands.ts',
  'proof:resume': 'proof/resume.ts',
  'proof:sockets': 'proof/sockets.ts',
  'proof:cancel': 'proof/cancel.ts',
  'proof:guard': 'proof/guard.ts',
  'proof:detection': 'proof/detection.ts',
  'proof:audit': 'proof/audit.ts',
  'proof:retention': 'proof/retention.ts',
  'proof:scheduling': 'proof/scheduling.ts',
  'proof:rebuild': 'proof/rebuild.ts',
  train: 'nlu/train.ts',
  eval: 'nlu/eval.ts',
  generate: 'generate.ts',
};

installOnce();
run(process.argv.slice(2));

/** Install unless what is installed came from the same lockfile on the same platform. */
function installOnce() {
  const stamp = join(modules, '.bootstrap-stamp');
  const files = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml'];
  const pins = files.map((file) => readFileSync(join(root, file), 'utf8'));
  const platform = process.platform + process.arch;
  const wanted = createHash('sha256')
    .update([platform, ...pins].join('\n'))
    .digest('hex');
  if (existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;

  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const install = ['install', '--frozen-lockfile', '--trust-lockfile', '--reporter=append-only'];
  console.error(`Installing with ${packageManager} (once, and again when the lockfile changes)`);
  const { status, error } = spawnSync('npx', ['--yes', packageManager, ...install], {
    cwd: root,
    env: { ...process.env, CI: 'true' },
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) {
    console.error(`The installation failed: ${error?.message ?? 'see above'}`);
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

/** Run an entry in the root, or else the CLI with all arguments where the caller stands. */
function run(args) {
  const entry = Object.hasOwn(entries, args[0] ?? '') && entries[args[0]];
  const script = join(root, 'deploy', entry || 'cli/jangada.ts');
  const child = spawn(node, [script, ...args.slice(entry ? 1 : 0)], {
    cwd: entry ? root : process.cwd(),
    stdio: 'inherit',
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: join(modules, '.cache', 'v8'),
      PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));

  // A kill of npm does not always reach this process. Only npm is watched: a script that starts this in the
  // background and ends does so on purpose. And a command that already stops is not asked again.
  if (!process.env.npm_execpath) return;
  setInterval(() => launchers() !== launchedBy && !child.killed && child.kill('SIGTERM'), 500).unref();
}

/** The parent and, where npm put a shell between (and /proc can tell), npm: it changes when either ends. */
function launchers() {
  try {
    const [, name, npm] = readFileSync(`/proc/${process.ppid}/stat`, 'utf8').match(/\((.*)\) \S (\d+)/);
    return name === 'sh' ? `${process.ppid} ${npm}` : `${process.ppid}`;
  } catch {
    return `${process.ppid}`;
  }
}
