import { type Line, storyOf } from '@jangada/bookings/story.ts';
import { token } from '@jangada/proto/message.ts';
import type { End } from '@jangada/proto/reply.ts';
import type { Row } from '@jangada/proto/run.ts';
import type { Store } from '@jangada/store/store.ts';
import type { NatsConnection } from '@nats-io/transport-node';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Admission, Run } from './admission.ts';
import { codeOf, wholeAnswer } from './answer.ts';
import type { Identity } from './identity.ts';
import { type OwnChanges, standingOf } from './own-changes.ts';
import { Refusal } from './refusal.ts';
import type { Listing } from './requests.ts';
import { listings, projections } from './routes.ts';
import { shaped } from './shape.ts';

/**
 * Rows that are asked for by the name of what they are: the plan is made here, and the answer is the rows, so that no
 * language work is done on either side. Permission, audit and row-level security are those of every question.
 */

export const id = z.string().regex(/^[\w.:@-]{1,64}$/);
export const cursor = z
  .string()
  .regex(/^[\w=-]{1,200}$/)
  .optional();
/** Instants as clients write them, with whatever offset, as the one way of writing them. */
export const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString());
/** A moment, or a day of the tenant's zone. */
const when = z.union([instant, z.iso.date().regex(/^(?:19|2\d)\d\d-/)]).optional();

const wanted = z
  .strictObject({
    subjectId: id.optional(),
    providerId: id.optional(),
    state: z
      .string()
      .regex(/^[a-z_]{1,40}$/)
      .optional(),
    from: when,
    to: when,
    cursor,
  })
  // Half a period is none.
  .refine(({ from, to }) => (from === undefined) === (to === undefined), { path: ['to'] })
  .transform(({ from, to, ...rest }) => ({ ...rest, ...(from && to ? { period: { from, to } } : {}) }));

type Answered = Omit<Extract<End, { type: 'answered' }>, 'rows'> & { readonly rows: readonly Row[] };

/** The rows that answer what was asked for by its name. @throws Refusal with what became of it instead */
export const rowsOf = async (run: Run): Promise<Answered> => {
  const { end } = (await wholeAnswer(run)) ?? {};
  if (end?.type === 'answered' && end.rows) return { ...end, rows: end.rows };
  const code = end ? (codeOf(end) ?? 'UPSTREAM_UNAVAILABLE') : 'CANCELLED';
  const limit = end?.type === 'refused' ? end.limit : undefined;
  throw new Refusal(code, { locale: run.locale, run: run.id, ...(limit ? { limit } : {}) });
};

/** As `rowsOf`, for a request over HTTP, which ends with its connection. */
export const listed = async (
  request: FastifyRequest,
  reply: FastifyReply,
  admission: Admission,
  listing: Listing,
): ReturnType<typeof rowsOf> => {
  const run = await admission.read(request.signedIn(), listing);
  reply.raw.once('close', run.stop);
  reply.header('jangada-run', run.id);
  return rowsOf(run);
};

interface Parts {
  readonly admission: Admission;
  readonly store: Store;
  readonly changes: Pick<OwnChanges, 'shown'>;
  readonly nc: NatsConnection;
}

export const listingRoutes = (app: FastifyInstance, { admission, store, changes, nc }: Parts): void => {
  /** How far what follows from events is; before the rows are read, so that they are at least as fresh as is told. */
  const followingOf = async (identity: Identity, name: string) => {
    const projection = projections.get(name);
    if (!projection) return {};
    const isShown = await changes.shown(identity);
    const standing = await standingOf(store, identity.tenant, projection);
    return { projection: isShown ? standing : { ...standing, stale: true } };
  };

  // Counted as `data` by permission, where it is known what is read: counting it here too would count it twice.
  for (const name of listings)
    app.get(`/v1/${name}`, async (request, reply) => {
      const listing = { name, ...shaped(wanted, request.query) };
      const follows = await followingOf(request.signedIn(), name);
      const answer = await listed(request, reply, admission, listing);
      const { rows, nextCursor, cached, asOf } = answer;
      return {
        [name]: rows,
        cached,
        ...follows,
        ...(asOf ? { asOf } : {}),
        ...(nextCursor ? { nextCursor } : {}),
      };
    });

  for (const name of projections.keys())
    app.get(`/v1/${name}/:id`, async (request, reply) => {
      const { id: row } = request.params as { id: string };
      const identity = request.signedIn();
      // What cannot be an id is one that nobody has.
      if (!token.test(row)) throw new Refusal('NOT_FOUND');
      const follows = await followingOf(identity, name);
      const { rows } = await listed(request, reply, admission, { name, row });
      if (!rows[0]) throw new Refusal('NOT_FOUND', { locale: await admission.localeOf(identity) });
      const story = await storyOf(nc, { tenant: identity.tenant, id: row });
      return { ...rows[0], ...follows, events: story.map(toldOf) };
    });
};

/** A line as whoever may read the booking is told it. */
export const toldOf = ({ at, what, version, outcome }: Line) => ({
  at,
  what,
  version,
  ...(outcome ? { outcome } : {}),
});
