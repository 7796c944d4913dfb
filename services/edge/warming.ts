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
/** At first, after what may be over soon. */
const againMs = 10_000;
/** At last, after what seems to stay: an edge that waits to be warm is not kept waiting by more. */
const longestAgainMs = 120_000;

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
 * is asked again, alone, ever later and under another. Ends when it is called.
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
  let everyMs = longestMs;
  let round = 0;
  /** What was answered in a round that is not over, and is not asked again in it. */
  const answered = new Set<string>();

  /** @throws Unavailable where one is not answered */
  const ask = async (): Promise<void> => {
    const known = await accounts.tenant(tenant);
    const spaces = (known ? packOf(known.pack).caches : undefined)?.filter(({ warm }) => warm) ?? [];
    everyMs = Math.min(longestMs, ...spaces.map(({ ttlSeconds }) => (ttlSeconds * 1_000) / 2));
    const time = Math.floor(Date.now() / everyMs);
    if (time !== round) answered.clear();
    round = time;
    const asked: Promise<void>[] = [];
    const texts = spaces.flatMap(({ warm = [] }) => warm);
    for (const [at, text] of texts.entries()) {
      if (answered.has(text)) continue;
      const run = ['warm', time, at, ...(failed > 0 ? [failed] : [])].join('-');
      const { answered: isAnswered } = await admission.warm(identity, { text, run });
      asked.push(isAnswered.then((is) => void (is && answered.add(text))));
    }
    await Promise.all(asked);
    if (!texts.every((text) => answered.has(text))) throw new Unavailable('first answers');
    answered.clear();
    warmth?.reached();
  };
  const go = async (): Promise<void> => {
    while (!signal.aborted) {
      const pauseMs = await ask().then(
        () => {
          failed = 0;
          return everyMs;
        },
        (error: unknown) => {
          failed += 1;
          const about = { operation: 'warm', tenantId: tenant, ...faultFields(error) };
          log.warn(about, 'what visitors ask is not kept warm');
          return Math.min(everyMs, longestAgainMs, againMs * 2 ** (failed - 1));
        },
      );
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  };
  void go();
  return () => over.abort();
};
