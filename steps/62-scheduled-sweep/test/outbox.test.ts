import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser } from './helper.ts';
import { proxyTo } from './proxy.ts';

t.setTimeout(120_000); // Two processes start, maybe on a busy machine.
const config = loadConfig(process.env);
const queue = await proxyTo(t, config.QUEUE_REDIS_URL);
const api = await createApp(t, { worker: false });
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(api.db);
const DATABASE_URL = new URL(rows[0]?.name ?? '', config.DATABASE_URL).href;
const [ada, grace] = [await createUser(api, 'ada'), await createUser(api, 'grace')];
const headers = { ...ada.headers, 'content-type': 'application/json' };
const post = { method: 'POST', url: '/api/tweets', headers, body: '{"content":"x"}' } as const;
const follow = `/api/friendships/${ada.id}/follow`;
await api.inject({ method: 'POST', url: follow, headers: grace.headers });

/** A process of its own, until its log says so. */
async function start(file: string, ready: RegExp, settings: Record<string, string>) {
  const env = { ...process.env, ...settings, PORT: '0', DATABASE_URL };
  const child = spawn(process.execPath, [`src/${file}.ts`], { env });
  t.teardown(() => child.kill('SIGKILL'));
  let log = '';
  for await (const [chunk] of on(child.stdout, 'data', { close: ['end'] })) {
    log += chunk;
    if (ready.test(log)) return { child, log };
  }
  throw new Error(`src/${file}.ts has ended before it was ready`);
}

async function feed(): Promise<string[]> {
  const { items } = (await api.inject({ url: '/api/newsfeeds', headers: grace.headers })).json();
  return items.map(({ id }: { id: string }) => id);
}

/** A column, in the order of the ids; undefined without its table. */
async function column(table: 'tweets' | 'outbox', name: 'id' | 'tweet_id') {
  const rows = sql<{ id: string }>`SELECT ${sql.ref(name)} AS id FROM ${sql.table(table)}`;
  return (await rows.execute(api.db).catch(() => undefined))?.rows.map(({ id }) => id);
}
const tweets = () => column('tweets', 'id');
const left = () => column('outbox', 'tweet_id');

t.test('a server killed between commit and queue loses nothing', async (t) => {
  const settings = { QUEUE_REDIS_URL: queue.url };
  const { child, log } = await start('server', /listening at/, settings);
  const [address] = /http:[^"]+/.exec(log) ?? [];
  // What goes to the queue does not arrive.
  queue.hang();
  void fetch(`${address}${post.url}`, post).catch(() => {});
  while ((await tweets())?.length === 0) await sleep(1);
  child.kill('SIGKILL');
  await once(child, 'exit');
  if (!t.same([await left(), await feed()], [await tweets(), []])) return;
  const worker = await start('worker', /The worker is ready/, {});
  for (let n = 0; n < 200 && (await feed()).length === 0; n += 1) await sleep(50);
  if (!t.same(await feed(), await tweets(), 'a worker has found it')) return;
  worker.child.kill('SIGTERM');
  t.same(await once(worker.child, 'exit'), [0, null]);
  t.same(await left(), []);
});

t.test('what is rolled back has not happened', async (t) => {
  const before = await tweets();
  await sql`RENAME TABLE newsfeeds TO hidden`.execute(api.db);
  t.equal((await api.inject(post)).statusCode, 500);
  await sql`RENAME TABLE hidden TO newsfeeds`.execute(api.db);
  t.same([await left(), await tweets()], [[], before]);
});
