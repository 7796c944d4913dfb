import type { ResumeEntry } from '@ag-ui/core';
import type { Command } from '@jangada/proto/command.ts';
import { describe, expect, test } from 'vitest';
import { takenOf } from './answering.ts';
import type { Interrupted } from './conversation.ts';

const now = Date.parse('2026-11-30T12:00:00Z');
const order: Command = { type: 'CancelAppointment', appointmentId: 'b-1', expectedVersion: 2 };
const shown: Interrupted = {
  part: {
    ...{ type: 'interrupted', id: 'run-1', action: 'change_agenda', code: 'CONFIRMATION_REQUIRED' },
    ...{ message: 'Cancel?', order, responseSchema: {}, expiresAt: '2026-11-30T12:10:00Z' },
  },
  message: 'question-1',
  answeredBy: undefined,
};
const answered = (entry: Partial<ResumeEntry>, to: Interrupted = shown, at = now) =>
  takenOf(
    [{ entry: { interruptId: 'run-1', status: 'resolved', ...entry } as ResumeEntry, to }],
    { text: '', message: undefined },
    'aesthetic-clinic',
    at,
  );

describe('an answer to a command that was shown', () => {
  test('is that command where it is an explicit yes, without anything beside it', () => {
    expect(answered({ payload: { confirmed: true } })).toEqual({ kind: 'order', to: shown, order });
    expect(() => answered({ payload: { confirmed: true, start: '2027-01-01T00:00:00Z' } })).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
  });

  test.each<[string, Partial<ResumeEntry>]>([
    ['a no', { payload: { confirmed: false } }],
    ['nothing', {}],
    ['a word', { payload: 'yes' }],
    ['a closed card', { status: 'cancelled' }],
  ])('is a no where it is %s', (_what, entry) => {
    expect(answered(entry)).toMatchObject({ kind: 'answer', command: { confirmed: false } });
  });

  test('counts in time, and once', () => {
    const yes = { payload: { confirmed: true } };
    expect(answered(yes, shown, Date.parse(shown.part.expiresAt))).toEqual({ kind: 'expired' });
    expect(answered(yes, { ...shown, answeredBy: 'run-2' })).toEqual({ kind: 'replay', run: 'run-2' });
  });
});
