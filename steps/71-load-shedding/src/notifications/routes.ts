import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { IdParamsSchema } from '../schemas.ts';
import {
  CountSchema,
  InboxQuerySchema,
  InboxSchema,
  MarkSchema,
  NotificationSchema,
} from './schemas.ts';
import type { NotificationService } from './service.ts';

export const notificationRoutes: FastifyPluginAsyncTypebox<{
  notifications: NotificationService;
}> = async (app, { notifications }) => {
  app.get(
    '',
    {
      onRequest: app.authenticate,
      schema: {
        summary: 'Your inbox',
        querystring: InboxQuerySchema,
        response: { 200: InboxSchema },
      },
    },
    async ({ user, query }) =>
      app.page(`inbox of ${user.id} ${query.unread}`, query, (range) =>
        notifications.inbox(user.id, range, query.unread),
      ),
  );

  app.get(
    '/unread-count',
    {
      onRequest: app.authenticate,
      schema: { summary: 'How many you have not read', response: { 200: CountSchema } },
    },
    async ({ user }) => ({ count: await notifications.unreadCount(user.id) }),
  );

  app.post(
    '/mark-all-as-read',
    {
      onRequest: app.authenticate,
      schema: { summary: 'Mark all as read; says how many', response: { 200: CountSchema } },
    },
    async ({ user }) => ({ count: await notifications.markAllAsRead(user.id) }),
  );

  app.patch(
    '/:id',
    {
      onRequest: app.authenticate,
      schema: {
        summary: 'Mark one as read, or as unread again',
        params: IdParamsSchema,
        body: MarkSchema,
        response: { 200: NotificationSchema },
      },
    },
    async ({ user, params, body }) => notifications.mark(user.id, params.id, body.unread),
  );
};
