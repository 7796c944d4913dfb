import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const secret = 'canary-of-a-secret';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'jangada-process-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** Runs a script in a process of its own that has closed itself before. */
const run = async (script: string, { args = [], env = {} }: { args?: string[]; env?: object } = {}) => {
  const folder = await mkdtemp(join(dir, 'run-'));
  const begin = `import { closeProcess } from ${JSON.stringify(join(import.meta.dirname, 'process.ts'))};
    closeProcess(process.env.NODE_ENV);`;
  const child = spawn(
    process.execPath,
    [...args, '--input-type=module', '--eval', `${begin}\n${script}`],
    // NODE_ENV of the test run must not decide.
    { cwd: folder, env: { PATH: process.env['PATH'], A_SECRET: secret, NODE_ENV: 'production', ...env } },
  );
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  const [code, signal] = await once(child, 'close');
  return { code, signal, said, folder };
};

describe('a process in production', () => {
  test.each([
    ['by its arguments', { args: ['--inspect=0'] }],
    ['by NODE_OPTIONS', { env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } }],
    ['to wait for one', { args: ['--inspect-port=0'] }],
  ])('does not start with a debugger %s', async (_how, options) => {
    const { code, said } = await run(`console.log('at work')`, options);
    expect(code).not.toBe(0);
    expect(said).toContain('no debugger');
    expect(said).not.toContain('at work');
  });

  test('starts without one, and opens none when it is told to', async () => {
    const { code, said } = await run(
      `process.kill(process.pid, 'SIGUSR1'); setTimeout(() => console.log('still here'), 200);`,
    );
    expect([code, said]).toEqual([0, 'still here\n']);
  });

  test('that crashes leaves a report without its environment', async () => {
    const { folder } = await run(`throw new Error('crash')`, {
      args: ['--report-uncaught-exception', '--report-filename=report.json'],
    });
    expect(await readdir(folder)).toEqual(['report.json']);
    const report = await readFile(join(folder, 'report.json'), 'utf8');
    expect(report).toContain('javascriptStack');
    expect(report).not.toContain(secret);
  });
});

test('elsewhere a debugger is welcome', async () => {
  const { code } = await run('', { args: ['--inspect=0'], env: { NODE_ENV: 'development' } });
  expect(code).toBe(0);
});
