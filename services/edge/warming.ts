import { setTimeout as sleep } from 'node:timers/promises';
import { packOf } from '@jangada/packs/registry.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { warmer } from '@jangada/trust/pass.ts';
import type { Accounts } from './accounts.ts';
import type { Admission } from './admission.ts';
import { anybody } from './agents.ts';

const longestMs = 1_800_000;
/** After what may be over soon. */
const againMs = 10_000;

/**
 * Asks what visitors ask most in their place, when the edge starts and twice in the time that an answer is remembered, so
 * that none of them waits for it to be read. Replicas give a run the same name, so that it is asked once. Ends when it is
 * called.
 */
export const keepWarm = (
  tenant: string,
  { admission, accounts }: { admission: Pick<Admission, 'warm'>; accounts: Pick<Accounts, 'tenant'> },
  { log }: Pick<Service, 'log'>,
): (() => void) => {
  const identity = { ...anybody(tenant), ...warmer };
  const over = new AbortController();
  const { signal } = over;

  /** In ms, when to ask next. */
  const ask = async (): Promise<number> => {
    const known = await accounts.tenant(tenant);
    const spaces = (known ? packOf(known.pack).caches : undefined)?.filter(({ warm }) => warm) ?? [];
    const everyMs = Math.min(longestMs, ...spaces.map(({ ttlSeconds }) => (ttlSeconds * 1_000) / 2));
    const time = Math.floor(Date.now() / everyMs);
    for (const [at, text] of spaces.flatMap(({ warm = [] }) => warm).entries())
      await admission.warm(identity, { text, run: `warm-${time}-${at}` });
    return everyMs;
  };
  const go = async (): Promise<void> => {
    while (!signal.aborted) {
      const pauseMs = await ask().catch((error: unknown) => {
        const about = { operation: 'warm', tenantId: tenant, ...faultFields(error) };
        log.warn(about, 'what visitors ask is not kept warm');
        return againMs;
      });
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  };
  void go();
  return () => over.abort();
};
