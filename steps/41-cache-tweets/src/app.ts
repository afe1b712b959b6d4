import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { accountRoutes } from './accounts/routes.ts';
import { AccountService } from './accounts/service.ts';
import { commentRoutes } from './comments/routes.ts';
import { CommentService } from './comments/service.ts';
import { type Config, loadConfig } from './config.ts';
import { EngagementService } from './engagement/service.ts';
import { EventBus } from './events.ts';
import { friendshipRoutes } from './friendships/routes.ts';
import { FriendshipService } from './friendships/service.ts';
import { healthRoutes } from './health/routes.ts';
import { likeRoutes } from './likes/routes.ts';
import { LikeService } from './likes/service.ts';
import { mediaRoutes } from './media/routes.ts';
import { newsfeedRoutes } from './newsfeeds/routes.ts';
import { NewsfeedService } from './newsfeeds/service.ts';
import { notificationRoutes } from './notifications/routes.ts';
import { NotificationService } from './notifications/service.ts';
import { authPlugin } from './plugins/auth.ts';
import { cachePlugin } from './plugins/cache.ts';
import { databasePlugin } from './plugins/database.ts';
import { errorsPlugin } from './plugins/errors.ts';
import { openapiPlugin } from './plugins/openapi.ts';
import { paginationPlugin } from './plugins/pagination.ts';
import { storagePlugin } from './plugins/storage.ts';
import { profileRoutes } from './profiles/routes.ts';
import { ProfileService } from './profiles/service.ts';
import { SessionService } from './sessions/service.ts';
import { tweetRoutes } from './tweets/routes.ts';
import { TweetService } from './tweets/service.ts';
import { uploadRoutes } from './uploads/routes.ts';
import { UploadService } from './uploads/service.ts';

export interface AppOptions {
  config?: Config;
  logger?: Exclude<FastifyServerOptions['logger'], boolean> | false;
}

/** Log lines show `[Redacted]` in place of these properties, up to two objects deep. */
const SECRETS = ['password', 'authorization', 'cookie', 'accessToken', 'refreshToken'];
const REDACTED_PATHS = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

const SANE_REQUEST_ID = /^[\w-]{8,64}$/;

/** Puts the application together without listening: the server and the tests both start here. */
export async function buildApp(options: AppOptions = {}): Promise<FastifyInstance> {
  const { config = loadConfig(process.env), logger = false } = options;
  const app = Fastify({
    logger: logger && { redact: REDACTED_PATHS, ...logger },
    // Else the text "Infinity" is an integer, and no maximum holds for it.
    ajv: { customOptions: { strictNumbers: false } },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : randomUUID();
    },
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  endConnectionsOnClose(app);
  await app.register(errorsPlugin);
  await app.register(databasePlugin, config);
  await app.register(cachePlugin, config);
  await app.register(storagePlugin, config);
  await app.register(authPlugin, config);
  await app.register(openapiPlugin);
  await app.register(paginationPlugin, config);
  await app.register(healthRoutes);

  const events = new EventBus(app.log);
  const accounts = new AccountService(app.db, app.cache);
  const sessions = new SessionService(app.db);
  await app.register(accountRoutes, { prefix: '/api/accounts', accounts, sessions });
  const profiles = new ProfileService(app.db, app.storage, accounts, app.log);
  await app.register(profileRoutes, { prefix: '/api/profiles', accounts, profiles });
  const uploads = new UploadService(app.db, app.storage, profiles, app.log);
  await app.register(uploadRoutes, { prefix: '/api/uploads', uploads });
  await app.register(mediaRoutes, { prefix: '/api/media' });

  const newsfeeds = new NewsfeedService(app.db);
  const friendships = new FriendshipService(app.db, accounts, newsfeeds, events, app.cache);
  await app.register(friendshipRoutes, { prefix: '/api/friendships', friendships });

  const { db, storage, cache } = app;
  const tweets = new TweetService(db, accounts, friendships, newsfeeds, storage, cache);
  const comments = new CommentService(app.db, tweets, events);
  const likes = new LikeService(app.db, accounts, { tweet: tweets, comment: comments }, events);
  const engagement = new EngagementService(comments, likes);
  await app.register(tweetRoutes, { prefix: '/api/tweets', tweets, comments, engagement });
  await app.register(newsfeedRoutes, { prefix: '/api/newsfeeds', newsfeeds, tweets, engagement });
  await app.register(commentRoutes, { prefix: '/api/comments', comments, engagement });
  await app.register(likeRoutes, { prefix: '/api/likes', likes });

  const notifications = new NotificationService(app.db, events, tweets, comments);
  await app.register(notificationRoutes, { prefix: '/api/notifications', notifications });
  return app;
}

/**
 * An answer given while the app is closing also ends its connection. Without this a kept-alive
 * connection would hold the process until its idle timeout (72 s), long after its last answer.
 */
function endConnectionsOnClose(app: FastifyInstance) {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close');
  });
}
