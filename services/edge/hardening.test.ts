import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync } from 'node:zlib';
import { until } from '@jangada/testkit/until.ts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { seedQuery, startEdge } from './test-edge.ts';

// What the public door does with what no honest client sends, over real sockets.

let edge: Awaited<ReturnType<typeof startEdge>>;
/** A console that was built. */
const site = mkdtempSync(join(tmpdir(), 'jangada-console-'));
const script = 'assets/index-1a2b.js';

beforeAll(async () => {
  mkdirSync(join(site, 'assets'));
  writeFileSync(join(site, 'index.html'), '<!doctype html>');
  writeFileSync(join(site, '.built'), 'of the build alone');
  writeFileSync(join(site, script), 'start()');
  writeFileSync(join(site, `${script}.br`), brotliCompressSync('start()'));
  // Forty replies of 250 kB are more than any kernel keeps for a client that reads nothing.
  const answer = (question: string) =>
    question === 'flood' ? Array.from({ length: 40 }, () => 'x'.repeat(250_000)) : [question];
  edge = await startEdge(
    { ALLOWED_ORIGINS: 'https://app.example', JANGADA_MAX_CONNECTIONS: 200, CONSOLE_DIR: site },
    answer,
  );
});
afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  rmSync(site, { recursive: true });
});

/** Sends bytes as they are and gives what came back once the other side has closed. */
const raw = async (...pieces: (string | Buffer)[]): Promise<string> => {
  const { hostname, port } = new URL(edge.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  for (const piece of pieces) socket.write(piece);
  await once(socket, 'close');
  return answer;
};
const upgrade = (token: string, ...more: string[]): string =>
  [
    'GET /v1/agent HTTP/1.1',
    'host: edge',
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
    ...(token ? [`authorization: Bearer ${token}`] : []),
    ...more,
    '',
    '',
  ].join('\r\n');
/** A masked frame of a client. */
const frame = (opcode: number, text: string, fin = true): Buffer => {
  const mask = Buffer.from([1, 2, 3, 4]);
  const payload = Buffer.from(text).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode, 0x80 | payload.length]), mask, payload]);
};
/** The code of the close frame that a server's bytes end with. */
const closeCode = (answer: string): number | undefined => {
  const bytes = Buffer.from(answer, 'latin1');
  const at = bytes.lastIndexOf(0x88);
  return at < 0 ? undefined : bytes.readUInt16BE(at + 2);
};

describe('the console', () => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${edge.url}${path}`, { headers, redirect: 'manual' });

  test('is what the door shows to who names nothing', async () => {
    expect((await get('/')).headers.get('location')).toBe('/console/');
    const page = await get('/console/');
    expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([
      200,
      'text/html; charset=utf-8',
      '<!doctype html>',
    ]);
  });

  test('runs and styles nothing that stands in a page, loads from nowhere else, and is in no frame', async () => {
    const policy = (await get('/console/')).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });

  test('is asked for again each time, and what its name changes with never', async () => {
    const page = await get('/console/');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const known = `if-none-match: ${page.headers.get('etag')}`;
    const again = await raw(`GET /console/ HTTP/1.1\r\nhost: edge\r\n${known}\r\nconnection: close\r\n\r\n`);
    expect(again).toMatch(/^HTTP\/1.1 304 /);
    expect(again).toContain('cache-control: no-cache');
    const asset = await get(`/console/${script}`, { 'accept-encoding': 'br' });
    expect([asset.headers.get('content-encoding'), await asset.text()]).toEqual(['br', 'start()']);
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  });

  test.each(['assets/index-0000.js', '.built', '../package.json', '..%2f..%2fetc%2fpasswd', 'assets/'])(
    'has nothing but its files: %s',
    async (path) => {
      const answer = await raw(`GET /console/${path} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1.1 40[034] /);
      expect(answer).toContain('cache-control: no-store');
      expect(answer).toContain("default-src 'none'; base-uri 'none'");
    },
  );
});

describe('every answer carries the security headers and no banner', () => {
  const expected: Record<string, RegExp> = {
    'cache-control': /no-store|max-age=300|no-cache/,
    'content-security-policy': /default-src 'none'.*frame-ancestors 'none'/,
    'permissions-policy': /camera=\(\)/,
    'referrer-policy': /^no-referrer$/,
    'strict-transport-security': /max-age=31536000/,
    'x-content-type-options': /^nosniff$/,
    'x-frame-options': /^DENY$/,
  };
  const expectHeaders = (headers: Headers): void => {
    for (const [name, value] of Object.entries(expected)) expect(headers.get(name), name).toMatch(value);
    for (const name of ['server', 'x-powered-by', 'via']) expect(headers.get(name), name).toBeNull();
  };
  const headersOf = (answer: string): [number, Headers, string] => {
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    const [status = '', ...lines] = head.split('\r\n');
    const pairs = lines.map((line) => line.split(/: ?(.*)/).slice(0, 2) as [string, string]);
    return [Number(status.split(' ')[1]), new Headers(pairs), body];
  };

  test('on every route by every method, signed in or not', async () => {
    const routes = [
      '/',
      '/health',
      '/metrics',
      '/v1/health',
      '/v1/health/overall',
      '/v1/ready',
      '/v1/query',
      '/v1/agent',
      '/agui/ws',
      '/v1/agui/assistant',
      '/v1/agui/assistant/capabilities',
      '/v1/agui/assistant/runs/none/events',
      '/v1/agui/assistant/runs/none/cancel',
      '/v1/auth/token',
      '/.well-known/jwks.json',
      '/v1/nothing',
      `/v1/agui/assistant/runs/${'x'.repeat(300)}/events`,
    ];
    const token = await edge.tokenOf();
    const statuses = new Set<number>();
    for (const route of routes) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        for (const headers of [{}, { authorization: `Bearer ${token}` }]) {
          const response = await fetch(edge.url + route, { method, headers });
          await response.arrayBuffer();
          expectHeaders(response.headers);
          statuses.add(response.status);
        }
      }
    }
    expect([...statuses].sort()).toEqual([200, 400, 401, 404]);
  });

  test('on what the door refuses for its body, its origin and its type', async () => {
    const token = await edge.tokenOf();
    const send = (body: string, headers: Record<string, string> = {}) =>
      fetch(`${edge.url}/v1/query`, {
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      });
    for (const [response, status] of [
      [await send('{'), 400],
      [await send('x'.repeat(70_000)), 413],
      [await send('{}', { origin: 'https://evil.example' }), 403],
      [await send('a=1', { 'content-type': 'application/x-www-form-urlencoded' }), 400],
      [await send('{}', { 'x-tenant-id': 'south' }), 403],
      [await send('{}', { authorization: 'Bearer wrong' }), 401],
    ] as const) {
      expect(response.status).toBe(status);
      expectHeaders(response.headers);
      expect(await response.json()).toHaveProperty('code');
    }
  });

  test('on refused upgrades', async () => {
    const token = await edge.tokenOf();
    for (const [request, status] of [
      [upgrade(''), 101],
      [upgrade('wrong'), 401],
      [upgrade(token, 'origin: https://evil.example'), 403],
      [upgrade(token).replace('/v1/agent', '/v1/nothing'), 404],
      [upgrade(token).replace('version: 13', 'version: 7'), 400],
      [upgrade(token).replace('AAAAAAAAAAAAAAAAAAAAAA==', 'short'), 400],
    ] as const) {
      if (status === 101) continue;
      const [seen, headers] = headersOf(await raw(request));
      expect(seen, request).toBe(status);
      expectHeaders(headers);
    }
  });

  test('on what is hardly HTTP', async () => {
    for (const [request, status] of [
      ['nonsense\r\n\r\n', 400],
      ['GET /v1/health HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
      ['GET /v1/%zz HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nhost: edge\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      ['POST /v1/query HTTP/1.1\r\nhost: e\r\nexpect: tea\r\ncontent-length: 2\r\n\r\n{}', 417],
      ['GET / HTTP/1.1\r\nhost: e\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ] as const) {
      const [seen, headers, body] = headersOf(await raw(request));
      expect(seen, request.slice(0, 60)).toBe(status);
      expectHeaders(headers);
      expect(body).not.toContain('zz');
    }
  });
});

describe('metrics', () => {
  test('are not to be had at the public door', async () => {
    for (const path of ['/metrics', '/v1/metrics', '/health/metrics']) {
      const response = await fetch(edge.url + path, {
        headers: { authorization: `Bearer ${await edge.tokenOf()}` },
      });
      expect(response.status).toBe(404);
      expect(await response.text()).not.toContain('process_cpu');
    }
  });
});

describe('a web origin', () => {
  const from = (origin: string) => fetch(`${edge.url}/v1/health`, { headers: { origin } });

  test('that is not listed is refused by its own code', async () => {
    for (const origin of [
      'https://evil.example',
      'https://app.example.evil.example',
      'http://app.example',
      'https://app.example:444',
      'null',
    ]) {
      const response = await from(origin);
      expect([response.status, ((await response.json()) as { code: string }).code], origin).toEqual([
        403,
        'AUTH_ORIGIN',
      ]);
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('that is listed is named alone, without credentials', async () => {
    const { headers } = await from('https://app.example');
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    expect(headers.get('vary')).toBe('origin');
  });
});

describe('a message', () => {
  test('that pollutes, adds fields or stretches numbers is refused by the field', async () => {
    for (const [body, field] of [
      ['{"query":"hello","__proto__":{"admin":true}}', '__proto__'],
      ['{"query":"hello","constructor":{"prototype":{"admin":true}}}', 'constructor'],
      ['{"query":"hello","role":"admin"}', 'role'],
      ['{"query":"hello","limit":1e309}', 'limit'],
      ['{"query":"hello","limit":9007199254740993}', 'limit'],
      ['{"query":"hello","cursor":"a\\u0000b"}', 'cursor'],
      ['{"query":"hello","clientId":"x; drop table clients"}', 'clientId'],
      ['{"query":7}', 'query'],
    ] as const) {
      const { status, body: said } = await edge.query(body);
      expect({ status, code: said['code'], field: said['field'] }, body).toEqual({
        status: 400,
        code: 'INPUT_INVALID',
        field,
      });
    }
  });

  test('over a socket alike, in both dialects, and the socket stays usable', async () => {
    const { send, frames, frame, socket } = await edge.socket();
    for (const [message, code, field] of [
      [seedQuery({ payload: { query: 'hello', role: 'admin' } }), 'INPUT_INVALID', 'role'],
      [seedQuery({ payload: { query: 'hello', limit: -1 } }), 'INPUT_INVALID', 'limit'],
      [
        JSON.stringify(seedQuery()).replace('"version"', '"__proto__":{},"version"'),
        'INPUT_INVALID',
        'metadata.__proto__',
      ],
      [JSON.stringify(seedQuery()).replace('"hello"', '9007199254740993'), 'INPUT_INVALID', 'payload.query'],
      [seedQuery({ sessionId: null }), 'INVALID_MESSAGE', 'sessionId'],
      [seedQuery({ payload: { query: 'x'.repeat(2_001) } }), 'PAYLOAD_TOO_LARGE', undefined],
      ['x'.repeat(65_537), 'PAYLOAD_TOO_LARGE', undefined],
    ] as const) {
      frames.length = 0;
      send(message);
      const { payload } = await frame(`${code} of ${field}`, ({ type }) => type === 'error');
      expect(payload).toMatchObject({ code, ...(field ? { field } : {}) });
    }
    send(seedQuery());
    await frame('an answer', ({ type }) => type === 'response');
    socket.close();
    const agui = await edge.socket('/v1/agent', { protocols: ['agui.v1'] });
    agui.send({ op: 'ping', role: 'admin' });
    agui.send('{"op":"resume","runId":"r","after":-1}');
    agui.send({ op: 'resume', runId: 'r', after: 0.5 });
    await until('three errors', () => agui.frames.length === 3);
    expect(agui.frames.map(({ code, field }) => [code, field])).toEqual([
      ['INPUT_INVALID', 'role'],
      ['INVALID_MESSAGE', 'after'],
      ['INVALID_MESSAGE', 'after'],
    ]);
    agui.socket.close();
  });

  test('with null for what may be absent is answered', async () => {
    const { status } = await edge.query({ query: 'hello', clientId: null, cursor: null, sessionId: null });
    expect(status).toBe(200);
  });

  test('reaches the services without what one does not see', async () => {
    const { status } = await edge.query({ query: ' Joa\u0303o\u200B,\u202E amanha\u0303\n?\u0000' });
    expect(status).toBe(200);
    expect(edge.asked.at(-1)?.body.question).toBe('João, amanhã ?');
  });

  test('over 64 KiB from somebody who has not signed in ends the socket', async () => {
    const { send, closed } = await edge.socket('/v1/agent', { token: '' });
    send('x'.repeat(65_537));
    expect((await closed).code).toBe(1009);
  });

  test('beyond what the transport lets through ends the socket', async () => {
    const { send, closed } = await edge.socket();
    send('x'.repeat(6 * 1024 * 1024 + 1));
    expect((await closed).code).toBe(1009);
  });

  test('in more than 64 fragments, or one that is never finished, ends the socket', async () => {
    const token = await edge.tokenOf();
    const many = Array.from({ length: 65 }, (_, index) => frame(index === 0 ? 1 : 0, 'x', false));
    const started = performance.now();
    const [shredded, stalled, dripping] = await Promise.all([
      raw(upgrade(token), ...many),
      raw(upgrade(token), frame(1, 'x', false)),
      // Half a header, and nothing more.
      raw(upgrade(token), Buffer.from([0x81])),
    ]);
    expect([shredded, stalled, dripping].map(closeCode)).toEqual([1008, 1008, 1008]);
    expect(performance.now() - started).toBeGreaterThan(9_000);
  });

  test('compressed by the transport is not offered', async () => {
    const answer = raw(
      upgrade(await edge.tokenOf(), 'sec-websocket-extensions: permessage-deflate'),
      frame(8, ''),
    );
    expect((await answer).toLowerCase()).not.toContain('permessage-deflate');
  });
});

describe('a fault of ours', () => {
  test('is told by its code and nothing of PostgreSQL', async () => {
    await edge.db.schema.alterTable('accounts').renameTo('accounts_away').execute();
    const response = await fetch(`${edge.url}/v1/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'mine-1' },
      body: JSON.stringify({ email: 'ana@north.example', password: 'x' }),
    });
    await edge.db.schema.alterTable('accounts_away').renameTo('accounts').execute();
    expect([response.status, await response.json()]).toEqual([
      500,
      { code: 'INTERNAL', message: 'Something failed on our side', requestId: 'mine-1', retryable: true },
    ]);
  });

  test('names a request as the client did, unless that is no name', async () => {
    for (const [given, kept] of [
      ['abc-123', true],
      ['a b', false],
      ['a;rm', false],
      ['x'.repeat(65), false],
    ] as const) {
      const { headers } = await fetch(`${edge.url}/nothing`, { headers: { 'x-request-id': given } });
      expect(headers.get('x-request-id') === given).toBe(kept);
      expect(headers.get('x-request-id')).toMatch(/^[\w-]{1,64}$/);
    }
  });
});

describe('the trace of a browser', () => {
  test('is not continued, and nothing else it sends along travels on', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    await edge.query(
      { query: 'traced' },
      {
        traceparent: `00-${trace}-b7ad6b7169203331-01`,
        tracestate: `vendor=${'x'.repeat(8_000)}`,
        baggage: 'name=Ana%20Lima',
      },
    );
    const seen = edge.asked.find(({ body }) => body.question === 'traced');
    expect(seen?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
    expect(seen?.traceparent).not.toContain(trace);
    expect(seen?.headers.filter((name) => /tracestate|baggage/i.test(name))).toEqual([]);
  });
});

describe('a slow client', () => {
  test('that never finishes its headers is let go', async () => {
    const { hostname, port } = new URL(edge.url);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += String(chunk);
    });
    await once(socket, 'connect');
    socket.write('GET /v1/health HTTP/1.1\r\nhost: edge\r\n');
    const drip = setInterval(() => socket.write('x: y\r\n'), 500);
    socket.on('error', () => undefined);
    await once(socket, 'close');
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
  });

  test('that never finishes its body is let go', async () => {
    const head = `POST /v1/query HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer ${await edge.tokenOf()}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`;
    expect(await raw(head)).toMatch(/^HTTP\/1.1 408 /);
  });

  test('that stops reading is told no more, then sent away, and resumes with nothing lost', async () => {
    const protocols = ['agui.v1'];
    const { socket, send, closed, frames } = await edge.socket('/v1/agent', { protocols });
    socket.pause();
    const messages = [{ id: '1', role: 'user', content: 'flood' }];
    send({ op: 'run', input: { threadId: 't', runId: 'slow', messages, tools: [], context: [] } });
    // What a kernel takes in the client's stead it takes at once; what is the same a second later waits for the client.
    let unread = 0;
    await until('the door to wait', async () => {
      const before = unread;
      unread = await edge.metric('ws_unread_bytes');
      if (unread > 1_000_000 && unread === before) return true;
      await sleep(1_000);
      return false;
    });
    // One reply beyond where it pauses is all that it costs, whatever else there is to tell.
    expect(unread).toBeLessThan(1_500_000);
    const sentAway = () => edge.metric('ws_closes_total{code="1013"');
    expect(await sentAway()).toBe(0);
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      // More than a client has to read. The door looks once a second and counts from the first time that it saw none read,
      // so a jump before that first look is not the one that ends it.
      await until('the door to give up', async () => {
        vi.setSystemTime(Date.now() + 31_000);
        await sleep(1_100);
        return (await sentAway()) === 1;
      });
    } finally {
      vi.useRealTimers();
    }
    socket.resume();
    expect(await closed).toMatchObject({ code: 1013, reason: expect.stringContaining('resume') });
    const last = Number(frames.findLast(({ event }) => event)?.['seq']);
    const next = await edge.socket('/v1/agent', { protocols });
    next.send({ op: 'resume', runId: 'slow', threadId: 't', after: last });
    await next.frame('the end', ({ event }) => (event as { type?: string })?.type === 'RUN_FINISHED');
    next.socket.close();
    const told = [...frames, ...next.frames].filter(({ event }) => event);
    expect(told.map(({ seq }) => seq)).toEqual(told.map((_, index) => index + 1));
    expect(told.reduce((sum, { event }) => sum + sizeOf(event), 0)).toBe(40 * 250_000);
  });

  const sizeOf = (event: unknown): number => (event as { delta?: string })?.delta?.length ?? 0;
});

test('connections beyond the most there may be are dropped', async () => {
  const { hostname, port } = new URL(edge.url);
  const sockets = Array.from({ length: 260 }, () => connect(Number(port), hostname));
  let dropped = 0;
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.on('close', () => dropped++);
  }
  await until('some to be dropped', () => dropped >= 50);
  for (const socket of sockets) socket.destroy();
  await until('the others to be served', async () =>
    fetch(`${edge.url}/v1/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
});
