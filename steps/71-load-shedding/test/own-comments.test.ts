import t from 'tap';
import { createApp, createUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

async function send(
  method: 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body = {},
  { headers } = ada,
) {
  return app.inject({ method, url: `/api/${path}`, headers, body });
}

async function commentOfAda() {
  const tweetId = (await send('POST', 'tweets', { content: 'hello' }, grace)).json().id;
  return (await send('POST', 'comments', { tweetId, content: 'hi' })).json();
}

async function commentsOn(tweetId: string) {
  const query = app.db.selectFrom('comments').select('content').where('tweet_id', '=', tweetId);
  return (await query.execute()).map(({ content }) => content);
}

t.test('an author rewrites a comment, and nothing but its text', async (t) => {
  const comment = await commentOfAda();
  const other = { id: '999', tweetId: '999', user: { id: grace.id }, createdAt: '2000-01-01' };
  const edited = await send('PATCH', `comments/${comment.id}`, { ...other, content: '嗨' });
  t.equal(edited.statusCode, 200);
  t.same(edited.json(), { ...comment, content: '嗨' });
});

t.test('what could not be posted cannot be made of it', async (t) => {
  const { id, tweetId } = await commentOfAda();
  for (const body of [{}, { content: ' ' }, { content: 'x'.repeat(281) }]) {
    t.equal((await send('PATCH', `comments/${id}`, body)).statusCode, 400);
  }
  t.same(await commentsOn(tweetId), ['hi']);
});

t.test('an author deletes a comment, once', async (t) => {
  const { id, tweetId } = await commentOfAda();
  const answers = await Promise.all([1, 2].map(() => send('DELETE', `comments/${id}`)));
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [204, 404]);
  t.same(await commentsOn(tweetId), []);
});

t.test('to others it is forbidden, not hidden; what is not there is not found', async (t) => {
  const { id, tweetId } = await commentOfAda();
  const content = 'not mine';
  for (const method of ['PATCH', 'DELETE'] as const) {
    const others = await send(method, `comments/${id}`, { content }, grace);
    t.match(others.json(), { statusCode: 403, code: 'NOT_YOUR_COMMENT' });
    const nobodys = await send(method, 'comments/999', { content }, grace);
    t.match(nobodys.json(), { statusCode: 404, code: 'COMMENT_NOT_FOUND' });
    const stranger = await app.inject({ method, url: `/api/comments/${id}`, body: { content } });
    t.equal(stranger.statusCode, 401);
  }
  t.same(await commentsOn(tweetId), ['hi']);
});
