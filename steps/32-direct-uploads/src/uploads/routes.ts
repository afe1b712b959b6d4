import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { NewUploadSchema, UploadSchema } from './schemas.ts';
import type { UploadService } from './service.ts';

export const uploadRoutes: FastifyPluginAsyncTypebox<{ uploads: UploadService }> = async (
  app,
  { uploads },
) => {
  app.post(
    '',
    {
      onRequest: app.authenticate,
      schema: {
        summary: 'Get a form to upload an image with, past this server',
        body: NewUploadSchema,
        response: { 201: UploadSchema },
      },
    },
    async ({ user, body }, reply) => reply.code(201).send(await uploads.open(user.id, body)),
  );
};
