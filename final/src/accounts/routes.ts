import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Limit, perSecond } from '../plugins/limits.ts';
import { NoContentSchema } from '../schemas.ts';
import type { SessionService } from '../sessions/service.ts';
import {
  AccountSchema,
  type Login,
  LoginSchema,
  SignupSchema,
  TokenSchema,
  TokensSchema,
} from './schemas.ts';
import type { AccountService } from './service.ts';
import type { LoginThrottle } from './throttle.ts';

interface AccountRoutesOptions {
  accounts: AccountService;
  sessions: SessionService;
  throttle: LoginThrottle;
}

export const accountRoutes: FastifyPluginAsyncTypebox<AccountRoutesOptions> = async (
  app,
  { accounts, sessions, throttle },
) => {
  /** What an account may be tried in a quarter of an hour. */
  const attempts: Limit = {
    max: 10,
    seconds: 900,
    by: ({ body, ip }) => throttle.counterOf((body as Login).username, ip),
  };

  app.post(
    '/signup',
    {
      config: { limits: [perSecond(3)] },
      schema: { summary: 'Open an account', body: SignupSchema, response: { 201: AccountSchema } },
    },
    async ({ body }, reply) => reply.code(201).send(await accounts.signUp(body)),
  );

  app.post(
    '/login',
    {
      config: { limits: [perSecond(3), attempts] },
      schema: {
        summary: 'Log in with a username and a password',
        body: LoginSchema,
        response: { 200: TokensSchema },
      },
    },
    async ({ body, ip }) => {
      const { id } = await accounts.logIn(body);
      await throttle.succeeded(body.username, ip);
      return { accessToken: app.jwt.sign({ sub: id }), refreshToken: await sessions.open(id) };
    },
  );

  app.post(
    '/refresh',
    {
      schema: {
        summary: 'Exchange a refresh token for new tokens',
        body: TokenSchema,
        response: { 200: TokensSchema },
      },
    },
    async ({ body }) => {
      const { userId, refreshToken } = await sessions.refresh(body.refreshToken);
      return { accessToken: app.jwt.sign({ sub: (await accounts.get(userId)).id }), refreshToken };
    },
  );

  app.post(
    '/logout',
    {
      schema: {
        summary: 'End the session of a refresh token',
        body: TokenSchema,
        response: { 204: NoContentSchema },
      },
    },
    async ({ body }, reply) => reply.code(204).send(await sessions.close(body.refreshToken)),
  );

  app.get(
    '/me',
    {
      onRequest: app.authenticate,
      schema: { summary: 'The account of whoever is logged in', response: { 200: AccountSchema } },
    },
    async ({ user }) => accounts.get(user.id),
  );
};
