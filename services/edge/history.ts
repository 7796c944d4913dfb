import { createHash } from 'node:crypto';
import { viewed } from '@jangada/proto/auth.ts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Identity } from './identity.ts';
import type { openIds } from './ids.ts';
import { Refusal } from './refusal.ts';
import { shaped } from './shape.ts';
import { type Entry, placeOf, type Trail } from './trail.ts';
import type { Witness } from './witness.ts';

/** What became of questions: everybody sees their own, and who holds `admin:security` those of their tenant. */

const id = z.string().regex(/^[\w.:@-]{1,128}$/);
const after = z
  .string()
  .max(500)
  .transform((cursor, context) => {
    const place = placeOf(cursor);
    if (!place) context.addIssue('no cursor of ours');
    return place;
  })
  .optional();
const code = z
  .string()
  .regex(/^[A-Z_]{1,40}$/)
  .optional();
const instant = z.iso.datetime({ offset: true }).optional();

const runsQuery = z.strictObject({
  ended: z.enum(['answered', 'refused', 'interrupted', 'failed', 'cancelled']).optional(),
  code,
  cursor: after,
});
const allRunsQuery = runsQuery.extend({ actor: id.optional() });
const auditQuery = z.strictObject({
  about: id.optional(),
  actor: id.optional(),
  fact: z
    .string()
    .regex(/^[a-z.-]{1,60}$/)
    .optional(),
  decision: z.enum(['allowed', 'denied', 'failed', 'done']).optional(),
  code,
  from: instant,
  to: instant,
  cursor: after,
});

/** `traces` is where a run's trace is shown, with `{run}` for its id. */
export const historyRoutes = (
  app: FastifyInstance,
  {
    trail,
    ownedId,
    traces,
    witness,
  }: {
    trail: Trail;
    ownedId: ReturnType<typeof openIds>;
    traces: string | undefined;
    witness: Witness;
  },
): void => {
  /** What exists for nobody and what is somebody else's look alike. */
  const told = (run: string, facts: readonly Entry[]) => {
    if (facts.length === 0) throw new Refusal('NOT_FOUND');
    return { run, facts };
  };

  /**
   * Whoever looks at what others did is seen to: once for each of their sessions, or for each run that they look into, and
   * before they are told.
   */
  const isSeen = (
    { tenant, subject: actor, session, origin: from }: Identity,
    what: 'runs' | 'run' | 'audit',
    run?: string,
  ): Promise<void> => {
    const id = createHash('sha256')
      .update(JSON.stringify([session, what, run]))
      .digest('hex')
      .slice(0, 32);
    return witness(viewed, tenant, { actor, what, ...(run ? { run } : {}) }, { id, from });
  };

  app.get('/v1/runs', async (request) => {
    const { tenant, subject } = request.signedIn();
    const { cursor, ...asked } = shaped(runsQuery, request.query);
    return trail.ended(tenant, { ...asked, actor: subject, after: cursor });
  });

  app.get<{ Params: { run: string } }>('/v1/runs/:run', async (request) => {
    const { tenant, subject } = request.signedIn();
    // Who asked may call it as they did.
    const run = ownedId('run', { tenant, subject }, shaped(id, request.params.run));
    return told(run, await trail.story(tenant, run));
  });

  app.get('/v1/admin/runs', async (request) => {
    const { cursor, ...asked } = shaped(allRunsQuery, request.query);
    await isSeen(request.signedIn(), 'runs');
    return trail.ended(request.signedIn().tenant, { ...asked, after: cursor });
  });

  app.get<{ Params: { run: string } }>('/v1/admin/runs/:run', async (request) => {
    const run = shaped(id, request.params.run);
    await isSeen(request.signedIn(), 'run', run);
    const facts = await trail.story(request.signedIn().tenant, run);
    const trace = traces?.replaceAll('{run}', run);
    return { ...told(run, facts), ...(trace ? { trace } : {}) };
  });

  app.get('/v1/admin/audit', async (request) => {
    const { cursor, ...asked } = shaped(auditQuery, request.query);
    await isSeen(request.signedIn(), 'audit');
    return trail.entries(request.signedIn().tenant, { ...asked, after: cursor });
  });
};
