import { type Logger, pino } from 'pino';

/**
 * Structured logs: one JSON object a line on stdout. Only the fields below are ever written; anything else is
 * dropped, so that a name, a question or an error text that quotes one cannot reach a log by a careless line.
 */
const allowed = new Set([
  'operation',
  'query',
  'tools_used',
  'duration_ms',
  'tokens_used',
  'requestId',
  'runId',
  'tenantId',
  'traceId',
  'spanId',
  'code',
  'hop',
  'outcome',
  'error',
  'at',
  'attempt',
  'state',
  'port',
  'url',
  'count',
  'reason',
  'method',
  'route',
  'status',
]);

const levelNames: Readonly<Record<string, string>> = {
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'ERROR',
};
const pinoLevel: Readonly<Record<string, string>> = {
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warn',
  ERROR: 'error',
};

const steering = /[\u007f-\u009f\u2028\u2029]/g;

/** JSON leaves some characters as they are that end a line or steer a terminal all the same. */
const onOneLine = (text: string): string =>
  text.replace(steering, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Without pino's `child`, whose bindings would pass by the list. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/** A logger for one component. `level` is DEBUG, INFO, WARNING or ERROR. */
export const openLog = (component: string, level: string, destination?: { write(line: string): void }): Log =>
  pino(
    {
      level: pinoLevel[level] ?? 'info',
      base: { component },
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: levelNames[label] ?? label }),
        log: (fields) =>
          Object.fromEntries(
            Object.entries(fields)
              .filter(([key]) => allowed.has(key))
              .map(([key, value]) => [key, typeof value === 'string' ? onOneLine(value) : value]),
          ),
      },
      hooks: {
        logMethod(parts, method) {
          const [first, ...rest] = parts as unknown[];
          // Given an exception, pino would write its text as the message.
          method.apply(
            this,
            (first instanceof Error ? [faultFields(first), ...rest] : parts) as typeof parts,
          );
        },
      },
    },
    ...(destination ? [destination] : []),
  );

/** What a log may hold of an exception: its kind and where it arose. Its text may quote data, so never that. */
export const faultFields = (error: unknown): { error: string; at?: string; code?: string } => {
  if (!(error instanceof Error)) return { error: typeof error };
  const at = error.stack
    ?.split('\n')
    .find((line) => /^ {4}at .+:\d+:\d+\)?$/.test(line))
    ?.trim();
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { error: error.name, ...(at ? { at } : {}), ...(code ? { code } : {}) };
};
