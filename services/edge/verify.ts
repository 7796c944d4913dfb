import { type Event, EventType } from '@ag-ui/core';
import { textOf } from '@jangada/proto/errors.ts';
import { isDescribed } from './described.ts';

/**
 * What an AG-UI stream of ours may be: the rules that its genuine client checks, and those of the protocol that the
 * client does not check yet. It is told each event before it leaves, and knows what is open.
 *
 * A stream tells one run. Four kinds of things are opened, continued and closed by id, each kind with ids of its own;
 * steps and subagents are open between two events. Who opened a thing, the agent itself or one of its subagents, owns
 * it until the run is over, and no later event may say otherwise; one that says nothing agrees.
 */

/** Why an event may not leave. */
export type Rule = 'shape' | 'order' | 'open' | 'closed' | 'owner' | 'run' | 'interrupt' | 'truncated';

export interface Verifier {
  /** The rule that the event breaks. Undefined when there is none; then it counts as sent. */
  refuse(event: Event): Rule | undefined;
  /** What closes all that is open, the innermost first, before a terminal event of this kind; it counts as sent. */
  close(terminal: Event): Event[];
  /** True after the terminal event. */
  over(): boolean;
}

/** What is opened and closed by id; a reasoning span and the message in it may have the same. */
const brackets = {
  [EventType.TEXT_MESSAGE_START]: ['message', 'open'],
  [EventType.TEXT_MESSAGE_CONTENT]: ['message', 'go on'],
  [EventType.TEXT_MESSAGE_END]: ['message', 'close'],
  [EventType.TOOL_CALL_START]: ['toolCall', 'open'],
  [EventType.TOOL_CALL_ARGS]: ['toolCall', 'go on'],
  [EventType.TOOL_CALL_END]: ['toolCall', 'close'],
  [EventType.REASONING_START]: ['span', 'open'],
  [EventType.REASONING_END]: ['span', 'close'],
  [EventType.REASONING_MESSAGE_START]: ['reasoning', 'open'],
  [EventType.REASONING_MESSAGE_CONTENT]: ['reasoning', 'go on'],
  [EventType.REASONING_MESSAGE_END]: ['reasoning', 'close'],
} as const;
type Bracket = Extract<Event, { type: keyof typeof brackets }>;

/** Null is the agent itself, which owns as a subagent does. */
type Owners = Map<string, string | null>;

const isBracket = (event: Event): event is Bracket => event.type in brackets;
const tagOf = (event: Event): string | undefined =>
  'subagentRunId' in event ? event.subagentRunId : undefined;

/** True for the event after which nothing comes. */
export const isTerminal = ({ type }: Event): boolean =>
  type === EventType.RUN_FINISHED || type === EventType.RUN_ERROR;

export const openVerifier = (): Verifier => {
  /** By kind, owner and id, in the order of opening: how it is closed. */
  const open = new Map<string, (terminal: Event) => Event>();
  const owners: Record<'message' | 'toolCall' | 'activity' | 'reasoning', Owners> = {
    message: new Map(),
    toolCall: new Map(),
    activity: new Map(),
    reasoning: new Map(),
  };
  const subagents = new Set<string>();
  let run: { threadId: string; runId: string } | undefined;
  let over = false;

  const keyOf = (kind: string, id: string, owner: string | null = null): string =>
    JSON.stringify([kind, owner, id]);
  const disagrees = (owned: Owners, id: string, tag: string | undefined): boolean =>
    tag !== undefined && owned.has(id) && owned.get(id) !== tag;
  const own = (owned: Owners, id: string, owner: string | null): void => {
    if (!owned.has(id)) owned.set(id, owner);
  };

  /** A tool call belongs to the message that carries it. */
  const ownerOfCall = (event: Bracket, tag: string | undefined): string | null | undefined => {
    if (event.type !== EventType.TOOL_CALL_START || event.parentMessageId === undefined) return tag;
    const inherited = owners.message.get(event.parentMessageId);
    return inherited === undefined ? tag : inherited;
  };

  const bracket = (event: Bracket): Rule | undefined => {
    const [kind, does] = brackets[event.type];
    const id = 'toolCallId' in event ? event.toolCallId : event.messageId;
    const owned = owners[kind === 'span' ? 'reasoning' : kind];
    const key = keyOf(kind, id);
    const tag = tagOf(event);
    if (does === 'open' && open.has(key)) return 'open';
    if (does !== 'open' && !open.has(key)) return 'closed';
    if (does !== 'open') {
      if (disagrees(owned, id, tag)) return 'owner';
      if (does === 'close') open.delete(key);
      return undefined;
    }
    const owner = ownerOfCall(event, tag);
    if (tag !== undefined && owner !== tag) return 'owner';
    if (owner !== undefined && owned.has(id) && owned.get(id) !== owner) return 'owner';
    own(owned, id, owner ?? null);
    open.set(key, () => closingOf(event));
    return undefined;
  };

  const step = (event: Extract<Event, { stepName: string }>): Rule | undefined => {
    const { stepName, subagentRunId } = event;
    const key = keyOf('step', stepName, subagentRunId);
    if (event.type === EventType.STEP_FINISHED) return open.delete(key) ? undefined : 'closed';
    if (open.has(key)) return 'open';
    const owner = subagentRunId === undefined ? {} : { subagentRunId };
    open.set(key, () => ({ type: EventType.STEP_FINISHED, stepName, ...owner }));
    return undefined;
  };

  /** An id of a subagent is of one invocation, and is not used again in a run. */
  const begin = (event: Extract<Event, { type: EventType.SUBAGENT_STARTED }>): Rule | undefined => {
    const { subagentRunId, parentSubagentRunId } = event;
    if (subagents.has(subagentRunId)) return 'open';
    if (parentSubagentRunId !== undefined && !subagents.has(parentSubagentRunId)) return 'closed';
    subagents.add(subagentRunId);
    open.set(keyOf('subagent', subagentRunId), (terminal) => endOfSubagent(subagentRunId, terminal));
    return undefined;
  };

  /** Messages of before this run, told along with it; a snapshot says anew who owns them. */
  const recall = (messages: readonly Recalled[], anew: boolean): void => {
    for (const { id, role, subagentRunId = null, toolCalls = [] } of messages) {
      const kind = role === 'reasoning' || role === 'activity' ? role : 'message';
      for (const [owned, each] of [
        [owners[kind], id] as const,
        ...toolCalls.map((call) => [owners.toolCall, call.id] as const),
      ]) {
        if (anew) owned.set(each, subagentRunId);
        else own(owned, each, subagentRunId);
      }
    }
  };

  const start = (event: Extract<Event, { type: EventType.RUN_STARTED }>): Rule | undefined => {
    if (run) return 'order';
    run = event;
    recall(event.input?.messages ?? [], false);
    return undefined;
  };

  const finish = (event: Extract<Event, { type: EventType.RUN_FINISHED }>): Rule | undefined => {
    if (event.runId !== run?.runId || event.threadId !== run.threadId) return 'run';
    if (open.size > 0) return 'open';
    const { outcome } = event;
    const ids = outcome?.type === 'interrupt' ? outcome.interrupts.map(({ id }) => id) : [];
    if (new Set(ids).size < ids.length) return 'interrupt';
    over = true;
    return undefined;
  };

  const encrypted = (
    event: Extract<Event, { type: EventType.REASONING_ENCRYPTED_VALUE }>,
  ): Rule | undefined => {
    const { subtype, entityId, subagentRunId } = event;
    const ofMessages = owners.message.has(entityId) ? owners.message : owners.reasoning;
    return disagrees(subtype === 'tool-call' ? owners.toolCall : ofMessages, entityId, subagentRunId)
      ? 'owner'
      : undefined;
  };

  const standing = (event: Event): Rule | undefined => {
    if (isBracket(event)) return bracket(event);
    switch (event.type) {
      case EventType.RUN_STARTED:
        return start(event);
      case EventType.RUN_FINISHED:
        return finish(event);
      case EventType.RUN_ERROR:
        over = true;
        return undefined;
      case EventType.STEP_STARTED:
      case EventType.STEP_FINISHED:
        return step(event);
      case EventType.SUBAGENT_STARTED:
        return begin(event);
      case EventType.SUBAGENT_FINISHED:
      case EventType.SUBAGENT_ERROR:
        return open.delete(keyOf('subagent', event.subagentRunId)) ? undefined : 'closed';
      case EventType.MESSAGES_SNAPSHOT:
        recall(event.messages, true);
        return undefined;
      case EventType.TOOL_CALL_RESULT:
        owners.message.set(event.messageId, event.subagentRunId ?? null);
        return undefined;
      case EventType.ACTIVITY_SNAPSHOT:
        if (event.replace !== false) owners.activity.delete(event.messageId);
        own(owners.activity, event.messageId, event.subagentRunId ?? null);
        return undefined;
      case EventType.ACTIVITY_DELTA:
        return disagrees(owners.activity, event.messageId, event.subagentRunId) ? 'owner' : undefined;
      case EventType.REASONING_ENCRYPTED_VALUE:
        return encrypted(event);
      // Shorthand of which the reader has to guess where a message ends. Nobody here needs it.
      case EventType.TEXT_MESSAGE_CHUNK:
      case EventType.TOOL_CALL_CHUNK:
      case EventType.REASONING_MESSAGE_CHUNK:
        return 'shape';
      default:
        return undefined;
    }
  };

  return {
    refuse: (event) => {
      if (!isDescribed(event)) return 'shape';
      const begins = event.type === EventType.RUN_STARTED || event.type === EventType.RUN_ERROR;
      if (over || !(run || begins)) return 'order';
      return standing(event);
    },
    close: (terminal) => {
      const closing = [...open.values()].reverse().map((of) => of(terminal));
      open.clear();
      return closing;
    },
    over: () => over,
  };
};

/** As far as it matters who owns a message. */
interface Recalled {
  readonly id: string;
  readonly role: string;
  readonly subagentRunId?: string | undefined;
  readonly toolCalls?: readonly { readonly id: string }[] | undefined;
}

const closingOf = (event: Bracket): Event => {
  if ('toolCallId' in event) return { type: EventType.TOOL_CALL_END, toolCallId: event.toolCallId };
  const { messageId } = event;
  if (event.type === EventType.TEXT_MESSAGE_START) return { type: EventType.TEXT_MESSAGE_END, messageId };
  if (event.type === EventType.REASONING_START) return { type: EventType.REASONING_END, messageId };
  return { type: EventType.REASONING_MESSAGE_END, messageId };
};

/** A subagent shares the fate of its run. */
const endOfSubagent = (subagentRunId: string, terminal: Event): Event => {
  if (terminal.type === EventType.RUN_ERROR)
    return { type: EventType.SUBAGENT_ERROR, subagentRunId, message: terminal.message };
  const { outcome } = terminal as Extract<Event, { type: EventType.RUN_FINISHED }>;
  if (outcome?.type === 'cancelled')
    return { type: EventType.SUBAGENT_ERROR, subagentRunId, message: textOf('CANCELLED', 'en') };
  return {
    type: EventType.SUBAGENT_FINISHED,
    subagentRunId,
    outcome: { type: outcome?.type === 'interrupt' ? 'suspended' : 'success' },
  };
};
