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
  }
}

/**
 * `app.authenticate` lets only a valid token pass and sets `request.user`. It belongs in `onRequest`:
 * a stranger is turned away before anybody reads the body.
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
});
