import multipart from '@fastify/multipart';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import Type from 'typebox';
import { AccountSchema, ProfileChangeSchema } from '../accounts/schemas.ts';
import type { AccountService } from '../accounts/service.ts';
import { readFile } from '../media/form.ts';
import { perSecond } from '../plugins/limits.ts';
import type { ProfileService } from './service.ts';

/** For the page of the API only: the form is read by the handler. */
const AvatarFormSchema = Type.Object({ file: Type.String({ format: 'binary' }) });

export const profileRoutes: FastifyPluginAsyncTypebox<{
  accounts: AccountService;
  profiles: ProfileService;
}> = async (app, { accounts, profiles }) => {
  // Registered here and not for the whole app: no other route reads forms.
  await app.register(multipart, { limits: { fileSize: 5 * 2 ** 20, files: 1 } });

  app.patch(
    '/me',
    {
      onRequest: app.authenticate,
      schema: {
        summary: 'Change your profile',
        body: ProfileChangeSchema,
        response: { 200: AccountSchema },
      },
    },
    async ({ user, body }) => accounts.changeProfile(user.id, body),
  );

  app.put(
    '/me/avatar',
    {
      onRequest: app.authenticate,
      config: { limits: [perSecond(1)] },
      validatorCompiler: () => () => true,
      schema: {
        summary: 'Change your avatar',
        consumes: ['multipart/form-data'],
        body: AvatarFormSchema,
        response: { 200: AccountSchema },
      },
    },
    async (request) => profiles.changeAvatar(request.user.id, await readFile(request, 'file')),
  );
};
