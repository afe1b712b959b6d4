import { Kysely, MysqlDialect } from 'kysely';
import { createPool } from 'mysql2';
import type { Config } from './config.ts';

/** The tables and their columns, one entry a table. */
export type Database = Record<never, never>;

/** Opens a pool. BIGINTs come as strings: a number is exact only up to 2^53. Times are UTC. */
export function openDatabase(config: Config): Kysely<Database> {
  const pool = createPool({
    uri: config.DATABASE_URL,
    connectTimeout: 2_000,
    supportBigNumbers: true,
    bigNumberStrings: true,
    charset: 'utf8mb4_unicode_ci',
    timezone: 'Z',
  });
  pool.on('connection', (connection) => connection.query(`SET time_zone = '+00:00'`));
  return new Kysely<Database>({ dialect: new MysqlDialect({ pool }) });
}
