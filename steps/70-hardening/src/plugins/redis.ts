import type { FastifyInstance } from 'fastify';
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

/** A connection to Redis for those who cannot wait. The app starts and answers without it. */
export async function openRedis(app: FastifyInstance, url: string): Promise<Redis> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 2_000,
    // Who hangs is left: one waits, and the others find it away until it answers again.
    socketTimeout: 1_000,
    // Nothing waits for Redis to come back: it would be wrong by then.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // What is asked in one turn of the event loop, by whomever, is sent and answered together.
    enableAutoPipelining: true,
    retryStrategy: (attempts) => Math.min(attempts * 50, 2_000),
  });
  redis.on('error', (err) => app.log.warn({ err, server: new URL(url).host }, 'Redis fails'));
  // A process lives as long as it listens, not as long as it is connected.
  redis.on('connect', () => redis.stream.unref());
  await redis.connect().catch(() => 'it goes on trying');
  app.addHook('onClose', async () => redis.disconnect());
  return redis;
}

/** `app.lists`: lists of ids in Redis. */
export const redisPlugin = fp<Config>(async (app, config) => {
  const redis = await openRedis(app, config.REDIS_URL);
  app.decorate('redis', redis);
  app.decorate('lists', new IdLists(redis, keyPrefix(config)));
});
