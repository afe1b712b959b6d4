import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { perSecond } from '../plugins/limits.ts';
import { ChangedSchema } from '../schemas.ts';
import { LikerListSchema, LikersQuerySchema, SubjectSchema } from './schemas.ts';
import type { LikeService } from './service.ts';

export const likeRoutes: FastifyPluginAsyncTypebox<{ likes: LikeService }> = async (
  app,
  { likes },
) => {
  const schema = { body: SubjectSchema, response: { 200: ChangedSchema } };
  const config = { limits: [perSecond(10)] };

  app.post(
    '',
    {
      onRequest: app.authenticate,
      config,
      schema: { ...schema, summary: 'Like a tweet or a comment' },
    },
    async ({ user, body }) => ({ changed: await likes.like(user.id, body) }),
  );

  app.post(
    '/cancel',
    { onRequest: app.authenticate, config, schema: { ...schema, summary: 'Take a like back' } },
    async ({ user, body }) => ({ changed: await likes.unlike(user.id, body) }),
  );

  app.get(
    '',
    {
      schema: {
        summary: 'Who likes this',
        querystring: LikersQuerySchema,
        response: { 200: LikerListSchema },
      },
    },
    async ({ query }) =>
      app.page(`likers of ${query.subjectType} ${query.subjectId}`, query, (range) =>
        likes.likers(query, range),
      ),
  );
};
