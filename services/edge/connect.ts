import { type Event, EventType, type Message } from '@ag-ui/core';
import type { Conversation } from './admission.ts';
import { interruptedBy, type Peer, type Placed, telling, toldTo } from './agui.ts';
import { callOf } from './client-tools.ts';
import type { Turn } from './conversation.ts';
import { nameOf } from './ids.ts';
import { advanced } from './progress.ts';
import { type Group, strict } from './strict.ts';

/** A conversation as AG-UI's events, for who comes back to it. Pure. */

/** The call by which an answer is shown, and that something came of it, unless it `waits` for that. */
const shownOf = (name: string, { end }: Turn, waits: boolean) => {
  const call = end?.type === 'answered' ? end.call : undefined;
  if (!call) return undefined;
  const id = callOf(name);
  const { name: tool, arguments: shown } = call;
  const back: Message = { id: `${id}-back`, role: 'tool', toolCallId: id, content: '' };
  return {
    id,
    toolCalls: [
      { id, type: 'function' as const, function: { name: tool, arguments: JSON.stringify(shown) } },
    ],
    back: waits ? [] : [back],
  };
};

const messagesOf = (turn: Turn, waits: boolean): Message[] => {
  const { run, question, message, text, attempt, end } = turn;
  const name = nameOf(run);
  const id = message ?? `${name}-asked`;
  const asked: Message[] = question === undefined ? [] : [{ id, role: 'user', content: question }];
  // What a live run has told is told again, piece by piece.
  if (!end) return asked;
  const activity = advanced(name, turn).activity();
  const shown = shownOf(name, turn, waits);
  const told: Message = {
    id: text || !shown ? `${name}-${attempt}` : shown.id,
    role: 'assistant',
    content: text,
  };
  return [
    ...asked,
    ...(activity ? [activity] : []),
    ...(shown ? [{ ...told, toolCalls: shown.toolCalls }, ...shown.back] : text ? [told] : []),
  ];
};

/** The state that a client which was told all of it is left with, before the live run tells its own. */
const stateOf = (turns: readonly Turn[]): Event[] => {
  const last = turns.findLast(({ end, progress }) => end && progress?.some(({ type }) => type === 'state'));
  return last ? [{ type: EventType.STATE_SNAPSHOT, snapshot: advanced(last.run, last).state() }] : [];
};

const endOf = (
  { threadId, runId, legacy }: Peer,
  { turns, open, waits }: Pick<Conversation, 'turns' | 'open' | 'waits'>,
): Event => {
  if (open) return interruptedBy(open, { threadId, runId });
  // An old error is no failure of this call, and to an older client a cancelled run is one.
  const type = turns.at(-1)?.end?.type === 'cancelled' && !legacy ? 'cancelled' : 'success';
  const pending = waits ? { pendingToolCallIds: [callOf(runId)] } : {};
  return { type: EventType.RUN_FINISHED, threadId, runId, outcome: { type, ...pending } };
};

async function* groupsOf(conversation: Conversation, peer: Peer): AsyncGenerator<Group> {
  const { turns, isLive, waits } = conversation;
  const { start, tell } = telling(peer);
  const snapshot: Event = {
    type: EventType.MESSAGES_SNAPSHOT,
    messages: turns.flatMap((turn) => messagesOf(turn, waits && turn === turns.at(-1))),
  };
  yield {
    events: [...start(), snapshot, ...stateOf(turns), ...(isLive ? [] : [endOf(peer, conversation)])],
    placed: true,
  };
  for await (const { parts, ours } of conversation) yield { events: tell(parts, ours), placed: !ours };
}

/**
 * What stands in a conversation, all at the place of the last run's first event, and then that run from its second on, as
 * long as it is live. Whoever is cut off resumes it like any other.
 */
export async function* connectionOf(
  conversation: Conversation,
  peer: Peer,
): AsyncGenerator<readonly Placed[]> {
  let seq = 0;
  for await (const { events, placed } of strict(groupsOf(conversation, peer), conversation)) {
    const said = toldTo(peer, conversation, events);
    if (seq === 0) yield said.map((event) => ({ seq: 1, event }));
    else yield said.map((event) => (placed ? { seq: ++seq, event } : { event }));
    seq ||= 1;
  }
}
