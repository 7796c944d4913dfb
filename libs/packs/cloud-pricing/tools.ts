import type { Plan } from '@jangada/proto/plan.ts';
import type { Finding, Row } from '@jangada/proto/run.ts';
import { z } from 'zod';
import type { Judgement, Lookup } from '../tool.ts';
import { models, providers, purchases } from './facets.ts';

const oneOf = <T extends object>(values: T) => z.enum(Object.keys(values) as [string, ...string[]]);
const word = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/);

/** One price as an outside source says it. Only what the pack has words for, and no text that could say anything else. */
const offer = z.object({
  provider: oneOf(providers),
  model: oneOf(models),
  sku: word,
  region: word,
  purchase: oneOf(purchases),
  /** For one unit and hour. */
  price: z.number().positive().max(1_000),
  currency: z.string().regex(/^[A-Z]{3}$/),
  unit: z.enum(['gpu_hour', 'instance_hour']),
  asOf: z.iso.date(),
});

const keyOf = ({ provider, sku, region, purchase }: Row): string =>
  JSON.stringify([provider, sku, region, purchase]);

const several = z.string().describe('one value or several, with commas between').optional();

const isWithin = ({ facets = {}, amount = {} }: Plan['filter'], row: Row): boolean => {
  const cents = Number(row['price']) * 100;
  return (
    Object.entries(facets).every(([name, values]) => values.includes(String(row[name]))) &&
    cents >= (amount.min ?? 0) &&
    cents <= (amount.max ?? Number.POSITIVE_INFINITY)
  );
};

export const searchPrices: Lookup = {
  kind: 'lookup',
  name: 'search_gpu_pricing',
  says: 'Asks a price source for the present prices of accelerators.',
  input: z.object({ model: several, provider: several, purchase: several, region: several }),
  asks: ({ filter: { facets = {} } }) =>
    Object.fromEntries(
      Object.entries(facets)
        .map(([name, values]) => [name, values.toSorted().join(',')] as const)
        .toSorted(([a], [b]) => a.localeCompare(b)),
    ),
  output: z
    .object({ prices: z.array(offer).max(500) })
    .transform(({ prices }) => prices)
    // A source that names two prices for one thing is wrong about one of them, and does not say which.
    .refine((prices) => new Set(prices.map(keyOf)).size === prices.length),
  dated: 'asOf',
  update: ({ plan, rows, isWhole }, said, from) => {
    const told = new Map(
      said.map((each) => [
        keyOf(each),
        { ...each, asOf: String(each['asOf']), price: Number(each['price']).toFixed(6), source: from },
      ]),
    );
    const updated = rows.map((row) => {
      const newer = told.get(keyOf(row));
      told.delete(keyOf(row));
      return newer && newer.asOf >= String(row['asOf']) ? newer : row;
    });
    return [...updated, ...(isWhole ? told.values() : [])]
      .filter((row) => isWithin(plan.filter, row))
      .map((row: Row) => Object.fromEntries(plan.fields.map((field) => [field, row[field] ?? null])))
      .toSorted((a, b) => Number(a['price']) - Number(b['price']));
  },
};

const hoursPerMonth = 730;
const months: Readonly<Record<string, number>> = { reserved_1y: 12, reserved_3y: 36 };

/** The place of the first row of the kind: the lowest price of it, for rows come in that order. */
const firstOf = (rows: readonly Row[], purchase: string): number =>
  rows.findIndex((row) => row['purchase'] === purchase);

/** What the same thing costs on demand, where the rows say so and it is more. */
const onDemandOf = (rows: readonly Row[], { price, ...row }: Row): number | undefined => {
  const same = rows.find((other) => keyOf(other) === keyOf({ ...row, purchase: 'on_demand' }));
  return same && Number(same['price']) > Number(price) ? Number(same['price']) : undefined;
};

export const comparePrices: Judgement = {
  kind: 'judgement',
  name: 'compare_prices',
  says: 'Compares prices of one accelerator: the lowest, the lowest without commitment, and what other ways to buy save.',
  input: z.object({
    prices: z.array(z.object({ ...offer.shape, price: z.string(), source: z.string() })).min(2),
  }),
  finds: ['cheapest', 'onDemand', 'spot', 'term'],
  judge: (rows) => {
    const [first] = rows;
    const isAlike = (row: Row): boolean =>
      ['model', 'currency', 'unit'].every((name) => row[name] === first?.[name]);
    if (!first || rows.length < 2 || !rows.every(isAlike)) return undefined;
    const onDemand = firstOf(rows, 'on_demand');
    const found: Finding[] = [{ kind: 'cheapest', row: 0, figures: {} }];
    if (onDemand > 0) found.push({ kind: 'onDemand', row: onDemand, figures: {} });
    for (const purchase of ['spot', 'reserved_1y', 'reserved_3y']) {
      const row = firstOf(rows, purchase);
      const at = rows[row];
      const full = at && onDemandOf(rows, at);
      if (!full) continue;
      const price = Number(at['price']);
      const percent = Math.round((1 - price / full) * 100);
      const term = months[purchase];
      if (!term) found.push({ kind: 'spot', row, figures: { percent } });
      else {
        const amount = Math.round(price * hoursPerMonth * term * 100) / 100;
        found.push({ kind: 'term', row, figures: { percent, months: term, amount } });
      }
    }
    return found;
  },
};
