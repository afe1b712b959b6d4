import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { accountRoutes } from './accounts/routes.ts';
import { AccountService } from './accounts/service.ts';
import { LoginThrottle } from './accounts/throttle.ts';
import { adminRoutes } from './admin/routes.ts';
import { commentRoutes } from './comments/routes.ts';
import { CommentService } from './comments/service.ts';
import { type Config, keyPrefix, loadConfig } from './config.ts';
import { Counters } from './engagement/counters.ts';
import { EngagementService } from './engagement/service.ts';
import { EventBus } from './events.ts';
import { friendshipRoutes } from './friendships/routes.ts';
import { FriendshipService } from './friendships/service.ts';
import { healthRoutes } from './health/routes.ts';
import { KnownLikes } from './likes/known.ts';
import { likeRoutes } from './likes/routes.ts';
import { LikeService } from './likes/service.ts';
import { inChunks, Progress } from './maintenance/jobs.ts';
import { mediaRoutes } from './media/routes.ts';
import { FanOutService } from './newsfeeds/fan-out.ts';
import { newsfeedRoutes } from './newsfeeds/routes.ts';
import { NewsfeedService } from './newsfeeds/service.ts';
import { notificationRoutes } from './notifications/routes.ts';
import { NotificationService } from './notifications/service.ts';
import { authPlugin } from './plugins/auth.ts';
import { cachePlugin } from './plugins/cache.ts';
import { databasePlugin } from './plugins/database.ts';
import { answerBrokenRequest, Closing, errorsPlugin } from './plugins/errors.ts';
import { headersPlugin } from './plugins/headers.ts';
import { limitsPlugin } from './plugins/limits.ts';
import { metricsPlugin } from './plugins/metrics.ts';
import { openapiPlugin } from './plugins/openapi.ts';
import { outboxPlugin } from './plugins/outbox.ts';
import { paginationPlugin } from './plugins/pagination.ts';
import { Batch, FanOut, queuesPlugin } from './plugins/queues.ts';
import { redisPlugin } from './plugins/redis.ts';
import { sheddingPlugin } from './plugins/shedding.ts';
import { storagePlugin } from './plugins/storage.ts';
import { profileRoutes } from './profiles/routes.ts';
import { ProfileService } from './profiles/service.ts';
import { QueueService } from './queues/service.ts';
import { FeedRepair } from './repair/feeds.ts';
import { RepairService } from './repair/service.ts';
import { SessionService } from './sessions/service.ts';
import { tweetRoutes } from './tweets/routes.ts';
import { TweetService } from './tweets/service.ts';
import { uploadRoutes } from './uploads/routes.ts';
import { UploadService } from './uploads/service.ts';

export interface AppOptions {
  config?: Config;
  logger?: Exclude<FastifyServerOptions['logger'], boolean> | false;
  /** Does what waits in the queue, too. */
  worker?: boolean;
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
    trustProxy: config.TRUST_PROXY ?? false,
    // 2,800 characters of a tweet are 34 KB at most. Forms with files have limits of their own.
    bodyLimit: 64 * 1_024,
    http: { maxHeaderSize: 8 * 1_024, headersTimeout: 10_000 },
    // For the whole request: nine photos, and a slow network.
    requestTimeout: 120_000,
    clientErrorHandler: answerBrokenRequest,
    return503OnClosing: false,
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : randomUUID();
    },
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  await app.register(sheddingPlugin, config);
  await app.register(headersPlugin);
  endConnectionsOnClose(app);
  await app.register(errorsPlugin);
  await app.register(databasePlugin, config);
  await app.register(redisPlugin, config);
  await app.register(cachePlugin, config);
  await app.register(queuesPlugin, config);
  await app.register(outboxPlugin);
  await app.register(metricsPlugin, config);
  await app.register(storagePlugin, config);
  await app.register(authPlugin, config);
  await app.register(limitsPlugin, config);
  await app.register(openapiPlugin);
  await app.register(paginationPlugin, config);
  await app.register(healthRoutes);
  const queues = new QueueService(app.queues);
  const password = config.ADMIN_PASSWORD;
  const guesses = 5 * config.RATE_LIMIT_FACTOR;
  if (password) await app.register(adminRoutes, { prefix: '/admin', password, queues, guesses });

  const events = new EventBus(app.log);
  const accounts = new AccountService(app.db, app.cache);
  const sessions = new SessionService(app.db);
  const throttle = new LoginThrottle(app.redis, config);
  await app.register(accountRoutes, { prefix: '/api/accounts', accounts, sessions, throttle });
  const profiles = new ProfileService(app.db, app.storage, accounts, app.log);
  await app.register(profileRoutes, { prefix: '/api/profiles', accounts, profiles });
  const uploads = new UploadService(app.db, app.storage, profiles, app.log);
  await app.register(uploadRoutes, { prefix: '/api/uploads', uploads });
  await app.register(mediaRoutes, { prefix: '/api/media' });

  const newsfeeds = new NewsfeedService(app.db, app.lists);
  const friendships = new FriendshipService(app.db, accounts, newsfeeds, events, app.cache);
  await app.register(friendshipRoutes, { prefix: '/api/friendships', friendships });
  if (options.worker) {
    const fanOuts = new FanOutService(newsfeeds, friendships, app.batches);
    app.workOn(app.fanOuts, FanOut, 4, async ({ id, data }) => {
      await tweets.refresh(data.tweetId, data.authorId);
      await app.lists.settle();
      await fanOuts.split(id, data);
    });
    app.workOn(app.batches, Batch, 4, ({ data }) => fanOuts.deliver(data));
  }

  const tweets = new TweetService(app, accounts, newsfeeds);
  const comments = new CommentService(app.db, tweets, events);
  const prefix = keyPrefix(config);
  const countables = { tweet: tweets, comment: comments };
  const known = new KnownLikes(app.redis, prefix);
  const likes = new LikeService(app.db, accounts, countables, events, known);
  const counters = new Counters(app.redis, prefix, events, countables);
  const engagement = new EngagementService(likes, counters);
  await app.register(tweetRoutes, { prefix: '/api/tweets', tweets, comments, engagement });
  await app.register(newsfeedRoutes, { prefix: '/api/newsfeeds', newsfeeds, tweets, engagement });
  await app.register(commentRoutes, { prefix: '/api/comments', comments, engagement });
  await app.register(likeRoutes, { prefix: '/api/likes', likes });

  const notifications = new NotificationService(app.db, events, tweets, comments);
  await app.register(notificationRoutes, { prefix: '/api/notifications', notifications });

  if (options.worker) {
    const repair = new RepairService(app.db, events, app.log);
    const feedRepair = new FeedRepair(app.db, friendships, app.log);
    const works = {
      'expired uploads': () => uploads.sweep(),
      'orphaned likes': (after: string) => likes.sweep(after),
      'tweet counts': (after: string) => repair.counts('tweet', after),
      'comment counts': (after: string) => repair.counts('comment', after),
      feeds: (after: string) => feedRepair.feeds(after),
    };
    app.workOn(app.maintenance, Progress, 2, inChunks(works, app.log));
  }
  return app;
}

/**
 * An answer given while the app is closing also ends its connection. Without this a kept-alive
 * connection would hold the process until its idle timeout (72 s), long after its last answer.
 * A request that comes only now is refused, since what it needs is being closed.
 */
function endConnectionsOnClose(app: FastifyInstance) {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onRequest', async (_request, reply) => {
    if (!closing) return;
    reply.header('retry-after', 1);
    throw new Closing();
  });
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close');
  });
}
