import { appendFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkpoints, headers } from '@jangada/proto/envelope.ts';
import type { Bus } from '@jangada/runtime/bus.ts';
import type { Store } from '@jangada/store/store.ts';
import { faultFields, type Log } from '@jangada/telemetry/log.ts';
import type { Metrics } from '@jangada/telemetry/metrics.ts';
import { endOf } from './appended.ts';
import { atOnce, checkpointsAfter, lastNumber, type Sealed, type Sealing } from './seal.ts';

/** How often chains that have moved are sealed. */
const everyMs = 1_000;

interface Sealer {
  readonly store: Store;
  readonly bus: Pick<Bus, 'publish'>;
  readonly log: Log;
  readonly metrics: Metrics;
  /** A file that checkpoints are appended to. */
  readonly path: string | undefined;
  readonly seal: () => Promise<Sealing | undefined>;
}

/**
 * Seals the chains each second in which they have moved, and tells each checkpoint where this service cannot take it back:
 * a file, and the broker. What another instance sealed is told too, and what could not be told is told later; the same one
 * twice is one. Returns what ends it.
 */
export const keepSealed = async ({
  store,
  bus,
  log,
  metrics,
  path,
  seal,
}: Sealer): Promise<() => Promise<void>> => {
  const waited = metrics.histogram(
    'audit_seal_seconds',
    'From when entries were kept until a checkpoint took them in',
    [0.25, 0.5, 1, 1.5, 2, 3, 5, 10],
  );
  let doneAt = Date.now();
  metrics.gauge(
    'audit_checkpoint_age_seconds',
    'Since when all that was kept was last known to be in a checkpoint that was told',
    [],
    () => (Date.now() - doneAt) / 1_000,
  );
  let told: number | undefined;

  const tell = async ({ number, statement }: Sealed): Promise<void> => {
    // Of one that could not be written there may be a part, which is looked for before anything comes after it.
    if (path)
      await appendFile(path, `${statement}\n`).catch((error: unknown) => {
        told = undefined;
        throw error;
      });
    await bus.publish(checkpoints.subject, statement, { [headers.messageId]: `checkpoint.${number}` });
    told = number;
  };
  const lastIn = async (file: string): Promise<number> => {
    const { number, cut } = await endOf(file);
    if (cut > 0)
      log.warn(
        { operation: 'seal', count: cut },
        'the file of checkpoints ended with a part of one, which was cut off',
      );
    return number;
  };
  const turn = async (): Promise<void> => {
    const startedAt = Date.now();
    told ??= await (path ? lastIn(path) : lastNumber(store));
    for (let sealing = await seal(); sealing; sealing = await seal())
      for (const ms of sealing.waitedMs) waited.observe(ms / 1_000);
    const untold = await checkpointsAfter(store, told);
    for (const checkpoint of untold) await tell(checkpoint);
    if (untold.length < atOnce) doneAt = startedAt;
  };

  const stop = new AbortController();
  const work = (async () => {
    while (!stop.signal.aborted) {
      await turn().catch((error: unknown) => {
        log.warn({ operation: 'seal', ...faultFields(error) }, 'the trail is not sealed; trying again');
      });
      await sleep(everyMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
    // What was kept last.
    await turn().catch(() => undefined);
  })();
  return async () => {
    stop.abort();
    await work;
  };
};
