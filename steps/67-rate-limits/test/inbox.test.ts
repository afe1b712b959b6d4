import t from 'tap';
import { createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

async function post(path: string, body = {}, { headers } = grace) {
  return (await app.inject({ method: 'POST', url: `/api/${path}`, headers, body })).json();
}

async function read(path = '', { headers } = ada) {
  return (await app.inject({ url: `/api/notifications${path}`, headers })).json();
}

const { id: tweetId } = await post('tweets', { content: 'hello' }, ada);

t.test('an inbox has what others did, newest first, and who they are', async (t) => {
  t.same(await read(), { items: [] });
  await post('likes', { subjectType: 'tweet', subjectId: tweetId });
  const comment = await post('comments', { tweetId, content: '你好' });
  const actor = { id: grace.id, username: 'grace' };
  t.match((await read()).items, [
    { type: 'comment.created', actor, subjectType: 'comment', subjectId: comment.id },
    { type: 'like.created', actor, subjectType: 'tweet', subjectId: tweetId, createdAt: /Z$/ },
  ]);
  t.same(await read('', grace), { items: [] }, 'everybody has their own');
});

t.test('all is marked as read at once, and only one’s own', async (t) => {
  await post(`friendships/${grace.id}/follow`, {}, ada);
  t.same(await read('/unread-count'), { count: 2 });
  t.same(await post('notifications/mark-all-as-read', {}, ada), { count: 2 });
  t.same(await post('notifications/mark-all-as-read', {}, ada), { count: 0 });
  t.same(await read('/unread-count', grace), { count: 1 });
});

t.test('the unread and the read can be had apart', async (t) => {
  await post(`friendships/${ada.id}/follow`);
  t.match(await read('?unread=true'), { items: [{ type: 'user.followed', unread: true }] });
  const types = ({ items = [] }) => items.map(({ type }) => type);
  t.same(types(await read('?unread=false')), ['comment.created', 'like.created']);
  t.match(await read('?unread=perhaps'), { statusCode: 400 });
});

t.test('twenty cost as many statements as one, and end there', async (t) => {
  const mary = await createUser(app, 'mary');
  const { id } = await post('tweets', { content: 'hello' }, mary);
  await post('comments', { tweetId: id, content: 'first' });
  const one = await recordStatements(() => read('', mary));
  for (let n = 1; n <= 20; n++) await post('comments', { tweetId: id, content: `${n}` });
  const twenty = await recordStatements(async () => {
    t.equal((await read('', mary)).items?.length, 20);
  });
  t.equal(twenty.length, one.length);
});
