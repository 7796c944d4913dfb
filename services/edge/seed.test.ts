import type { Part } from '@jangada/proto/reply.ts';
import { describe, expect, test } from 'vitest';
import { Refusal } from './refusal.ts';
import {
  conditionSaid,
  envelope,
  faultOf,
  type Inbound,
  questionOf,
  readMessage,
  seedTelling,
} from './seed.ts';

const query = {
  id: 'q-1',
  type: 'query',
  timestamp: '2026-11-21T10:00:00.000Z',
  sessionId: 's-1',
  payload: { query: 'Who comes tomorrow?' },
  metadata: { userId: 'user-1', version: '1.0', clientId: 'client-7' },
};
const read = (over: object = {}) => readMessage({ ...query, ...over }) as Inbound;
const refusalOf = (read: () => unknown) => {
  try {
    read();
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, field: error.field };
  }
  return undefined;
};
const answered: Part = {
  type: 'answered',
  confidence: 0.9,
  usage: { promptTokens: 1, completionTokens: 2, totalTokens: 3, processingTimeMs: 0 },
  cached: true,
  degraded: false,
  intent: 'appointments',
};

describe('a message that comes in', () => {
  test('each of the five required fields is missed, and so is what does not belong', () => {
    expect(read().id).toBe('q-1');
    for (const field of ['id', 'type', 'timestamp', 'sessionId', 'payload']) {
      for (const absent of [undefined, null])
        expect(refusalOf(() => read({ [field]: absent }))).toEqual({ code: 'INVALID_MESSAGE', field });
    }
    for (const [wrong, refusal] of [
      [{ timestamp: 'yesterday' }, { code: 'INVALID_MESSAGE', field: 'timestamp' }],
      [{ payload: [] }, { code: 'INVALID_MESSAGE', field: 'payload' }],
      [{ payload: 'text' }, { code: 'INVALID_MESSAGE', field: 'payload' }],
      [{ id: '' }, { code: 'INVALID_MESSAGE', field: 'id' }],
      [{ extra: 1 }, { code: 'INPUT_INVALID', field: 'extra' }],
      [{ 'Ana Lima': 1 }, { code: 'INPUT_INVALID', field: '*' }],
      [{ metadata: { role: 'admin' } }, { code: 'INPUT_INVALID', field: 'metadata.role' }],
    ] as const)
      expect(refusalOf(() => read(wrong))).toEqual(refusal);
  });

  test('null is absent, as clients in other languages have it', () => {
    expect(read({ metadata: null }).metadata).toBeUndefined();
    const { metadata } = read({ metadata: { ...query.metadata, clientId: null, requestId: null } });
    expect(metadata).toEqual({ userId: 'user-1', version: '1.0' });
  });

  test('the query becomes a question whose run is the message', () => {
    expect(questionOf(read())).toMatchObject({
      text: 'Who comes tomorrow?',
      run: 'q-1',
      session: 's-1',
      subjectId: 'client-7',
    });
    const refused = (payload: object) => refusalOf(() => questionOf(read({ payload })));
    expect(refused({})).toEqual({ code: 'INVALID_MESSAGE', field: 'query' });
    expect(refused({ query: 'Who?', role: 'admin' })).toEqual({ code: 'INPUT_INVALID', field: 'role' });
  });

  test('another person’s id, and another major version are faults', () => {
    const fault = (metadata: object) => faultOf(read({ metadata }), 'user-1');
    expect(fault({ userId: 'user-1', version: '1.4' })).toBeUndefined();
    expect(fault({ userId: 'user-2', version: '1.0' })).toBe('SESSION_MISMATCH');
    expect(fault({ version: '2.0' })).toBe('UNSUPPORTED_VERSION');
  });
});

describe('what a run tells', () => {
  test('chunks are counted without gaps and make up the response', () => {
    const { tell } = seedTelling('run', 'en');
    const said = [
      ...tell([{ type: 'text', attempt: 1, text: 'Half' }], 1),
      ...tell(
        [
          { type: 'text', attempt: 2, text: 'Good ' },
          { type: 'text', attempt: 2, text: '' },
        ],
        2,
      ),
      ...tell(
        [{ type: 'text', attempt: 1, text: ' an' }, { type: 'text', attempt: 2, text: 'day' }, answered],
        12.4,
      ),
    ];
    const chunks = said.flatMap(({ type, payload }) => (type === 'streaming_chunk' ? [payload] : []));
    expect(chunks).toEqual([
      { messageId: 'run-1', delta: 'Half', seq: 0 },
      { messageId: 'run-2', delta: 'Good ', seq: 0 },
      { messageId: 'run-2', delta: 'day', seq: 1 },
    ]);
    expect(said.at(-1)).toEqual({
      id: 'run',
      type: 'response',
      payload: {
        content: 'Good day',
        confidence: 0.9,
        usage: { promptTokens: 1, completionTokens: 2, totalTokens: 3, processingTimeMs: 12 },
        outcome: 'success',
        cached: true,
        degraded: false,
      },
    });
  });

  test('what was named is told before the response, which says how old it is and what it lacks', () => {
    const entities = [{ type: 'subject' as const, value: 'Ana' }];
    const beside = { asOf: '2026-11-21T12:00:00.000Z', notices: ['Told in fixed words'] };
    const less: Part = { ...answered, ...beside, degraded: true, entities };
    expect(seedTelling('run', 'en').tell([less], 1)).toMatchObject([
      { type: 'context_update', payload: { runId: 'run', intent: 'appointments', entities } },
      { type: 'response', payload: { cached: true, degraded: true, ...beside } },
    ]);
  });

  test('a run that was stopped ends in the language of the tenant', () => {
    expect(seedTelling('run', 'pt-BR').tell([{ type: 'cancelled' }], 1)).toMatchObject([
      { type: 'response', payload: { content: 'Cancelado', outcome: 'cancelled', confidence: 0 } },
    ]);
  });

  test('how the system does is told with what there is to know of it', () => {
    const away = { state: 'degraded', checks: ['redis', 'websocket'] } as const;
    expect(conditionSaid(away, 'en')).toEqual({
      type: 'status',
      payload: { ...away, notices: ['Answers may take longer than usual'] },
    });
  });

  test('a refusal says which field is at fault, where one is', () => {
    const refusal = { type: 'refused', code: 'INPUT_INVALID', message: 'No', field: 'period' } as const;
    expect(seedTelling('run', 'en').tell([refusal], 1)).toEqual([
      {
        type: 'error',
        payload: { code: 'INPUT_INVALID', message: 'No', retryable: false, field: 'period' },
      },
    ]);
  });

  test('an answer names its query, its user and its run', () => {
    const message = envelope(
      { type: 'status', payload: {} },
      { sessionId: 's-1', userId: 'user-1', requestId: 'q-1', auditTrail: 'run' },
    );
    expect(message.metadata).toEqual({
      userId: 'user-1',
      requestId: 'q-1',
      version: '1.0',
      auditTrail: 'run',
    });
    expect(readMessage(message)).toBeDefined();
  });
});
