import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { CommentSchema, NewCommentSchema } from './schemas.ts';
import type { CommentService } from './service.ts';

export const commentRoutes: FastifyPluginAsyncTypebox<{ comments: CommentService }> = async (
  app,
  { comments },
) => {
  app.post(
    '',
    {
      onRequest: app.authenticate,
      schema: { summary: 'Comment', body: NewCommentSchema, response: { 201: CommentSchema } },
    },
    async ({ user, body }, reply) => reply.code(201).send(await comments.create(user.id, body)),
  );
};
