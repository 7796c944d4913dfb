import { WsAgent } from '@jangada/agui-client/agent.ts';
import { Refused } from '@jangada/agui-client/refused.ts';
import { useCallback, useEffect, useRef, useState } from 'react';
import {
  isOver,
  messageOf,
  newTurn,
  passedOver,
  type RunEvent,
  resumed,
  type Turn,
  told,
  turnsOf,
} from './conversation.ts';
import { Failure } from './failure.ts';
import { accepted, declined, type Verdict } from './interrupt.ts';
import type { Session } from './session.ts';
import { freshThread, keepThread, threadOf } from './thread.ts';

const codeOf = (error: unknown): string =>
  error instanceof Refused || error instanceof Failure ? error.code : 'INTERNAL';

/** A conversation over its socket, as a page holds it. One question is under way at a time, and it is the last. */
export const useConversation = (session: Session, account: string) => {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const agent = useRef<WsAgent>(undefined);

  const change = useCallback(
    (next: (turn: Turn) => Turn): void =>
      setTurns((all) => all.map((turn, index) => (index === all.length - 1 ? next(turn) : turn))),
    [],
  );
  const hear = useCallback(
    (event: RunEvent): void => {
      if (event.messages) setTurns(turnsOf(event.messages));
      else change((turn) => told(turn, event));
    },
    [change],
  );
  const fail = useCallback(
    (error: unknown): void => change((turn) => told(turn, { type: 'RUN_ERROR', code: codeOf(error) })),
    [change],
  );

  useEffect(() => {
    const { id, isKept } = threadOf(account);
    const opened = new WsAgent({ url: location.origin, token: session.token, threadId: id });
    agent.current = opened;
    if (isKept) opened.connectAgent({}, { onEvent: ({ event }) => hear(event as RunEvent) }).catch(fail);
    return () => opened.close();
  }, [session, account, hear, fail]);

  /** A run cannot be asked for while another waits for its answer, so whoever asks something else says no. */
  const run = (asking: WsAgent, about: Parameters<WsAgent['runAgent']>[0]): void => {
    const resume = asking.pendingInterrupts.map(declined);
    keepThread({ account, id: asking.threadId, isKept: true });
    asking
      .runAgent(
        { ...(resume.length > 0 ? { resume } : {}), ...about },
        { onEvent: ({ event }) => hear(event as RunEvent) },
      )
      .catch(fail);
  };

  return {
    turns,
    /** The run that is being told, if one is. */
    current: turns.find((turn) => !isOver(turn)),
    ask: (text: string, cursor?: string): void => {
      const asking = agent.current;
      if (!asking) return;
      const runId = crypto.randomUUID();
      setTurns((all) => [...all.map(passedOver), newTurn(runId, text)]);
      asking.addMessage({ id: messageOf(runId), role: 'user', content: text });
      run(asking, { runId, ...(cursor ? { forwardedProps: { cursor } } : {}) });
    },
    /** Answers what the last run stopped to ask; `given` is what was filled in, by what it was for. */
    answer: (verdict: Verdict, given: Readonly<Record<string, Readonly<Record<string, string>>>>): void => {
      const asking = agent.current;
      if (!asking || asking.pendingInterrupts.length === 0) return;
      const runId = crypto.randomUUID();
      const resume = asking.pendingInterrupts.map((interrupt) =>
        verdict === 'yes' ? accepted(interrupt, given[interrupt.id] ?? {}) : declined(interrupt),
      );
      change((turn) => resumed(turn, runId, verdict));
      run(asking, { runId, resume });
    },
    stop: (): void => agent.current?.abortRun(),
    begin: (): void => {
      const next = freshThread(account);
      keepThread(next);
      if (agent.current) {
        agent.current.threadId = next.id;
        agent.current.setMessages([]);
        agent.current.pendingInterrupts = [];
      }
      setTurns([]);
    },
  };
};
