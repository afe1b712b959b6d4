import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser } from './helper.ts';
import { proxyTo } from './proxy.ts';

const config = loadConfig(process.env);
const queue = await proxyTo(t, config.QUEUE_REDIS_URL);
const one = await createApp(t, { worker: false, QUEUE_REDIS_URL: queue.url });
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(one.db);
const DATABASE_URL = new URL(rows[0]?.name ?? '', config.DATABASE_URL).href;
/** Another process on the same data, with its own connections. */
const two = await createApp(t, { worker: false, QUEUE_REDIS_URL: queue.url, DATABASE_URL });
const ada = await createUser(one, 'ada');
const headers = { ...ada.headers, 'content-type': 'application/json' };
const post = { method: 'POST', url: '/api/tweets', headers, body: '{"content":"x"}' } as const;

/** The tweets whose events are in the outbox. `FOR UPDATE`, say, shows fewer. */
async function left(lock = ''): Promise<string[]> {
  const events = sql<{ id: string }>`SELECT tweet_id AS id FROM outbox ${sql.raw(lock)}`;
  return (await events.execute(one.db)).rows.map(({ id }) => id);
}

async function relay(app = two) {
  await app.outbox.relay();
  await app.outbox.idle?.();
  await app.inject('/healthz');
}

/** An event, and nothing done for it: as if a process had died after its commit. */
async function leave(tweet_id: string, id?: string) {
  const event = { tweet_id, author_id: ada.id, ...(id && { id }) };
  await one.db.insertInto('outbox').values(event).execute();
}

t.test('two relays share what is there, and neither waits for the other', async (t) => {
  const events = Array.from({ length: 250 }, (_, n) => ({ tweet_id: `${n + 9}`, author_id: '1' }));
  await one.db.insertInto('outbox').values(events).execute();
  const { addBulk } = one.fanOuts;
  const held = Promise.withResolvers<void>();
  one.fanOuts.addBulk = (jobs) => held.promise.then(() => addBulk.call(one.fanOuts, jobs));
  one.outbox.relay();
  const free = async () => (await left('FOR UPDATE SKIP LOCKED')).length;
  for (let n = 0; n < 200 && (await free()) > 150; n += 1) await sleep(5);
  if (!t.equal(await free(), 150, 'one has taken a hundred, and is held up')) return;
  await relay();
  t.equal((await left()).length, 100, 'the other has relayed what was free');
  await queue.cut();
  held.resolve();
  await one.outbox.idle();
  t.equal(await free(), 100, 'what could not be relayed is given back');
  const { statusCode } = await one.inject(post);
  t.same([statusCode, await free()], [201, 101]);
  await queue.restore();
  while ((await left()).length > 0) await relay();
  const tweets = (await two.fanOuts.getWaiting()).map(({ data }) => data.tweetId);
  t.same([tweets.length, new Set(tweets).size], [251, 251], 'once each');
});

t.test('what goes to the queue again while it waits there is one job', async (t) => {
  const [job] = await two.fanOuts.getWaiting();
  if (!t.ok(job, 'it waits')) return;
  await leave(`${job?.data.tweetId}`, job?.id?.replace('outbox-', ''));
  t.same(await left(), [job?.data.tweetId], 'as if its relay had died before the commit');
  await relay();
  t.same([await left(), await two.fanOuts.getWaitingCount()], [[], 251]);
  await two.fanOuts.drain();
});

t.test('who posts does not wait for the queue', async (t) => {
  const order: string[] = [];
  const answered = Promise.withResolvers<void>();
  const { addBulk } = two.fanOuts;
  two.fanOuts.addBulk = async (jobs) => {
    await Promise.race([answered.promise, sleep(3_000)]);
    order.push('queued');
    return addBulk.call(two.fanOuts, jobs);
  };
  order.push(`${(await fetch(`${await two.listen({ port: 0 })}${post.url}`, post)).status}`);
  answered.resolve();
  await two.outbox.idle?.();
  t.same(order, ['201', 'queued']);
});

t.test('who dies after a commit leaves no wrong copies behind', async (t) => {
  const worker = await createApp(t, { DATABASE_URL });
  const look = async () => {
    const timeline = await worker.inject(`/api/tweets?userId=${ada.id}`);
    const feed = await worker.inject({ url: '/api/newsfeeds', headers: ada.headers });
    return [timeline, feed].map((page) => page.json().items.map(({ id }: { id: string }) => id));
  };
  const before = await look();
  const tweet = one.db.insertInto('tweets').values({ user_id: ada.id, content: 'x' });
  const id = String((await tweet.executeTakeFirstOrThrow()).insertId);
  await one.db.insertInto('newsfeeds').values({ user_id: ada.id, tweet_id: id }).execute();
  await leave(id);
  await relay(worker);
  const after = before.map((page) => [id, ...page]);
  t.same(await look(), after);
  await one.db.deleteFrom('newsfeeds').where('tweet_id', '=', id).execute();
  await one.db.deleteFrom('tweets').where('id', '=', id).execute();
  await leave(id);
  await relay(worker);
  t.equal((await worker.inject(`/api/tweets/${id}`)).statusCode, 404);
  t.same(await look(), before);
});
