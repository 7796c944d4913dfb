import { Unavailable } from '@jangada/hop/outcome.ts';
import { core } from '@jangada/proto/envelope.ts';
import { type Letter, listAsked, listTold, replayAsked, replayTold } from '@jangada/proto/letter.ts';
import type { Service } from '@jangada/runtime/service.ts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { Refusal } from './refusal.ts';
import { shaped } from './shape.ts';

/**
 * Dead letters of the caller's tenant, for who holds `admin:system`. The edge has the key of bodies, so it has no right to
 * these: it asks whoever keeps them, who has no key.
 */

const withinMs = 5_000;

const listQuery = z.strictObject({
  cursor: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
});
const place = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Of its address only what was said: tenant and run stand beside it. */
const shown = ({ tenant: _tenant, subject, ...letter }: Letter) => ({
  ...letter,
  message: subject.split('.').slice(0, 2).join('.'),
});

export const letterRoutes = (app: FastifyInstance, { bus: { nc } }: Pick<Service, 'bus'>): void => {
  const ask = async <T extends z.ZodType>(
    subject: string,
    question: object,
    answer: T,
  ): Promise<z.output<T>> => {
    const told = await nc.request(subject, JSON.stringify(question), { timeout: withinMs }).catch((error) => {
      throw new Unavailable('keeper of dead letters', error);
    });
    return answer.parse(told.json());
  };

  app.get('/v1/admin/letters', async (request) => {
    const { tenant } = request.signedIn();
    const { cursor: after } = shaped(listQuery, request.query);
    const { letters, next } = await ask(core.letters('list', tenant), listAsked.parse({ after }), listTold);
    return { items: letters.map(shown), ...(next === undefined ? {} : { nextCursor: String(next) }) };
  });

  app.post<{ Params: { sequence: string } }>('/v1/admin/letters/:sequence/replay', async (request) => {
    const { tenant, subject: actor } = request.signedIn();
    const asked = replayAsked.parse({ sequence: shaped(place, request.params.sequence), actor });
    const told = await ask(core.letters('replay', tenant), asked, replayTold);
    if ('refused' in told) throw new Refusal(told.refused);
    return { replayed: shown(told.letter) };
  });
};
