import { EventType, HttpAgent, type Interrupt, type RunFinishedEvent } from '@ag-ui/client';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, test } from 'vitest';
import { Confirmation } from './confirmation.tsx';
import { newTurn, passedOver, type RunEvent, resumed, type Turn, told } from './conversation.ts';
import { accepted, askedBy, declined, type Verdict } from './interrupt.ts';

// A run that stops to ask, from the protocol's own client to the card on the page.

const interrupt: Interrupt = {
  id: 'i1',
  reason: 'confirmation',
  message: 'You have no care relationship with this person.',
  expiresAt: '2999-01-01T12:00:00.000Z',
  responseSchema: {
    type: 'object',
    properties: {
      confirmed: { type: 'boolean', const: true },
      reason: {
        type: 'string',
        title: 'Reason',
        enum: ['life', 'other'],
        oneOf: [{ const: 'life', title: 'Danger to life' }, { const: 'other' }],
      },
      explanation: {
        type: 'string',
        title: 'Explanation',
        description: 'In your own words',
        minLength: 20,
        maxLength: 2000,
      },
      phone: { type: 'string', maxLength: 20 },
      hours: { type: 'integer', minimum: 1, maximum: 8 },
      again: { type: 'boolean', title: 'Tell me again' },
    },
    required: ['confirmed', 'reason', 'explanation'],
  },
};
const agenda: Interrupt = {
  id: 'i2',
  reason: 'confirmation',
  message: 'Book Ana Lima with Dr. Lima?',
  responseSchema: {
    type: 'object',
    properties: { confirmed: { type: 'boolean', const: true } },
    required: ['confirmed'],
  },
  metadata: { action: 'change_agenda', facts: [{ name: 'When', value: 'Tuesday, 14:00' }, { name: 1 }] },
};
const ended = (outcome: NonNullable<RunFinishedEvent['outcome']>) =>
  ({ type: EventType.RUN_FINISHED, threadId: 't', runId: 'r', outcome }) satisfies RunFinishedEvent;

/** The client as it comes, and an edge that answers with these events and keeps what it was asked. */
const talk = (...answers: readonly (readonly object[])[]) => {
  const asked: { resume?: unknown }[] = [];
  const agent = new HttpAgent({
    url: 'http://edge.invalid',
    threadId: 't',
    fetch: async (_url, { body }) => {
      asked.push(JSON.parse(String(body)));
      const events = [
        { type: EventType.RUN_STARTED, threadId: 't', runId: 'r' },
        ...(answers[asked.length - 1] ?? []),
      ];
      const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
      return new Response(text, { headers: { 'content-type': 'text/event-stream' } });
    },
  });
  return { agent, asked };
};

describe('a run that stops to ask', () => {
  test('waits, is answered in the next run, and goes on in its place', async () => {
    const { agent, asked } = talk(
      [ended({ type: 'interrupt', interrupts: [interrupt] })],
      [
        { type: EventType.TEXT_MESSAGE_START, messageId: 'm', role: 'assistant' },
        { type: EventType.TEXT_MESSAGE_CONTENT, messageId: 'm', delta: 'Granted.' },
        { type: EventType.TEXT_MESSAGE_END, messageId: 'm' },
        ended({ type: 'success' }),
      ],
    );
    let turn: Turn = newTurn('r', 'records of Bruno');
    const hearing = {
      onEvent: ({ event }: { event: object }) => {
        turn = told(turn, event as RunEvent);
      },
    };
    agent.addMessage({ id: 'q', role: 'user', content: turn.question });
    await agent.runAgent({ runId: 'r' }, hearing);
    expect(turn).toMatchObject({ state: 'waiting', interrupts: [{ id: 'i1', message: interrupt.message }] });
    expect(agent.pendingInterrupts).toEqual(turn.interrupts);

    turn = resumed(turn, 'r2', 'yes');
    const resume = [
      accepted(interrupt, { reason: 'life', explanation: ' She is unconscious. ', phone: '', hours: '2' }),
    ];
    await agent.runAgent({ runId: 'r', resume }, hearing);
    expect(asked[1]?.resume).toEqual([
      {
        interruptId: 'i1',
        status: 'resolved',
        payload: {
          confirmed: true,
          reason: 'life',
          explanation: 'She is unconscious.',
          hours: 2,
          again: false,
        },
      },
    ]);
    expect(turn).toMatchObject({ id: 'r2', first: 'r', state: 'answered', verdict: 'yes', text: 'Granted.' });
  });

  test('is declined by a no, and by asking something else', async () => {
    expect(declined(interrupt)).toEqual({ interruptId: 'i1', status: 'cancelled' });
    const waiting = told(
      newTurn('r', 'x'),
      ended({ type: 'interrupt', interrupts: [interrupt] }) as RunEvent,
    );
    expect(passedOver(waiting)).toMatchObject({ state: 'untold', verdict: 'no' });
    const answered = told(newTurn('r', 'x'), ended({ type: 'success' }) as RunEvent);
    expect(passedOver(answered)).toBe(answered);
  });

  test('waits on where a yes does not count yet, and not where it came too late', () => {
    const answered = resumed(
      told(newTurn('r', 'x'), ended({ type: 'interrupt', interrupts: [interrupt] }) as RunEvent),
      'r2',
      'yes',
    );
    const refusedWith = (code: string) => told(answered, { type: 'RUN_ERROR', code });
    for (const code of ['AUTH_STEP_UP', 'INPUT_INVALID'])
      expect(refusedWith(code)).toMatchObject({ state: 'waiting', verdict: undefined, code, first: 'r' });
    expect(resumed(refusedWith('AUTH_STEP_UP'), 'r3', 'yes')).toMatchObject({
      state: 'asked',
      verdict: 'yes',
      code: undefined,
    });
    expect(refusedWith('INTERRUPT_EXPIRED')).toMatchObject({ state: 'refused', verdict: 'no' });
    // Of an order nothing is filled in: a yes to it would be refused again.
    const order = { ...answered, interrupts: [agenda] };
    expect(told(order, { type: 'RUN_ERROR', code: 'INPUT_INVALID' })).toMatchObject({ state: 'refused' });
    expect(told(order, { type: 'RUN_ERROR', code: 'AUTH_STEP_UP' })).toMatchObject({ state: 'waiting' });
    expect(refusedWith('PERSON_UNCLEAR')).toMatchObject({ state: 'refused', verdict: 'yes' });
    expect(told(newTurn('r', 'x'), { type: 'RUN_ERROR', code: 'AUTH_STEP_UP' }).state).toBe('refused');
  });

  test('that demands what there is no field for can only be declined', () => {
    const responseSchema = { properties: { where: { type: 'object' } }, required: ['where'] };
    expect(askedBy({ ...interrupt, responseSchema })).toBeUndefined();
    expect(askedBy({ id: 'i2', reason: 'confirmation' })).toEqual([]);
  });
});

describe('its card', () => {
  const shown = (
    of: Interrupt,
    verdict?: Verdict,
    beside: Partial<Parameters<typeof Confirmation>[0]> = {},
  ): string =>
    renderToStaticMarkup(
      createElement(Confirmation, {
        interrupt: of,
        verdict,
        zone: 'America/Sao_Paulo',
        onAnswer: () => undefined,
        ...beside,
      }),
    );
  const buttonsIn = (html: string): string[] =>
    [...html.matchAll(/<button[^>]*>([^<]*)/g)].map(([, text = '']) => text);

  test('has a labelled field for each thing that is asked, none of them filled in, and both answers', () => {
    const html = shown(interrupt);
    expect(html).toContain(interrupt.message);
    const labels = [...html.matchAll(/<label for="([^"]+)">([^<]*)/g)];
    expect(labels.map(([, , text]) => text)).toEqual(['Reason', 'Explanation', 'phone', 'hours']);
    for (const [, id] of labels) expect(html).toMatch(new RegExp(`<(input|select|textarea)[^>]* id="${id}"`));
    expect(html).toMatch(/<textarea[^>]* required=""[^>]* minLength="20"/i);
    expect(html).toMatch(/<option value="life">Danger to life<\/option><option value="other">other/);
    expect(html).not.toMatch(/name="confirmed"|checked|autofocus/i);
    expect(buttonsIn(html)).toEqual(['Yes, go on', 'No']);
  });

  test('says one by one what is to be changed, and takes nothing but the yes', () => {
    const html = shown(agenda);
    expect(html).toContain('<dt>When</dt><dd>Tuesday, 14:00</dd>');
    expect(html).not.toMatch(/<(input|select|textarea)|undefined/);
    expect(buttonsIn(html)).toEqual(['Yes, go on', 'No']);
    expect(accepted(agenda, {})).toMatchObject({ payload: { confirmed: true } });
  });

  test('whose yes did not count yet has what was filled in, and the proof in the place of the yes', () => {
    const given = { reason: 'life', explanation: 'She is unconscious.' };
    const html = shown(interrupt, undefined, { given, proof: () => 'prove it' });
    expect(html).toMatch(/<option value="life" selected="">/);
    expect(html).toMatch(/<textarea[^>]*>She is unconscious\.</);
    expect(buttonsIn(html)).toEqual(['No']);
    expect(html).toContain('prove it');
    const late = shown({ ...interrupt, expiresAt: '2020-01-01T00:00:00Z' }, undefined, {
      proof: () => 'prove it',
    });
    expect(late).not.toContain('prove it');
  });

  test('that came too late has no field and no yes', () => {
    const html = shown({ ...interrupt, expiresAt: '2020-01-01T00:00:00Z' });
    expect(html).not.toMatch(/<(input|select|textarea)/);
    expect(buttonsIn(html)).toEqual(['Close']);
  });

  test('that was answered says what was said', () => {
    expect(shown(interrupt, 'yes')).toContain('You confirmed this');
    expect(shown(interrupt, 'no')).toContain('You did not confirm this');
    expect(buttonsIn(shown(interrupt, 'yes'))).toEqual([]);
  });
});
