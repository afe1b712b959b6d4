import t from 'tap';
import { createApp, createUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

async function post(to: 'tweets' | 'comments' | 'likes', body: object, { headers } = ada) {
  return (await app.inject({ method: 'POST', url: `/api/${to}`, headers, body })).json();
}

const { id: tweetId } = await post('tweets', { content: 'hello' });
const tweet = { subjectType: 'tweet', subjectId: tweetId };
const { id: commentId } = await post('comments', { tweetId, content: 'hello' });
const comment = { subjectType: 'comment', subjectId: commentId };

async function likesOf(userId: string) {
  return app.db.selectFrom('likes').selectAll().where('user_id', '=', userId).execute();
}

t.test('tweets and comments are liked, each once a user', async (t) => {
  t.equal(tweetId, commentId, 'the same id, and yet two subjects');
  for (const subject of [tweet, comment]) {
    t.same(await post('likes', subject), { changed: true });
    t.same(await post('likes', subject), { changed: false });
    t.same(await post('likes', subject, grace), { changed: true });
  }
  t.equal((await likesOf(ada.id)).length, 2);
});

t.test('of many requests at once one changes something', async (t) => {
  const hasty = await createUser(app, 'hasty');
  const answers = await Promise.all(Array.from({ length: 8 }, () => post('likes', tweet, hasty)));
  t.equal(answers.filter(({ changed }) => changed).length, 1);
  t.equal((await likesOf(hasty.id)).length, 1);
});

t.test('what is not there is the 404 of its kind', async (t) => {
  const nothing = [tweet, comment].map((subject) => ({ ...subject, subjectId: '999' }));
  const answers = await Promise.all(nothing.map((subject) => post('likes', subject)));
  t.match(answers, [{ code: 'TWEET_NOT_FOUND' }, { code: 'COMMENT_NOT_FOUND' }]);
});

t.test('what cannot be liked is a 400', async (t) => {
  const bad = [{}, { subjectType: 'tweet' }, { ...tweet, subjectType: 'user' }];
  for (const body of [...bad, { ...tweet, subjectType: 'Tweet' }, { ...tweet, subjectId: 'x' }]) {
    t.match(await post('likes', body), { statusCode: 400 }, JSON.stringify(body));
  }
});

t.test('who is not logged in, or has no account any more, likes nothing', async (t) => {
  const response = await app.inject({ method: 'POST', url: '/api/likes', body: tweet });
  t.equal(response.statusCode, 401);
  const ghost = await createUser(app, 'ghost');
  await app.db.deleteFrom('users').where('id', '=', ghost.id).execute();
  t.match(await post('likes', tweet, ghost), { statusCode: 401, code: 'ACCOUNT_GONE' });
});
