import createError from '@fastify/error';
import rateLimit, { normalizeIP, type RateLimitPluginOptions } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { type Config, keyPrefix } from '../config.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** With `false` requests to this route are not counted. */
    limits?: false;
  }
}

export const TooManyRequests = createError('TOO_MANY_REQUESTS', 'Try again in %s s', 429);

/** So many requests a client may send in a window, which begins with the first of them. */
const WINDOW_MS = 10_000;
const MOST_OF_A_USER = 200;
/** An address may be an office, or a network of mobile phones. */
const MOST_OF_AN_ADDRESS = 1_000;

/**
 * Limits how many requests a client sends: a user, or a stranger's address. Redis counts for all
 * processes. While it does not answer each process counts by itself: a limit is then as many times
 * as high as there are processes, and nobody waits.
 */
export const limitsPlugin = fp<Config>(async (app, { DATABASE_URL, RATE_LIMIT_FACTOR }) => {
  const mostOf = (client: string) =>
    client.startsWith('user') ? MOST_OF_A_USER : MOST_OF_AN_ADDRESS;
  const limit = {
    timeWindow: WINDOW_MS,
    max: (_: FastifyRequest, client: string) => Math.ceil(mostOf(client) * RATE_LIMIT_FACTOR),
    keyGenerator: clientOf,
  };
  const nameSpace = `${keyPrefix({ DATABASE_URL })}:limits:`;
  const countInRedis = await createCounter(app, { ...limit, redis: app.redis, nameSpace });
  const countHere = await createCounter(app, limit);

  let failing = false;
  const count = async (request: FastifyRequest) => {
    try {
      const counted = await countInRedis(request);
      failing = false;
      return counted;
    } catch (err) {
      if (!failing) app.log.warn({ err }, 'Redis does not count: each process counts by itself');
      failing = true;
      return countHere(request);
    }
  };

  // After `onRequest`, where a token is verified, and before anybody reads the body.
  app.addHook('preParsing', async (request, reply) => {
    if (request.routeOptions.config.limits === false) return;
    const counted = await count(request);
    if (counted.isAllowed || !counted.isExceeded) return;
    reply.header('retry-after', counted.ttlInSeconds);
    throw new TooManyRequests(counted.ttlInSeconds);
  });
});

/** The library has one store for each registration, so each has a scope of its own. */
async function createCounter(app: FastifyInstance, options: RateLimitPluginOptions) {
  let counter: ReturnType<FastifyInstance['createRateLimit']> | undefined;
  await app.register(async (scope) => {
    await scope.register(rateLimit, { ...options, global: false });
    counter = scope.createRateLimit();
  });
  if (!counter) throw new Error('The rate limits are not registered');
  return counter;
}

/**
 * Who is counted. Only a verified token makes a user. Of an IPv6 address the first half counts:
 * the other half is the client's to choose.
 */
function clientOf({ user, ip }: FastifyRequest): string {
  return user ? `user ${user.id}` : `address ${normalizeIP(ip)}`;
}
