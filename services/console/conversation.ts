import type { Interrupt } from '@ag-ui/client';
import type { Verdict } from './interrupt.ts';

/** A conversation as the page shows it, from the events of its runs. Pure. */

/** Of an AG-UI event, what is shown. */
export interface RunEvent {
  readonly type: string;
  readonly messageId?: string;
  readonly delta?: string;
  readonly messages?: readonly Kept[];
  readonly code?: string;
  readonly rawEvent?: { readonly alternatives?: readonly string[] };
  readonly outcome?: { readonly type: string; readonly interrupts?: readonly Interrupt[] };
  readonly result?: {
    readonly confidence?: number;
    readonly intent?: string;
    readonly cached?: boolean;
    readonly degraded?: boolean;
    readonly nextCursor?: string;
  };
}

/** Of a message that stands in a conversation, what is shown. */
export interface Kept {
  readonly id: string;
  readonly role: string;
  readonly content?: unknown;
}

/** One question and what came of it. */
export interface Turn {
  /** The id of its last run as this page chose it, and of its first, which a question that is gone on with keeps. */
  readonly id: string;
  readonly first: string;
  readonly question: string;
  /**
   * `untold`: over, and no answer of it stands in the conversation. `waiting`: its run stopped to ask, and goes on as
   * another once it is answered.
   */
  readonly state: 'asked' | 'told' | 'answered' | 'refused' | 'cancelled' | 'untold' | 'waiting';
  readonly text: string;
  /** The message that the text is of; another one replaces it. */
  readonly message: string | undefined;
  readonly code: string | undefined;
  /** When what was refused would be possible instead, as instants. */
  readonly alternatives: readonly string[];
  readonly result: RunEvent['result'];
  /** What its run stopped to ask. */
  readonly interrupts: readonly Interrupt[];
  /** What was said to that; undefined also where that was a yes which does not count yet, for the reason that the code names. */
  readonly verdict: Verdict | undefined;
}

/** True when nothing more is told of it by itself. */
export const isOver = ({ state }: Turn): boolean => state !== 'asked' && state !== 'told';

export const newTurn = (id: string, question: string): Turn => ({
  id,
  first: id,
  question,
  state: 'asked',
  text: '',
  message: undefined,
  code: undefined,
  alternatives: [],
  result: undefined,
  interrupts: [],
  verdict: undefined,
});

/** The turn goes on as another run, by what was said to what it had asked. */
export const resumed = (turn: Turn, run: string, verdict: Verdict): Turn => ({
  ...turn,
  id: run,
  state: 'asked',
  code: undefined,
  verdict,
});

/** Codes with which a yes is refused and counts as not given: who they are or what they filled in has to be mended first. */
const unheard: ReadonlySet<string> = new Set(['AUTH_STEP_UP', 'INPUT_INVALID']);

const isOrder = ({ interrupts }: Turn): boolean =>
  interrupts.some(({ metadata }) => metadata?.['action'] === 'change_agenda');

/** The turn after its run was refused. What it had asked waits on where the answer was none yet, and not where it came too late. */
const refused = (turn: Turn, code: string): Turn => {
  // Of an order nothing is filled in: what is wrong is the order itself.
  const isFinal = code === 'INPUT_INVALID' && isOrder(turn);
  if (turn.verdict === 'yes' && unheard.has(code) && !isFinal)
    return { ...turn, state: 'waiting', verdict: undefined, code };
  return {
    ...turn,
    state: 'refused',
    code,
    verdict: code === 'INTERRUPT_EXPIRED' && turn.verdict ? 'no' : turn.verdict,
  };
};

/** Somebody asked something else instead of answering. */
export const passedOver = (turn: Turn): Turn =>
  turn.state === 'waiting' ? { ...turn, state: 'untold', verdict: 'no' } : turn;

const suffix = '-asked';

/** What a question's message is called, so that its run is known by it. */
export const messageOf = (run: string): string => `${run}${suffix}`;

/** The turn after an event. */
export const told = (turn: Turn, event: RunEvent): Turn => {
  if (isOver(turn)) return turn;
  switch (event.type) {
    case 'TEXT_MESSAGE_START':
      // One that was begun before, and is told on after a connection was lost, goes on.
      return event.messageId === turn.message
        ? { ...turn, state: 'told' }
        : { ...turn, state: 'told', message: event.messageId, text: '' };
    case 'TEXT_MESSAGE_CONTENT':
      return { ...turn, state: 'told', text: turn.text + (event.delta ?? '') };
    case 'RUN_FINISHED':
      if (event.outcome?.type === 'cancelled') return { ...turn, state: 'cancelled' };
      if (event.outcome?.type === 'interrupt')
        return {
          ...turn,
          state: 'waiting',
          interrupts: event.outcome.interrupts ?? [],
          verdict: undefined,
          code: undefined,
        };
      return { ...turn, state: turn.text ? 'answered' : 'untold', result: event.result };
    case 'RUN_ERROR':
      return event.code === 'CANCELLED'
        ? { ...turn, state: 'cancelled' }
        : { ...refused(turn, event.code ?? 'INTERNAL'), alternatives: event.rawEvent?.alternatives ?? [] };
    default:
      return turn;
  }
};

/** The turns of a conversation that somebody comes back to. Whether the last goes on is told by what comes next. */
export const turnsOf = (messages: readonly Kept[]): readonly Turn[] => {
  const turns: Turn[] = [];
  for (const { id, role, content } of messages) {
    if (role === 'user') turns.push(newTurn(id.replace(new RegExp(`${suffix}$`), ''), String(content)));
    const last = turns.pop();
    if (!last) continue;
    // Named by the run that told it, which is another than was asked where that was asked back.
    const answered = { id: id.replace(/-\d+$/, ''), message: id, text: String(content) };
    turns.push(role === 'assistant' ? { ...last, ...answered, state: 'answered' } : last);
  }
  return turns.map((turn, index) =>
    isOver(turn) || index === turns.length - 1 ? turn : { ...turn, state: 'untold' },
  );
};
