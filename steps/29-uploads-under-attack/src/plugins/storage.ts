import fp from 'fastify-plugin';
import type { Config } from '../config.ts';
import { DiskStorage } from '../storage/disk.ts';
import type { Storage } from '../storage/storage.ts';

declare module 'fastify' {
  interface FastifyInstance {
    storage: Storage;
  }
}

/** `app.storage`: where uploads are kept. */
export const storagePlugin = fp<Config>(async (app, config) => {
  app.decorate('storage', new DiskStorage(config.UPLOADS_DIR));
});
