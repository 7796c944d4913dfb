import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A model behind an endpoint that speaks one of the three protocols over HTTP, as true to it as a client can tell, and
 * that misbehaves on demand.
 */

type Ending = 'stop' | 'length' | 'filter';

interface Protocol {
  /** What stands after the host, and what is asked for beneath it. */
  readonly base: string;
  readonly path: string;
  readonly type: string;
  /** What comes before the first words. */
  readonly opening: string;
  said(text: string): string;
  ended(why: Ending): string;
  /** A call of a tool that nobody offered. */
  readonly call: string;
  /** A fault in the middle of an answer. */
  readonly fault: string;
}

/** What every whole answer says that it cost. */
export const cost = { promptTokens: 40, completionTokens: 7, totalTokens: 47 };

const data = (body: unknown): string => `data: ${JSON.stringify(body)}\n\n`;
const chunk = (delta: object, finish: string | null = null): string =>
  data({
    ...{ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'default' },
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
const event = (type: string, body: object): string => `event: ${type}\n${data({ type, ...body })}`;
const line = (body: object): string =>
  `${JSON.stringify({ model: 'default', created_at: '2026-11-21T12:00:00Z', ...body })}\n`;
const spoken = (content: string, more: object = {}) => ({ message: { role: 'assistant', content, ...more } });

export const protocols = {
  openai: {
    base: '/v1',
    path: '/chat/completions',
    type: 'text/event-stream',
    opening: chunk({ role: 'assistant', content: '' }),
    said: (content) => chunk({ content }),
    ended: (why) =>
      chunk({}, why === 'filter' ? 'content_filter' : why) +
      data({
        ...{ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'default', choices: [] },
        usage: { prompt_tokens: 40, completion_tokens: 7, total_tokens: 47 },
      }) +
      'data: [DONE]\n\n',
    call:
      chunk({
        tool_calls: [
          { index: 0, id: 'c1', type: 'function', function: { name: 'erase', arguments: '{"who":"Ana"}' } },
        ],
      }) + chunk({}, 'tool_calls'),
    fault: `${data({ error: { message: 'overloaded', type: 'server_error' } })}data: [DONE]\n\n`,
  },
  anthropic: {
    base: '/v1',
    path: '/messages',
    type: 'text/event-stream',
    opening:
      event('message_start', {
        message: {
          ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'default', content: [] },
          ...{ stop_reason: null, stop_sequence: null, usage: { input_tokens: 40, output_tokens: 1 } },
        },
      }) + event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    said: (said) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: said } }),
    ended: (why) =>
      event('content_block_stop', { index: 0 }) +
      event('message_delta', {
        delta: {
          stop_reason: { stop: 'end_turn', length: 'max_tokens', filter: 'refusal' }[why],
          stop_sequence: null,
        },
        usage: { output_tokens: 7 },
      }) +
      event('message_stop', {}),
    call:
      event('content_block_stop', { index: 0 }) +
      event('content_block_start', {
        index: 1,
        content_block: { type: 'tool_use', id: 'c1', name: 'erase', input: {} },
      }) +
      event('content_block_stop', { index: 1 }) +
      event('message_delta', {
        delta: { stop_reason: 'tool_use', stop_sequence: null },
        usage: { output_tokens: 7 },
      }) +
      event('message_stop', {}),
    fault: event('error', { error: { type: 'overloaded_error', message: 'overloaded' } }),
  },
  ollama: {
    base: '/api',
    path: '/chat',
    type: 'application/x-ndjson',
    opening: '',
    said: (content) => line({ ...spoken(content), done: false }),
    ended: (why) =>
      line({
        ...{ ...spoken(''), done: true, done_reason: why === 'filter' ? 'content_filter' : why },
        ...{ prompt_eval_count: 40, eval_count: 7 },
      }),
    call:
      line({
        ...spoken('', { tool_calls: [{ function: { name: 'erase', arguments: { who: 'Ana' } } }] }),
        done: false,
      }) + line({ ...spoken(''), done: true, done_reason: 'stop' }),
    fault: `${JSON.stringify({ error: 'overloaded' })}\n`,
  },
} as const satisfies Record<string, Protocol>;

export type Name = keyof typeof protocols;

interface Asked {
  readonly path: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** True once the caller has hung up before the answer was over. */
  hungUp: boolean;
}

/** What answers one request. */
export interface Speaker {
  /** Says pieces so that each arrives by itself. */
  say(...pieces: string[]): Promise<void>;
  end(why?: Ending): void;
  /** Ends with bytes, of whatever protocol or none. */
  last(text: string): void;
  readonly protocol: Protocol;
  readonly response: ServerResponse;
}

export type Script = (speaker: Speaker) => Promise<void> | void;

/** An endpoint that answers each request by the next script, the last one for all that follow. */
export const startEndpoint = async (name: Name, ...scripts: Script[]) => {
  const protocol: Protocol = protocols[name];
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const about: Asked = {
      path: request.url,
      headers: request.headers,
      text: await text(request),
      hungUp: false,
    };
    response.on('close', () => {
      about.hungUp = !response.writableFinished;
    });
    asked.push(about);
    await (scripts[asked.length - 1] ?? scripts.at(-1))?.(speakerOf(protocol, response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${protocol.base}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

const speakerOf = (protocol: Protocol, response: ServerResponse): Speaker => {
  const raw = (said: string): void => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': protocol.type });
    response.write(said);
  };
  const open = (): void => {
    if (!response.headersSent) raw(protocol.opening || '\n');
  };
  return {
    last: (said) => {
      raw(said);
      response.end();
    },
    protocol,
    response,
    say: async (...pieces) => {
      open();
      for (const piece of pieces) {
        raw(protocol.said(piece));
        await sleep(2);
      }
    },
    end: (why = 'stop') => {
      open();
      response.end(protocol.ended(why));
    },
  };
};
