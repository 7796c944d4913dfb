import { HttpAgent, type RunAgentInput } from '@ag-ui/client';
import type { Journey } from './journey.ts';

/** Talking to the agent as its clients do, which are asked for a yes. */

interface Heard {
  /** As it is named here; its id begins so. */
  readonly run: string;
  readonly text: string | undefined;
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly asked:
    | { readonly id: string; readonly message: string | undefined; readonly facts: unknown }
    | undefined;
}

/** One conversation of somebody. */
export const converse = async (journey: Journey, alias: string) => {
  const { agent: at } = await journey.as(alias);
  const agent = new HttpAgent({ url: at.url, headers: at.headers });
  const hear = async (resume?: RunAgentInput['resume']): Promise<Heard> => {
    const runId = crypto.randomUUID();
    let error: { code?: string | undefined; message?: string } = {};
    const { newMessages } = await agent.runAgent(
      { runId, ...(resume ? { resume } : {}) },
      {
        onRunErrorEvent: ({ event }) => {
          error = event;
        },
      },
    );
    const [pending] = agent.pendingInterrupts;
    const text = newMessages.findLast(({ role }) => role === 'assistant')?.content;
    return {
      run: runId,
      text: typeof text === 'string' ? text : undefined,
      code: error.code,
      message: error.message,
      asked: pending && { id: pending.id, message: pending.message, facts: pending.metadata?.['facts'] },
    };
  };
  const answer = (payload: object) =>
    hear(
      agent.pendingInterrupts.map(({ id }) => ({ interruptId: id, status: 'resolved' as const, payload })),
    );
  return {
    agent,
    say: (content: string) => {
      agent.addMessage({ id: crypto.randomUUID(), role: 'user', content });
      // A client holds an interrupt whose answer was refused, and has to cover it.
      const held = agent.pendingInterrupts.map(({ id }) => ({
        interruptId: id,
        status: 'cancelled' as const,
      }));
      return hear(held.length > 0 ? held : undefined);
    },
    yes: () => answer({ confirmed: true }),
    no: () => answer({ confirmed: false }),
    again: (interruptId: string) => hear([{ interruptId, status: 'resolved', payload: { confirmed: true } }]),
  };
};
