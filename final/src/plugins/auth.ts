import jwt from '@fastify/jwt';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { LRUCache } from 'lru-cache';
import type { Config } from '../config.ts';

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: { sub: string; exp?: number };
    user: { id: string; expiresAt: number };
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    authenticate: (request: FastifyRequest) => Promise<void>;
    identify: (request: FastifyRequest) => Promise<void>;
  }
  interface FastifyRequest {
    viewerId: string | undefined;
  }
}

/** So many tokens a process remembers to have verified: those that were shown last. */
const MOST = 10_000;

/**
 * `app.authenticate` lets only a valid token pass and sets `request.user`. It belongs in `onRequest`:
 * a stranger is turned away before anybody reads the body.
 *
 * `app.identify` lets strangers pass too: `request.viewerId` says who is looking, if it is known.
 */
export const authPlugin = fp<Config>(async (app, config) => {
  await app.register(jwt, {
    secret: config.JWT_SECRET,
    sign: { algorithm: 'HS256', expiresIn: '15m' },
    verify: { algorithms: ['HS256'] },
    formatUser: ({ sub, exp = 0 }) => ({ id: sub, expiresAt: exp * 1_000 }),
  });
  // Of a token that was good only one thing can change: the time.
  const verified = new LRUCache<string, FastifyRequest['user']>({ max: MOST });
  const verify = async (request: FastifyRequest) => {
    const { authorization = '' } = request.headers;
    const user = verified.get(authorization);
    if (user && Date.now() < user.expiresAt) {
      request.user = user;
      return;
    }
    await request.jwtVerify();
    verified.set(authorization, Object.freeze(request.user));
  };
  app.decorate('authenticate', verify);
  app.decorateRequest('viewerId', undefined);
  app.decorate('identify', async (request) => {
    if (request.headers.authorization === undefined) return;
    await verify(request);
    request.viewerId = request.user.id;
  });
});
