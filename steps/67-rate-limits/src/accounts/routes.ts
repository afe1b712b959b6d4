import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { NoContentSchema } from '../schemas.ts';
import type { SessionService } from '../sessions/service.ts';
import { AccountSchema, LoginSchema, SignupSchema, TokenSchema, TokensSchema } from './schemas.ts';
import type { AccountService } from './service.ts';

interface AccountRoutesOptions {
  accounts: AccountService;
  sessions: SessionService;
}

export const accountRoutes: FastifyPluginAsyncTypebox<AccountRoutesOptions> = async (
  app,
  { accounts, sessions },
) => {
  app.post(
    '/signup',
    {
      schema: { summary: 'Open an account', body: SignupSchema, response: { 201: AccountSchema } },
    },
    async ({ body }, reply) => reply.code(201).send(await accounts.signUp(body)),
  );

  app.post(
    '/login',
    {
      schema: {
        summary: 'Log in with a username and a password',
        body: LoginSchema,
        response: { 200: TokensSchema },
      },
    },
    async ({ body }) => {
      const { id } = await accounts.logIn(body);
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
