import { randomBytes } from 'node:crypto';
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { Redis } from 'ioredis';
import { sql } from 'kysely';
import type { Test } from 'tap';
import { type AppOptions, buildApp } from '../src/app.ts';
import { type Config, loadConfig } from '../src/config.ts';
import { openDatabase } from '../src/database.ts';
import { migrate } from '../src/migrate.ts';

type TestOptions = Partial<Config> & Pick<AppOptions, 'logger' | 'worker'>;

/** The app on a migrated database and a folder of its own, which are gone when `t` ends. */
export async function createApp(
  t: Test,
  { logger = false, worker = true, ...settings }: TestOptions = {},
): Promise<FastifyInstance> {
  const config = loadConfig(process.env);
  const server = openDatabase(config);
  const name = `fanout_test_${process.pid}_${randomBytes(4).toString('hex')}`;
  await sql`CREATE DATABASE ${sql.id(name)}`.execute(server).catch((error) => {
    throw new Error(`No MySQL to test with. Start it: npx course services up (${error.message})`);
  });
  const DATABASE_URL = new URL(name, config.DATABASE_URL).href;
  const own = {
    DATABASE_URL,
    UPLOADS_DIR: t.testdir(),
    RATE_LIMIT_FACTOR: 1_000,
    MAX_EVENT_LOOP_DELAY_MS: 10_000,
  };
  const app = await buildApp({ logger, worker, config: { ...config, ...own, ...settings } });
  if (app.fanOuts) answerWhenDone(app, worker);
  t.teardown(async () => {
    await app.close();
    for (const url of new Set([config.REDIS_URL, config.QUEUE_REDIS_URL ?? config.REDIS_URL])) {
      const redis = new Redis(url);
      await redis.unlink(name, ...(await redis.keys(`${name}:*`)));
      redis.disconnect();
    }
    await sql`DROP DATABASE ${sql.id(name)}`.execute(server);
    await server.destroy();
  });
  await migrate(app.db);
  return app;
}

/** Most tests ask what is so when all followers have been told: answers wait for the worker. */
function answerWhenDone(app: FastifyInstance, worker: boolean) {
  const { inject } = app;
  app.inject = (async (...request: Parameters<typeof inject>) => {
    const answer = await inject.apply(app, request);
    await app.outbox?.idle?.();
    if (!worker) return answer;
    // A fan-out is over when its batches are in their queue.
    for (const queue of [app.fanOuts, app.batches ?? app.fanOuts])
      while ((await queue.getJobCountByTypes('waiting', 'prioritized', 'active')) > 0)
        await sleep(1);
    return answer;
  }) as unknown as typeof inject;
}

export interface TestUser {
  id: string;
  username: string;
  /** What a request of this user carries. */
  headers: { authorization: string };
}

/** Signs somebody up and logs them in, both over HTTP. */
export async function createUser(app: FastifyInstance, username: string): Promise<TestUser> {
  const credentials = { username, password: `${username} has a password` };
  const body = { ...credentials, email: `${username}@example.org` };
  const signup = await app.inject({ method: 'POST', url: '/api/accounts/signup', body });
  const login = await app.inject({ method: 'POST', url: '/api/accounts/login', body: credentials });
  const authorization = `Bearer ${login.json().accessToken}`;
  return { id: signup.json().id, username, headers: { authorization } };
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}

/** The SQL statements that this process sends while `work` runs, as mysql2 reports them. */
export async function recordStatements(work: () => Promise<unknown>): Promise<string[]> {
  const statements: string[] = [];
  const record = (message: unknown) => statements.push((message as { query: string }).query);
  diagnostics.subscribe('tracing:mysql2:query:start', record);
  await work().finally(() => diagnostics.unsubscribe('tracing:mysql2:query:start', record));
  // What a new connection says first is not the work's.
  return statements.filter((statement) => !statement.startsWith('SET '));
}

/** How many rows the database reads to answer a statement, by its own count. */
export async function countReads(app: FastifyInstance, statement: string): Promise<number> {
  return app.db.connection().execute(async (db) => {
    await sql`FLUSH STATUS`.execute(db);
    await sql.raw(statement).execute(db);
    // MariaDB counts an entry that it looks at in the index, and passes over, as `icp_attempts`.
    const { rows } = await sql<{ Value: string }>`
      SHOW STATUS WHERE Variable_name RLIKE '^Handler_(read_|icp_attempts)'
    `.execute(db);
    return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
  });
}
