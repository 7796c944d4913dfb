import { setTimeout as sleep } from 'node:timers/promises';
import { strategies } from '@jangada/mesh/balance.ts';
import { openCalls } from '@jangada/mesh/call.ts';
import { discover, type Instance, openRegistry } from '@jangada/mesh/registry.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { collect } from '../topology.ts';
import { type Demonstration, expectThat } from './demonstration.ts';

const calls = 6;
const options = { timeoutMs: 5_000, retries: 3 };

const healthAt = async (url: string, signal: AbortSignal): Promise<string> => {
  const response = await fetch(`${url}/v1/health`, { signal });
  return ((await response.json()) as { status: string }).status;
};

/** Services find each other, calls are shared out among instances, and one that never answers is given up for what is known. */
export const show: Demonstration = async ({ operator, say }) => {
  const contracts = await collect();
  const look = async (again: number): Promise<readonly Instance[]> => {
    const found = await discover(operator.nc);
    const missing = contracts.filter((contract) => !found.some(({ name }) => name === contract.name));
    if (missing.length > 0 && again > 0) return look(again - 1);
    expectThat(missing.length === 0, `not registered: ${missing.map(({ name }) => name).join(', ')}`);
    return found;
  };
  // On a busy machine somebody may be late.
  const instances = await look(2);
  const names = new Set(instances.map(({ name }) => name));
  say(`${instances.length} instances of ${names.size} services have registered themselves`);

  using registry = await openRegistry(operator.nc);
  const [name = ''] = [...names].toSorted(
    (a, b) => registry.ready(b).length - registry.ready(a).length || a.localeCompare(b),
  );
  const call = openCalls(registry, openMetrics('patterns'));
  let known = '';
  for (const strategy of strategies) {
    const shares = new Map<string, number>();
    for (let n = 0; n < calls; n++) {
      const { value, stale, asked } = await call(name, healthAt, { ...options, strategy });
      expectThat(!stale, `${name} did not answer`);
      known = value;
      const id = asked.at(-1)?.id ?? '';
      shares.set(id, (shares.get(id) ?? 0) + 1);
    }
    const told = [...shares].map(([id, count]) => `${count} by ${id}`).join(', ');
    say(`${strategy}: ${calls} calls of ${name}, answered ${told}`);
  }

  const timeoutMs = 200;
  const { value, stale, asked } = await call(name, (_url, signal) => sleep(60_000, '', { signal }), {
    ...{ timeoutMs, retries: options.retries },
    fallback: () => known,
  });
  expectThat(stale && asked.length === options.retries + 1, 'a call that never ends was answered');
  say(
    `a call that takes longer than ${timeoutMs} ms: asked ${asked.length} times, then told "${value}" as stale`,
  );
};
