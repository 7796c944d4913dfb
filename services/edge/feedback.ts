import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { z } from 'zod';
import type { Admission } from './admission.ts';
import { judgement, stored } from './judgement.ts';
import { runPath } from './routes.ts';
import { shaped } from './shape.ts';

/**
 * How good answers were: everybody says it of their own, once for each, the last that they say; whoever holds
 * `admin:system` sees the figures of their tenant, and neither who said what nor why.
 */

type OfRun = { Params: { runId: string } };
const figuresQuery = z.strictObject({ days: z.coerce.number().int().min(1).max(730).default(30) });
const db = queries<CoreTables>();

export const feedbackRoutes = (
  app: FastifyInstance,
  { admission, store }: { admission: Admission; store: Store },
): void => {
  app.post<OfRun>(`${runPath}/feedback`, async (request, reply) => {
    const said = shaped(judgement, request.body);
    const run = await admission.judge(request.signedIn(), { run: request.params.runId, ...said });
    reply.raw.once('close', run.stop);
    reply.header('jangada-run', run.id);
    await stored(run);
    return reply.code(204).send();
  });

  app.get('/v1/admin/feedback', async (request) => {
    const { days } = shaped(figuresQuery, request.query);
    const { tenant } = request.signedIn();
    const counted = db
      .selectFrom('feedback')
      .where('tenant_id', '=', tenant)
      .where('at', '>=', new Date(Date.now() - days * 86_400_000).toISOString())
      .groupBy('rating')
      .select(['rating', sql<number>`count(*)::int`.as('count')]);
    return { days, ...satisfactionOf(await store.read({ tenant }, counted)) };
  });
};

/** How many judgements there are, their average, and how many of each rating. The average of none is null. */
export const satisfactionOf = (
  counted: readonly { readonly rating: number; readonly count: number }[],
): { count: number; average: number | null; ratings: Record<string, number> } => {
  const ratings = Object.fromEntries(
    [1, 2, 3, 4, 5].map((rating) => [rating, counted.find((one) => one.rating === rating)?.count ?? 0]),
  );
  const count = counted.reduce((sum, one) => sum + one.count, 0);
  const total = counted.reduce((sum, one) => sum + one.rating * one.count, 0);
  return { count, average: count > 0 ? Math.round((total / count) * 100) / 100 : null, ratings };
};
