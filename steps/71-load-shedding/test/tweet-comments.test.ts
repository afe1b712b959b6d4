import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

async function post(to: 'tweets' | 'comments', body: object, { headers } = ada) {
  return (await app.inject({ method: 'POST', url: `/api/${to}`, headers, body })).json();
}

async function list(tweetId: string) {
  return (await app.inject(`/api/comments?tweetId=${tweetId}`)).json();
}

t.test('a tweet’s comments are read oldest first, with their authors, by anybody', async (t) => {
  const [tweet, other] = [
    await post('tweets', { content: 'one' }),
    await post('tweets', { content: 'two' }),
  ];
  const first = await post('comments', { tweetId: tweet.id, content: '第一' }, grace);
  await post('comments', { tweetId: other.id, content: 'elsewhere' });
  const second = await post('comments', { tweetId: tweet.id, content: 'second' });
  t.same((await list(tweet.id)).items, [first, second]);
  t.match(first.user, { username: 'grace' });
});

t.test('a list of twenty costs as many statements as a list of one, and ends there', async (t) => {
  const [one, many] = [
    await post('tweets', { content: 'one' }),
    await post('tweets', { content: 'many' }),
  ];
  await post('comments', { tweetId: one.id, content: 'only' });
  const rows = Array.from({ length: 21 }, (_, n) => ({
    tweet_id: many.id,
    user_id: n % 2 ? ada.id : grace.id,
    content: `${n}`,
  }));
  await app.db.insertInto('comments').values(rows).execute();
  for (const { id } of [one, many]) await list(id);
  const few = await recordStatements(() => list(one.id));
  const more = await recordStatements(async () => {
    const { items = [] } = await list(many.id);
    t.same([items.length, items[0]?.content, items.at(-1)?.content], [20, '0', '19']);
  });
  t.equal(more.length, few.length);
});

t.test('no comments are an empty list, no tweet is a 404, no id a 400', async (t) => {
  const { id } = await post('tweets', { content: 'quiet' });
  t.same(await list(id), { items: [] });
  t.match(await list('999'), { statusCode: 404, code: 'TWEET_NOT_FOUND' });
  t.match(await list('x'), { statusCode: 400 });
  t.equal((await app.inject('/api/comments')).statusCode, 400, 'all comments of all tweets');
});

t.test('a deleted tweet takes its comments along, and no other tweet’s', async (t) => {
  const ids: string[] = [];
  for (const content of ['gone', 'other']) {
    const { id } = await post('tweets', { content });
    await post('comments', { tweetId: id, content }, grace);
    ids.push(id);
  }
  const url = `/api/tweets/${ids[0]}`;
  t.equal((await app.inject({ method: 'DELETE', url, headers: ada.headers })).statusCode, 204);
  const left = app.db.selectFrom('comments').select('content').where('tweet_id', 'in', ids);
  t.same(await left.execute(), [{ content: 'other' }]);
});

t.test('a comment that meets the deletion of its tweet does not outlive it', async (t) => {
  const { id } = await post('tweets', { content: 'hello' });
  const { late } = await app.db.transaction().execute(async (trx) => {
    await trx.deleteFrom('tweets').where('id', '=', id).execute();
    const late = post('comments', { tweetId: id, content: 'too late' });
    await setTimeout(200);
    return { late };
  });
  t.match(await late, { statusCode: 404, code: 'TWEET_NOT_FOUND' });
});
