import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { styleText } from 'node:util';
import { readConfig } from '@jangada/config/config.ts';
import { bookDemo } from './demo.ts';
import { rotateDue } from './due.ts';
import { home, localFile } from './local.ts';
import { startSystem } from './system.ts';

/** `npm start`: the whole system on this machine, until Ctrl-C. */

const began = performance.now();
const dim = (text: string): string => styleText('dim', text);
const say = (line: string): void => {
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(`${dim(`${seconds.padStart(5)} s`)}  ${line}`);
};

/** The process that runs a system in this folder already, if any: two on the same data would ruin it. */
const runningHere = (): number | undefined => {
  try {
    const { pid } = JSON.parse(readFileSync(localFile(), 'utf8')) as { pid: number };
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
};

const config = readConfig(['DURABILITY', 'JANGADA_PORT', 'DATABASE_TENANT_URLS']);
const other = runningHere();
if (other !== undefined) {
  console.error(
    `A system is running in ${home()} already (process ${other}). Stop it first, or set JANGADA_HOME to another folder.`,
  );
  process.exit(1);
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });

const wished = config.JANGADA_PORT;
const port = (await isFree(wished)) ? wished : 0;
if (port !== wished) say(`port ${wished} is taken; taking a free one`);

const system = await startSystem({
  home: home(),
  port,
  durability: config.DURABILITY,
  given: {
    nats: process.env['NATS_URL'],
    postgres: process.env['DATABASE_URL'],
    redis: process.env['REDIS_URL'],
  },
  tenantDatabases: config.DATABASE_TENANT_URLS,
  progress: say,
});

let due: AsyncDisposable | undefined;
let leaving: Promise<void> | undefined;
const leave = (): Promise<void> => {
  leaving ??= (async () => {
    say('draining; runs that have begun are finished or kept for the next start');
    await due?.[Symbol.asyncDispose]();
    await system.stop();
    say('stopped');
    process.exit(0);
  })();
  return leaving;
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void leave());
// Whoever started this may be killed without a word; nothing of it may stay behind.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && leave(), 500).unref();

await system.ready();
if (!leaving) due = rotateDue(home(), say);
const { accounts, local } = system;
await bookDemo(local.edgeUrl, accounts).catch(({ message }: Error) =>
  say(`not all of the demo is booked: ${message}`),
);
const width = (key: 'alias' | 'role' | 'email') =>
  Math.max(...accounts.map((account) => account[key].length));
console.log(`
${styleText('bold', 'Jangada is ready')}  ${local.edgeUrl}

${accounts
  .map(
    ({ alias, role, email, password, totpSecret }) =>
      `  ${alias.padEnd(width('alias'))}  ${role.padEnd(width('role'))}  ${email.padEnd(width('email'))}  ${dim(password)}${totpSecret ? dim(`  one-time secret ${totpSecret}`) : ''}`,
  )
  .join('\n')}

In another terminal:
  npx jangada ask --as professional "quantas consultas tenho amanhã?"
  npx jangada status

Ctrl-C drains and stops. Data, keys and logs are in ${home()}
`);
