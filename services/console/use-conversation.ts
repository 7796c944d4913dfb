import type { Interrupt } from '@ag-ui/client';
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
import { asFailure, type Failure, failureOf } from './failure.ts';
import { accepted, declined, endOf, type Verdict } from './interrupt.ts';
import type { Session } from './session.ts';
import { freshThread, keepThread, pastThread, type Thread, threadOf } from './thread.ts';

const failed = (error: unknown): Failure =>
  error instanceof Refused ? failureOf(error.payload) : asFailure(error);

/** Whether what stands in a conversation is here, or why it cannot be had. */
type Arrival = 'awaited' | 'here' | Failure;

/**
 * A conversation over its socket, as a page holds it. One question is under way at a time, and it is the last.
 * `wanted` is the id of one that somebody goes back to; without it, the tab's own goes on.
 */
export const useConversation = (session: Session, account: string, wanted: string | undefined) => {
  const [thread, setThread] = useState<Thread>(() =>
    wanted ? pastThread(account, wanted) : threadOf(account),
  );
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [arrival, setArrival] = useState<Arrival>('here');
  const agent = useRef<WsAgent>(undefined);

  const change = useCallback(
    (next: (turn: Turn) => Turn): void =>
      setTurns((all) => all.map((turn, index) => (index === all.length - 1 ? next(turn) : turn))),
    [],
  );
  /** What an agent tells, as long as it is of the conversation that is shown. */
  const hearing = useCallback(
    (of: WsAgent) => ({
      onEvent: ({ event }: { event: RunEvent }): void => {
        if (agent.current !== of) return;
        setArrival('here');
        if (event.messages) setTurns(turnsOf(event.messages));
        else change((turn) => told(turn, event));
      },
    }),
    [change],
  );
  const fail = useCallback(
    (of: WsAgent, error: unknown): void => {
      if (agent.current === of) change((turn) => told(turn, { type: 'RUN_ERROR', code: failed(error).code }));
    },
    [change],
  );

  useEffect(() => {
    const opened = new WsAgent({ url: location.origin, token: session.token, threadId: thread.id });
    agent.current = opened;
    setTurns([]);
    setArrival(thread.isKept ? 'awaited' : 'here');
    const arrive = (as: Arrival): void => {
      if (agent.current === opened) setArrival((before) => (before === 'awaited' ? as : before));
    };
    if (thread.isKept)
      opened.connectAgent({}, hearing(opened)).then(
        () => arrive('here'),
        (error: unknown) => {
          fail(opened, error);
          arrive(failed(error));
        },
      );
    return () => opened.close();
  }, [session, thread, hearing, fail]);

  const enter = useCallback((next: Thread): void => {
    keepThread(next);
    setThread(next);
  }, []);
  useEffect(() => {
    if (wanted && agent.current?.threadId !== wanted) enter(pastThread(account, wanted));
  }, [account, wanted, enter]);

  /** A run cannot be asked for while another waits for its answer, so whoever asks something else says no. */
  const run = (asking: WsAgent, about: Parameters<WsAgent['runAgent']>[0]): void => {
    const resume = asking.pendingInterrupts.map(declined);
    keepThread(pastThread(account, asking.threadId));
    asking
      .runAgent({ ...(resume.length > 0 ? { resume } : {}), ...about }, hearing(asking))
      .catch((error: unknown) => fail(asking, error));
  };

  return {
    turns,
    arrival,
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
      // The edge takes no answer any more, a no neither; what is asked next says it.
      if (verdict === 'no' && asking.pendingInterrupts.some(isOverdue)) {
        change(passedOver);
        return;
      }
      // A socket speaks for who they were when it opened, and a yes may take what they have proved since.
      if (verdict === 'yes') asking.close();
      const runId = crypto.randomUUID();
      const resume = asking.pendingInterrupts.map((interrupt) =>
        verdict === 'yes' ? accepted(interrupt, given[interrupt.id] ?? {}) : declined(interrupt),
      );
      change((turn) => resumed(turn, runId, verdict));
      run(asking, { runId, resume });
    },
    stop: (): void => agent.current?.abortRun(),
    begin: (): void => enter(freshThread(account)),
    /** Tries once more to come to where one wants to be. */
    again: (): void => setThread((present) => ({ ...present })),
  };
};

const isOverdue = (interrupt: Interrupt): boolean =>
  (endOf(interrupt) ?? Number.POSITIVE_INFINITY) <= Date.now();
