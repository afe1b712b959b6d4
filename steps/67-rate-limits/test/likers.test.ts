import t from 'tap';
import { createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

async function post(path: string, body = {}, { headers } = ada) {
  return app.inject({ method: 'POST', url: `/api/${path}`, headers, body });
}

async function newTweet() {
  const { id } = (await post('tweets', { content: 'hello' })).json();
  return { subjectType: 'tweet', subjectId: id };
}

async function newComment(tweetId: string) {
  const { id } = (await post('comments', { tweetId, content: 'hello' })).json();
  return { subjectType: 'comment', subjectId: id };
}

async function likers(query: { subjectType: string; subjectId: string }) {
  return (await app.inject({ url: '/api/likes', query })).json();
}

t.test('a like is taken back, once', async (t) => {
  const tweet = await newTweet();
  await post('likes', tweet);
  await post('likes', tweet, grace);
  t.same((await post('likes/cancel', tweet)).json(), { changed: true });
  t.same((await post('likes/cancel', tweet)).json(), { changed: false });
  t.match(await likers(tweet), { items: [{ user: { username: 'grace' } }] });
  t.same((await post('likes', tweet)).json(), { changed: true }, 'and given again');
});

t.test('who likes something is listed, the newest first', async (t) => {
  const comment = await newComment((await newTweet()).subjectId);
  t.same(await likers(comment), { items: [] });
  await post('likes', comment);
  await post('likes', comment, grace);
  const [user, createdAt] = [{ id: grace.id, username: 'grace' }, /Z$/];
  t.match(await likers(comment), { items: [{ user, createdAt }, { user: { id: ada.id } }] });
});

t.test('a list of twenty costs as many statements as a list of one', async (t) => {
  const [one, many] = [await newTweet(), await newTweet()];
  await post('likes', one);
  const subject = { subject_type: 'tweet' as const, subject_id: many.subjectId };
  for (let n = 0; n < 21; n++) {
    const fan = { username: `fan${n}`, email: `fan${n}`, password_hash: '' };
    const { insertId } = await app.db.insertInto('users').values(fan).executeTakeFirstOrThrow();
    const row = { user_id: String(insertId), ...subject };
    await app.db.insertInto('likes').values(row).execute();
  }
  const few = await recordStatements(() => likers(one));
  const more = await recordStatements(async () => {
    t.equal((await likers(many)).items?.length, 20);
  });
  t.equal(more.length, few.length);
});

t.test('what was deleted has no likers, though its likes are still there', async (t) => {
  const tweet = await newTweet();
  const comment = await newComment(tweet.subjectId);
  for (const subject of [tweet, comment]) await post('likes', subject);
  const url = `/api/tweets/${tweet.subjectId}`;
  await app.inject({ method: 'DELETE', url, headers: ada.headers });
  t.match(await likers(tweet), { code: 'TWEET_NOT_FOUND' });
  t.match(await likers(comment), { code: 'COMMENT_NOT_FOUND' });
});

t.test('what is not there is a 404, who is not logged in a 401', async (t) => {
  const nothing = { subjectType: 'tweet', subjectId: '999' };
  t.match((await post('likes/cancel', nothing)).json(), { code: 'TWEET_NOT_FOUND' });
  t.match(await likers(nothing), { code: 'TWEET_NOT_FOUND' });
  t.match(await likers({ ...nothing, subjectType: 'comment' }), { code: 'COMMENT_NOT_FOUND' });
  t.match(await likers({ ...nothing, subjectType: 'user' }), { statusCode: 400 });
  const anonymous = await app.inject({ method: 'POST', url: '/api/likes/cancel', body: nothing });
  t.equal(anonymous.statusCode, 401);
});
