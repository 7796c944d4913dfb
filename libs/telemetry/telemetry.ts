import { type Log, openLog } from './log.ts';
import { type Metrics, openMetrics } from './metrics.ts';
import { openTracing, type Tracing } from './trace.ts';

/** What a service observes itself with. */
export interface Telemetry {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
}

export const openTelemetry = (
  service: string,
  settings: {
    LOG_LEVEL: string;
    OTEL_EXPORTER_OTLP_ENDPOINT: string | undefined;
    OTEL_TRACES_SAMPLER_ARG: number;
  },
): Telemetry => ({
  log: openLog(service, settings.LOG_LEVEL),
  metrics: openMetrics(service),
  tracing: openTracing(service, settings.OTEL_EXPORTER_OTLP_ENDPOINT, settings.OTEL_TRACES_SAMPLER_ARG),
});
