import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

async function post(to: 'tweets' | 'comments', body: object, { headers } = ada) {
  return app.inject({ method: 'POST', url: `/api/${to}`, headers, body });
}

async function newTweet(comments: number): Promise<string> {
  const tweet_id = (await post('tweets', { content: 'hello' })).json().id;
  const row = (_: unknown, n: number) => ({ tweet_id, user_id: grace.id, content: `${n}` });
  const rows = Array.from({ length: comments }, row);
  if (comments > 0) await app.db.insertInto('comments').values(rows).execute();
  return tweet_id;
}

async function remainingComments(tweetId: string) {
  return app.db.selectFrom('comments').selectAll().where('tweet_id', '=', tweetId).execute();
}

t.test('a tweet comes with its comments, oldest first', async (t) => {
  const id = await newTweet(0);
  const comments = [
    (await post('comments', { tweetId: id, content: '第一' }, grace)).json(),
    (await post('comments', { tweetId: id, content: 'second' })).json(),
  ];
  const tweet = (await app.inject(`/api/tweets/${id}`)).json();
  t.match(tweet, { id, content: 'hello', user: { username: 'ada' } });
  t.same(tweet.comments, comments);
});

t.test('a tweet with twenty comments costs as many statements as one with one', async (t) => {
  const costs: number[] = [];
  for (const count of [1, 21]) {
    const id = await newTweet(count);
    const statements = await recordStatements(async () => {
      const { comments } = (await app.inject(`/api/tweets/${id}`)).json();
      t.equal(comments?.length, Math.min(count, 20));
    });
    costs.push(statements.length);
  }
  t.equal(costs[0], costs[1]);
});

t.test('a deleted tweet takes its comments along, and no other tweet’s', async (t) => {
  const [gone, other] = [await newTweet(3), await newTweet(1)];
  const { headers } = ada;
  const response = await app.inject({ method: 'DELETE', url: `/api/tweets/${gone}`, headers });
  t.equal(response.statusCode, 204);
  t.equal((await remainingComments(gone)).length, 0);
  t.equal((await remainingComments(other)).length, 1);
});

t.test('a comment that meets the deletion of its tweet does not outlive it', async (t) => {
  const id = await newTweet(0);
  const { late } = await app.db.transaction().execute(async (trx) => {
    await trx.deleteFrom('tweets').where('id', '=', id).execute();
    const late = post('comments', { tweetId: id, content: 'too late' });
    await setTimeout(200);
    return { late };
  });
  t.match((await late).json(), { statusCode: 404, code: 'TWEET_NOT_FOUND' });
  t.same(await remainingComments(id), []);
});
