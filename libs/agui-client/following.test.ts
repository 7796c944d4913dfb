import type { BaseEvent, RunAgentInput } from '@ag-ui/client';
import { Observable } from 'rxjs';
import { expect, test } from 'vitest';
import { type Following, follow } from './following.ts';

/** Connecting to a thread: what was said is told as a whole or not at all, and then as in any run. */

const input = { threadId: 'thread', runId: 'unused', protocolVersion: '1.0', messages: [] } as unknown;

const connecting = () => {
  const told: string[] = [];
  let following: Following | undefined;
  let end = 'none';
  new Observable<BaseEvent>((reader) => {
    following = follow({ kind: 'connect', input: input as RunAgentInput }, reader);
  }).subscribe({
    next: ({ type }) => void told.push(type),
    complete: () => {
      end = 'complete';
    },
    error: ({ code }: { code: string }) => {
      end = code;
    },
  });
  if (!following) throw new Error('nobody read');
  const { tell, ...one } = following;
  return {
    ...one,
    told,
    end: () => end,
    tell: (seq: number, ...types: string[]) =>
      types.map((type) => tell({ run: 'run', seq, event: { type } as BaseEvent })),
    asks: () => JSON.parse(one.ask()) as object,
  };
};
const prelude = ['RUN_STARTED', 'MESSAGES_SNAPSHOT', 'STATE_SNAPSHOT', 'TEXT_MESSAGE_START'];

test('half a prelude is told to nobody, and is asked for anew', () => {
  const { tell, told, asks, accept, lose, connecting: open } = connecting();
  expect(asks()).toEqual({ op: 'connect', threadId: 'thread' });
  accept('run');
  // The first event is when a ping is due, whose answer comes after the last.
  expect(tell(7, ...prelude.slice(0, 2))).toEqual([true, false]);
  lose();
  expect(asks()).toEqual({ op: 'connect', threadId: 'thread' });
  accept('run');
  tell(9, ...prelude);
  expect([told, open()]).toEqual([[], true]);
  tell(10, 'TEXT_MESSAGE_CONTENT');
  expect([told, open()]).toEqual([[...prelude, 'TEXT_MESSAGE_CONTENT'], false]);
});

test('a whole prelude is gone on from', () => {
  const { tell, told, asks, accept, lose, release, begun, end } = connecting();
  accept('run');
  // The answer to a ping from before.
  release();
  tell(7, ...prelude);
  release();
  expect([told, begun()]).toEqual([prelude, true]);
  lose();
  expect(asks()).toEqual({ op: 'resume', runId: 'run', threadId: 'thread', after: 7 });
  accept('run');
  tell(8, 'TEXT_MESSAGE_END');
  tell(8, 'TEXT_MESSAGE_END');
  tell(7, 'RUN_STARTED');
  tell(9, 'RUN_FINISHED');
  tell(10, 'RUN_ERROR');
  expect([told, end()]).toEqual([[...prelude, 'TEXT_MESSAGE_END', 'RUN_FINISHED'], 'complete']);
});

test('a run that is over is told with its end, and a thread without one is empty', () => {
  const over = connecting();
  over.accept('run');
  over.tell(9, 'RUN_STARTED', 'MESSAGES_SNAPSHOT', 'STATE_SNAPSHOT', 'RUN_FINISHED');
  expect([over.told.length, over.end()]).toEqual([4, 'complete']);

  const refusal = { message: '', retryable: false };
  const empty = connecting();
  empty.refuse({ ...refusal, status: 404, code: 'NOT_FOUND' });
  expect([empty.told, empty.end()]).toEqual([[], 'complete']);
  const other = connecting();
  other.refuse({ ...refusal, status: 429, code: 'RATE_LIMITED' });
  expect(other.end()).toBe('RATE_LIMITED');
});
