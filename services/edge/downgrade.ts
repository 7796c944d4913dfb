import { contentHasMedia, contentToText, type Event, EventType, type Message } from '@ag-ui/core';
import { textOf } from '@jangada/proto/errors.ts';

/**
 * Events for clients of AG-UI before 1.0, which fail a run over what they do not know. Measured with 0.0.59; they know
 * all types of events that 1.0 has. docs/edge.md has the table.
 */

/** What an older client does not get. */
export type Loss = 'pending_tool_calls' | 'tool_result_media';

type Content = Extract<Message, { role: 'tool' }>['content'];

/** `answers` where the run answers what the client was asked back: it takes an error for no end of that. */
export const downgrade = (event: Event, lost: (loss: Loss) => void, answers = false): Event => {
  const flat = (content: Content): string => {
    if (contentHasMedia(content)) lost('tool_result_media');
    return contentToText(content);
  };

  switch (event.type) {
    case EventType.RUN_FINISHED:
      return finish(event, lost, answers);
    case EventType.TOOL_CALL_RESULT:
      return { ...event, content: flat(event.content) };
    case EventType.MESSAGES_SNAPSHOT:
      return {
        ...event,
        messages: event.messages.map((message) =>
          message.role === 'tool' ? { ...message, content: flat(message.content) } : message,
        ),
      };
    default:
      return event;
  }
};

const finish = (
  event: Extract<Event, { type: EventType.RUN_FINISHED }>,
  lost: (loss: Loss) => void,
  answers: boolean,
): Event => {
  const { outcome, usage } = event;
  if (outcome?.type === 'cancelled' && answers) return { ...event, outcome: { type: 'success' } };
  if (outcome?.type === 'cancelled') {
    const message = textOf('CANCELLED', 'en');
    return { type: EventType.RUN_ERROR, message, code: 'CANCELLED', ...(usage ? { usage } : {}) };
  }
  if (outcome?.type !== 'success' || !outcome.pendingToolCallIds) return event;
  lost('pending_tool_calls');
  return { ...event, outcome: { type: 'success' } };
};
