import { describe, expect, test } from 'vitest';
import { faultFields, type Log, openLog } from './log.ts';

/** Lines that a logger of this level writes. */
const linesOf = (
  level: string,
  say: (log: Log) => void,
): { text: string; fields: Record<string, unknown> }[] => {
  const texts: string[] = [];
  say(openLog('data-access', level, { write: (text) => texts.push(text) }));
  return texts.map((text) => ({ text, fields: JSON.parse(text) as Record<string, unknown> }));
};

describe('a log line', () => {
  test('holds the time, the level and the component beside what is said', () => {
    const [line] = linesOf('INFO', (log) => log.info({ operation: 'fetch', duration_ms: 12 }, 'rows read'));
    expect(line?.fields).toEqual({
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: 'INFO',
      component: 'data-access',
      operation: 'fetch',
      duration_ms: 12,
      message: 'rows read',
    });
    expect(line?.text.endsWith('}\n')).toBe(true);
  });

  test('holds the eight keys of an agent’s decision', () => {
    const [line] = linesOf('INFO', (log) =>
      log.info({
        operation: 'analyze_query',
        query: '[redacted]',
        tools_used: [],
        duration_ms: 3,
        tokens_used: 0,
      }),
    );
    for (const key of [
      'timestamp',
      'level',
      'component',
      'operation',
      'query',
      'tools_used',
      'duration_ms',
      'tokens_used',
    ])
      expect(line?.fields).toHaveProperty(key);
  });

  test('drops every field that is not allowed', () => {
    const [line] = linesOf('INFO', (log) =>
      log.info(
        { operation: 'fetch', name: 'Ana Lima', email: 'ana@example.org', body: { question: 'q' } },
        'read',
      ),
    );
    expect(line?.text).not.toMatch(/Ana|example\.org|question/);
    expect(line?.fields).toHaveProperty('operation', 'fetch');
  });

  test('stays one line that steers no terminal, whatever a field holds', () => {
    const reason = 'x\n{"level":"ERROR","message":"audit ok"}\r\u001b[2J\u009b2J\u0085\u2028\u2029\u007f';
    const texts = linesOf('INFO', (log) => log.info({ reason }, 'read')).map(({ text }) => text);
    expect(texts).toHaveLength(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(texts[0]?.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
    expect(texts[0]?.slice(-1)).toBe('\n');
  });

  test('of an exception holds its kind and never its text', () => {
    const [line] = linesOf('ERROR', (log) => log.error(new TypeError('no client named Ana Lima')));
    expect(line?.text).not.toContain('Ana');
    expect(line?.fields).toMatchObject({ level: 'ERROR', error: 'TypeError' });
  });
});

describe('levels', () => {
  const all = (log: Log): void => {
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
  };

  test.each([
    ['DEBUG', ['DEBUG', 'INFO', 'WARNING', 'ERROR']],
    ['INFO', ['INFO', 'WARNING', 'ERROR']],
    ['WARNING', ['WARNING', 'ERROR']],
    ['ERROR', ['ERROR']],
  ])('at %s show %j', (level, shown) => {
    expect(linesOf(level, all).map(({ fields }) => fields['level'])).toEqual(shown);
  });

  test('of a fatal fault are ERROR: there is nothing above it', () => {
    expect(linesOf('INFO', (log) => log.fatal('gone'))[0]?.fields['level']).toBe('ERROR');
  });
});

describe('what may be told of a fault', () => {
  test('is its kind, its place and its code, and never its message', () => {
    const fault = Object.assign(new RangeError('phone +55 11 90000-0010 is not valid'), { code: '22P02' });
    expect(faultFields(fault)).toEqual({
      error: 'RangeError',
      code: '22P02',
      at: expect.stringMatching(/^at .*log\.test\.ts/),
    });
    expect(JSON.stringify(faultFields(fault))).not.toContain('90000');
  });

  test('is not its message either when that runs over several lines', () => {
    const fault = new Error('first\n    at the clinic of Ana Lima\nthird');
    expect(JSON.stringify(faultFields(fault))).not.toContain('Ana');
  });

  test('is only its type when it is no exception', () => {
    expect(faultFields('Ana Lima')).toEqual({ error: 'string' });
  });
});
