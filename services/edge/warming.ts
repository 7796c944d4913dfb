import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '@jangada/hop/outcome.ts';
import { packOf } from '@jangada/packs/registry.ts';
import type { Probes } from '@jangada/runtime/health.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { warmer } from '@jangada/trust/pass.ts';
import type { Accounts } from './accounts.ts';
import type { Admission } from './admission.ts';
import { anybody } from './agents.ts';

const longestMs = 1_800_000;
/** After what may be over soon. */
const againMs = 10_000;

/** Whether what visitors ask most was answered once, for readiness. */
export interface Warmth {
  /** None where nobody waits for it. */
  readonly probes: Probes;
  reached(): void;
}

export const openWarmth = (isWaitedFor: boolean): Warmth => {
  let isWarm = false;
  const warm = async (): Promise<void> => {
    if (!isWarm) throw new Unavailable('first answers');
  };
  return {
    probes: isWaitedFor ? { warm } : {},
    reached: () => {
      isWarm = true;
    },
  };
};

interface Deps {
  readonly admission: Pick<Admission, 'warm'>;
  readonly accounts: Pick<Accounts, 'tenant'>;
  readonly warmth?: Pick<Warmth, 'reached'> | undefined;
}

/**
 * Asks what visitors ask most in their place, when the edge starts and twice in the time that an answer is remembered, so
 * that none of them waits for it to be read. Replicas give a run the same name, so that it is asked once; what is not answered
 * is asked again under another. Ends when it is called.
 */
export const keepWarm = (
  tenant: string,
  { admission, accounts, warmth }: Deps,
  { log }: Pick<Service, 'log'>,
): (() => void) => {
  const identity = { ...anybody(tenant), ...warmer };
  const over = new AbortController();
  const { signal } = over;
  let failed = 0;

  /** In ms, when to ask next. @throws Unavailable where one is not answered */
  const ask = async (): Promise<number> => {
    const known = await accounts.tenant(tenant);
    const spaces = (known ? packOf(known.pack).caches : undefined)?.filter(({ warm }) => warm) ?? [];
    const everyMs = Math.min(longestMs, ...spaces.map(({ ttlSeconds }) => (ttlSeconds * 1_000) / 2));
    const time = Math.floor(Date.now() / everyMs);
    const asked: Promise<boolean>[] = [];
    for (const [at, text] of spaces.flatMap(({ warm = [] }) => warm).entries()) {
      const run = ['warm', time, at, ...(failed > 0 ? [failed] : [])].join('-');
      asked.push((await admission.warm(identity, { text, run })).answered);
    }
    if ((await Promise.all(asked)).includes(false)) throw new Unavailable('first answers');
    warmth?.reached();
    return everyMs;
  };
  const go = async (): Promise<void> => {
    while (!signal.aborted) {
      const pauseMs = await ask().then(
        (everyMs) => {
          failed = 0;
          return everyMs;
        },
        (error: unknown) => {
          failed += 1;
          const about = { operation: 'warm', tenantId: tenant, ...faultFields(error) };
          log.warn(about, 'what visitors ask is not kept warm');
          return againMs;
        },
      );
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  };
  void go();
  return () => over.abort();
};
