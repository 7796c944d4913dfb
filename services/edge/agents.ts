import type { Values } from '@jangada/config/settings.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Admission, Question } from './admission.ts';
import { originOf } from './door.ts';
import type { Identity } from './identity.ts';
import type { Meter } from './meter.ts';
import { answerOf } from './query.ts';
import { Refusal } from './refusal.ts';
import { shaped } from './shape.ts';

/**
 * `/v1/ai-agents`: a second dialect of questions over HTTP, for the agent of a tenant and for one that is open to all.
 * The names of its fields are its own; what they mean is ours.
 */

const inquiryType = z.enum(['GENERAL', 'SUPPORT', 'PRICING', 'FEATURE', 'DOCUMENTATION', 'CARE']);
const inquiry = z.strictObject({ message: z.string(), inquiryType: inquiryType.optional() });
const careInquiry = inquiry.extend({ residentId: z.string().optional() });

/** What of an inquiry may be a label, however it is refused. */
const said = z.looseObject({ inquiryType });

type Config = Values<'AI_AGENT_PUBLIC_ENABLED' | 'AI_AGENT_TENANT_ENABLED' | 'PUBLIC_TENANT'>;

export const agentRoutes = (
  app: FastifyInstance,
  admission: Admission,
  config: Config,
  meter: Pick<Meter, 'inquired'>,
): void => {
  /** The tenant in whose name the public agent answers. @throws Refusal AGENT_DISABLED */
  const publicTenant = (): string => {
    const tenant = config.AI_AGENT_PUBLIC_ENABLED ? config.PUBLIC_TENANT : undefined;
    if (!tenant) throw new Refusal('AGENT_DISABLED');
    return tenant;
  };
  /** @throws Refusal AGENT_DISABLED */
  const assertTenantAgent = (): void => {
    if (!config.AI_AGENT_TENANT_ENABLED) throw new Refusal('AGENT_DISABLED');
  };
  const ask = (request: FastifyRequest, identity: Identity, question: Question) =>
    admission.ask(
      identity,
      { ...question, traceparent: request.headers['traceparent']?.toString() },
      request.limit,
    );

  for (const agent of ['public', 'tenant'] as const) {
    app.get(`/v1/ai-agents/${agent}/health`, () => {
      if (agent === 'public') publicTenant();
      else assertTenantAgent();
      return { status: 'healthy', agent, timestamp: new Date().toISOString() };
    });
  }

  const counted = (agent: 'public' | 'tenant') => ({
    onResponse: async ({ body }: FastifyRequest, { statusCode: status, elapsedTime }: FastifyReply) => {
      const { data } = said.safeParse(body);
      meter.inquired({ agent, type: data?.inquiryType ?? 'none', status }, elapsedTime);
    },
  });

  app.post(
    '/v1/ai-agents/public/inquiry',
    { config: { limits: 'public' }, ...counted('public') },
    async (request, reply) => {
      const tenant = publicTenant();
      const { message } = shaped(inquiry, request.body);
      const identity = { ...anybody(tenant), origin: originOf(request) };
      await answerOf(request, reply, () =>
        ask(request, identity, { text: message, session: identity.session }),
      );
    },
  );

  app.post(
    '/v1/ai-agents/tenant/care-inquiry',
    { config: { limits: 'tenant' }, ...counted('tenant') },
    async (request, reply) => {
      assertTenantAgent();
      const { message, residentId } = shaped(careInquiry, request.body);
      const identity = request.signedIn();
      await answerOf(request, reply, async () => {
        await admission.sameTenant(identity, tenantSaid(identity.tenant, message, residentId));
        return ask(request, identity, {
          text: message,
          session: identity.session,
          subjectId: residentId,
        });
      });
    },
  );
};

/** Somebody who has not said who they are. What the role may read, if anything, the tenant's pack says. */
export const anybody = (tenant: string): Identity => ({
  tenant,
  subject: 'public',
  role: 'public',
  person: undefined,
  session: crypto.randomUUID(),
  expiresAt: Number.POSITIVE_INFINITY,
  acr: 'aal1',
  amr: [],
  authenticatedAt: Date.now(),
});

const tenantNamed = /\btenant[-_][\w-]*\w/gi;
/** An id that begins with its tenant, as `<tenant>_<kind>_<number>`. */
const tenantInId = /^([A-Za-z0-9-]+)_[a-z]+_\w+$/;

/**
 * The tenant that the words alone lead to: another than the caller's where any of them does. Nothing is looked up, so
 * the answer is the same whether there is such a tenant or person. Other ids that are not the tenant's own are found by
 * permission, unknown and foreign alike.
 */
const tenantSaid = (tenant: string, message: string, id: string | undefined): string | undefined => {
  const named = [...message.matchAll(tenantNamed)].map(([name]) => name.toLowerCase());
  const said = named.map((name) => (name === tenant.toLowerCase() ? tenant : name));
  const owner = tenantInId.exec(id ?? '')?.[1];
  if (owner !== undefined) said.push(owner);
  return said.find((name) => name !== tenant) ?? said[0];
};
