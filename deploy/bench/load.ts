import { connect } from 'node:net';
import { type Asked, padded, questions, rowsPerAnswer, tenantOf } from './questions.ts';

/**
 * The load generator, a process of its own: one keep-alive connection per run in flight, each asking again as soon
 * as it has its answer. Sockets are raw, because an HTTP client would cost more than some of those it measures.
 */

/** Whom to ask, and how. */
export interface Target {
  readonly port: number;
  readonly clinics: number;
  /** `agui`: a question to the edge, by somebody of its clinic; `plain`: to a baseline. */
  readonly dialect:
    | { readonly kind: 'agui'; readonly people: readonly Credentials[] }
    | { readonly kind: 'plain' };
}

/** Somebody who signs in, one of each clinic. */
export interface Credentials {
  readonly email: string;
  readonly password: string;
}

export interface Phase {
  readonly inFlight: number;
  /** Time before counting begins, in ms. */
  readonly rampMs: number;
  readonly measureMs: number;
}

/** What came of a phase. Latencies are of runs that ended within the counted time, in ms, sorted. */
export interface Outcome {
  readonly latencies: readonly number[];
  readonly firstBytes: readonly number[];
  readonly elapsedMs: number;
  /** Since the process began, the uncounted included. */
  readonly answered: number;
  readonly failed: number;
  readonly fromCache: number;
  /** The beginning of the first answer that was not right. */
  readonly complaint?: string;
}

export type Order = { readonly target: Target } | { readonly phase: Phase };
export type Report =
  | { readonly state: 'ready' | 'counting' | 'counted' }
  | { readonly state: 'done'; readonly outcome: Outcome };

interface Dialect {
  /** Before each phase. */
  prepare(): Promise<void>;
  request(asked: Asked): string;
  isRight(answer: string): boolean;
}

const post = (path: string, port: number, body: string, headers = ''): string =>
  `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** Every answer begins with how many appointments there are. */
const hasRows = (answer: string): boolean => answer.includes(`${rowsPerAnswer} consultas`);
const lastEvent = (answer: string): string => answer.slice(answer.lastIndexOf('data: '));

/** Access tokens last ten minutes, and no phase lasts longer than the rest of that. */
const tokensServeMs = 7 * 60_000;
/** Passwords are slow to check on purpose: the edge refuses a crowd. */
const signInsAtOnce = 8;

const signIn = async (port: number, credentials: Credentials): Promise<string> => {
  const response = await fetch(`http://127.0.0.1:${port}/v1/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
  });
  if (!response.ok) throw new Error(`the edge answered a log-in with ${response.status}`);
  return ((await response.json()) as { access_token: string }).access_token;
};

const dialects = {
  agui: (port: number, people: readonly Credentials[]): Dialect => {
    let tokens: readonly string[] = [];
    let signedInAt = Number.NEGATIVE_INFINITY;
    const request: Dialect['request'] = ({ clinic, runId, text }) => {
      const body = padded((value) => ({
        threadId: `thread-${runId}`,
        runId,
        protocolVersion: '1.0',
        state: {},
        messages: [{ id: 'm1', role: 'user', content: text }],
        tools: [],
        context: [{ description: 'page', value }],
        forwardedProps: { tenantId: tenantOf(clinic) },
      }));
      const token = tokens[clinic - 1];
      return post(
        '/v1/agui/assistant',
        port,
        body,
        `authorization: Bearer ${token}\r\naccept: text/event-stream\r\n`,
      );
    };
    return {
      prepare: async () => {
        if (performance.now() - signedInAt < tokensServeMs) return;
        signedInAt = performance.now();
        const fresh: string[] = [];
        for (let from = 0; from < people.length; from += signInsAtOnce) {
          const some = people.slice(from, from + signInsAtOnce);
          fresh.push(...(await Promise.all(some.map((person) => signIn(port, person)))));
        }
        tokens = fresh;
      },
      request,
      isRight: (answer) => hasRows(answer) && /"RUN_FINISHED".*"type":"success"/.test(lastEvent(answer)),
    };
  },
  plain: (port: number): Dialect => ({
    prepare: async () => undefined,
    request: ({ clinic, runId, from, to, text: question }) => {
      const user = `user-${clinic}`;
      return post(
        '/run',
        port,
        padded((padding) => ({ runId, clinic: tenantOf(clinic), user, from, to, question, padding })),
      );
    },
    isRight: (answer) => hasRows(answer) && answer.includes('\n{"done":true}'),
  }),
};

/** Ends every chunked answer; both candidates and baselines stream theirs. */
const lastChunk = '\r\n0\r\n\r\n';

const generator = ({ port, clinics, dialect: spoken }: Target) => {
  const dialect = spoken.kind === 'agui' ? dialects.agui(port, spoken.people) : dialects.plain(port);
  const next = questions(clinics);
  const total = { answered: 0, failed: 0, fromCache: 0 };
  let complaint: string | undefined;

  /** Asks one question after the other on one connection until told to stop; ends after the last answer. */
  const connection = (
    isOver: () => boolean,
    note: (latency: number, firstByte: number) => void,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1');
      let answer = '';
      let sentAt = 0;
      let firstAt = 0;

      const ask = (): void => {
        if (isOver()) {
          socket.destroy();
          resolve();
          return;
        }
        answer = '';
        firstAt = 0;
        sentAt = performance.now();
        socket.write(dialect.request(next()));
      };
      const take = (): void => {
        const right = answer.startsWith('HTTP/1.1 200') && dialect.isRight(answer);
        total[right ? 'answered' : 'failed']++;
        if (answer.includes('"cached":true')) total.fromCache++;
        if (right) note(performance.now() - sentAt, firstAt - sentAt);
        else complaint ??= answer.slice(0, 2_000);
        ask();
      };
      socket.on('connect', ask);
      socket.on('data', (data) => {
        firstAt ||= performance.now();
        answer += data;
        // A refusal has a length instead of chunks.
        if (answer.endsWith(lastChunk) || (!answer.startsWith('HTTP/1.1 200') && answer.endsWith('}')))
          take();
      });
      socket.on('error', reject);
      socket.on('close', () =>
        reject(new Error(`the connection was closed within an answer: ${answer.slice(0, 500)}`)),
      );
    });

  const run = async (
    { inFlight, rampMs, measureMs }: Phase,
    tell: (report: Report) => void,
  ): Promise<Outcome> => {
    const latencies: number[] = [];
    const firstBytes: number[] = [];
    let state: 'ramp' | 'counting' | 'over' = 'ramp';
    await dialect.prepare();
    let since = 0;
    let elapsedMs = 0;
    setTimeout(() => {
      state = 'counting';
      since = performance.now();
      tell({ state: 'counting' });
    }, rampMs);
    setTimeout(() => {
      state = 'over';
      elapsedMs = performance.now() - since;
      tell({ state: 'counted' });
    }, rampMs + measureMs);
    const note = (latency: number, firstByte: number): void => {
      if (state !== 'counting') return;
      latencies.push(latency);
      firstBytes.push(firstByte);
    };
    await Promise.all(Array.from({ length: inFlight }, () => connection(() => state === 'over', note)));
    const ascending = (a: number, b: number): number => a - b;
    return {
      latencies: latencies.sort(ascending),
      firstBytes: firstBytes.sort(ascending),
      elapsedMs,
      ...total,
      ...(complaint === undefined ? {} : { complaint }),
    };
  };
  return { run };
};

const tell = (report: Report): void => void process.send?.(report);
let at: ReturnType<typeof generator> | undefined;
process.on('message', (order: Order) => {
  if ('target' in order) {
    at = generator(order.target);
    tell({ state: 'ready' });
  } else void at?.run(order.phase, tell).then((outcome) => tell({ state: 'done', outcome }));
});
process.on('disconnect', () => process.exit());
