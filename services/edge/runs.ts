import { headersOf } from '@jangada/limits/verdict.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Admission } from './admission.ts';
import { eventsOf, readInput } from './agui.ts';
import { runBodyMaxBytes } from './bounds.ts';
import { capabilitiesOf } from './capabilities.ts';
import { connectionOf } from './connect.ts';
import { formatOf } from './format.ts';
import { nameOf } from './ids.ts';
import { Refusal } from './refusal.ts';
import { agentPath, runPath } from './routes.ts';
import { placeOf, type Streams } from './sse.ts';

/** AG-UI over HTTP: ask, resume, cancel, and what the agent can do. */

type OfRun = { Params: { runId: string } };
const resumeQuery = z.object({ after: z.string().optional(), threadId: z.string().max(200).optional() });

/** How a run is asked for and told over HTTP, at whatever address. */
export interface Runs {
  /** What its route needs. */
  readonly options: { readonly bodyLimit: number; readonly config: { readonly limits: 'ai' } };
  /** Reads a RunAgentInput, and tells the run to its end. @throws Refusal and whatever `refusalOf` knows, before the first byte */
  answer(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /**
   * Reads a RunAgentInput, of which only the thread counts, and tells what stands in it and what its live run has still
   * to say. @throws Refusal NOT_FOUND and whatever `refusalOf` knows, before the first byte
   */
  connect(request: FastifyRequest, reply: FastifyReply): Promise<void>;
}

export const openRuns = (admission: Admission, streams: Streams): Runs => ({
  options: { bodyLimit: runBodyMaxBytes, config: { limits: 'ai' } },
  answer: async (request, reply) => {
    const { peer, question } = readInput(request.body);
    const traceparent = question.traceparent ?? request.headers['traceparent']?.toString();
    const run = await admission.ask(request.signedIn(), { ...question, traceparent }, request.limit);
    reply.header('jangada-run', run.id);
    if (request.limit) reply.headers(headersOf(await request.limit));
    const format = formatOf(request.headers.accept, peer);
    await streams.send(reply, run, peer.runId, eventsOf(run, peer), format);
  },
  connect: async (request, reply) => {
    const { peer: asking } = readInput(request.body);
    const conversation = await admission.connect(request.signedIn(), asking.threadId);
    const peer = { ...asking, runId: nameOf(conversation.id) };
    reply.header('jangada-run', conversation.id);
    if (request.limit) reply.headers(headersOf(await request.limit));
    const format = formatOf(request.headers.accept, peer);
    await streams.send(reply, conversation, peer.runId, connectionOf(conversation, peer), format);
  },
});

export const runRoutes = (
  app: FastifyInstance,
  {
    admission,
    runs,
    streams,
    runDeadlineMs,
  }: { admission: Admission; runs: Runs; streams: Streams; runDeadlineMs: number },
): void => {
  for (const url of ['/v1/agui', agentPath, '/invocations']) app.post(url, runs.options, runs.answer);

  app.post(`${agentPath}/connect`, { bodyLimit: runBodyMaxBytes }, runs.connect);

  app.get<OfRun>(`${runPath}/events`, async (request, reply) => {
    const { runId } = request.params;
    const { data: query } = resumeQuery.safeParse(request.query);
    if (!query) throw new Refusal('INPUT_INVALID');
    const after = placeOf(request.headers['last-event-id']?.toString() ?? query.after);
    const run = await admission.rejoin(request.signedIn(), runId, query.threadId);
    reply.header('jangada-run', run.id);
    if (request.limit) reply.headers(headersOf(await request.limit));
    // Only a client that knows this route resumes, and no client of the older protocol does.
    const peer = { threadId: query.threadId ?? runId, runId, legacy: false };
    const format = formatOf(request.headers.accept, peer);
    await streams.send(reply, run, runId, eventsOf(run, peer, after), format);
  });

  app.post<OfRun>(`${runPath}/cancel`, async (request, reply) => {
    const { runId } = request.params;
    const cancelled = await admission.cancel(request.signedIn(), runId);
    return reply.code(202).send({ cancelled });
  });

  const capabilities = capabilitiesOf(runDeadlineMs);
  app.get(`${agentPath}/capabilities`, () => capabilities);
};
