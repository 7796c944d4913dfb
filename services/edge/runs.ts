import type { AgentCapabilities } from '@ag-ui/core';
import { headersOf } from '@jangada/limits/verdict.ts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Admission } from './admission.ts';
import { eventsOf, readInput } from './agui.ts';
import { runBodyMaxBytes } from './bounds.ts';
import { Refusal } from './refusal.ts';
import { placeOf, type Streams } from './sse.ts';

/** AG-UI over HTTP: ask, resume, cancel, and what the agent can do. */

const agent = '/v1/agui/:agent(^[a-z-]{1,40}$)';
const runPath = `${agent}/runs/:runId`;
type OfRun = { Params: { runId: string } };
const resumeQuery = z.object({ after: z.string().optional(), threadId: z.string().max(200).optional() });

export const runRoutes = (
  app: FastifyInstance,
  { admission, streams, runDeadlineMs }: { admission: Admission; streams: Streams; runDeadlineMs: number },
): void => {
  const capabilities: AgentCapabilities = {
    identity: { name: 'jangada', type: 'jangada' },
    transport: { streaming: true, websocket: true, httpBinary: false, resumable: true },
    tools: { supported: false, clientProvided: false },
    humanInTheLoop: { supported: false, feedback: true },
    execution: { codeExecution: false, maxExecutionTime: runDeadlineMs },
  };

  for (const url of ['/v1/agui', agent]) {
    app.post(url, { bodyLimit: runBodyMaxBytes, config: { limits: 'ai' } }, async (request, reply) => {
      const { peer, question } = readInput(request.body);
      const traceparent = question.traceparent ?? request.headers['traceparent']?.toString();
      const run = await admission.ask(request.signedIn(), { ...question, traceparent }, request.limit);
      reply.header('jangada-run', run.id);
      if (request.limit) reply.headers(headersOf(await request.limit));
      await streams.send(reply, run, peer.runId, eventsOf(run, peer));
    });
  }

  app.get<OfRun>(`${runPath}/events`, async (request, reply) => {
    const { runId } = request.params;
    const { data: query } = resumeQuery.safeParse(request.query);
    if (!query) throw new Refusal('INPUT_INVALID');
    const after = placeOf(request.headers['last-event-id']?.toString() ?? query.after);
    const run = await admission.rejoin(request.signedIn(), runId);
    reply.header('jangada-run', run.id);
    if (request.limit) reply.headers(headersOf(await request.limit));
    // Only a client that knows this route resumes, and no client of the older protocol does.
    const peer = { threadId: query.threadId ?? runId, runId, legacy: false };
    await streams.send(reply, run, runId, eventsOf(run, peer, after));
  });

  app.post<OfRun>(`${runPath}/cancel`, async (request, reply) => {
    const { runId } = request.params;
    const cancelled = await admission.cancel(request.signedIn(), runId);
    return reply.code(202).send({ cancelled });
  });

  app.get(`${agent}/capabilities`, () => capabilities);
};
