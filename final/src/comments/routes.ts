import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { IdParamsSchema, NoContentSchema } from '../schemas.ts';
import {
  CommentEditSchema,
  CommentListSchema,
  CommentSchema,
  CommentsQuerySchema,
  NewCommentSchema,
} from './schemas.ts';
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

  app.get(
    '',
    {
      schema: {
        summary: 'The comments on a tweet',
        querystring: CommentsQuerySchema,
        response: { 200: CommentListSchema },
      },
    },
    async ({ query }) => ({ items: await comments.list(query.tweetId) }),
  );

  app.patch(
    '/:id',
    {
      onRequest: app.authenticate,
      schema: {
        summary: 'Edit a comment',
        params: IdParamsSchema,
        body: CommentEditSchema,
        response: { 200: CommentSchema },
      },
    },
    async ({ user, params, body }) => comments.edit(user.id, params.id, body.content),
  );

  app.delete(
    '/:id',
    {
      onRequest: app.authenticate,
      schema: {
        summary: 'Delete a comment',
        params: IdParamsSchema,
        response: { 204: NoContentSchema },
      },
    },
    async ({ user, params }, reply) =>
      reply.code(204).send(await comments.delete(user.id, params.id)),
  );
};
