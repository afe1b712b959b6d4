import { createHash, timingSafeEqual } from 'node:crypto';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import basicAuth from '@fastify/basic-auth';
import createError from '@fastify/error';
import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyPluginAsync } from 'fastify';
import { LRUCache } from 'lru-cache';
import { Unavailable } from '../plugins/errors.ts';
import { TooManyRequests } from '../plugins/limits.ts';
import { QueueListSchema } from '../queues/schemas.ts';
import type { QueueService } from '../queues/service.ts';

const PAGE_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
].join('; ');

export const WrongPassword = createError('WRONG_PASSWORD', 'This is not the password', 401);
export const CrossSite = createError('CROSS_SITE', 'Not from another site', 403);

interface AdminRoutesOptions {
  password: string;
  queues: QueueService;
  guesses: number;
}

/** `/admin/queues`: a board of all queues, for whoever knows the password, by whatever name. */
export const adminRoutes: FastifyPluginAsync<AdminRoutesOptions> = async (app, options) => {
  const { password, queues, guesses } = options;
  /** Of a minute, by address. Not in Redis: when that is away, the board is wanted most. */
  const wrong = new LRUCache<string, number>({ max: 10_000, ttl: 60_000, noUpdateTTL: true });
  await app.register(basicAuth, {
    authenticate: { realm: 'Fanout' },
    validate: async (_name, given, { ip }, reply) => {
      const count = wrong.get(normalizeIP(ip)) ?? 0;
      if (count >= guesses) {
        reply.header('retry-after', 60);
        throw new TooManyRequests(60);
      }
      if (isSame(given, password)) return;
      wrong.set(normalizeIP(ip), count + 1);
      throw new WrongPassword();
    },
  });
  app.addHook('onRequest', app.basicAuth);
  // No script from elsewhere in the page, and no page from elsewhere around it.
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('content-security-policy', PAGE_POLICY);
  });
  // A browser sends the password along whoever has it ask: another site's page, too.
  app.addHook('onRequest', async ({ method, headers }) => {
    const site = headers['sec-fetch-site'] ?? 'none';
    if (method !== 'GET' && site !== 'same-origin' && site !== 'none') throw new CrossSite();
  });
  const schema = { hide: true, response: { 200: QueueListSchema } };
  app.get('/queue-counts', { schema }, async () => {
    const away = (cause: unknown) => Promise.reject(new Unavailable({ cause }));
    return { items: await queues.counts().catch(away) };
  });

  // The board's routes are its own, and no part of our API.
  app.addHook('onRoute', (route) => {
    route.schema = { hide: true };
  });

  const serverAdapter = new FastifyAdapter().setBasePath(`${app.prefix}/queues`);
  const shown = app.queues.map((queue) => new BullMQAdapter(queue));
  const uiConfig = { hideRedisDetails: true };
  createBullBoard({ queues: shown, serverAdapter, options: { uiConfig } });
  // It would answer with its own form of errors, and a stack trace.
  const redis = await app.fanOuts.backend.client;
  serverAdapter.setErrorHandler((error) => {
    throw redis.status === 'ready' ? error : new Unavailable({ cause: error });
  });
  await app.register(serverAdapter.registerPlugin(), { prefix: '/queues' });
};

/** Takes the same time wherever two texts differ: hashed, they are of the same length. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
