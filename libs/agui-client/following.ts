import { type BaseEvent, EventType, type RunAgentInput } from '@ag-ui/client';
import type { Subscriber } from 'rxjs';
import type { Operation, Placed, Refusal } from './frames.ts';
import { Refused } from './refused.ts';

/**
 * One run as its reader sees it, over however many sockets that takes. Each event reaches the reader once: the place of
 * the last one is the cursor, and what is asked for on the next socket is what comes after it.
 *
 * To connect to a thread is to be told first what was said until now. That prelude is several events with one place, and
 * half of it is nothing to go on from, so it is held until it is whole: when something newer follows, when the run is
 * over, or when the edge has answered a ping that was sent after the prelude had begun.
 */
export interface Following {
  readonly threadId: string;
  /** The client's name of the run; undefined until a connect was accepted. */
  runId(): string | undefined;
  /** True once the reader was told something: whatever happens from there on is told as an event. */
  begun(): boolean;
  /** True while it is not known what to connect to, or only half of it. */
  connecting(): boolean;
  /** True while the edge tells it on the present socket. */
  accepted(): boolean;
  over(): boolean;
  /** True when its end is wanted and the edge should be told. */
  cancelling(): boolean;
  /** When it was asked for, in ms since 1970. */
  readonly since: number;
  /** What to say on a socket that does not follow it yet. */
  ask(): string;
  /** Characters of what was asked last; 0 before. */
  size(): number;
  accept(runId: string): void;
  /** Takes what the edge tells. True when a ping is due, see above. */
  tell(placed: Placed): boolean;
  /** The prelude is whole. */
  release(): void;
  /** Its socket is gone. */
  lose(): void;
  refuse(refusal: Refusal): void;
  /** What was needed to ask cannot be had; for a run that has not begun. */
  fail(error: unknown): void;
  /** Nobody follows it any more. */
  detach(): void;
  /** Wants its end. What no edge has heard of ends here and now, anything else with the edge's last word. */
  cancel(): void;
}

/** What the peer asked for. A peer without a protocol version is older than 1.0. */
export type Asked =
  | { readonly kind: 'run'; readonly agent: string; readonly input: RunAgentInput }
  | { readonly kind: 'connect'; readonly input: RunAgentInput };

export const follow = (asked: Asked, reader: Subscriber<BaseEvent>): Following => {
  const { threadId, protocolVersion } = asked.input;
  const legacy = protocolVersion === undefined;
  let runId = asked.kind === 'run' ? asked.input.runId : undefined;
  let last = 0;
  let held: BaseEvent[] | undefined = asked.kind === 'connect' ? [] : undefined;
  /** True while events of a prelude may come, which share one place. */
  let restating = held !== undefined;
  let begun = false;
  let size = 0;
  let accepted = false;
  let cancelling = false;
  let over = false;

  const say = (event: BaseEvent): void => {
    if (over) return;
    begun = true;
    over = event.type === EventType.RUN_FINISHED || event.type === EventType.RUN_ERROR;
    reader.next(legacy ? asOlder(event) : event);
    if (over) reader.complete();
  };

  const release = (): void => {
    if (!held?.length) return;
    const prelude = held;
    held = undefined;
    for (const event of prelude) say(event);
  };

  const question = (): Operation => {
    if (begun && runId !== undefined) return { op: 'resume', runId, threadId, after: last };
    return asked.kind === 'run'
      ? { op: 'run', agent: asked.agent, input: newOf(asked.input) }
      : { op: 'connect', threadId };
  };

  return {
    threadId,
    since: Date.now(),
    runId: () => runId,
    begun: () => begun,
    connecting: () => held !== undefined,
    accepted: () => accepted,
    over: () => over || reader.closed,
    cancelling: () => cancelling,

    ask: () => {
      const text = JSON.stringify(question());
      size = text.length;
      return text;
    },
    size: () => size,

    accept: (name) => {
      runId = name;
      accepted = true;
    },

    tell: ({ seq, event }) => {
      if (seq < last || (seq === last && !restating)) return false;
      const first = last === 0;
      if (seq > last && !first) {
        restating = false;
        release();
      }
      last = seq;
      if (!held) {
        say(event);
        return false;
      }
      held.push(event);
      if (event.type === EventType.RUN_FINISHED || event.type === EventType.RUN_ERROR) release();
      return first && held !== undefined;
    },

    release,

    lose: () => {
      accepted = false;
      if (!held) return;
      held = [];
      last = 0;
      runId = undefined;
    },

    refuse: (refusal) => {
      const { code, message, status } = refusal;
      if (begun) return say({ type: EventType.RUN_ERROR, message, code } as BaseEvent);
      over = true;
      // A thread in which nothing was asked yet has nothing to tell.
      if (asked.kind === 'connect' && status === 404) reader.complete();
      else reader.error(new Refused(refusal));
    },

    fail: (error) => reader.error(error),

    detach: () => reader.complete(),

    cancel: () => {
      cancelling = true;
      if (size > 0) return;
      if (asked.kind === 'connect') return reader.complete();
      say({ type: EventType.RUN_STARTED, threadId, runId } as BaseEvent);
      say({ type: EventType.RUN_FINISHED, threadId, runId, outcome: { type: 'cancelled' } } as BaseEvent);
    },
  };
};

/**
 * The input with what is new in its conversation: from the last message of the user on. The edge keeps what was said
 * before and decides nothing by a client's account of it, and a frame holds 64 KiB.
 */
const newOf = (input: RunAgentInput): RunAgentInput => {
  const { messages } = input;
  const asking = messages.findLastIndex(({ role }) => role === 'user');
  return { ...input, messages: messages.slice(Math.max(0, asking)) };
};

/** A client older than 1.0 fails on an outcome that it does not know, and an edge asked to resume takes it for a newer one. */
const asOlder = (event: BaseEvent): BaseEvent => {
  const { outcome } = event as { outcome?: { type: string } };
  if (event.type !== EventType.RUN_FINISHED || outcome?.type !== 'cancelled') return event;
  return { type: EventType.RUN_ERROR, message: 'Cancelled', code: 'CANCELLED' } as BaseEvent;
};
