import { headersOf } from '@jangada/limits/verdict.ts';
import { faults, type Locale } from '@jangada/proto/errors.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Admission, Run } from './admission.ts';
import { type AgentResponse, agentResponse, besideOf, endOf, wholeAnswer } from './answer.ts';
import { refusalOf, retryHeaders } from './refusal.ts';
import { shaped } from './shape.ts';

/** One question, one answer: `POST /v1/query`, and whoever else answers so. */

const body = z.strictObject({
  query: z.string(),
  sessionId: z.string().min(1).max(200).optional(),
  runId: z.string().min(1).max(200).optional(),
  cursor: z.string().optional(),
  clientId: z.string().optional(),
  tenantId: z.string().optional(),
  purpose: z.string().optional(),
});

export const queryRoute = (app: FastifyInstance, admission: Admission): void => {
  app.post('/v1/query', { config: { limits: 'ai' } }, async (request, reply) => {
    const data = shaped(body, request.body);
    const question = {
      text: data.query,
      session: data.sessionId,
      run: data.runId,
      cursor: data.cursor,
      subjectId: data.clientId,
      tenant: data.tenantId,
      purpose: data.purpose,
      traceparent: request.headers['traceparent']?.toString(),
    };
    await answerOf(request, reply, () => admission.ask(request.signedIn(), question, request.limit));
  });
};

/** Asks, and answers the request with what the run came to, a refusal included. */
export const answerOf = async (
  request: FastifyRequest,
  reply: FastifyReply,
  ask: () => Promise<Run>,
): Promise<FastifyReply> => {
  const answered = (response: AgentResponse) =>
    reply
      .code(response.code ? faults[response.code].status : 200)
      .header('jangada-run', response.runId)
      .send(response);
  const about = (run: { id: string; locale: Locale }) => ({
    requestId: request.id,
    runId: run.id,
    locale: run.locale,
    elapsedMs: reply.elapsedTime,
  });

  let run: Run;
  try {
    run = await ask();
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw error;
    const { code, locale, run: id = '', field } = refusal;
    reply.headers(retryHeaders(refusal));
    const response = agentResponse('', endOf(code, locale), about({ id, locale }));
    return answered({ ...response, ...(field ? { field } : {}), ...refusal.limit });
  }
  reply.raw.once('close', run.stop);
  const answer = await wholeAnswer(run);
  // Without an answer nobody listens any more; what is sent goes nowhere.
  const end = answer?.end ?? endOf('CANCELLED', run.locale);
  const limit = end.type === 'refused' ? end.limit : undefined;
  if (limit) reply.headers(headersOf(limit));
  return answered({ ...agentResponse(answer?.content ?? '', end, about(run)), ...besideOf(end) });
};
