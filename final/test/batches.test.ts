import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser, type TestUser } from './helper.ts';

/** It has no worker, so what waits can be looked at. */
const api = await createApp(t, { worker: false });
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(api.db);
const DATABASE_URL = new URL(rows[0]?.name ?? '', loadConfig(process.env).DATABASE_URL).href;
const worker = await createApp(t, { DATABASE_URL });

/** An author, and so many followers, who are nobody but their ids. */
async function author(username: string, followers: number) {
  const user = await createUser(api, username);
  const fans = Array.from({ length: followers }, (_, n) => ({
    from_user_id: `${1_000_000 + 2 * n}`,
    to_user_id: user.id,
  }));
  await api.db.insertInto('friendships').values(fans).execute();
  return user;
}

/** Posts, and waits until it is known which batches there are to be. */
async function post({ headers }: Pick<TestUser, 'headers'>): Promise<string> {
  const body = { content: 'x' };
  const { id } = (await api.inject({ method: 'POST', url: '/api/tweets', headers, body })).json();
  while ((await api.fanOuts.getJobCountByTypes('waiting', 'active')) > 0) await sleep(1);
  return id;
}

async function readers(tweetId: string): Promise<number> {
  const entries = api.db.selectFrom('newsfeeds').select('user_id').where('tweet_id', '=', tweetId);
  return (await entries.execute()).length;
}

t.test('few followers cost one job, many one more a thousand', async (t) => {
  if (!t.ok(api.batches, 'batches have a queue of their own')) return;
  await api.batches.pause();
  const [few, many] = [await author('few', 999), await author('many', 2001)];
  t.equal(await readers(await post(few)), 1000, 'told while all batches wait');
  const tweet = await post(many);
  t.equal(await readers(tweet), 1, 'the author');
  t.equal(await api.batches.getPrioritizedCount(), 3);
  await api.batches.resume();
  await worker.inject('/healthz');
  t.equal(await readers(tweet), 2002);
  t.equal(await api.batches.count(), 0);
  t.equal(await api.batches.getCompletedCount(), 3, 'what is done can be looked at');
});

t.test('a star does not hold up those who have fewer followers', async (t) => {
  if (!t.ok(api.batches)) return;
  await api.batches.pause();
  const [star, other] = [await author('star', 4000), await author('other', 1500)];
  const tweets = [await post(star), await post(other)];
  const waiting = await api.batches.getPrioritized();
  t.same(
    waiting.map(({ data }) => (data.authorId === star.id ? 'star' : 'other')),
    ['star', 'other', 'star', 'other', 'star', 'star'],
  );
  await api.batches.resume();
  await worker.inject('/healthz');
  t.same(await Promise.all(tweets.map(readers)), [4001, 1501]);
});

t.test('a batch is a range of ids: who comes into it moves nobody out', async (t) => {
  if (!t.ok(api.batches)) return;
  await api.batches.pause();
  const { id, headers } = await author('changing', 2000);
  const tweet = await post({ headers });
  const late = ['1000001', '1000003'].map((from_user_id) => ({ from_user_id, to_user_id: id }));
  await api.db.insertInto('friendships').values(late).execute();
  const leaves = api.db.deleteFrom('friendships').where('to_user_id', '=', id);
  await leaves.where('from_user_id', '=', '1003000').execute();
  await api.batches.resume();
  await worker.inject('/healthz');
  t.equal(await readers(tweet), 1 + 2000 + 2 - 1);
});
