import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Admission } from './admission.ts';
import { nameOf } from './ids.ts';
import { cursor, listed } from './listing.ts';
import { shaped } from './shape.ts';

/** One's own conversations, the latest first. What stands in one is told by `connect`. */

const page = z.strictObject({ cursor });

const titleMax = 60;

/** The first words of a question, as many as a line holds. */
export const titleOf = (question: string): string => {
  const text = question.replace(/\s+/gu, ' ').trim();
  if (text.length <= titleMax) return text;
  const cut = text.slice(0, titleMax + 1);
  const end = cut.lastIndexOf(' ');
  return `${end > 0 ? cut.slice(0, end) : [...text].slice(0, titleMax / 2).join('')}…`;
};

export const conversationRoutes = (app: FastifyInstance, admission: Admission): void => {
  app.get('/v1/conversations', async (request, reply) => {
    const wanted = { name: 'conversations', state: 'first', ...shaped(page, request.query) };
    const { rows, nextCursor } = await listed(request, reply, admission, wanted);
    const conversations = rows.flatMap(({ thread, question, askedAt }) =>
      // What was erased has no words, and what has no words is not shown.
      typeof thread === 'string' && typeof question === 'string'
        ? [{ threadId: nameOf(thread), title: titleOf(question), startedAt: askedAt }]
        : [],
    );
    return { conversations, ...(nextCursor ? { nextCursor } : {}) };
  });
};
