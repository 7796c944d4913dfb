import { z } from 'zod';
import { rowsMax } from './run.ts';

/**
 * Tools of a front end by which an answer can be shown. A client offers them and a pack allows them; what they are given is
 * what the answer tells, in a shape that can be drawn.
 */

export const clientTool = z.enum(['show_chart', 'show_table']);
export type ClientTool = z.output<typeof clientTool>;

const name = z.string().min(1).max(60);

/** Figures by day, each kind of them a series. Days without one have no point. */
const chart = z.strictObject({
  source: name,
  series: z
    .array(
      z.strictObject({
        name,
        points: z.array(z.strictObject({ day: z.iso.date(), value: z.number() })).max(rowsMax),
      }),
    )
    .min(1)
    .max(8),
  /** Of the series that are money. */
  currency: z.string().max(3).optional(),
});

/** Rows as the answer tells them: in its language, its zone and its money, masked as for whoever asked. */
const table = z.strictObject({
  source: name,
  columns: z.array(name).min(1).max(20),
  /** A cell for each column; one without a value is empty. */
  rows: z
    .array(z.array(z.string().max(4_000)).max(20))
    .min(1)
    .max(rowsMax),
});

/** What a client's tool is asked to show. */
export const clientCall = z.discriminatedUnion('name', [
  z.object({ name: z.literal('show_chart'), arguments: chart }),
  z.object({ name: z.literal('show_table'), arguments: table }),
]);
export type ClientCall = z.output<typeof clientCall>;
