import { describe, expect, test } from 'vitest';
import { newTurn, type RunEvent, type Turn, told, turnsOf } from './conversation.ts';

const turnOf = (...events: RunEvent[]): Turn => events.reduce(told, newTurn('run', 'quantas?'));
const started = { type: 'RUN_STARTED' };
const opened = { type: 'TEXT_MESSAGE_START', messageId: 'm1' };
const said = (delta: string) => ({ type: 'TEXT_MESSAGE_CONTENT', delta });

describe('a turn', () => {
  test('grows with what is told, and ends answered with what is known of the answer', () => {
    const result = { intent: 'count', cached: true };
    expect(turnOf(started, opened, said('Você tem '), said('3.'))).toMatchObject({
      state: 'told',
      text: 'Você tem 3.',
    });
    expect(turnOf(started, opened, said('3'), { type: 'RUN_FINISHED', result })).toMatchObject({
      state: 'answered',
      text: '3',
      result,
    });
  });

  test('goes on where its message is begun again under the same name', () => {
    expect(turnOf(started, opened, said('Você '), opened, said('tem 3.')).text).toBe('Você tem 3.');
  });

  test('tells a newer telling instead of the one before, never both', () => {
    const again = { type: 'TEXT_MESSAGE_START', messageId: 'm2' };
    expect(turnOf(started, opened, said('Você te'), again, said('Você tem 3.')).text).toBe('Você tem 3.');
  });

  test('is refused with its code, or stopped, in either generation of the protocol', () => {
    expect(turnOf(started, { type: 'RUN_ERROR', code: 'AUTHZ_DENIED' })).toMatchObject({
      state: 'refused',
      code: 'AUTHZ_DENIED',
    });
    expect(turnOf(started, { type: 'RUN_FINISHED', outcome: { type: 'cancelled' } }).state).toBe('cancelled');
    expect(turnOf(started, { type: 'RUN_ERROR', code: 'CANCELLED' }).state).toBe('cancelled');
  });

  test('does not change after its end', () => {
    const turn = turnOf(started, { type: 'RUN_ERROR', code: 'DEADLINE' });
    expect(told(turn, said('late'))).toBe(turn);
  });
});

describe('a conversation that somebody comes back to', () => {
  test('has its questions with their answers, and those that got none', () => {
    const turns = turnsOf([
      { id: 'r1-asked', role: 'user', content: 'um?' },
      { id: 'r1-1', role: 'assistant', content: '1' },
      { id: 'r2-asked', role: 'user', content: 'dois?' },
      { id: 'r3-asked', role: 'user', content: 'três?' },
    ]);
    expect(turns.map(({ id, state, text }) => [id, state, text])).toEqual([
      ['r1', 'answered', '1'],
      ['r2', 'untold', ''],
      ['r3', 'asked', ''],
    ]);
    const goneOn = turnsOf([
      { id: 'r1-asked', role: 'user', content: 'um?' },
      { id: 'r2-1', role: 'assistant', content: '1' },
    ]);
    expect(goneOn).toMatchObject([{ id: 'r2', first: 'r1', state: 'answered' }]);
    const last = turns.at(-1) ?? newTurn('', '');
    expect(told(last, { type: 'RUN_FINISHED', outcome: { type: 'success' } }).state).toBe('untold');
  });
});
