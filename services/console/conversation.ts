/** A conversation as the page shows it, from the events of its runs. Pure. */

/** Of an AG-UI event, what is shown. */
export interface RunEvent {
  readonly type: string;
  readonly messageId?: string;
  readonly delta?: string;
  readonly messages?: readonly Kept[];
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

/** Of a message that stands in a conversation, what is shown. */
export interface Kept {
  readonly id: string;
  readonly role: string;
  readonly content?: unknown;
}

/** One question and what came of it. */
export interface Turn {
  /** The run's id as this page chose it. */
  readonly id: string;
  readonly question: string;
  /** `untold`: over, and no answer of it stands in the conversation. */
  readonly state: 'asked' | 'told' | 'answered' | 'refused' | 'cancelled' | 'untold';
  readonly text: string;
  /** The message that the text is of; another one replaces it. */
  readonly message: string | undefined;
  readonly code: string | undefined;
  readonly result: RunEvent['result'];
}

export const isOver = ({ state }: Turn): boolean => state !== 'asked' && state !== 'told';

export const newTurn = (id: string, question: string): Turn => ({
  id,
  question,
  state: 'asked',
  text: '',
  message: undefined,
  code: undefined,
  result: undefined,
});

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
      return { ...turn, state: turn.text ? 'answered' : 'untold', result: event.result };
    case 'RUN_ERROR':
      return event.code === 'CANCELLED'
        ? { ...turn, state: 'cancelled' }
        : { ...turn, state: 'refused', code: event.code ?? 'INTERNAL' };
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
    turns.push(
      role === 'assistant' ? { ...last, state: 'answered', message: id, text: String(content) } : last,
    );
  }
  return turns.map((turn, index) =>
    isOver(turn) || index === turns.length - 1 ? turn : { ...turn, state: 'untold' },
  );
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
