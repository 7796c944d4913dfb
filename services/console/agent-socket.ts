import type { RunEvent } from './conversation.ts';
import { Failure, failureOf } from './failure.ts';

/**
 * One socket of `agui.v1`, opened when a question needs it. While a run is told the socket is opened again whenever it
 * is lost, and each run goes on after the last event that was seen; the runs themselves live in the services.
 */

/** What a run makes known. */
export interface Listener {
  accepted(run: string): void;
  event(seq: number, event: RunEvent): void;
  failed(failure: Failure): void;
}

interface Followed {
  readonly listener: Listener;
  readonly threadId: string;
  /** The frame that asks; undefined for a run that was asked before. */
  readonly asks: object | undefined;
  seq: number;
  /** The edge has it, so that after a loss it is not asked but resumed. */
  isKnown: boolean;
}

interface Frame {
  readonly op?: string;
  readonly run?: string;
  readonly runId?: string;
  readonly seq?: number;
  readonly event?: RunEvent;
}

const triesMax = 6;
const endings: ReadonlySet<string> = new Set(['RUN_FINISHED', 'RUN_ERROR']);

export const openAgent = (ticketFor: () => Promise<string>, onLink: (isUp: boolean) => void) => {
  const runs = new Map<string, Followed>();
  let socket: WebSocket | undefined;
  let opening: Promise<void> | undefined;
  let tries = 0;

  const fail = (failure: Failure, only?: string): void => {
    for (const [runId, { listener }] of only === undefined ? runs : [...runs].filter(([id]) => id === only)) {
      runs.delete(runId);
      listener.failed(failure);
    }
  };

  const receive = ({ op, run, runId, seq, event, ...rest }: Frame): void => {
    if (op === 'error') fail(failureOf(rest), runId);
    const followed = runs.get((op === 'accepted' ? runId : run) ?? '');
    if (!followed) return;
    if (op === 'accepted') {
      followed.isKnown = true;
      if (run) followed.listener.accepted(run);
    } else if (event && seq !== undefined) {
      followed.seq = seq;
      followed.listener.event(seq, event);
      if (endings.has(event.type)) runs.delete(run ?? '');
    }
  };

  const say = (runId: string): void => {
    const followed = runs.get(runId);
    if (!followed || socket?.readyState !== WebSocket.OPEN) return;
    const { asks, isKnown, seq, threadId } = followed;
    socket.send(JSON.stringify(asks && !isKnown ? asks : { op: 'resume', runId, after: seq, threadId }));
  };

  const lost = (): void => {
    socket = undefined;
    if (runs.size === 0) return;
    onLink(false);
    tries += 1;
    if (tries > triesMax) fail(new Failure('NETWORK'));
    else setTimeout(connect, Math.min(250 * 2 ** tries, 8_000));
  };

  const open = async (): Promise<void> => {
    const ticket = await ticketFor();
    const next = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/v1/agent`, [
      'agui.v1',
      `ticket.${ticket}`,
    ]);
    socket = next;
    next.onopen = () => {
      tries = 0;
      onLink(true);
      for (const runId of runs.keys()) say(runId);
    };
    next.onmessage = ({ data }) => receive(JSON.parse(String(data)) as Frame);
    next.onclose = lost;
  };

  function connect(): void {
    if (socket || opening) return;
    opening = open()
      .catch((error: unknown) => {
        const failure = error instanceof Failure ? error : new Failure('NETWORK');
        if (failure.code === 'NETWORK') lost();
        else fail(failure);
      })
      .finally(() => {
        opening = undefined;
      });
  }

  const follow = (runId: string, followed: Omit<Followed, 'seq' | 'isKnown'>): void => {
    runs.set(runId, { ...followed, seq: 0, isKnown: false });
    if (socket) say(runId);
    else connect();
  };

  return {
    ask: (
      { runId, threadId, text, cursor }: { runId: string; threadId: string; text: string; cursor?: string },
      listener: Listener,
    ): void => {
      const input = {
        threadId,
        runId,
        protocolVersion: '1.0',
        messages: [{ id: `${runId}-asked`, role: 'user', content: text }],
        tools: [],
        context: [],
        state: {},
        forwardedProps: cursor ? { cursor } : {},
      };
      follow(runId, { listener, threadId, asks: { op: 'run', input } });
    },
    /** Tells a run from its first event on, wherever it was asked. */
    resume: (runId: string, threadId: string, listener: Listener): void =>
      follow(runId, { listener, threadId, asks: undefined }),
    cancel: (runId: string): void => socket?.send(JSON.stringify({ op: 'cancel', runId })),
    close: (): void => {
      runs.clear();
      socket?.close(1000);
    },
  };
};

export type Agent = ReturnType<typeof openAgent>;
