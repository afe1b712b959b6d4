import createError from '@fastify/error';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { MediaParamsSchema, MediaSchema } from './schemas.ts';

export const MediaNotFound = createError('MEDIA_NOT_FOUND', 'There is no such file', 404);

/** Files as everybody may fetch them: whoever knows the name was shown it. */
export const mediaRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/:name',
    { schema: { summary: 'An image', params: MediaParamsSchema, response: { 200: MediaSchema } } },
    async ({ params }, reply) => {
      const bytes = await app.storage.get(params.name);
      if (!bytes) throw new MediaNotFound();
      reply.type('image/webp');
      // Whatever the bytes look like to a browser, they are an image, and no page or script.
      reply.header('x-content-type-options', 'nosniff');
      reply.header('content-security-policy', "default-src 'none'; sandbox");
      // Pages of any origin may show it.
      reply.header('cross-origin-resource-policy', 'cross-origin');
      // A name never stands for other bytes, so nobody has to ask twice.
      reply.header('cache-control', 'public, max-age=31536000, immutable');
      return reply.send(bytes);
    },
  );
};
