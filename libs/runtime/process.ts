import { url as inspectorUrl } from 'node:inspector';
import { ConfigError } from '@jangada/config/config.ts';

/**
 * Keeps from the outside what a process knows: its environment holds secrets, and a debugger reads all of its memory.
 * @throws ConfigError in production, with a debugger open or asked for
 */
export const closeProcess = (environment: string): void => {
  // A report of a crash otherwise lists every variable.
  if (process.report) process.report.excludeEnv = true;
  // Unheard, this signal opens the debugger of a process that runs.
  process.on('SIGUSR1', () => undefined);
  if (environment !== 'production') return;
  const asked = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((option) =>
    debugs.test(option),
  );
  if (asked || inspectorUrl() !== undefined)
    throw new ConfigError(
      'cannot start: in production there is no debugger; take --inspect out of NODE_OPTIONS',
    );
};

const debugs = /--inspect|--debug/;
