import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listening } from './http.ts';

/** How an endpoint takes what it is told. */
export type Taking =
  | { readonly status: number }
  /** Takes it and answers with what this makes of it, as JSON. */
  | { readonly answers: (told: Told) => object }
  /** Leads whoever follows it elsewhere. */
  | { readonly leadsTo: string }
  /** Takes it, says nothing, and keeps the connection. */
  | 'silent'
  /** Takes it, and closes before it says so. */
  | 'broken';

export interface Told {
  /** The same for every attempt at one. */
  readonly id: string;
  /** Whether it was answered that it was. */
  readonly taken: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

/** An endpoint of webhooks as standardwebhooks.com has them: speaks HTTP over a socket, and misbehaves on demand. */
export interface WebhookEndpoint extends AsyncDisposable {
  readonly url: string;
  /** As the allow-list names it. */
  readonly host: string;
  /** What came and was signed, in order, every attempt of it. */
  readonly told: readonly Told[];
  /** What came and was not, or too late. */
  readonly forged: number;
  /** From now on. */
  behave(taking: Taking): void;
}

const toleranceSeconds = 300;

const isSigned = ({ headers }: IncomingMessage, body: string, key: string): boolean => {
  const [id, at, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    String(headers[name]),
  );
  const expected = `v1,${createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')}`;
  const given = Buffer.from(signature ?? '');
  const isOurs = given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
  return isOurs && Math.abs(Date.now() / 1_000 - Number(at)) < toleranceSeconds;
};

export const startWebhookEndpoint = async (key: string): Promise<WebhookEndpoint> => {
  let taking: Taking = { status: 204 };
  const told: Told[] = [];
  let forged = 0;
  const answer = (response: ServerResponse, one: Told | undefined): void => {
    if (taking === 'silent') return;
    if (taking === 'broken') response.destroy();
    else if ('answers' in taking)
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(one ? taking.answers(one) : {}));
    else if ('leadsTo' in taking) response.writeHead(307, { location: taking.leadsTo }).end();
    else response.writeHead(taking.status).end();
  };
  const server = createServer(async (request, response) => {
    response.on('error', () => undefined);
    const body = await text(request).catch(() => '');
    const taken =
      typeof taking === 'object' && ('answers' in taking || ('status' in taking && taking.status < 300));
    const one = isSigned(request, body, key)
      ? { id: String(request.headers['webhook-id']), taken, body: JSON.parse(body) }
      : undefined;
    if (one) told.push(one);
    else forged += 1;
    answer(response, one);
  });
  const served = await listening(server);
  return {
    ...served,
    url: `http://${served.host}/hook`,
    told,
    get forged() {
      return forged;
    },
    behave: (next) => {
      taking = next;
    },
  };
};
