import {
  type Context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

/**
 * A run is one trace across all hops: the context travels in the `traceparent` header of each message.
 * Spans are passed by hand, not through async context: every place that makes one has its parent at hand, and
 * the hot path is spared the hook on every promise.
 */
export interface Tracing {
  /** Starts a span under `parent`, a traceparent or a span. */
  start(
    name: string,
    parent: string | Span | undefined,
    options?: { kind?: 'consumer' | 'server' | 'client'; attributes?: Attributes; links?: Link[] },
  ): Span;
  close(): Promise<void>;
}

type Attributes = Record<string, string | number | boolean>;

const kinds = { consumer: SpanKind.CONSUMER, server: SpanKind.SERVER, client: SpanKind.CLIENT };
const w3c = new W3CTraceContextPropagator();
const getter = {
  get: (carrier: { traceparent: string }, key: string) =>
    key === 'traceparent' ? carrier.traceparent : undefined,
  keys: () => ['traceparent'],
};

const contextOf = (parent: string | Span | undefined): Context => {
  if (parent === undefined) return ROOT_CONTEXT;
  if (typeof parent === 'string') return w3c.extract(ROOT_CONTEXT, { traceparent: parent }, getter);
  return trace.setSpan(ROOT_CONTEXT, parent);
};

const unsampled = /^00-([0-9a-f]{32})-([0-9a-f]{16})-00$/;

/** The header that hands a span on to the next hop. */
export const traceparentOf = (span: Span): string => {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-0${traceFlags & TraceFlags.SAMPLED}`;
};

/**
 * What a client says it is part of, as a link: one trace can be found from the other, and yet nobody outside chooses
 * our ids or whether we record. Nothing where it is no valid traceparent (W3C Trace Context §3.2).
 */
export const linkTo = (traceparent: string | undefined): Link[] => {
  const given = trace.getSpanContext(contextOf(traceparent));
  return given ? [{ context: given }] : [];
};

/** Loaded with the first spans that there are to send: it is a sixth of what a service loads, and most send none. */
const exporterTo = (url: string): SpanExporter => {
  let loading: Promise<SpanExporter> | undefined;
  const load = async (): Promise<SpanExporter> => {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
    return new OTLPTraceExporter({ url });
  };
  return {
    export: (spans, done) => {
      loading ??= load();
      loading.then(
        (exporter) => exporter.export(spans, done),
        (error: Error) => done({ code: ExportResultCode.FAILED, error }),
      );
    },
    forceFlush: async () => (await loading)?.forceFlush?.(),
    shutdown: async () => (await loading)?.shutdown(),
  };
};

/** Opens tracing for a service. Without an endpoint nothing is recorded, and ids still travel for the logs. */
export const openTracing = (service: string, endpoint: string | undefined, ratio: number): Tracing => {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(endpoint ? ratio : 0) }),
    spanProcessors: endpoint
      ? [
          new BatchSpanProcessor({
            exporter: exporterTo(`${endpoint}/v1/traces`),
            scheduledDelayMillis: 500,
          }),
        ]
      : [],
  });
  const tracer = provider.getTracer('jangada');
  return {
    start: (name, parent, { kind, attributes, links } = {}) => {
      // Most runs are not recorded: their ids travel on for the logs, and nothing is made of them.
      const ids = typeof parent === 'string' ? unsampled.exec(parent) : null;
      if (ids?.[1] && ids[2])
        return trace.wrapSpanContext({ traceId: ids[1], spanId: ids[2], traceFlags: TraceFlags.NONE });
      if (typeof parent === 'object' && !parent.isRecording()) return parent;
      return tracer.startSpan(
        name,
        {
          ...(kind ? { kind: kinds[kind] } : {}),
          ...(attributes ? { attributes } : {}),
          ...(links ? { links } : {}),
        },
        contextOf(parent),
      );
    },
    close: () => provider.shutdown(),
  };
};

/** Marks a span as failed with a code; never with an exception's text. */
export const failSpan = (span: Span, code: string): void => {
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
};
