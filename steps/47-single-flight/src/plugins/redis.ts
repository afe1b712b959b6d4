import fp from 'fastify-plugin';
import { Redis } from 'ioredis';
import { type Config, keyPrefix } from '../config.ts';
import { IdLists } from '../lists/lists.ts';

declare module 'fastify' {
  interface FastifyInstance {
    redis: Redis;
    lists: IdLists;
  }
}

/** `app.lists`: lists of ids in Redis. The app starts and answers without it. */
export const redisPlugin = fp<Config>(async (app, config) => {
  const redis = new Redis(config.REDIS_URL, {
    lazyConnect: true,
    connectTimeout: 2_000,
    // Who hangs is left: one waits, and the others find it away until it answers again.
    socketTimeout: 1_000,
    // Nothing waits for Redis to come back: it would be wrong by then.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempts) => Math.min(attempts * 50, 2_000),
  });
  redis.on('error', (err) => app.log.warn({ err }, 'Redis fails'));
  // A process lives as long as it listens, not as long as it is connected.
  redis.on('connect', () => redis.stream.unref());
  await redis.connect().catch(() => 'it goes on trying');
  app.decorate('redis', redis);
  app.decorate('lists', new IdLists(redis, keyPrefix(config)));
  app.addHook('onClose', async () => redis.disconnect());
});
