import type { AttackCase } from './case.ts';
import { area, type Observed } from './driver.ts';
import type { Ground } from './ground.ts';

/** What the time taken and the size of an answer tell. */

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Foreign and unknown ids in turn, so that whatever else goes on meets both alike. */
const existence = async (_one: AttackCase, ground: Ground): Promise<Observed> => {
  await ground.journey.sql(
    `insert into clients (tenant_id, id, name, name_search)
     select 'clinica-brisa', 'existing-' || lpad(n::text, 4, '0'), 'X', 'x' from generate_series(0, 999) n on conflict do nothing`,
  );
  const shapes = new Set<string>();
  const codes = new Set<string | undefined>();
  let turn = 0;
  const round = async (pairs: number): Promise<readonly [foreign: number, unknown: number]> => {
    const times = { foreign: [] as number[], unknown: [] as number[] };
    for (let count = 0; count < pairs; count++) {
      const number = String(turn++ % 1_000).padStart(4, '0');
      for (const kind of count % 2 ? (['foreign', 'unknown'] as const) : (['unknown', 'foreign'] as const)) {
        const clientId = `${kind === 'foreign' ? 'existing' : 'nowheres'}-${number}`;
        const told = await ground.ask('admin', 'quantas consultas este mês?', { clientId });
        times[kind].push(told.ms);
        codes.add(told.code);
        const size = told.text.replace(/"processingTimeMs":\d+/, '').length;
        shapes.add(`${told.status} ${Object.keys(JSON.parse(told.text)).join()} ${size}`);
      }
    }
    return [median(times.foreign), median(times.unknown)];
  };
  // A difference that is there is there in every round; one that the machine makes is not.
  let best: readonly [number, number] = [Number.POSITIVE_INFINITY, 0];
  for (let rounds = 0; rounds < 8 && Math.abs(best[0] - best[1]) > 0.5; rounds++) {
    const seen = await round(60);
    if (Math.abs(seen[0] - seen[1]) < Math.abs(best[0] - best[1])) best = seen;
  }
  return {
    refused: true,
    code: [...codes].join('/'),
    holds: codes.size === 1 && shapes.size === 1 ? ['indistinguishable'] : [],
    figures: { same_size: shapes.size === 1, max_delta_ms_p50: Math.abs(best[0] - best[1]) },
    note: `medians ${best[0].toFixed(2)} and ${best[1].toFixed(2)} ms; ${[...shapes].join(' | ')}`,
  };
};

export const timing = area('timing', [[/./, existence, { long: true }]]);
