import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Memcache } from 'memcache';
import type { ObjectCache } from '../cache/objects.ts';
import { TwoLevelCache } from '../cache/two-level.ts';
import { type Config, keyPrefix } from '../config.ts';

declare module 'fastify' {
  interface FastifyInstance {
    cache: ObjectCache;
  }
}

/** `app.cache`: objects in this process and in Memcached. The app starts and answers without it. */
export const cachePlugin = fp<Config>(async (app, config) => {
  const memcached = new Memcache({ nodes: [new URL(config.MEMCACHED_URL).host], timeout: 1_000 });
  memcached.on('error', (node, err) => app.log.warn({ err, node }, 'Memcached fails'));
  const prefix = keyPrefix(config);
  const channel = `${prefix}:forgotten`;
  const tell = (key: string) => app.redis.publish(channel, key);
  const cache = new TwoLevelCache(memcached, prefix, tell);
  app.decorate('cache', cache);
  app.addHook('onClose', async () => memcached.disconnect());
  await listen(app, channel, cache);
});

/** Has the cache hear what is forgotten. What is said while we are not connected is lost. */
async function listen(app: FastifyInstance, channel: string, cache: TwoLevelCache): Promise<void> {
  // A connection that listens can do nothing else.
  const subscriber = app.redis.duplicate({ autoResubscribe: false });
  subscriber.on('error', (err) => app.log.warn({ err }, 'Redis fails'));
  subscriber.on('connect', () => subscriber.stream.unref());
  subscriber.on('message', (_channel, key) => cache.hear(key));
  subscriber.on('close', () => cache.close());
  subscriber.on('ready', () => {
    const startAgain = () => subscriber.stream.destroy();
    subscriber.subscribe(channel).then(() => cache.open(), startAgain);
  });
  app.addHook('onClose', async () => subscriber.disconnect());
  await subscriber.connect().catch(() => 'it goes on trying');
}
