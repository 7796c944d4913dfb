import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { policy } from '@jangada/hop/policy.ts';
import { discover } from '@jangada/mesh/registry.ts';
import { resilience } from '@jangada/runtime/resilience.ts';
import { freePort } from '@jangada/servers/server.ts';
import { openMetrics } from '@jangada/telemetry/metrics.ts';
import { type Demonstration, expectThat } from './demonstration.ts';

/** Long enough to be seen, and no longer than anybody wants to wait. */
const openMs = 1_000;

/** A dependency dies, is left in peace, and is taken back: the policy that every hop has, with its dependency a running service. */
export const show: Demonstration = async ({ operator, say }) => {
  const [instance] = await discover(operator.nc);
  expectThat(instance !== undefined, 'no service is registered');
  const own = policy({ attempts: 1, timeoutMs: 2_000, breaker: { ...policy().breaker, openMs } });
  const { failures, successes } = own.breaker;
  const guard = resilience('demonstration', own, openMetrics('patterns'));
  const deaf = `http://127.0.0.1:${await freePort()}`;
  let asked = 0;
  const call = (url: string): Promise<boolean> =>
    guard
      .call(async (signal) => {
        asked += 1;
        await fetch(url, { signal }).catch((error: unknown) => {
          throw new Unavailable('what listens there', error);
        });
      }, new AbortController().signal)
      .then(
        () => true,
        () => false,
      );
  const expectState = (wanted: ReturnType<typeof guard.state>): void =>
    expectThat(guard.state() === wanted, `the breaker is ${guard.state()}, and not ${wanted}`);
  const healthy = instance.url + instance.healthCheckPath;

  expectThat(await call(healthy), `${instance.name} does not answer at ${healthy}`);
  expectState('closed');
  say(`${instance.name} answers at ${healthy}: closed`);
  for (let n = 0; n < failures; n++) await call(deaf);
  expectState('open');
  say(`${failures} calls to where nobody listens: open`);
  const before = asked;
  const answered = await call(healthy);
  expectThat(!answered && asked === before, 'an open breaker let a call through');
  say(`one call more is refused at once, and nobody is asked`);
  await sleep(openMs + 100);
  expectThat(await call(healthy), `${instance.name} does not answer any more`);
  expectState('half-open');
  say(`after ${openMs} ms a call is tried, and answered: half-open`);
  for (let n = 1; n < successes; n++) await call(healthy);
  expectState('closed');
  say(`${successes} answers in a row: closed`);
};
