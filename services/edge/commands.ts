import { setTimeout as sleep } from 'node:timers/promises';
import { isStep, storyOf } from '@jangada/bookings/story.ts';
import { type Command, command } from '@jangada/proto/command.ts';
import { faults } from '@jangada/proto/errors.ts';
import type { End } from '@jangada/proto/reply.ts';
import type { NatsConnection } from '@nats-io/transport-node';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Admission } from './admission.ts';
import { codeOf, wholeAnswer } from './answer.ts';
import type { Follower } from './follow.ts';
import { nameOf } from './ids.ts';
import { instant, toldOf } from './listing.ts';
import { shaped } from './shape.ts';

/**
 * Commands on the agenda. What is accepted is stored, and carried out whatever becomes of the edge; what came of it is asked
 * for by its id. A command given again with the same `Idempotency-Key` is the same command.
 */

const interval = z.strictObject({ from: instant, until: instant });

const strictly = (one: (typeof command.options)[number]): z.ZodType<Command> => {
  const { start, open } = one.shape as { start?: z.ZodType; open?: z.ZodType };
  return z.strictObject({
    ...one.shape,
    ...(start ? { start: instant } : {}),
    ...(open ? { open: z.array(interval).max(10) } : {}),
  }) as unknown as z.ZodType<Command>;
};
const byType = new Map(command.options.map((one) => [one.shape.type.value as string, strictly(one)]));

const typed = z.looseObject({ type: z.string().refine((type) => byType.has(type)) });
const key = z.string().min(1).max(200).optional();

/** How long is waited for what came of a command. */
const patienceMs = 1_000;

/** What is told of a command that came to its end; done, with what followed from it until now. */
const outcomeOf = async (nc: NatsConnection, tenant: string, end: End) => {
  const code = codeOf(end);
  if (end.type === 'answered') {
    const { appointmentId: id, version, ...rest } = end.items?.[0] ?? {};
    if (typeof id !== 'string') return { status: 'done' };
    const story = await storyOf(nc, { tenant, id });
    const steps = story.filter((line) => line.version === version && isStep(line));
    return { status: 'done', appointmentId: id, version, ...rest, steps: steps.map(toldOf) };
  }
  const alternatives = end.type === 'refused' ? end.alternatives : undefined;
  return {
    status: end.type === 'refused' ? 'refused' : 'failed',
    ...(code ? { code, retryable: faults[code].retryable } : {}),
    ...('message' in end ? { message: end.message } : {}),
    ...(alternatives ? { alternatives } : {}),
  };
};

export const commandRoutes = (
  app: FastifyInstance,
  admission: Admission,
  { endOf }: Pick<Follower, 'endOf'>,
  nc: NatsConnection,
): void => {
  app.post('/v1/commands', async (request, reply) => {
    const id = shaped(key, request.headers['idempotency-key']);
    const { type } = shaped(typed, request.body);
    const asked = shaped(byType.get(type) ?? z.never(), request.body);
    const run = await admission.order(request.signedIn(), { id, command: asked });
    // Nobody waits for it here; its end is counted as that of a question is.
    wholeAnswer(run).catch(() => undefined);
    const commandId = nameOf(run.id);
    return reply
      .code(202)
      .header('jangada-run', run.id)
      .header('location', `/v1/commands/${commandId}`)
      .send({ commandId, type, status: 'accepted' });
  });

  app.get('/v1/commands/:id', async (request, reply) => {
    const { id: commandId } = request.params as { id: string };
    const identity = request.signedIn();
    const run = await admission.rejoin(identity, commandId, undefined);
    reply.raw.once('close', run.stop);
    const told = await Promise.race([wholeAnswer(run), sleep(patienceMs)]);
    run.stop();
    if (!told) return { commandId, status: 'accepted' };
    // What failed may have been given again since, and a run is followed to its first end only.
    const again = told.end.type === 'failed' ? await endOf(identity.tenant, run.id) : undefined;
    return { commandId, ...(await outcomeOf(nc, identity.tenant, again ?? told.end)) };
  });
};
