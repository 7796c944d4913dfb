import { createServer, type ServerResponse } from 'node:http';
import { listening } from './http.ts';

/** How a source outside answers what it is asked. */
export type Manner =
  | { readonly says: unknown; readonly type?: string }
  /** Answers with a status and nothing else. */
  | { readonly status: number }
  /** Leads whoever follows it elsewhere. */
  | { readonly leadsTo: string }
  /** Says nothing, and keeps the connection. */
  | 'silent'
  /** Never comes to an end. */
  | 'endless'
  /** Ends in the middle of its answer. */
  | 'broken';

/** A source that tools ask: speaks HTTP over a socket, and misbehaves on demand. */
export interface OutsideSource extends AsyncDisposable {
  readonly url: string;
  /** As the allow-list names it. */
  readonly host: string;
  /** What was asked, in order, and with which key. */
  readonly asked: { readonly url: URL; readonly authorization: string | undefined }[];
  /** From now on. */
  behave(manner: Manner): void;
}

const endlessly = (response: ServerResponse): void => {
  if (response.destroyed) return;
  response.write(' '.repeat(16 * 1024), () => setImmediate(endlessly, response));
};

export const startOutsideSource = async (first: Manner): Promise<OutsideSource> => {
  let manner = first;
  const asked: OutsideSource['asked'][number][] = [];
  const server = createServer((request, response) => {
    asked.push({
      url: new URL(request.url ?? '/', 'http://outside'),
      authorization: request.headers.authorization,
    });
    response.on('error', () => undefined);
    if (manner === 'silent') return;
    if (typeof manner === 'object' && 'status' in manner) return void response.writeHead(manner.status).end();
    if (typeof manner === 'object' && 'leadsTo' in manner)
      return void response.writeHead(302, { location: manner.leadsTo }).end();
    const type = typeof manner === 'object' ? manner.type : undefined;
    response.writeHead(200, { 'content-type': type ?? 'application/json' });
    if (manner === 'endless') endlessly(response);
    else if (manner === 'broken') response.write('{"prices": [', () => response.destroy());
    else response.end(JSON.stringify(manner.says));
  });
  const served = await listening(server);
  return {
    ...served,
    url: `http://${served.host}/prices`,
    asked,
    behave: (next) => {
      manner = next;
    },
  };
};
