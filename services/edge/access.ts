import type { Command } from '@jangada/proto/access.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Admission } from './admission.ts';
import { wholeAnswer } from './answer.ts';
import { cursor, id, listed } from './listing.ts';
import { Refusal } from './refusal.ts';
import { shaped } from './shape.ts';

/**
 * Commands on who may do what: consent, care relationships, emergencies; and on what is kept: legal holds, approvals. Each is a message and ends in a fact; given
 * again with the same `commandId` it is the same command and has the same answer. Beside them, the history of consent,
 * which is told by its name.
 */

const channel = z.string().regex(/^[a-z-]{1,40}$/);
const commandId = z.string().min(1).max(200).optional();
const level = z.string().regex(/^[a-z-]{1,40}$/);

const asked = z.strictObject({ subjectId: id, cursor });

const consent = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('give'),
    commandId,
    subjectId: id,
    level,
    basis: z.enum(['person', 'guardian', 'document']).default('person'),
    channel: channel.default('api'),
  }),
  z.strictObject({
    action: z.literal('withdraw'),
    commandId,
    subjectId: id,
    level,
    channel: channel.default('api'),
  }),
]);
const relationship = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('open'),
    commandId,
    providerId: id,
    subjectId: id,
    basis: z.enum(['care', 'assigned']).default('care'),
    until: z.iso.datetime().optional(),
  }),
  z.strictObject({ action: z.literal('close'), commandId, providerId: id, subjectId: id }),
]);
// That a reason is missing is decided behind the door, where audit hears of it.
const emergency = z.strictObject({
  commandId,
  subjectId: id,
  reason: z.string().max(40).default(''),
  explanation: z.string().max(2_000).default(''),
});

const kind = z.string().regex(/^[a-z_]{1,40}$/);
const hold = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('place'),
    commandId,
    class: kind,
    reason: z.string().trim().min(3).max(200),
  }),
  z.strictObject({ action: z.literal('release'), commandId, class: kind }),
]);
const approval = z.strictObject({
  commandId,
  tick: z.string().min(1).max(64),
  class: kind,
  root: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Gives a command and waits for what comes of it. @throws Refusal */
export const carryOut = async (
  admission: Admission,
  request: FastifyRequest,
  reply: FastifyReply,
  given: string | undefined,
  command: Command,
): Promise<{ commandId: string; action: string; done: true }> => {
  if (!request.routeOptions.config.takes?.commands?.includes(command.action))
    throw new Error('a route gives a command that the table of routes does not know it for');
  const run = await admission.submit(request.signedIn(), { id: given, command });
  reply.raw.once('close', run.stop);
  const { end } = (await wholeAnswer(run)) ?? {};
  reply.header('jangada-run', run.id);
  if (end?.type === 'answered') return { commandId: run.id, action: command.action, done: true };
  const code = end?.type === 'refused' || end?.type === 'failed' ? end.code : 'CANCELLED';
  throw new Refusal(code, { locale: run.locale, run: run.id });
};

export const accessRoutes = (app: FastifyInstance, admission: Admission): void => {
  app.get('/v1/consents/:subject', async (request, reply) => {
    const { subject: subjectId } = request.params as { subject: string };
    const wanted = shaped(asked, { ...(request.query as object), subjectId });
    const answer = await listed(request, reply, admission, { name: 'consents', ...wanted });
    const { rows: consents, nextCursor } = answer;
    return { subjectId, consents, ...(nextCursor ? { nextCursor } : {}) };
  });

  app.post('/v1/consents', async (request, reply) => {
    const { action, commandId: given, ...rest } = shaped(consent, request.body);
    const command =
      action === 'give' ? { action: 'give_consent', ...rest } : { action: 'withdraw_consent', ...rest };
    return carryOut(admission, request, reply, given, command as Command);
  });

  app.post('/v1/care-relationships', async (request, reply) => {
    const { action, commandId: given, ...rest } = shaped(relationship, request.body);
    const command =
      action === 'open'
        ? { action: 'open_relationship', ...rest }
        : { action: 'close_relationship', ...rest };
    return carryOut(admission, request, reply, given, command as Command);
  });

  app.post('/v1/break-glass', async (request, reply) => {
    const { commandId: given, ...rest } = shaped(emergency, request.body);
    return carryOut(admission, request, reply, given, { action: 'break_glass', ...rest });
  });

  app.post('/v1/holds', async (request, reply) => {
    const { action, commandId: given, ...rest } = shaped(hold, request.body);
    const command =
      action === 'place' ? { action: 'place_hold', ...rest } : { action: 'release_hold', ...rest };
    return carryOut(admission, request, reply, given, command as Command);
  });

  app.post('/v1/retention/approvals', async (request, reply) => {
    const { commandId: given, ...rest } = shaped(approval, request.body);
    return carryOut(admission, request, reply, given, { action: 'approve_retention', ...rest });
  });
};
