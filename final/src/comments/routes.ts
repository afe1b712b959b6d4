import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { CommentListSchema, CommentViewSchema } from '../engagement/schemas.ts';
import type { EngagementService } from '../engagement/service.ts';
import { perSecond } from '../plugins/limits.ts';
import { IdParamsSchema, NoContentSchema } from '../schemas.ts';
import { CommentEditSchema, CommentsQuerySchema, NewCommentSchema } from './schemas.ts';
import type { CommentService } from './service.ts';

interface CommentRoutesOptions {
  comments: CommentService;
  engagement: EngagementService;
}

export const commentRoutes: FastifyPluginAsyncTypebox<CommentRoutesOptions> = async (
  app,
  { comments, engagement },
) => {
  app.post(
    '',
    {
      onRequest: app.authenticate,
      config: { limits: [perSecond(3)] },
      schema: { summary: 'Comment', body: NewCommentSchema, response: { 201: CommentViewSchema } },
    },
    async ({ user, body }, reply) => {
      const comment = await comments.create(user.id, body);
      return reply.code(201).send(await engagement.ofComment(comment, user.id));
    },
  );

  app.get(
    '',
    {
      onRequest: app.identify,
      schema: {
        summary: 'The comments on a tweet',
        querystring: CommentsQuerySchema,
        response: { 200: CommentListSchema },
      },
    },
    async ({ query, viewerId }) =>
      app.page(`comments on ${query.tweetId}`, query, async (range) => {
        const slice = await comments.list(query.tweetId, range);
        return { ...slice, items: await engagement.ofComments(slice.items, viewerId) };
      }),
  );

  app.patch(
    '/:id',
    {
      onRequest: app.authenticate,
      schema: {
        summary: 'Edit a comment',
        params: IdParamsSchema,
        body: CommentEditSchema,
        response: { 200: CommentViewSchema },
      },
    },
    async ({ user, params: { id }, body }) =>
      engagement.ofComment(await comments.edit(user.id, id, body.content), user.id),
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
