import { enforceEvents, transformChunks, verifyEvents } from '@ag-ui/client';
import { type Event, EventType } from '@ag-ui/core';
import { taken } from '@jangada/testkit/genuine.ts';
import * as older from 'ag-ui-client-0';
import fc from 'fast-check';
import { from, lastValueFrom, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { downgrade, type Loss } from './downgrade.ts';
import { text as sse } from './format.ts';
import { type Group, strict, strictly } from './strict.ts';
import { isTerminal, openVerifier, type Rule } from './verify.ts';

const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
beforeEach(() => void [warn, error].map((spy) => spy.mockClear()));

/** What the client of 1.0 says of events as they stand: undefined where it takes them without a word. */
const complaintOf = async (events: readonly Event[]): Promise<string | undefined> => {
  warn.mockClear();
  const piped = from(events as never[]).pipe(enforceEvents(), transformChunks(), verifyEvents());
  const failure = await lastValueFrom(piped.pipe(toArray())).then(
    () => undefined,
    (reason: Error) => reason.message,
  );
  return failure ?? warn.mock.calls[0]?.join(' ');
};

/** Sends events as server-sent events to a genuine client of either generation, which takes them. */
const deliver = async (events: readonly Event[], legacy: boolean): Promise<string[]> => {
  const placed = events.map((event) => ({ event }));
  return (await taken(sse.encode('run', placed), legacy)).map(({ type }) => type);
};

const ids = fc.constantFrom('a', 'b');
const tags = fc.constantFrom({}, {}, {}, { subagentRunId: 'a' }, { subagentRunId: '' });
const interrupt = (id: string) => ({ id, reason: 'confirmation' });
const media = { type: 'image', source: { type: 'url', value: 'https://example.org/a.png' } };
const messages = [
  { id: 'a', role: 'user', content: 'question' },
  { id: 'b', role: 'assistant', subagentRunId: 'a', toolCalls: [call('b')] },
  { id: 'c', role: 'tool', toolCallId: 'b', content: [{ type: 'text', text: 'result' }, media] },
];
function call(id: string) {
  return { id, type: 'function', function: { name: 'look', arguments: '{}' } };
}

/** One event of each type and more, by two ids and who it is said to belong to. */
const said: ((id: string, other: string, tag: object) => object)[] = [
  (messageId, _, tag) => ({ type: 'TEXT_MESSAGE_START', messageId, ...tag }),
  (messageId, _, tag) => ({ type: 'TEXT_MESSAGE_CONTENT', messageId, delta: 'x', ...tag }),
  (messageId, _, tag) => ({ type: 'TEXT_MESSAGE_END', messageId, ...tag }),
  (toolCallId, parentMessageId, tag) => ({
    ...{ type: 'TOOL_CALL_START', toolCallId, toolCallName: 'look', parentMessageId, ...tag },
  }),
  (toolCallId, _, tag) => ({ type: 'TOOL_CALL_START', toolCallId, toolCallName: 'look', ...tag }),
  (toolCallId, _, tag) => ({ type: 'TOOL_CALL_ARGS', toolCallId, delta: '{}', ...tag }),
  (toolCallId, _, tag) => ({ type: 'TOOL_CALL_END', toolCallId, ...tag }),
  (messageId, toolCallId, tag) => ({
    ...{
      type: 'TOOL_CALL_RESULT',
      messageId,
      toolCallId,
      content: [{ type: 'text', text: 'x' }, media],
      ...tag,
    },
  }),
  (messageId, _, tag) => ({ type: 'REASONING_START', messageId, ...tag }),
  (messageId, _, tag) => ({ type: 'REASONING_END', messageId, ...tag }),
  (messageId, _, tag) => ({ type: 'REASONING_MESSAGE_START', messageId, role: 'reasoning', ...tag }),
  (messageId, _, tag) => ({ type: 'REASONING_MESSAGE_CONTENT', messageId, delta: 'x', ...tag }),
  (messageId, _, tag) => ({ type: 'REASONING_MESSAGE_END', messageId, ...tag }),
  (entityId, subtype, tag) => ({
    type: 'REASONING_ENCRYPTED_VALUE',
    ...{ entityId, encryptedValue: 'x', subtype: subtype === 'a' ? 'tool-call' : 'message', ...tag },
  }),
  (stepName, _, tag) => ({ type: 'STEP_STARTED', stepName, ...tag }),
  (stepName, _, tag) => ({ type: 'STEP_FINISHED', stepName, ...tag }),
  (subagentRunId) => ({ type: 'SUBAGENT_STARTED', subagentRunId, name: 'agent' }),
  (subagentRunId, parentSubagentRunId) => ({
    ...{ type: 'SUBAGENT_STARTED', subagentRunId, name: 'agent', parentSubagentRunId },
  }),
  (subagentRunId) => ({ type: 'SUBAGENT_FINISHED', subagentRunId, outcome: { type: 'success' } }),
  (subagentRunId) => ({ type: 'SUBAGENT_ERROR', subagentRunId, message: 'x' }),
  (messageId, replace, tag) => ({
    ...{
      type: 'ACTIVITY_SNAPSHOT',
      messageId,
      activityType: 'PLAN',
      content: {},
      replace: replace === 'a',
      ...tag,
    },
  }),
  (messageId, _, tag) => ({ type: 'ACTIVITY_DELTA', messageId, activityType: 'PLAN', patch: [], ...tag }),
  (_id, _, tag) => ({ type: 'STATE_SNAPSHOT', snapshot: null, ...tag }),
  (_id, _, tag) => ({ type: 'STATE_DELTA', delta: [{ op: 'remove', path: '/a', value: 1 }], ...tag }),
  () => ({ type: 'MESSAGES_SNAPSHOT', messages }),
  (_id, _, tag) => ({ type: 'CUSTOM', name: 'x', value: null, ...tag }),
  (_id, _, tag) => ({ type: 'RAW', event: {}, ...tag }),
  () => ({ type: 'RUN_STARTED', threadId: 'thread', runId: 'run' }),
  (runId) => ({ type: 'RUN_FINISHED', threadId: 'thread', runId: runId === 'a' ? 'run' : runId }),
  (_id, pending) => ({
    ...{ type: 'RUN_FINISHED', threadId: 'thread', runId: 'run' },
    outcome: { type: 'success', pendingToolCallIds: [pending] },
  }),
  () => ({ type: 'RUN_FINISHED', threadId: 'thread', runId: 'run', outcome: { type: 'cancelled' } }),
  (one, two) => ({
    ...{ type: 'RUN_FINISHED', threadId: 'thread', runId: 'run' },
    outcome: { type: 'interrupt', interrupts: [interrupt(one), interrupt(two)] },
  }),
  () => ({ type: 'RUN_ERROR', message: 'x' }),
  (messageId) => ({ type: 'TEXT_MESSAGE_CHUNK', messageId, delta: 'x' }),
];

/** Now and then an event is not as AG-UI describes it. */
const spoilt = (event: object, how: string): object => {
  const [first] = Object.keys(event).filter((key) => key !== 'type');
  if (how === 'unknown') return { ...event, novelty: 1 };
  if (how === 'null') return { ...event, ...(first ? { [first]: null } : {}) };
  if (how === 'deep' && 'outcome' in event) return { ...event, outcome: { type: 'success', novelty: 1 } };
  return how === 'wrong' && first ? { ...event, [first]: 7 } : event;
};
const someEvent = fc
  .tuple(
    fc.constantFrom(...said),
    ids,
    ids,
    tags,
    fc.oneof(
      { arbitrary: fc.constant('none'), weight: 20 },
      fc.constantFrom('unknown', 'null', 'wrong', 'deep'),
    ),
  )
  .map(([make, id, other, tag, how]) => spoilt(make(id, other, tag), how) as Event);
const started = fc.constant(said[27]?.('', '', {}) as Event);
const someEvents = fc
  .tuple(
    fc.oneof({ arbitrary: started, weight: 9 }, someEvent),
    fc.array(someEvent, { maxLength: 40, size: 'max' }),
  )
  .map(([first, rest]) => [first, ...rest]);

/** Rules of the protocol that the client of 1.0 does not check. */
const unchecked = (rule: Rule, event: Event): boolean =>
  rule === 'run' || rule === 'interrupt' || event.type === EventType.TEXT_MESSAGE_CHUNK;

describe('the verifier', () => {
  test('lets out what the genuine client takes without a word, and refuses nothing else that it checks', async () => {
    const refused = new Set<Rule>();
    await fc.assert(
      fc.asyncProperty(someEvents, async (events) => {
        const verifier = openVerifier();
        const sent: Event[] = [];
        for (const event of events) {
          const rule = verifier.refuse(event);
          if (!rule) sent.push(event);
          else if (!unchecked(rule, event))
            expect([rule, event, await complaintOf([...sent, event])]).not.toContain(undefined);
          if (rule) refused.add(rule);
          if (verifier.over()) break;
        }
        expect(await complaintOf(sent)).toBeUndefined();
      }),
      { numRuns: 60, seed: 1 },
    );
    expect([...refused].sort()).toEqual(['closed', 'interrupt', 'open', 'order', 'owner', 'run', 'shape']);
  });

  test.each<[string, object[]]>([
    [
      'a snapshot of messages',
      [
        { type: 'TEXT_MESSAGE_START', messageId: 'b' },
        { type: 'TEXT_MESSAGE_END', messageId: 'b' },
        { type: 'MESSAGES_SNAPSHOT', messages },
        { type: 'TEXT_MESSAGE_START', messageId: 'b', subagentRunId: 'a' },
      ],
    ],
    [
      'a snapshot of an activity',
      [
        { type: 'ACTIVITY_SNAPSHOT', messageId: 'a', activityType: 'PLAN', content: {} },
        { type: 'ACTIVITY_SNAPSHOT', messageId: 'a', activityType: 'PLAN', content: {}, subagentRunId: 's' },
        { type: 'ACTIVITY_DELTA', messageId: 'a', activityType: 'PLAN', patch: [], subagentRunId: 's' },
      ],
    ],
  ])('%s says anew who owns it', async (_what, rest) => {
    const events = [said[27]?.('', '', {}), ...rest] as Event[];
    const { refuse } = openVerifier();
    expect(events.map(refuse)).toEqual(events.map(() => undefined));
    expect(await complaintOf(events)).toBeUndefined();
  });

  test('an older client knows every type of event there is', () => {
    expect(Object.keys(EventType).filter((type) => !(type in older.EventType))).toEqual([]);
  });
});

describe('a stream', () => {
  afterEach(() => {
    expect([...warn.mock.calls, ...error.mock.calls]).toEqual([]);
  });

  /** How a source can end beside by itself. */
  const endings = fc.constantFrom('ends', 'fails', 'is stopped');
  const leave = async (groups: Event[][], ending: string) => {
    const noticed: (Rule | Loss | 'failed')[] = [];
    async function* source(): AsyncGenerator<Group> {
      for (const events of groups) yield { events, placed: true };
      if (ending === 'fails') throw new Error('the reader of the stream failed');
    }
    const notice = (what: Rule | Loss) => void noticed.push(what);
    const left = await Array.fromAsync(
      strict(source(), {
        locale: 'en',
        stopped: () => ending === 'is stopped',
        violated: notice,
        downgraded: notice,
        failed: () => {
          noticed.push('failed');
          return 'INTERNAL';
        },
      }),
    );
    return { left, noticed, sent: left.flatMap(({ events }) => events) };
  };

  test('ends in exactly one terminal event whatever becomes of its source, and both generations take it', async () => {
    const groups = fc.tuple(started, fc.array(fc.array(someEvent, { maxLength: 6 }), { maxLength: 6 }));
    await fc.assert(
      fc.asyncProperty(groups, endings, async ([first, rest], ending) => {
        const { sent, noticed } = await leave([[first], ...rest], ending);
        const whole = ending !== 'is stopped' || noticed.length > 0 || sent.some(isTerminal);
        expect(sent.filter(isTerminal).length).toBe(whole ? 1 : 0);
        if (whole) expect(sent.findIndex(isTerminal)).toBe(sent.length - 1);
        expect(await deliver(sent, false)).toEqual(sent.map(({ type }) => type));
        const lesser = sent.map((event) => downgrade(event, () => undefined));
        expect(await deliver(lesser, true)).toEqual(lesser.map(({ type }) => type));
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  const start = { type: EventType.RUN_STARTED, threadId: 'thread', runId: 'run' } as const;
  const finish = { type: EventType.RUN_FINISHED, threadId: 'thread', runId: 'run' } as const;
  const opened: Event[] = [
    { type: EventType.STEP_STARTED, stepName: 'look' },
    { type: EventType.SUBAGENT_STARTED, subagentRunId: 's', name: 'reader' },
    { type: EventType.STEP_STARTED, stepName: 'look', subagentRunId: 's' },
    { type: EventType.REASONING_START, messageId: 'r' },
    { type: EventType.REASONING_MESSAGE_START, messageId: 'r', role: 'reasoning' },
    { type: EventType.TEXT_MESSAGE_START, messageId: 'm', role: 'assistant' },
    { type: EventType.TOOL_CALL_START, toolCallId: 't', toolCallName: 'look', parentMessageId: 'm' },
  ];
  const closed = [
    'TOOL_CALL_END',
    'TEXT_MESSAGE_END',
    'REASONING_MESSAGE_END',
    'REASONING_END',
    'STEP_FINISHED',
  ];
  test.each<[string, Event[], string, string[]]>([
    ['an answer', [finish], 'ends', ['SUBAGENT_FINISHED', 'STEP_FINISHED', 'RUN_FINISHED']],
    [
      'a cancelled run',
      [{ ...finish, outcome: { type: 'cancelled' } }],
      'ends',
      ['SUBAGENT_ERROR', 'STEP_FINISHED', 'RUN_FINISHED'],
    ],
    ['a failure', [], 'fails', ['SUBAGENT_ERROR', 'STEP_FINISHED', 'RUN_ERROR']],
    ['a source that just ends', [], 'ends', ['SUBAGENT_ERROR', 'STEP_FINISHED', 'RUN_ERROR']],
  ])('what is open is closed from the inside before %s', async (_what, last, ending, rest) => {
    const { sent } = await leave([[start, ...opened], last], ending);
    const types = sent.slice(1 + opened.length).map(({ type }) => type);
    expect(types).toEqual([...closed, ...rest]);
    expect(await deliver(sent, false)).toEqual(sent.map(({ type }) => type));
  });

  test('what breaks a rule is not sent, is noticed, and ends the stream in its place, without a place of its own', async () => {
    const text: Event = { type: EventType.TEXT_MESSAGE_CONTENT, messageId: 'm', delta: 'nobody began this' };
    const { left, noticed } = await leave([[start, text, finish]], 'ends');
    expect(left).toEqual([
      { placed: true, events: [start] },
      {
        placed: false,
        events: [{ type: 'RUN_ERROR', code: 'PROTOCOL', message: expect.stringContaining('protocol') }],
      },
    ]);
    expect(noticed).toEqual(['closed']);
  });

  test('that ends before it begins has the one event, if it keeps the rules', () => {
    const noticed: Rule[] = [];
    const reader = { locale: 'en', violated: (rule: Rule) => void noticed.push(rule) } as const;
    const refusal: Event = { type: EventType.RUN_ERROR, code: 'RATE_LIMITED', message: 'Wait', rawEvent: {} };
    expect(strictly(refusal, reader)).toBe(refusal);
    expect(noticed).toEqual([]);
    const nameless = { type: EventType.RUN_ERROR, code: 'RATE_LIMITED' } as unknown as Event;
    expect(strictly(nameless, reader)).toMatchObject({ type: 'RUN_ERROR', code: 'PROTOCOL' });
    expect(strictly(finish, reader)).toMatchObject({ type: 'RUN_ERROR', code: 'PROTOCOL' });
    expect(noticed).toEqual(['shape', 'order']);
  });

  test('an older client gets less, and what it does not get is said', () => {
    const lost: Loss[] = [];
    const lesser = (event: Event) => downgrade(event, (loss) => lost.push(loss));
    const usage = [{ totalTokens: 3 }];
    expect(lesser({ ...finish, outcome: { type: 'cancelled' }, usage })).toMatchObject({
      type: 'RUN_ERROR',
      code: 'CANCELLED',
      usage,
    });
    expect(lost).toEqual([]);
    const pending: Event = { ...finish, outcome: { type: 'success', pendingToolCallIds: ['t'] } };
    expect(lesser(pending)).toEqual({ ...finish, outcome: { type: 'success' } });
    const snapshot = { type: EventType.MESSAGES_SNAPSHOT, messages } as Event;
    expect(lesser(snapshot)).toMatchObject({ messages: [{}, {}, { role: 'tool', content: 'result' }] });
    expect(lost).toEqual(['pending_tool_calls', 'tool_result_media']);
  });
});
