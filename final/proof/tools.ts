import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { loadConfig } from '../src/config.ts';

/** How a tool ended, and what it printed. */
export interface Ended {
  code: number | null;
  output: string;
}

/** Runs `tools/NAME.ts`. It is killed, by SIGKILL, as soon as `killWhen` answers true. */
export async function runTool(
  name: string,
  args: string[],
  env: Record<string, string>,
  killWhen?: (output: string) => boolean | Promise<boolean>,
): Promise<Ended> {
  const file = fileURLToPath(new URL(`../tools/${name}.ts`, import.meta.url));
  const tool = spawn(process.execPath, [file, ...args], { env: { ...process.env, ...env } });
  let output = '';
  const read = (chunk: Buffer) => {
    output += chunk;
  };
  tool.stdout.on('data', read);
  tool.stderr.on('data', read);
  const closed = once(tool, 'close');
  while (killWhen && tool.exitCode === null) {
    if (await killWhen(output)) {
      tool.kill('SIGKILL');
      break;
    }
    await sleep(20);
  }
  const [code] = await closed;
  return { code, output };
}

/** The address of the database of an app that `createApp` has made. */
export async function urlOf(app: FastifyInstance): Promise<string> {
  const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
  return new URL(rows[0]?.name ?? '', loadConfig(process.env).DATABASE_URL).href;
}

/** How many feed entries there are, and how many of them are not as the graph has it. */
export async function compareFeeds(app: FastifyInstance) {
  const wrong = await sql`
    SELECT user_id, tweet_id, COUNT(*) AS places FROM (
      SELECT user_id, tweet_id FROM newsfeeds
      UNION ALL SELECT user_id, id FROM tweets
      UNION ALL SELECT from_user_id, id FROM tweets JOIN friendships ON to_user_id = tweets.user_id
    ) AS both_sides
    GROUP BY user_id, tweet_id HAVING places <> 2
  `.execute(app.db);
  return { entries: await count(app, 'newsfeeds'), wrong: wrong.rows.length };
}

/** How many rows a table has. */
export async function count(app: FastifyInstance, table: string): Promise<number> {
  const { rows } = await sql<{ n: string }>`SELECT COUNT(*) AS n FROM ${sql.id(table)}`.execute(
    app.db,
  );
  return Number(rows[0]?.n);
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return String(typeof address === 'object' ? address?.port : 0);
}
