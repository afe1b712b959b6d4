import { PassThrough } from 'node:stream';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser, type TestUser } from './helper.ts';
import { proxyTo } from './proxy.ts';

const config = loadConfig(process.env);
const queue = await proxyTo(t, config.QUEUE_REDIS_URL ?? config.REDIS_URL);
const api = await createApp(t, { worker: false, QUEUE_REDIS_URL: queue.url });
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(api.db);
const DATABASE_URL = new URL(rows[0]?.name ?? '', config.DATABASE_URL).href;
const [ada, grace] = [await createUser(api, 'ada'), await createUser(api, 'grace')];
const follow = `/api/friendships/${ada.id}/follow`;
await api.inject({ method: 'POST', url: follow, headers: grace.headers });

async function post({ headers }: TestUser) {
  return api.inject({ method: 'POST', url: '/api/tweets', headers, body: { content: 'x' } });
}

async function feed({ headers }: TestUser): Promise<string[]> {
  const { items } = (await api.inject({ url: '/api/newsfeeds', headers })).json();
  return items.map(({ id }: { id: string }) => id);
}

t.test('a post is answered before its followers are told, and they are told', async (t) => {
  const posted = await post(ada);
  t.equal(posted.statusCode, 201);
  const { id } = posted.json();
  t.same([await feed(ada), await feed(grace)], [[id], []], 'nobody does the work yet');
  const worker = await createApp(t, { DATABASE_URL });
  await worker.inject('/healthz');
  t.same(await feed(grace), [id]);
  await api.inject({ method: 'DELETE', url: `/api/tweets/${id}`, headers: ada.headers });
  await worker.inject('/healthz');
  t.same(await feed(grace), []);
});

t.test('a worker that closes finishes what it has begun', async (t) => {
  if (!t.ok(api.fanOuts, 'there is a queue')) return;
  const worker = await createApp(t, { DATABASE_URL });
  const trx = await api.db.startTransaction().execute();
  await trx.deleteFrom('friendships').execute();
  await post(ada);
  while ((await api.fanOuts.getActiveCount()) === 0);
  const closed = worker.close();
  await trx.rollback().execute();
  await closed;
  t.same(await feed(grace), await feed(ada));
});

t.test('without its Redis nothing is queued, and nobody waits for it', async (t) => {
  await queue.cut();
  const before = await feed(grace);
  const posted = await post(ada);
  t.equal(posted.statusCode, 201);
  t.same([(await feed(ada))[0], await feed(grace)], [posted.json().id, before]);
  await queue.restore();
});

t.test('a Redis that evicts is warned of, and which one is away', async (t) => {
  // That of the cache should, anyhow, so this is not taken back.
  await api.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  const stream = new PassThrough({ encoding: 'utf8' });
  const logger = { level: 'warn', stream } as const;
  await createApp(t, { worker: false, logger, QUEUE_REDIS_URL: config.REDIS_URL });
  t.match(stream.read(), 'set its maxmemory-policy to noeviction');
  await createApp(t, { worker: false, logger, QUEUE_REDIS_URL: 'redis://127.0.0.1:1' });
  t.match(stream.read(), '"server":"127.0.0.1:1"', 'there are two, and a timeout names none');
});
