import { contentToText, type Event, EventType, PROTOCOL_VERSION, type RunAgentInput } from '@ag-ui/core';
import { RunAgentInputSchema } from '@ag-ui/core/schemas';
import type { ClientCall } from '@jangada/proto/client-tools.ts';
import { hintsOf, stepUp } from '@jangada/proto/errors.ts';
import { type End, isEnd, type Part } from '@jangada/proto/reply.ts';
import { z } from 'zod';
import type { Question } from './admission.ts';
import { besideOf, standingOf } from './answer.ts';
import { callOf, offeredOf, resultsOf } from './client-tools.ts';
import { downgrade } from './downgrade.ts';
import { healed } from './heal.ts';
import { advancing } from './progress.ts';
import { misshapen, shaped } from './shape.ts';
import { type Group, type Reader, strict } from './strict.ts';

/** AG-UI: its input as a question, and what a run tells as its events. Pure. */

/** The client's own ids, whether its protocol is older than 1.0, and whether it answers what it was asked back. */
export interface Peer {
  readonly threadId: string;
  readonly runId: string;
  readonly legacy: boolean;
  readonly answers?: boolean;
}

/** What a client may say beside the conversation. */
const forwarded = z.object({
  /** True for who wants to be told of the reading of rows as an activity. */
  activity: z.boolean().default(false),
  clientId: z.string().optional(),
  cursor: z.string().optional(),
  /** False where nobody can answer: then what would be asked back is refused. */
  interrupts: z.boolean().default(true),
  purpose: z.string().optional(),
  /** True for who wants the state of the run. */
  state: z.boolean().default(false),
  /** True for who wants to be told of each step that the run takes. */
  steps: z.boolean().default(false),
  tenantId: z.string().optional(),
  traceparent: z.string().optional(),
});

/** A longer id is not kept; the message has one of ours then. */
const messageIdMax = 200;

/**
 * Reads a RunAgentInput. The question is the last message of the user: what else the client sends of a conversation
 * is its own account of it, and nothing is decided by it.
 * @throws Refusal INPUT_INVALID
 */
export const readInput = (body: unknown): { peer: Peer; question: Question } => {
  const { data: input, error } = RunAgentInputSchema.safeParse(healed(body));
  if (!input) throw misshapen(error);
  const beside = shaped(forwarded, input.forwardedProps ?? {});
  const { threadId, runId, protocolVersion, resume, messages, tools = [] } = input as RunAgentInput;
  const { activity, clientId, cursor, interrupts, purpose, state, steps, tenantId, traceparent } = beside;
  const asked = messages.findLast((message) => message.role === 'user');
  return {
    peer: {
      ...{ threadId, runId, legacy: protocolVersion === undefined },
      answers: resume !== undefined && resume.length > 0,
    },
    question: {
      text: contentToText(asked?.content),
      run: runId,
      session: threadId,
      message: asked && asked.id.length <= messageIdMax ? asked.id : undefined,
      canAnswer: interrupts || undefined,
      steps: steps || undefined,
      state: state || undefined,
      activity: activity || undefined,
      tools: offeredOf(tools),
      results: resultsOf(messages),
      resume,
      subjectId: clientId,
      cursor,
      purpose,
      tenant: tenantId,
      traceparent,
    },
  };
};

/** The events of one run, by the parts of its replies. */
export interface Telling {
  start(): Event[];
  /** `ours` where it is a word of this edge alone, so that the run may come to something else. */
  tell(parts: readonly Part[], ours?: boolean): Event[];
}

/** How a run ends that its person was asked back in. To reach for somebody takes a second factor, lately, beside the schema. */
export const interruptedBy = (
  { id, action, message, facts, responseSchema, expiresAt }: Extract<Part, { type: 'interrupted' }>,
  run: Pick<Peer, 'threadId' | 'runId'>,
): Event => ({
  type: EventType.RUN_FINISHED,
  ...run,
  outcome: {
    type: 'interrupt',
    interrupts: [
      {
        ...{ id, reason: 'confirmation', message, responseSchema, expiresAt },
        metadata: { action, ...(facts ? { facts } : {}), ...(action === 'break_glass' ? stepUp : {}) },
      },
    ],
  },
});

/** A newer telling of the answer, which a hop's death brings about, begins a new message instead of mixing two. */
export const telling = ({ threadId, runId }: Peer): Telling => {
  let open: string | undefined;
  let latest = 0;
  const reached: string[] = [];
  const progress = advancing(runId);

  const close = (): Event[] => {
    const messageId = open;
    open = undefined;
    return messageId ? [{ type: EventType.TEXT_MESSAGE_END, messageId }] : [];
  };

  const text = ({ attempt, text: delta }: Extract<Part, { type: 'text' }>): Event[] => {
    if (attempt < latest || delta === '') return [];
    const events = attempt > latest ? close() : [];
    latest = attempt;
    if (!open) {
      open = `${runId}-${attempt}`;
      events.push({ type: EventType.TEXT_MESSAGE_START, messageId: open, role: 'assistant' });
    }
    events.push({ type: EventType.TEXT_MESSAGE_CONTENT, messageId: open, delta });
    return events;
  };

  /** A step lasts until the next hop is reached, or the run is over. */
  const step = ({ hop: stepName }: Extract<Part, { type: 'step' }>): Event[] => {
    if (reached.includes(stepName)) return [];
    const left = reached.at(-1);
    reached.push(stepName);
    return [
      ...(left ? [{ type: EventType.STEP_FINISHED, stepName: left } as const] : []),
      { type: EventType.STEP_STARTED, stepName },
    ];
  };

  /** What the client is asked to show, in the message that tells it. */
  const show = ({ name: toolCallName, arguments: shown }: ClientCall): Event[] => {
    const toolCallId = callOf(runId);
    const told = open ?? (latest > 0 ? `${runId}-${latest}` : undefined);
    return [
      ...close(),
      {
        ...{ type: EventType.TOOL_CALL_START, toolCallId, toolCallName },
        ...(told ? { parentMessageId: told } : {}),
      },
      { type: EventType.TOOL_CALL_ARGS, toolCallId, delta: JSON.stringify(shown) },
      { type: EventType.TOOL_CALL_END, toolCallId },
    ];
  };

  const terminal = (part: End): Event => {
    if (part.type === 'answered') {
      const { promptTokens: inputTokens, completionTokens: outputTokens, totalTokens } = part.usage;
      return {
        type: EventType.RUN_FINISHED,
        threadId,
        runId,
        result: { intent: part.intent, ...standingOf(part) },
        outcome: { type: 'success', ...(part.call ? { pendingToolCallIds: [callOf(runId)] } : {}) },
        ...(totalTokens > 0 ? { usage: [{ inputTokens, outputTokens, totalTokens }] } : {}),
      };
    }
    if (part.type === 'interrupted') return interruptedBy(part, { threadId, runId });
    if (part.type === 'cancelled')
      return { type: EventType.RUN_FINISHED, threadId, runId, outcome: { type: 'cancelled' } };
    const { message, code } = part;
    // The protocol has no field for it.
    const rawEvent = { ...hintsOf(code), ...besideOf(part) };
    return {
      type: EventType.RUN_ERROR,
      message,
      code,
      ...(Object.keys(rawEvent).length > 0 ? { rawEvent } : {}),
    };
  };

  const ending = (part: End, ours: boolean): Event[] => [
    ...(part.type === 'answered' && part.call ? show(part.call) : []),
    ...(ours ? [] : progress.end(part.type)),
    terminal(part),
  ];

  return {
    start: () => [{ type: EventType.RUN_STARTED, threadId, runId, protocolVersion: PROTOCOL_VERSION }],
    tell: (parts, ours = false) =>
      parts.flatMap((part) => {
        if (isEnd(part)) return ending(part, ours);
        if (part.type === 'text') return text(part);
        return part.type === 'step' ? step(part) : progress.tell(part);
      }),
  };
};

/** A reply, as far as it is told here. */
interface Reply {
  readonly parts: readonly Part[];
  readonly ours?: true;
}

async function* groupsOf(run: AsyncIterable<Reply>, peer: Peer): AsyncGenerator<Group> {
  const { start, tell } = telling(peer);
  yield { events: start(), placed: true };
  for await (const { parts, ours } of run) yield { events: tell(parts, ours), placed: !ours };
}

/**
 * An event and its place in its run, from 1, without gaps, the same at every replica. A last word of this edge alone has
 * none: who resumes after what came before it misses nothing.
 */
export interface Placed {
  readonly seq?: number;
  readonly event: Event;
}

/** Events as a client of this generation understands them. */
export const toldTo = (peer: Peer, run: Reader, events: readonly Event[]): readonly Event[] =>
  peer.legacy ? events.map((event) => downgrade(event, run.downgraded, peer.answers)) : events;

/**
 * The events of a run after a place, grouped as the replies were. What a client has seen already is told to the
 * state machine again but not to the client, so a place within a reply is as good as one between two.
 */
export async function* eventsOf(
  run: AsyncIterable<Reply> & Reader,
  peer: Peer,
  after = 0,
): AsyncGenerator<readonly Placed[]> {
  let seq = 0;
  for await (const { events, placed } of strict(groupsOf(run, peer), run)) {
    const said = toldTo(peer, run, events);
    yield placed
      ? said.map((event) => ({ seq: ++seq, event })).filter((one) => one.seq > after)
      : said.map((event) => ({ event }));
  }
}
