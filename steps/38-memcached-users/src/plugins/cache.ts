import fp from 'fastify-plugin';
import { Memcache } from 'memcache';
import { ObjectCache } from '../cache/objects.ts';
import { type Config, keyPrefix } from '../config.ts';

declare module 'fastify' {
  interface FastifyInstance {
    cache: ObjectCache;
  }
}

/** `app.cache`: objects in Memcached. The app starts and answers without it. */
export const cachePlugin = fp<Config>(async (app, config) => {
  const memcached = new Memcache({ nodes: [new URL(config.MEMCACHED_URL).host], timeout: 1_000 });
  memcached.on('error', (node, err) => app.log.warn({ err, node }, 'Memcached fails'));
  app.decorate('cache', new ObjectCache(memcached, keyPrefix(config)));
  app.addHook('onClose', async () => memcached.disconnect());
});
