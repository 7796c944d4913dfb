import { EventType, type Interrupt, type ResumeEntry } from '@ag-ui/client';
import type { Page } from 'playwright-core';

/** An agent that stops to ask, in the words of our binding: no service does yet. */

const interrupt: Interrupt = {
  id: 'interrupt-1',
  reason: 'confirmation',
  message: 'Você não tem vínculo de atendimento com esta pessoa. Abrir assim mesmo?',
  expiresAt: '2999-01-01T00:00:00Z',
  responseSchema: {
    type: 'object',
    properties: {
      confirmed: { type: 'boolean', const: true },
      reason: {
        type: 'string',
        title: 'Motivo',
        oneOf: [
          { const: 'life', title: 'Risco de vida' },
          { const: 'harm', title: 'Dano grave' },
        ],
      },
      explanation: {
        type: 'string',
        title: 'Explicação',
        description: 'Fica na auditoria.',
        minLength: 10,
        maxLength: 2_000,
      },
    },
    required: ['confirmed', 'reason', 'explanation'],
  },
};

const threadId = 'thread';
const started = (runId: string) => ({ type: EventType.RUN_STARTED, threadId, runId, protocolVersion: '1.0' });
const stopped = (runId: string) => ({
  type: EventType.RUN_FINISHED,
  threadId,
  runId,
  outcome: { type: 'interrupt', interrupts: [interrupt] },
});
const told = (runId: string) => [
  { type: EventType.TEXT_MESSAGE_START, messageId: 'answer', role: 'assistant' },
  { type: EventType.TEXT_MESSAGE_CONTENT, messageId: 'answer', delta: 'Aberto por uma hora.' },
  { type: EventType.TEXT_MESSAGE_END, messageId: 'answer' },
  { type: EventType.RUN_FINISHED, threadId, runId, outcome: { type: 'success' } },
];

interface Frame {
  readonly op: string;
  readonly input?: { readonly runId: string; readonly resume?: readonly ResumeEntry[] };
}

/** Answers a page in the edge's stead from now on; returns how what it asks is answered. */
export const playConfirmation = async (page: Page, question: string): Promise<readonly ResumeEntry[]> => {
  const answers: ResumeEntry[] = [];
  await page.routeWebSocket(/\/v1\/agent$/, (socket) => {
    const say = (frame: object): void => socket.send(JSON.stringify(frame));
    const tell = (run: string, seqs: readonly number[], events: readonly object[]): void => {
      say({ op: 'accepted', runId: run });
      for (const [at, event] of events.entries()) say({ run, seq: seqs[at] ?? at + 1, event });
    };
    socket.onMessage((text) => {
      const { op, input } = JSON.parse(String(text)) as Frame;
      if (op === 'auth') say({ op: 'accepted' });
      if (op === 'ping') say({ op: 'pong' });
      if (op === 'connect') {
        const messages = [{ id: 'run-asked', role: 'user', content: question }];
        const snapshot = { type: EventType.MESSAGES_SNAPSHOT, messages };
        // A prelude is at one place.
        tell('run', [1, 1, 1], [started('run'), snapshot, stopped('run')]);
      }
      if (op !== 'run' || !input) return;
      answers.push(...(input.resume ?? []));
      tell(
        input.runId,
        [],
        [started(input.runId), ...(input.resume ? told(input.runId) : [stopped(input.runId)])],
      );
    });
  });
  return answers;
};
