import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { listening } from '@jangada/testkit/http.ts';

/** A span as it arrives in OTLP's JSON. */
interface Wire {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** Nanoseconds since 1970, as text: they do not fit a number. */
  readonly startTimeUnixNano: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string; readonly boolValue?: boolean };
  }[];
}

export interface Span extends Omit<Wire, 'attributes'> {
  readonly service: string;
  readonly attributes: Readonly<Record<string, string | boolean | undefined>>;
}

/** Where services send their spans to, over OTLP/HTTP. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly Span[];
  /** Everything that was sent, as it was sent. */
  readonly received: readonly string[];
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Wire['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly Wire[] }[];
  }[];
}

const attributesOf = (attributes: Wire['attributes']): Span['attributes'] =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.boolValue]));

export const openReceiver = async (): Promise<Receiver> => {
  const spans: Span[] = [];
  const received: string[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    received.push(body);
    for (const { resource, scopeSpans } of (JSON.parse(body) as Export).resourceSpans) {
      const service = String(attributesOf(resource.attributes)['service.name']);
      for (const { attributes, ...span } of scopeSpans.flatMap((scope) => scope.spans))
        spans.push({ ...span, service, attributes: attributesOf(attributes) });
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  const served = await listening(server);
  return {
    ...served,
    url: `http://${served.host}`,
    spans,
    received,
  };
};
