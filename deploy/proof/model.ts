import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { listening } from '@jangada/testkit/http.ts';

/**
 * A model that takes its time, over the protocol of OpenAI's chat completions: an answer is so many words, each a sentence
 * of its own that names its number, one after the other. Whatever else it is asked it answers at once, with the rows it was
 * given.
 */
export interface PacedModel extends AsyncDisposable {
  readonly url: string;
  /** Answers that are being told. */
  open(): number;
}

export interface Pace {
  /** How a question begins that is answered word by word. */
  readonly question: string;
  readonly words: number;
  readonly everyMs: number;
  /** Length of a word with what fills it up; as long as itself where none is given. */
  readonly characters?: number;
}

interface Request {
  readonly messages: readonly { readonly content: string }[];
}

const chunk = (content: string, finish: 'stop' | null = null): string => {
  const choices = [{ index: 0, delta: { content }, finish_reason: finish }];
  const body = { id: 'paced', object: 'chat.completion.chunk', created: 1, model: 'default', choices };
  return `data: ${JSON.stringify(body)}\n\n`;
};

/** A word for a number, in letters: a figure that was not granted is not told. */
const wordOf = (number: number): string =>
  `q${[...String(number)].map((digit) => digits[Number(digit)]).join('')}. `;
const digits = 'abcdefghij';

/** The numbers of the words that a text has. */
export const numbersIn = (text: string): number[] =>
  [...text.matchAll(/q([a-j]+)\. /g)].map(([, word = '']) =>
    Number([...word].map((letter) => digits.indexOf(letter)).join('')),
  );

/** Means nothing, in sentences, for what does not end is not told. */
const filling = `${'x'.repeat(998)}. `;
const filled = (word: string, characters: number): string =>
  word.length < characters
    ? `${(word + filling.repeat(Math.ceil(characters / filling.length))).slice(0, characters - 2)}. `
    : word;

export const startModel = async ({ question, words, everyMs, characters = 0 }: Pace): Promise<PacedModel> => {
  let open = 0;

  const tell = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { messages } = (await json(request)) as Request;
    const asked = JSON.parse(messages.at(-1)?.content ?? '{}') as { question?: string; rows?: unknown };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (asked.question?.startsWith(question)) {
      for (let word = 1; word <= words && !response.closed; word++) {
        response.write(chunk(filled(wordOf(word), characters)));
        await sleep(everyMs);
      }
    } else response.write(chunk(JSON.stringify(asked.rows)));
    response.end(`${chunk('', 'stop')}data: [DONE]\n\n`);
  };

  const server = createServer((request, response) => {
    if (request.method === 'GET') return void response.end();
    open++;
    response.once('close', () => open--);
    // Whoever asked has gone away amid the question.
    tell(request, response).catch(() => response.destroy());
  });
  const served = await listening(server);
  return {
    ...served,
    url: `http://${served.host}/v1`,
    open: () => open,
  };
};
