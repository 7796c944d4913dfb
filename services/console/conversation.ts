/** A conversation as the page shows it, from the events of its runs. Pure. */

/** Of an AG-UI event, what is shown. */
export interface RunEvent {
  readonly type: string;
  readonly messageId?: string;
  readonly delta?: string;
  readonly code?: string;
  readonly outcome?: { readonly type: string };
  readonly result?: {
    readonly confidence?: number;
    readonly intent?: string;
    readonly cached?: boolean;
    readonly degraded?: boolean;
    readonly nextCursor?: string;
  };
}

/** One question and what came of it. */
export interface Turn {
  /** The run's id as this page chose it. */
  readonly id: string;
  /** Undefined for one from before the page was loaded: what was asked is kept nowhere in the browser. */
  readonly question: string | undefined;
  /** The run's id as everybody else knows it. */
  readonly run: string | undefined;
  readonly state: 'asked' | 'told' | 'answered' | 'refused' | 'cancelled';
  readonly text: string;
  /** The message that the text is of; another one replaces it. */
  readonly message: string | undefined;
  /** The place of the last event that was seen. */
  readonly seq: number;
  readonly code: string | undefined;
  readonly result: RunEvent['result'];
}

export const isOver = ({ state }: Turn): boolean => state !== 'asked' && state !== 'told';

export const newTurn = (id: string, question: string | undefined): Turn => ({
  id,
  question,
  run: undefined,
  state: 'asked',
  text: '',
  message: undefined,
  seq: 0,
  code: undefined,
  result: undefined,
});

/** The turn after an event; one that was seen before changes nothing. */
export const told = (turn: Turn, seq: number, event: RunEvent): Turn => {
  if (seq <= turn.seq || isOver(turn)) return turn;
  const next = { ...turn, seq };
  switch (event.type) {
    case 'TEXT_MESSAGE_START':
      return { ...next, state: 'told', message: event.messageId, text: '' };
    case 'TEXT_MESSAGE_CONTENT':
      return { ...next, state: 'told', text: turn.text + (event.delta ?? '') };
    case 'RUN_FINISHED':
      return event.outcome?.type === 'cancelled'
        ? { ...next, state: 'cancelled' }
        : { ...next, state: 'answered', result: event.result };
    case 'RUN_ERROR':
      return event.code === 'CANCELLED'
        ? { ...next, state: 'cancelled' }
        : { ...next, state: 'refused', code: event.code ?? 'INTERNAL' };
    default:
      return next;
  }
};

/** A piece of an answer. */
export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly lines: readonly string[] }
  | { readonly kind: 'table'; readonly rows: readonly (readonly string[])[] };

const cellsOf = (line: string): readonly string[] => line.split(' · ');

/** Lines that are items stand together, and those that all have as many parts are the rows of a table. */
export const blocksOf = (text: string): readonly Block[] => {
  const blocks: Block[] = [];
  let items: string[] = [];
  const flush = (): void => {
    if (items.length === 0) return;
    const rows = items.map(cellsOf);
    const width = rows[0]?.length ?? 0;
    const isTable = rows.length > 1 && width > 1 && rows.every(({ length }) => length === width);
    blocks.push(isTable ? { kind: 'table', rows } : { kind: 'list', lines: items });
    items = [];
  };
  for (const line of text.split('\n')) {
    if (line.startsWith('- ')) {
      items.push(line.slice(2));
      continue;
    }
    flush();
    if (line.trim()) blocks.push({ kind: 'text', text: line });
  }
  flush();
  return blocks;
};
