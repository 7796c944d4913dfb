import type { Code } from '@jangada/proto/errors.ts';
import { type Placed, readEvents } from '@jangada/testkit/sse.ts';
import { WebSocket } from 'ws';
import type { System } from '../system.ts';

/** Somebody who has signed in, and the ways to ask. */
export interface Person {
  readonly id: string;
  readonly tenant: string;
  readonly token: string;
  /** Where the AG-UI agent is, and what to send along. */
  readonly agent: { readonly url: string; readonly headers: Record<string, string> };
  /** `POST /v1/query`: one question, one answer. */
  query(query: string, own?: Asking): Promise<Answer>;
  /** `POST /v1/agui`: the events of a run as they come. @throws Error when the stream breaks or is refused */
  run(query: string, run: string, own?: Forwarded): AsyncGenerator<Placed>;
  /** The rest of a run after the event with this id. @throws Error likewise */
  resume(run: string, lastEventId: string): AsyncGenerator<Placed>;
  /** Opens a WebSocket and collects its frames. */
  socket(): Promise<Socket>;
}

/** What goes beside the conversation. */
interface Forwarded {
  readonly clientId?: string;
  readonly steps?: boolean;
  readonly state?: boolean;
  readonly activity?: boolean;
}

export interface Asking {
  readonly clientId?: string;
  readonly cursor?: string;
  readonly purpose?: string;
  readonly sessionId?: string;
  readonly headers?: Record<string, string>;
}

/** The seed's `AgentResponse`, with the HTTP status it came with. */
export interface Answer {
  readonly status: number;
  readonly type: 'response' | 'error';
  readonly content: string;
  readonly runId: string;
  readonly cached?: boolean;
  readonly nextCursor?: string;
  /** Texts near to the question, where such were looked for. */
  readonly found?: number;
  readonly code?: Code;
}

export interface Socket extends Disposable {
  readonly frames: readonly Frame[];
  send(frame: object): void;
}

/** A frame of the seed's dialect. */
export interface Frame {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly metadata: { readonly requestId?: string; readonly auditTrail?: string };
}

/** Signs in with a demo account over HTTP. */
export const signIn = async ({ accounts, local }: System, alias: string): Promise<Person> => {
  const account = accounts.find((known) => known.alias === alias);
  if (!account) throw new Error(`there is no account ${alias}`);
  const { edgeUrl } = local;
  const { email, password, tenant } = account;
  const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${edgeUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const response = await post('/v1/auth/token', { email, password });
  if (!response.ok) throw new Error(`${alias} cannot sign in: ${response.status} ${await response.text()}`);
  const { access_token: token } = (await response.json()) as { access_token: string };
  const headers = { authorization: `Bearer ${token}` };
  const agent = { url: `${edgeUrl}/v1/agui/assistant`, headers };

  return {
    id: `${tenant}-${alias}`,
    tenant,
    token,
    agent,
    query: async (query, { headers: own, ...beside } = {}) => {
      const response = await post('/v1/query', { query, ...beside }, { ...headers, ...own });
      const runId = response.headers.get('jangada-run') ?? '';
      const answer = (await response.json()) as Omit<Answer, 'status' | 'runId'>;
      return { ...answer, runId, status: response.status };
    },
    run: async function* (query, run, own = {}) {
      const input = {
        threadId: `thread-${run}`,
        runId: run,
        messages: [{ id: 'question', role: 'user', content: query }],
        state: {},
        tools: [],
        context: [],
        forwardedProps: own,
        protocolVersion: '1.0',
      };
      yield* readEvents(await post('/v1/agui/assistant', input, headers));
    },
    resume: async function* (run, lastEventId) {
      const resuming = { ...headers, 'last-event-id': lastEventId };
      yield* readEvents(await fetch(`${agent.url}/runs/${run}/events`, { headers: resuming }));
    },
    socket: async () => {
      const socket = new WebSocket(`${edgeUrl.replace('http', 'ws')}/v1/agent`, { headers });
      const frames: Frame[] = [];
      socket.on('message', (data) => frames.push(JSON.parse(String(data))));
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      return {
        frames,
        send: (frame) => socket.send(JSON.stringify(frame)),
        [Symbol.dispose]: () => socket.terminate(),
      };
    },
  };
};

/** The text of a run's answer. */
export const textOf = (events: readonly Placed[]): string =>
  events.map(({ event }) => (event.type === 'TEXT_MESSAGE_CONTENT' ? (event.delta ?? '') : '')).join('');
