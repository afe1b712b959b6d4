import createError from '@fastify/error';
import rateLimit, {
  type FastifyRateLimitStore,
  normalizeIP,
  type RateLimitPluginOptions,
} from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { LRUCache } from 'lru-cache';
import { type Config, keyPrefix } from '../config.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * How often a client may do this, the shortest time first. Routes that do not say it share one
     * limit. With `false` requests to this route are not counted.
     */
    limits?: Limit[] | false;
  }
}

export interface Limit {
  max: number;
  seconds: number;
  /** Who is counted, if not the client. It is asked when the body has been read and checked. */
  by?: (request: FastifyRequest) => Promise<string>;
}

export const TooManyRequests = createError('TOO_MANY_REQUESTS', 'Try again in %s s', 429);

export const perSecond = (max: number): Limit => ({ max, seconds: 1 });
export const perMinute = (max: number): Limit => ({ max, seconds: 60 });

const DEFAULT_OF_A_USER = [{ max: 200, seconds: 10 }];
/** An address may be an office, or a network of mobile phones. */
const DEFAULT_OF_AN_ADDRESS = [{ max: 1_000, seconds: 10 }];

/**
 * Limits how many requests a client sends: a user, or a stranger's address. Redis counts for all
 * processes. While it does not answer each process counts by itself: a limit is then as many times
 * as high as there are processes, and nobody waits.
 */
export const limitsPlugin = fp<Config>(async (app, { DATABASE_URL, RATE_LIMIT_FACTOR }) => {
  const nameSpace = `${keyPrefix({ DATABASE_URL })}:limits:`;
  const createInRedis = await loadLibrary(app, { redis: app.redis, nameSpace });
  const createHere = await loadLibrary(app, { store: OwnStore });
  const counters = new Map<Limit, { inRedis: Counter; here: Counter }>();
  const counterOf = (limit: Limit) => {
    const known = counters.get(limit);
    if (known) return known;
    const { max, seconds, by = clientOf } = limit;
    const options = {
      max: Math.ceil(max * RATE_LIMIT_FACTOR),
      timeWindow: seconds * 1_000,
      keyGenerator: async (request: FastifyRequest) =>
        `${purposeOf(request)} ${seconds}s ${await by(request)}`,
    };
    const counter = { inRedis: createInRedis(options), here: createHere(options) };
    counters.set(limit, counter);
    return counter;
  };

  let failing = false;
  const count = async (request: FastifyRequest, limit: Limit) => {
    const { inRedis, here } = counterOf(limit);
    try {
      const counted = await inRedis(request);
      failing = false;
      return counted;
    } catch (err) {
      if (!failing) app.log.warn({ err }, 'Redis does not count: each process counts by itself');
      failing = true;
      return here(request);
    }
  };

  const check = async (request: FastifyRequest, reply: FastifyReply, limits: Limit[]) => {
    for (const limit of limits) {
      const counted = await count(request, limit);
      if (counted.isAllowed || !counted.isExceeded) continue;
      reply.header('retry-after', counted.ttlInSeconds);
      throw new TooManyRequests(counted.ttlInSeconds);
    }
  };

  // After `onRequest`, where a token is verified, and before anybody reads the body.
  app.addHook('preParsing', async (request, reply) => {
    const limits = limitsOf(request).filter(({ by }) => by === undefined);
    await check(request, reply, limits);
  });
  app.addHook('preHandler', async (request, reply) => {
    const limits = limitsOf(request).filter(({ by }) => by !== undefined);
    await check(request, reply, limits);
  });
});

/** Counts here. The library's own answers with a record that others change before it is read. */
class OwnStore implements FastifyRateLimitStore {
  readonly #windows = new LRUCache<string, { current: number; end: number }>({ max: 5_000 });

  incr: FastifyRateLimitStore['incr'] = (key, done, length = 0) => {
    const now = Date.now();
    const known = this.#windows.get(key);
    const { current, end } = known && known.end > now ? known : { current: 0, end: now + length };
    this.#windows.set(key, { current: current + 1, end });
    done(null, { current: current + 1, ttl: end - now });
  };

  child(): OwnStore {
    return new OwnStore();
  }
}

type Counter = ReturnType<FastifyInstance['createRateLimit']>;

/** The library has one store for each registration, so each has a scope of its own. */
async function loadLibrary(app: FastifyInstance, options: RateLimitPluginOptions) {
  let create: FastifyInstance['createRateLimit'] | undefined;
  await app.register(async (scope) => {
    await scope.register(rateLimit, { ...options, global: false });
    create = scope.createRateLimit;
  });
  if (!create) throw new Error('The rate limits are not registered');
  return create;
}

function limitsOf({ user, routeOptions: { config } }: FastifyRequest): Limit[] {
  if (config.limits === false) return [];
  return config.limits ?? (user ? DEFAULT_OF_A_USER : DEFAULT_OF_AN_ADDRESS);
}

/** What is counted: the requests to a route that has limits of its own, or all others. */
function purposeOf({ routeOptions: { config, method, url } }: FastifyRequest): string {
  return config.limits ? `${method} ${url}` : 'all';
}

/**
 * Who is counted. Only a verified token makes a user. Of an IPv6 address the first half counts:
 * the other half is the client's to choose.
 */
function clientOf({ user, ip }: FastifyRequest): string {
  return user ? `user ${user.id}` : `address ${normalizeIP(ip)}`;
}
