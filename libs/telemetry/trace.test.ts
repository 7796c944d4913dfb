import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { failSpan, linkTo, openTracing, type Tracing, traceparentOf } from './trace.ts';

interface Exported {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly status?: { readonly code?: number; readonly message?: string };
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A collector over HTTP, as OTLP has it. */
const collector = async () => {
  const spans: Exported[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as {
      resourceSpans: { scopeSpans: { spans: Exported[] }[] }[];
    };
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans };
};

const tracing = (endpoint?: string, ratio = 1): Tracing => {
  const opened = openTracing('test', endpoint, ratio);
  closing.unshift(() => opened.close());
  return opened;
};

const parts = (traceparent: string) => {
  const [version, traceId = '', spanId = '', flags] = traceparent.split('-');
  return { version, traceId, spanId, flags };
};

describe('a traceparent', () => {
  test('hands a span on to the next process, which goes on in the same trace', async () => {
    const { url, spans } = await collector();
    const [edge, intent] = [tracing(url), tracing(url)];
    const parent = edge.start('edge', undefined);
    const header = traceparentOf(parent);
    expect(header).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    const child = intent.start('intent', header);
    child.end();
    parent.end();
    await vi.waitFor(() => expect(spans).toHaveLength(2), 5_000);
    const [first, second] = [
      spans.find(({ name }) => name === 'edge'),
      spans.find(({ name }) => name === 'intent'),
    ];
    expect(second).toMatchObject({ traceId: first?.traceId, parentSpanId: first?.spanId });
    expect(first?.spanId).toBe(parts(header).spanId);
  });

  test('is handed on from a span as from a header', () => {
    const { start } = tracing();
    const parent = start('parent', undefined);
    const [byHeader, bySpan] = [start('child', traceparentOf(parent)), start('child', parent)];
    const of = (span: typeof parent) => parts(traceparentOf(span));
    expect(of(byHeader).traceId).toBe(of(parent).traceId);
    expect(of(bySpan).traceId).toBe(of(parent).traceId);
  });

  test('of a run that is not traced travels on as it is: nothing is made that nobody records', () => {
    const { start } = tracing();
    const parent = start('parent', undefined);
    const header = traceparentOf(parent);
    expect(header).toMatch(/-00$/);
    expect([traceparentOf(start('child', header)), traceparentOf(start('child', parent))]).toEqual([
      header,
      header,
    ]);
  });

  test('of a run that is traced names another span at each hop', async () => {
    const { url } = await collector();
    const { start } = tracing(url);
    const header = traceparentOf(start('parent', undefined));
    expect(parts(traceparentOf(start('child', header))).spanId).not.toBe(parts(header).spanId);
  });

  test.each(['', 'nonsense', '00-00000000000000000000000000000000-0000000000000000-01'])(
    'that is no traceparent begins a trace of its own: %j',
    (header) => {
      const span = tracing().start('intent', header);
      expect(parts(traceparentOf(span)).traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
    },
  );
});

describe('the share of runs that are traced', () => {
  const flagOf = (endpoint: string | undefined, ratio: number, parent?: string) =>
    parts(traceparentOf(tracing(endpoint, ratio).start('edge', parent))).flags;
  const unreachable = 'http://127.0.0.1:9';

  test('is none at 0 and all at 1', () => {
    expect(flagOf(unreachable, 0)).toBe('00');
    expect(flagOf(unreachable, 1)).toBe('01');
  });

  test('is none without an endpoint, and ids still travel for the logs', () => {
    expect(flagOf(undefined, 1)).toBe('00');
    expect(traceparentOf(tracing().start('edge', undefined))).toMatch(/^00-(?!0{32})[0-9a-f]{32}-/);
  });

  test('is decided once, by who began the trace', () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';
    expect(flagOf(unreachable, 0, `${trace}-01`)).toBe('01');
    expect(flagOf(unreachable, 1, `${trace}-00`)).toBe('00');
  });
});

describe('the trace of a client', () => {
  const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  test('is linked to and not continued', async () => {
    const { url, spans } = await collector();
    tracing(url)
      .start('edge', undefined, { links: linkTo(given) })
      .end();
    await vi.waitFor(() => expect(spans).toHaveLength(1), 5_000);
    expect(spans[0]).toMatchObject({
      links: [{ traceId: parts(given).traceId, spanId: parts(given).spanId }],
    });
    expect(spans[0]?.traceId).not.toBe(parts(given).traceId);
    expect(spans[0]?.parentSpanId ?? '').toBe('');
  });

  test.each([
    undefined,
    '',
    'nonsense',
    `${given}-extra`,
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  ])('is nothing where it is none: %j', (header) => {
    expect(linkTo(header)).toEqual([]);
  });
});

describe('a span that failed', () => {
  test('says so by a code', async () => {
    const { url, spans } = await collector();
    const span = tracing(url).start('data-access', undefined);
    failSpan(span, 'CTX_NO_GRANT');
    span.end();
    await vi.waitFor(() => expect(spans).toHaveLength(1), 5_000);
    expect(spans[0]?.status).toEqual({ code: 2, message: 'CTX_NO_GRANT' });
  });
});
