import fp from 'fastify-plugin';
import type { Kysely } from 'kysely';
import type { Config } from '../config.ts';
import { type Database, openDatabase } from '../database.ts';

declare module 'fastify' {
  interface FastifyInstance {
    db: Kysely<Database>;
  }
}

/** `app.db`: the database, closed after the last request has been answered. */
export const databasePlugin = fp<Config>(async (app, config) => {
  const db = openDatabase(config);
  app.decorate('db', db);
  app.addHook('onClose', async () => db.destroy());
});
