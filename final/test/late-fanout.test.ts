import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser, type TestUser } from './helper.ts';

const app = await createApp(t);
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
const name = rows[0]?.name ?? '';
const DATABASE_URL = new URL(name, loadConfig(process.env).DATABASE_URL).href;
/** Another process, which comes in between. */
const other = await createApp(t, { DATABASE_URL, worker: false });

async function post({ headers }: TestUser) {
  return app.inject({ method: 'POST', url: '/api/tweets', headers, body: { content: 'x' } });
}

const send = ({ headers }: TestUser, method: 'POST' | 'DELETE', path: string) =>
  other.inject({ method, url: `/api/${path}`, headers });
const remove = (by: TestUser, id: string) => send(by, 'DELETE', `tweets/${id}`);
const follow = (by: TestUser, { id }: TestUser) => send(by, 'POST', `friendships/${id}/follow`);
const unfollow = (by: TestUser, { id }: TestUser) => send(by, 'POST', `friendships/${id}/unfollow`);

async function feed({ headers }: TestUser): Promise<string[]> {
  const { items } = (await other.inject({ url: '/api/newsfeeds', headers })).json();
  return items.map(({ id }: { id: string }) => id);
}

/** What is in the table, which pages hide as soon as a tweet is gone. */
async function entries({ id }: TestUser): Promise<string[]> {
  const rows = app.db.selectFrom('newsfeeds').select('tweet_id').where('user_id', '=', id);
  return (await rows.execute()).map(({ tweet_id }) => tweet_id);
}

/** An author, and somebody who follows them and has read their feed. */
async function pair(name: string) {
  const [author, reader] = [await createUser(app, name), await createUser(app, `${name}_fan`)];
  await follow(reader, author);
  await feed(reader);
  return { author, reader };
}

/** `meanwhile` happens when what was posted or deleted is committed, before the copies know of it. */
function inBetween(change: 'push' | 'remove', { id }: TestUser, meanwhile: () => Promise<unknown>) {
  const original = app.lists[change];
  app.lists[change] = async function (names: string[], tweetId: string) {
    if (names.includes(`feed of ${id}`)) {
      app.lists[change] = original;
      await meanwhile();
    }
    return original.call(this, names, tweetId);
  };
}

t.test('a tweet is posted and deleted whatever comes of the followers', async (t) => {
  const { author, reader } = await pair('ada');
  await sql`RENAME TABLE friendships TO hidden`.execute(app.db);
  const posted = await post(author);
  await sql`RENAME TABLE hidden TO friendships`.execute(app.db);
  t.equal(posted.statusCode, 201);
  const { id } = posted.json();
  t.same(await feed(author), [id]);
  for (const job of await app.fanOuts.getDelayed()) await job.promote();
  await app.inject('/healthz');
  t.same(await feed(reader), [id], 'they are told when it is tried again');
  await sql`RENAME TABLE friendships TO hidden`.execute(app.db);
  const removed = await remove(author, id);
  await sql`RENAME TABLE hidden TO friendships`.execute(app.db);
  t.equal(removed.statusCode, 204);
});

t.test('who unfollows while a tweet is on its way to them does not get it', async (t) => {
  const { author, reader } = await pair('grace');
  inBetween('push', reader, () => unfollow(reader, author).then(() => feed(reader)));
  t.equal((await post(author)).statusCode, 201);
  t.same(await feed(reader), []);
  t.same(await entries(reader), []);
});

t.test('who unfollows and follows again meanwhile has it', async (t) => {
  const { author, reader } = await pair('rosa');
  inBetween('push', reader, () => unfollow(reader, author));
  inBetween('remove', reader, () => follow(reader, author).then(() => feed(reader)));
  const { id } = (await post(author)).json();
  t.same(await feed(reader), [id]);
});

t.test('a tweet that is deleted while it is on its way does not arrive', async (t) => {
  const { author, reader } = await pair('mary');
  inBetween('push', reader, async () => remove(author, (await feed(author))[0] ?? ''));
  await post(author);
  t.same(await entries(reader), []);
  const copy = await app.redis.lrange(`${name}:feed of ${reader.id}`, 0, -1);
  t.same(copy, ['0'], 'nor in the copy');
});
