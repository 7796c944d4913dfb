import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The metrics of one process, in Prometheus' text format. Labels never hold a person or a tenant. */
export const openMetrics = (service: string) => {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  // The event loop's lag is looked at by a timer. Every 10 ms, its default, was most of what an idle process cost.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const registers = [registry];
  return {
    counter: <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
      new Counter({ name, help, labelNames, registers }),
    /** `read` is asked at each scrape, for a value that is known rather than counted. */
    gauge: <L extends string>(
      name: string,
      help: string,
      labelNames: readonly L[] = [],
      read?: () => number,
    ) =>
      new Gauge({
        name,
        help,
        labelNames,
        registers,
        ...(read
          ? {
              collect() {
                this.set(read());
              },
            }
          : {}),
      }),
    histogram: <L extends string>(
      name: string,
      help: string,
      buckets: number[],
      labelNames: readonly L[] = [],
    ) => new Histogram({ name, help, buckets, labelNames, registers }),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
};

export type Metrics = ReturnType<typeof openMetrics>;
