import { createHmac } from 'node:crypto';
import { correctable } from '@jangada/packs/holdings.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { requestTypes } from '@jangada/proto/privacy.ts';
import { queries, type Store } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import { openParcel, recipientOf } from '@jangada/trust/parcel.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sql } from 'kysely';
import { z } from 'zod';
import { carryOut } from './access.ts';
import type { Accounts } from './accounts.ts';
import type { Admission } from './admission.ts';
import { nameOf } from './ids.ts';
import { id } from './listing.ts';
import { Refusal } from './refusal.ts';
import { shaped } from './shape.ts';

/**
 * What people ask about their own data (LGPD, art. 18), how far it has come, and what came of it. The outcome is fetched
 * once, by a link that only whoever opened the request is told, and that is the key to it.
 */

const opening = z.strictObject({
  type: z.enum(requestTypes),
  /** Themselves, where nobody is named. */
  subjectId: id.optional(),
  commandId: z.string().min(1).max(200).optional(),
  corrections: z.record(z.string().max(40), z.string().max(2_000)).optional(),
});
const reviewing = z.strictObject({
  approved: z.boolean(),
  /** By what law, or else for what reason; it is told to whoever asked. */
  basis: z.string().trim().min(3).max(200),
  commandId: z.string().min(1).max(200).optional(),
});
const telling = z.strictObject({ commandId: z.string().min(1).max(200).optional() });

const linkShape = /^[A-Za-z0-9_-]{43}$/;
const db = queries<CoreTables>();

export const privacyRoutes = (
  app: FastifyInstance,
  {
    admission,
    store,
    accounts,
    secret,
  }: { admission: Admission; store: Store; accounts: Pick<Accounts, 'tenant'>; secret: Buffer },
): void => {
  /** The same for the same command of the same person, so that who asks again is told the same link. */
  const linkOf = (...about: readonly string[]): Buffer =>
    createHmac('sha256', secret)
      .update(JSON.stringify(['privacy-link', ...about]))
      .digest();

  app.post('/v1/privacy/requests', { config: { limits: 'privacy' } }, async (request, reply) => {
    const identity = request.signedIn();
    const {
      type,
      commandId = crypto.randomUUID(),
      corrections,
      subjectId = identity.person,
    } = shaped(opening, request.body);
    if (subjectId === undefined) throw new Refusal('INPUT_INVALID', { field: 'subjectId' });
    const link = linkOf(identity.tenant, identity.subject, commandId);
    const done = await carryOut(admission, request, reply, commandId, {
      ...{ action: 'open_privacy_request', subjectId, type, recipient: recipientOf(link) },
      ...(corrections ? { corrections } : {}),
    });
    return reply.code(202).send({ requestId: done.commandId, type, delivery: pathOf(link) });
  });

  app.post<{ Params: { request: string } }>(
    '/v1/privacy/requests/:request/review',
    async (request, reply) => {
      const { commandId, ...judged } = shaped(reviewing, request.body);
      const { request: asked } = shaped(z.strictObject({ request: id }), request.params);
      return carryOut(admission, request, reply, commandId, {
        action: 'review_privacy_request',
        request: asked,
        ...judged,
      });
    },
  );

  app.post<{ Params: { request: string; recipient: string } }>(
    '/v1/privacy/requests/:request/recipients/:recipient',
    async (request, reply) => {
      const { commandId } = shaped(telling, request.body ?? {});
      const about = shaped(z.strictObject({ request: id, recipient: id }), request.params);
      return carryOut(admission, request, reply, commandId, { action: 'tell_privacy_recipient', ...about });
    },
  );

  /** The pack of a tenant, and in each language what its kinds of data are called and those whom it passes data on to. */
  const wordsOf = async (tenant: string) => {
    const about = await accounts.tenant(tenant);
    if (!about) throw new Refusal('AUTH_INVALID');
    const pack = packOf(about.pack);
    const { en, 'pt-BR': pt } = pack.wording;
    return {
      pack,
      classes: { en: en.classes, 'pt-BR': pt.classes },
      recipients: { en: en.recipients ?? {}, 'pt-BR': pt.recipients ?? {} },
    };
  };

  app.get('/v1/privacy/reviews', async (request) => {
    const { tenant, subject } = request.signedIn();
    const [{ classes, recipients }, requests] = await Promise.all([
      wordsOf(tenant),
      store.read({ tenant }, waitingForSomebody(tenant, subject)),
    ]);
    return { classes, recipients, requests };
  });

  app.get('/v1/privacy/requests', async (request) => {
    const { tenant, subject } = request.signedIn();
    const [{ pack, classes }, requests, waiting] = await Promise.all([
      wordsOf(tenant),
      store.read({ tenant }, requestsOf(tenant, subject)),
      store.read({ tenant }, waitingFor(tenant, subject)),
    ]);
    return {
      classes,
      corrects: [...correctable(pack).keys()],
      requests: requests.map((one) => {
        const link = linkOf(tenant, subject, nameOf(one.requestId));
        const recipient = recipientOf(link);
        const parcel = waiting.find((other) => other.id === one.requestId && other.recipient === recipient);
        return parcel ? { ...one, delivery: pathOf(link), fetchBefore: parcel.expires_at } : one;
      }),
    };
  });

  app.get<{ Params: { link: string } }>(
    '/v1/privacy/deliveries/:link',
    // Who asks about it without its body would use it up.
    { exposeHeadRoute: false },
    (request, reply) => handOver(store, request, reply),
  );
};

const pathOf = (link: Buffer): string => `/v1/privacy/deliveries/${link.toString('base64url')}`;

const requestsOf = (tenant: string, account: string) =>
  db
    .selectFrom('privacy_requests')
    .select([
      'id as requestId',
      'type',
      'state',
      'at',
      'deadline_at as deadlineAt',
      'history',
      'receipts',
      'partial',
      'approved',
      'review_basis as reviewBasis',
      'recipients',
    ])
    .where('tenant_id', '=', tenant)
    .where('opened_by', '=', account)
    .orderBy('at', 'desc')
    .limit(50);

/** What waits for a person of the tenant: a yes or a no, or that somebody whom data were passed on to is told. Most urgent first. */
const waitingForSomebody = (tenant: string, account: string) =>
  db
    .selectFrom('privacy_requests')
    .select([
      'id as requestId',
      'type',
      'state',
      'identity',
      sql<boolean>`opened_by = ${account}`.as('isOwn'),
      'at',
      'deadline_at as deadlineAt',
      'receipts',
      'recipients',
    ])
    .where('tenant_id', '=', tenant)
    .where(
      sql<boolean>`state = 'legal_review' and approved is null or state = 'delivered' and exists (
        select from jsonb_array_elements(recipients) as one where one->'told' is null)`,
    )
    .orderBy('deadline_at')
    .limit(100);

/** What somebody can still fetch. */
const waitingFor = (tenant: string, account: string) =>
  db
    .selectFrom('privacy_deliveries')
    .select(['id', 'recipient', 'expires_at'])
    .where('tenant_id', '=', tenant)
    .where('account_id', '=', account)
    .where('used_at', 'is', null)
    .where(sql<boolean>`expires_at > now()`);

/** Whoever holds a link that is another's, was used or is too old, is refused alike. */
const handOver = async (
  store: Store,
  request: FastifyRequest<{ Params: { link: string } }>,
  reply: FastifyReply,
): Promise<unknown> => {
  const { tenant, subject } = request.signedIn();
  if (!linkShape.test(request.params.link)) throw new Refusal('NOT_FOUND');
  const link = Buffer.from(request.params.link, 'base64url');
  const taken = db
    .updateTable('privacy_deliveries')
    .set({ used_at: new Date() })
    .where('tenant_id', '=', tenant)
    .where('recipient', '=', recipientOf(link))
    .where('account_id', '=', subject)
    .where('used_at', 'is', null)
    .where(sql<boolean>`expires_at > now()`)
    .returning('content');
  const [parcel] = await store.read({ tenant }, taken);
  if (!parcel) throw new Refusal('AUTHZ_DENIED');
  return reply
    .header('content-type', 'application/zip')
    .header('content-disposition', 'attachment; filename="privacy.zip"')
    .header('cache-control', 'no-store')
    .send(Buffer.from(await openParcel(link, parcel.content)));
};
