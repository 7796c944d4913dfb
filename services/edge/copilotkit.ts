import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Admission } from './admission.ts';
import { capabilitiesOf } from './capabilities.ts';
import { Refusal } from './refusal.ts';
import type { Runs } from './runs.ts';
import { readJson, shaped } from './shape.ts';

/**
 * What CopilotKit's frontend asks of its runtime, so that it needs none of its own: who there is, run, connect, stop. Its version
 * is the AG-UI 0.0.59 that it speaks.
 */

/** `default` is whom its components ask where a page names nobody. */
const agents = ['default', 'assistant'] as const;

const stopBody = z.object({ runId: z.string().min(1).max(200).optional() }).optional();
type OfAgent = { Params: { agent: string } };
type OfThread = { Params: { agent: string; threadId: string } };

export const copilotkitRoutes = (
  app: FastifyInstance,
  { admission, runs, runDeadlineMs }: { admission: Admission; runs: Runs; runDeadlineMs: number },
): void => {
  /** @throws Refusal NOT_FOUND */
  const known = (agent: string): void => {
    if (!agents.some((name) => name === agent)) throw new Refusal('NOT_FOUND');
  };
  const about = {
    className: 'HttpAgent',
    description: 'Answers questions over the data of your organisation',
    capabilities: capabilitiesOf(runDeadlineMs),
  };
  const info = {
    version: '1.0',
    mode: 'sse',
    audioFileTranscriptionEnabled: false,
    agents: Object.fromEntries(agents.map((name) => [name, { name, ...about }])),
  };

  app.get('/copilotkit/info', () => info);

  app.post<OfAgent>('/copilotkit/agent/:agent/run', runs.options, async (request, reply) => {
    known(request.params.agent);
    await runs.answer(request, reply);
  });

  app.post<OfAgent>(
    '/copilotkit/agent/:agent/connect',
    { bodyLimit: runs.options.bodyLimit },
    async (request, reply) => {
      known(request.params.agent);
      try {
        await runs.connect(request, reply);
      } catch (error) {
        // Its frontend connects to each thread that it opens, also to one in which nothing was asked yet.
        if (!(error instanceof Refusal && error.code === 'NOT_FOUND')) throw error;
        return reply.code(200).type('text/event-stream').send('');
      }
    },
  );

  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    // A stop of the whole thread says that it is JSON, and then nothing.
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer' },
      async (_request: unknown, body: Buffer) =>
        body.length === 0 ? undefined : readJson(body, 'INPUT_INVALID'),
    );
    scope.post<OfThread>('/copilotkit/agent/:agent/stop/:threadId', async (request) => {
      known(request.params.agent);
      const { runId } = shaped(stopBody, request.body ?? undefined) ?? {};
      return { stopped: await admission.stop(request.signedIn(), request.params.threadId, runId) };
    });
    done();
  });
};
