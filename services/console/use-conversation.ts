import { useCallback, useEffect, useRef, useState } from 'react';
import { type Agent, type Listener, openAgent } from './agent-socket.ts';
import { isOver, newTurn, type Turn, told } from './conversation.ts';
import type { Session } from './session.ts';
import { freshThread, keepThread, threadOf } from './thread.ts';

/** A conversation over its socket, as a page holds it. */
export const useConversation = (session: Session, account: string) => {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [isLinked, setLinked] = useState(true);
  const [thread, setThread] = useState(() => threadOf(account));
  const agent = useRef<Agent>(undefined);

  const listen = useCallback((id: string): Listener => {
    const change = (next: (turn: Turn) => Turn): void =>
      setTurns((all) => all.map((turn) => (turn.id === id ? next(turn) : turn)));
    return {
      accepted: (run) => change((turn) => ({ ...turn, run })),
      event: (seq, event) => change((turn) => told(turn, seq, event)),
      failed: ({ code }) => change((turn) => ({ ...turn, state: 'refused', code })),
    };
  }, []);

  useEffect(() => {
    const opened = openAgent(session.ticket, setLinked);
    agent.current = opened;
    const { id, runs } = threadOf(account);
    setTurns(runs.map((run) => newTurn(run, undefined)));
    for (const run of runs) {
      const listener = listen(run);
      opened.resume(run, id, {
        ...listener,
        // What is no longer kept is no longer shown.
        failed: (failure) =>
          failure.code === 'NOT_FOUND'
            ? setTurns((all) => all.filter((turn) => turn.id !== run))
            : listener.failed(failure),
      });
    }
    return opened.close;
  }, [session, account, listen]);

  return {
    turns,
    isLinked,
    /** The run that is being told, if one is. */
    current: turns.find((turn) => !isOver(turn)),
    ask: (text: string, cursor?: string): void => {
      const runId = crypto.randomUUID();
      const next = { ...thread, runs: [...thread.runs, runId] };
      setThread(next);
      keepThread(next);
      setTurns((all) => [...all, newTurn(runId, text)]);
      agent.current?.ask({ runId, threadId: thread.id, text, ...(cursor ? { cursor } : {}) }, listen(runId));
    },
    stop: (id: string): void => agent.current?.cancel(id),
    begin: (): void => {
      const next = freshThread(account);
      setThread(next);
      keepThread(next);
      setTurns([]);
    },
  };
};
