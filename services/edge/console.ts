import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { pageHeaders } from './headers.ts';

/** The files of the web console, as they were built. They hold nothing of anybody, so nobody has to sign in for them. */

const prefix = '/console/';
/** Their names change with what is in them. */
const hashed = /^\/console\/assets\//;

/** @param folder of the built console; where there is none, nothing is served */
export const consoleRoutes = async (app: FastifyInstance, folder: string | undefined): Promise<void> => {
  if (!folder) return;
  app.get('/', (_request, reply) => reply.redirect(prefix));
  const served: FastifyPluginAsync = async (pages) => {
    pages.addHook('onSend', async ({ url }, reply) => {
      if (reply.statusCode >= 300 && reply.statusCode !== 304) return;
      reply.headers({
        ...pageHeaders,
        'cache-control': hashed.test(url) ? 'public, max-age=31536000, immutable' : 'no-cache',
      });
    });
    await pages.register(fastifyStatic, {
      root: folder,
      prefix,
      redirect: true,
      dotfiles: 'ignore',
      preCompressed: true,
      cacheControl: false,
      decorateReply: false,
    });
  };
  await app.register(served);
};
