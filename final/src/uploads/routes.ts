import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { AccountSchema } from '../accounts/schemas.ts';
import { perSecond } from '../plugins/limits.ts';
import { NewUploadSchema, UploadParamsSchema, UploadSchema } from './schemas.ts';
import type { UploadService } from './service.ts';

export const uploadRoutes: FastifyPluginAsyncTypebox<{ uploads: UploadService }> = async (
  app,
  { uploads },
) => {
  app.post(
    '',
    {
      onRequest: app.authenticate,
      config: { limits: [perSecond(1)] },
      schema: {
        summary: 'Get a form to upload an image with, past this server',
        body: NewUploadSchema,
        response: { 201: UploadSchema },
      },
    },
    async ({ user, body }, reply) => reply.code(201).send(await uploads.open(user.id, body)),
  );

  app.post(
    '/:id/confirm',
    {
      onRequest: app.authenticate,
      config: { limits: [perSecond(1)] },
      schema: {
        summary: 'Make what you uploaded your avatar',
        params: UploadParamsSchema,
        response: { 200: AccountSchema },
      },
    },
    async ({ user, params }) => uploads.confirm(user.id, params.id),
  );
};
