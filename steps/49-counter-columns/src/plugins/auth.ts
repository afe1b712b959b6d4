import jwt from '@fastify/jwt';
import fp from 'fastify-plugin';
import type { Config } from '../config.ts';

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: { sub: string };
    user: { id: string };
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
    formatUser: ({ sub }) => ({ id: sub }),
  });
  app.decorate('authenticate', async (request) => {
    await request.jwtVerify();
  });
  app.decorateRequest('viewerId', undefined);
  app.decorate('identify', async (request) => {
    if (request.headers.authorization === undefined) return;
    await request.jwtVerify();
    request.viewerId = request.user.id;
  });
});
