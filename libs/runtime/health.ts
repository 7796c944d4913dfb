import { createServer } from 'node:http';
import { Unavailable } from '@jangada/hop/outcome.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';

/** One dependency or duty of a service. */
export interface Check {
  readonly name: string;
  readonly status: 'healthy' | 'unhealthy';
  readonly details?: string;
  /** True when the service works without it, only worse. */
  readonly optional?: true;
}

/** A probe resolves when its dependency works and rejects when it does not. */
export interface Probe {
  (signal: AbortSignal): Promise<unknown>;
  readonly optional?: true;
}
export type Probes = Readonly<Record<string, Probe>>;

/** Marks a dependency that the service works without: unhealthy is reported, and readiness does not ask. */
export const optional = (probe: Probe): Probe =>
  Object.assign((signal: AbortSignal) => probe(signal), { optional: true as const });

/** True when everything is healthy that the service cannot work without. */
export const isReady = (checks: readonly Check[]): boolean =>
  checks.every((check) => check.optional || check.status === 'healthy');

export type Overall = 'healthy' | 'degraded' | 'unhealthy';

/** All healthy is healthy, some is degraded, none is unhealthy. */
export const overall = (checks: readonly Check[]): Overall => {
  const healthy = checks.filter((check) => check.status === 'healthy').length;
  if (healthy === checks.length) return 'healthy';
  return healthy > 0 ? 'degraded' : 'unhealthy';
};

const probeTimeoutMs = 2_000;

/** Asks every probe at once; a slow one does not hold up the others beyond its own limit. */
export const runProbes = (probes: Probes): Promise<Check[]> =>
  Promise.all(
    Object.entries(probes).map(async ([name, probe]): Promise<Check> => {
      const about = { name, ...(probe.optional ? { optional: probe.optional } : {}) };
      const late = AbortSignal.timeout(probeTimeoutMs);
      try {
        await Promise.race([
          probe(late),
          new Promise((_resolve, reject) => late.addEventListener('abort', () => reject(late.reason))),
        ]);
        return { ...about, status: 'healthy' };
      } catch (error) {
        return { ...about, status: 'unhealthy', details: detailsOf(error) };
      }
    }),
  );

/** What of a failed probe may be told: what we named ourselves, and of any other exception its kind. */
const detailsOf = (error: unknown): string => {
  if (error instanceof Unavailable) return error.dependency;
  return error instanceof Error ? error.name : 'failed';
};

/** Of the release that this process runs. */
export const version = process.env['npm_package_version'] ?? '1.0.0';

/** The document of `/v1/health`. */
export const healthDocument = (checks: readonly Check[]) => ({
  status: overall(checks),
  checks,
  timestamp: new Date().toISOString(),
  version,
});

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Health and metrics on the internal network. `/v1/health` stays 200 while a dependency is down, so that nobody
 * restarts a service for the fault of another; `/v1/ready` is 503 until everything the service needs is there.
 */
export const serveHealth = async (
  listen: { host: string; port: number },
  parts: { probes: Probes; ready: () => boolean; metrics: Metrics },
): Promise<HealthServer> => {
  const server = createServer(async (request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    };
    const path = request.url?.split('?')[0];
    if (path === '/metrics') return answer(200, parts.metrics.contentType, await parts.metrics.text());
    if (path === '/v1/health' || path === '/health') {
      return answer(200, 'application/json', JSON.stringify(healthDocument(await runProbes(parts.probes))));
    }
    if (path === '/v1/ready') {
      const checks = await runProbes(parts.probes);
      const ready = parts.ready() && isReady(checks);
      return answer(ready ? 200 : 503, 'application/json', JSON.stringify({ ready, checks }));
    }
    return answer(404, 'application/json', '{"code":"NOT_FOUND"}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : listen.port;
  return {
    url: `http://${listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};
