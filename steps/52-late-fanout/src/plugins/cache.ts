import fp from 'fastify-plugin';
import { Memcache } from 'memcache';
import { ObjectCache } from '../cache/objects.ts';
import type { Config } from '../config.ts';

declare module 'fastify' {
  interface FastifyInstance {
    cache: ObjectCache;
  }
}

/** `app.cache`: objects in Memcached. The app starts and answers without it. */
export const cachePlugin = fp<Config>(async (app, { MEMCACHED_URL, DATABASE_URL }) => {
  const memcached = new Memcache({ nodes: [new URL(MEMCACHED_URL).host], timeout: 1_000 });
  memcached.on('error', (node, err) => app.log.warn({ err, node }, 'Memcached fails'));
  // Databases on one Memcached do not meet: each has users with the same ids.
  app.decorate('cache', new ObjectCache(memcached, new URL(DATABASE_URL).pathname.slice(1)));
  app.addHook('onClose', async () => memcached.disconnect());
});
