import { expect } from 'vitest';
import { WebSocket } from 'ws';

/**
 * Overhears every stream of AG-UI that an edge tells: over HTTP as its reader in this process reads it, over WebSocket as an
 * edge of this process sends it or, where edges are processes of their own, as it comes. What the tests were told is then
 * given to the genuine clients, each stream to the generation that it was meant for.
 */

/** One event as it came, and its place, where it has one. */
interface Heard {
  readonly seq: number | undefined;
  readonly json: string;
}

interface Stream {
  /** The file of tests that it was told in: several may share this process, one after the other. */
  readonly file: string;
  readonly test: string;
  /** The run, as everybody inside calls it; undefined for a socket that says none. */
  readonly run: string | undefined;
  /** Whether it was meant for a client before 1.0. */
  readonly legacy: boolean;
  /** The place after which it begins; 0 from the start. */
  readonly after: number;
  /** Its events, once all that came has come. */
  heard(): Promise<readonly Heard[]>;
  /** True where the edge ended it, so that its last event is the run's end. */
  ended(): boolean;
}

/** How many streams were judged: from their first event to their end, cut off by who read them, or begun midway. */
export interface Judged {
  readonly whole: number;
  readonly cut: number;
  /** Those that were resumed, after what others were told of the same run before that place. */
  readonly pieced: number;
}

const streams: Stream[] = [];
const testNow = (): Pick<Stream, 'file' | 'test'> => {
  const { currentTestName = 'before any test', testPath: file = '' } = expect.getState();
  return { file, test: `${file.split('/').at(-1)}: ${currentTestName}` };
};
const isOlder = (input: unknown): boolean =>
  ((input as { protocolVersion?: unknown } | undefined)?.protocolVersion ?? undefined) === undefined;
const read = (text: string): Record<string, unknown> => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};

const blocks = /(?:^id: .*:(\d+)\n)?^data: (.*)\n\n/gm;

const placeIn = (cursor: string | null): number => Number(cursor?.split(':').at(-1)) || 0;

/** Passes a response on and keeps what is read of it. */
const overhearResponse = (response: Response, ...[input, init]: Parameters<typeof fetch>): Response => {
  const run = response.headers.get('jangada-run');
  const type = response.headers.get('content-type') ?? '';
  const isText = type === 'text/event-stream';
  if (!run || !response.body || !(isText || type.includes('ag-ui'))) return response;
  const { searchParams: queried } = new URL(input instanceof Request ? input.url : input);
  const chunks: Uint8Array[] = [];
  let whole = false;
  const passing = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      chunks.push(chunk);
      controller.enqueue(chunk);
    },
    flush: () => {
      whole = true;
    },
  });
  streams.push({
    ...testNow(),
    run,
    // Whoever resumes sends no input, and knows how to.
    legacy: typeof init?.body === 'string' && isOlder(read(init.body)),
    after: placeIn(new Headers(init?.headers).get('last-event-id') ?? queried.get('after')),
    ended: () => whole,
    heard: async () => {
      const bytes = Buffer.concat(chunks);
      if (!isText) {
        const { unpacked } = await import('./genuine.ts');
        const events = await unpacked(bytes, type);
        return events.map((event) => ({ seq: undefined, json: JSON.stringify(event) }));
      }
      return [...bytes.toString().matchAll(blocks)].map(([, seq, json = '']) => ({
        seq: seq === undefined ? undefined : Number(seq),
        json,
      }));
    },
  });
  const { status, statusText, headers, url } = response;
  const passed = new Response(response.body.pipeThrough(passing), { status, statusText, headers });
  return Object.defineProperty(passed, 'url', { value: url });
};

/** What one socket was asked and told, each message as its text. */
export class Talk {
  readonly #asked = new Map<unknown, Pick<Stream, 'legacy' | 'after'>>();
  readonly #told = new Map<unknown, Heard[]>();

  ask(text: string): void {
    const { op, input, runId, after, messages, ...rest } = read(text);
    const legacy = isOlder(input ?? rest);
    if (op === 'run')
      this.#asked.set((input as { runId?: unknown } | undefined)?.runId, { legacy, after: 0 });
    else if (op === 'resume') this.#asked.set(runId, { legacy: false, after: Number(after) || 0 });
    else if (messages) this.#asked.set('', { legacy, after: 0 });
  }

  tell(text: string): void {
    const said = read(text);
    const { op, run, runId, seq, event, type, payload } = said;
    if (op === 'accepted' && run) this.#open(runId, String(run));
    else if (event) this.#told.get(run)?.push({ seq: Number(seq) || undefined, json: JSON.stringify(event) });
    else if (type && !payload) {
      if (!this.#told.has('')) this.#open('', undefined);
      this.#told.get('')?.push({ seq: undefined, json: text });
    }
  }

  #open(name: unknown, run: string | undefined): void {
    const heard: Heard[] = [];
    this.#told.set(name, heard);
    const asked = this.#asked.get(name) ?? { legacy: false, after: 0 };
    streams.push({ ...testNow(), run, ...asked, ended: () => false, heard: async () => heard });
  }
}

let listening = false;

/** Begins to overhear, from then on until this process ends. `edges` is where those are that sockets lead to. */
export const overhear = (edges: 'here' | 'elsewhere' = 'here'): void => {
  if (listening) return;
  listening = true;
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => overhearResponse(await fetch(input, init), input, init);

  const talks = new WeakMap<WebSocket, Talk>();
  /** Of an edge here at its own end only: on the way to the other a test may have put words in. */
  const talkOf = (socket: WebSocket): Talk | undefined => {
    const isEdge = !socket.url;
    if (isEdge !== (edges === 'here')) return undefined;
    const talk = talks.get(socket) ?? new Talk();
    talks.set(socket, talk);
    return talk;
  };
  const [comes, goes] = edges === 'here' ? (['ask', 'tell'] as const) : (['tell', 'ask'] as const);
  const { emit, send } = WebSocket.prototype;
  Object.assign(WebSocket.prototype, {
    emit(this: WebSocket, name: string, ...args: unknown[]) {
      if (name === 'message') talkOf(this)?.[comes](String(args[0]));
      return emit.call(this, name, ...args);
    },
    send(this: WebSocket, ...args: Parameters<typeof send>) {
      talkOf(this)?.[goes](String(args[0]));
      return send.apply(this, args);
    },
  });
};

const isEnd = ({ json }: Heard): boolean =>
  ['RUN_FINISHED', 'RUN_ERROR'].includes(String(read(json)['type']));

/**
 * Gives what this file was told since the last time to the genuine clients. One that was cut off is judged as far as it came;
 * one that begins midway, after what others were told of its run before that place.
 * @throws Error that names the test of each stream that a client refuses, complains of, or would wait in vain for the end of
 */
export const judgeOverheard = async (): Promise<Judged> => {
  const judged = { whole: 0, cut: 0, pieced: 0 };
  const complaints: string[] = [];
  const { file } = testNow();
  // What another file was told is no edge's unless that file said so, and then it was judged there.
  const own = streams.splice(0).filter((stream) => stream.file === file);
  const all = await Promise.all(own.map(async (stream) => ({ stream, heard: await stream.heard() })));
  const places = new Map<string, Heard>();
  for (const { stream, heard } of all)
    for (const one of heard) {
      const place = `${stream.run} ${one.seq}`;
      // What stands in a conversation is all told at one place, after the run's first event.
      if (!places.has(place)) places.set(place, one);
    }
  for (const { stream, heard } of all) {
    if (heard.length === 0) continue;
    const before = Array.from({ length: stream.after }, (_, index) =>
      places.get(`${stream.run} ${index + 1}`),
    );
    if (before.includes(undefined)) {
      complaints.push(
        `${stream.test}: it goes on after place ${stream.after}, and nobody was told what comes before`,
      );
      continue;
    }
    const end = heard.findIndex(isEnd);
    judged[before.length > 0 ? 'pieced' : end < 0 ? 'cut' : 'whole']++;
    const complaint = await complaintOf([...(before as Heard[]), ...heard], stream.legacy);
    if (complaint) complaints.push(`${stream.test}: ${complaint}`);
    else if (end < 0 && stream.ended()) complaints.push(`${stream.test}: it ended without a last word`);
    else if (end >= 0 && end < heard.length - 1) complaints.push(`${stream.test}: it goes on after its end`);
  }
  if (complaints.length > 0)
    throw new Error(`a genuine client does not take what was told in\n${complaints.join('\n')}`);
  return judged;
};

/** What the client has against a stream: that it refuses it, or what it says to its console. */
const complaintOf = async (heard: readonly Heard[], legacy: boolean): Promise<string | undefined> => {
  const { taken } = await import('./genuine.ts');
  const { warn, error } = console;
  const said: unknown[] = [];
  const listen = (...words: unknown[]) => void said.push(words.join(' '));
  Object.assign(console, { warn: listen, error: listen });
  try {
    const events = await taken(heard.map(({ json }) => `data: ${json}\n\n`).join(''), legacy);
    if (events.length !== heard.length) return `it takes ${events.length} of ${heard.length} events`;
  } catch (refusal) {
    return refusal instanceof Error ? refusal.message : String(refusal);
  } finally {
    Object.assign(console, { warn, error });
  }
  return said.length > 0 ? said.join('; ') : undefined;
};
