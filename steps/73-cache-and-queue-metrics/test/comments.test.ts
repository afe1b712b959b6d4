import t from 'tap';
import { createApp, createUser } from './helper.ts';

const app = await createApp(t);
const grace = await createUser(app, 'grace');
const { id: tweetId } = (await post('tweets', { content: 'hello' })).json();

function post(to: 'tweets' | 'comments', body: object, headers: object = grace.headers) {
  return app.inject({ method: 'POST', url: `/api/${to}`, headers: { ...headers }, body });
}

t.test('a comment has its tweet, its author and its time', async (t) => {
  const content = '好想念超风 🦅';
  const response = await post('comments', { tweetId, content });
  t.equal(response.statusCode, 201);
  const user = { id: grace.id, username: 'grace' };
  t.match(response.json(), { id: /^\d+$/, tweetId, content, createdAt: /Z$/, user });
});

t.test('what a tweet may be a comment may be', async (t) => {
  for (const content of ['x', '👍🏽'.repeat(280)]) {
    t.equal((await post('comments', { tweetId, content })).statusCode, 201, content);
  }
  for (const content of ['', ' \n', '\u200b', '\ud83d', 'x'.repeat(281)]) {
    t.match(
      (await post('comments', { tweetId, content })).json(),
      { code: 'INVALID_COMMENT' },
      content,
    );
  }
});

t.test('a comment needs a tweet', async (t) => {
  const response = await post('comments', { tweetId: '999', content: 'hello?' });
  t.match(response.json(), { statusCode: 404, code: 'TWEET_NOT_FOUND' });
  for (const tweetId of [undefined, '', 'x', '0']) {
    t.equal((await post('comments', { tweetId, content: 'hello?' })).statusCode, 400, `${tweetId}`);
  }
});

t.test('a comment needs an author', async (t) => {
  t.equal((await post('comments', { tweetId, content: 'hello' }, {})).statusCode, 401);
  const ghost = await createUser(app, 'ghost');
  await app.db.deleteFrom('users').where('id', '=', ghost.id).execute();
  const response = await post('comments', { tweetId, content: 'boo' }, ghost.headers);
  t.match(response.json(), { statusCode: 401, code: 'ACCOUNT_GONE' });
  const ghosts = app.db.selectFrom('comments').where('user_id', '=', ghost.id).selectAll();
  t.same(await ghosts.execute(), []);
});
