import { stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { z } from 'zod';
import { readLocal } from '../local.ts';
import { accountOf, readAccounts } from './accounts.ts';
import { exitCodes, Failure, messageOf } from './failure.ts';
import { type Format, jsonOption, print, remark } from './output.ts';
import { type Access, post, refusalOf, signIn } from './sign-in.ts';
import { sse } from './sse.ts';

interface Options extends Format {
  readonly as: string;
  readonly run?: string;
  readonly session?: string;
  readonly cursor?: string;
}

/** One question with where it belongs. */
interface Question {
  readonly text: string;
  readonly thread: string;
  readonly run: string;
  readonly cursor?: string | undefined;
}

interface Answer {
  readonly runId: string;
  readonly text: string;
  /** From sending the question to the end of the answer. */
  readonly ms: number;
  /** Where the next page begins, if there is one. */
  readonly nextCursor?: string;
  readonly code?: string;
  readonly message?: string;
  /** The path of what is at fault in what was asked, where there is one. */
  readonly field?: string;
}

/** What is read of an AG-UI event. */
const event = z.looseObject({
  type: z.string(),
  delta: z.unknown().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  result: z.unknown().optional(),
  outcome: z.unknown().optional(),
  rawEvent: z.unknown().optional(),
});
const fault = z.looseObject({ field: z.string() });
const page = z.looseObject({ nextCursor: z.string() });
const cancelled = z.looseObject({ type: z.literal('cancelled') });

/**
 * Asks one question; `onText` gets the answer as it is told. When a service dies midway the telling begins anew:
 * `onText` gets a line break and the new text, and the answer holds the new text only.
 * @throws Failure when the edge does not answer
 */
const ask = async (
  edgeUrl: string,
  accessToken: string,
  question: Question,
  onText: (text: string) => void,
): Promise<Answer> => {
  const started = performance.now();
  const input = {
    threadId: question.thread,
    runId: question.run,
    messages: [{ id: crypto.randomUUID(), role: 'user', content: question.text }],
    state: {},
    tools: [],
    context: [],
    // Nobody is here to be asked back.
    forwardedProps: { interrupts: false, ...(question.cursor ? { cursor: question.cursor } : {}) },
    protocolVersion: '1.0',
  };
  const response = await post(`${edgeUrl}/v1/agui/assistant`, input, {
    authorization: `Bearer ${accessToken}`,
    accept: 'text/event-stream',
  });
  const runId = response.headers.get('jangada-run') ?? question.run;
  let text = '';
  const ended = (rest: Partial<Answer>): Answer => ({
    runId,
    text,
    ms: Math.round(performance.now() - started),
    ...rest,
  });
  if (!response.ok || !response.body) return ended(await refusalOf(response));

  for await (const data of sse(response.body)) {
    const { type, delta, ...said } = event.parse(JSON.parse(data));
    if (type === 'TEXT_MESSAGE_START' && text) {
      text = '';
      onText('\n');
    } else if (
      (type === 'TEXT_MESSAGE_CONTENT' || type === 'TEXT_MESSAGE_CHUNK') &&
      typeof delta === 'string'
    ) {
      text += delta;
      onText(delta);
    } else if (type === 'RUN_ERROR') {
      const at = fault.safeParse(said.rawEvent);
      return ended({
        code: said.code ?? 'INTERNAL',
        message: said.message ?? 'the run failed',
        ...(at.success ? { field: at.data.field } : {}),
      });
    } else if (type === 'RUN_FINISHED') {
      if (cancelled.safeParse(said.outcome).success)
        return ended({ code: 'CANCELLED', message: 'cancelled' });
      const next = page.safeParse(said.result);
      return ended(next.success ? { nextCursor: next.data.nextCursor } : {});
    }
  }
  return ended({ code: 'INTERRUPTED', message: 'the stream ended before the answer did' });
};

/** Asks and prints. @throws Failure when there is no answer */
const askOnce = async (
  edgeUrl: string,
  access: Access,
  question: Question,
  format: Format,
): Promise<void> => {
  const answer = await ask(edgeUrl, await access(), question, (text) => {
    if (!format.json) stdout.write(text);
  });
  if (format.json) {
    print(format, answer, () => '');
    if (answer.code) process.exitCode = exitCodes.failed;
    return;
  }
  if (answer.text) stdout.write('\n');
  remark(`run ${answer.runId} · ${answer.ms} ms · npx jangada run show ${answer.runId}`);
  if (answer.nextCursor) remark(`there is more: ask again with --cursor ${answer.nextCursor}`);
  if (answer.code)
    throw new Failure(`${answer.message} (${[answer.code, answer.field].filter(Boolean).join(' ')})`);
};

/** Asks line by line until the input ends. A question that fails does not end the conversation. */
const converse = async (askLine: (line: string) => Promise<void>): Promise<void> => {
  const lines = createInterface({ input: stdin, output: process.stderr, prompt: '> ' });
  let open = true;
  lines.once('close', () => {
    open = false;
  });
  lines.prompt();
  for await (const line of lines) {
    if (line.trim()) {
      await askLine(line.trim()).catch((error: unknown) => remark(messageOf(error)));
    }
    if (open) lines.prompt();
  }
};

export const askCommand = (): Command =>
  new Command('ask')
    .description('ask a question as a demo account; without a question, line by line')
    .argument('[question]')
    .requiredOption('--as <alias>', 'who asks; see `accounts`')
    .option('--run <id>', 'id of the run, made up otherwise')
    .option('--session <id>', 'conversation that the question belongs to, a new one otherwise')
    .option('--cursor <cursor>', 'where the next page begins, as an answer told it')
    .addOption(jsonOption())
    .action(async (text: string | undefined, options: Options) => {
      const { edgeUrl } = readLocal();
      const access = await signIn(edgeUrl, accountOf(readAccounts(), options.as));
      const thread = options.session ?? crypto.randomUUID();
      if (text !== undefined) {
        const run = options.run ?? crypto.randomUUID();
        return askOnce(edgeUrl, access, { text, thread, run, cursor: options.cursor }, options);
      }
      await converse((line) =>
        askOnce(edgeUrl, access, { text: line, thread, run: crypto.randomUUID() }, options),
      );
    });
