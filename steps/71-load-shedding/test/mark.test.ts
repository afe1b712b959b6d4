import t from 'tap';
import { createApp, createUser, recordStatements } from './helper.ts';

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

async function inbox() {
  return (await app.inject({ url: '/api/notifications', headers: ada.headers })).json().items;
}

async function newTweet(content: string) {
  const { id } = (await send('POST', 'tweets', { content })).json();
  await send('POST', 'likes', { subjectType: 'tweet', subjectId: id }, grace);
  return id;
}

t.test('one notification is marked as read, and as unread again', async (t) => {
  await newTweet('one');
  await newTweet('two');
  const [two, one] = await inbox();
  const response = await send('PATCH', `notifications/${one.id}`, { unread: false });
  t.equal(response.statusCode, 200);
  t.same(response.json(), { ...one, unread: false });
  t.same(await inbox(), [two, { ...one, unread: false }]);
  for (let n = 0; n < 2; n++) {
    const again = await send('PATCH', `notifications/${one.id}`, { unread: true });
    t.equal(again.statusCode, 200);
  }
  t.same(await inbox(), [two, one]);
});

t.test('another’s notification is not forbidden but not found: it says nothing', async (t) => {
  const [{ id }] = await inbox();
  const attempts = [
    await send('PATCH', `notifications/${id}`, { unread: false }, grace),
    await send('PATCH', 'notifications/999', { unread: false }),
  ];
  for (const attempt of attempts) t.match(attempt.json(), { code: 'NOTIFICATION_NOT_FOUND' });
  t.equal((await send('PATCH', `notifications/${id}`, { unread: 'maybe' })).statusCode, 400);
  t.equal((await inbox())[0].unread, true);
});

t.test('an inbox shows what was said, as long as it is there', async (t) => {
  const tweetId = await newTweet('好想念超风');
  const { id } = (await send('POST', 'comments', { tweetId, content: '我也是' }, grace)).json();
  await send('POST', `friendships/${ada.id}/follow`, {}, grace);
  const contents = async () =>
    (await inbox()).slice(0, 3).map((n: { content: string }) => n.content);
  t.same(await contents(), [null, '我也是', '好想念超风']);
  await send('DELETE', `comments/${id}`, {}, grace);
  t.same(await contents(), [null, null, '好想念超风']);
  await send('DELETE', `tweets/${tweetId}`);
  t.same(await contents(), [null, null, null]);
});

t.test('one statement a kind of subject, however many there are', async (t) => {
  await send('POST', 'comments', { tweetId: await newTweet('one'), content: 'one' }, grace);
  const before = await recordStatements(inbox);
  const tweetId = await newTweet('hello');
  for (let n = 0; n < 19; n++) {
    await send('POST', 'comments', { tweetId, content: 'hi' }, grace);
  }
  const after = await recordStatements(async () => {
    t.equal((await inbox()).filter((n: { content?: string }) => n.content).length, 20);
  });
  t.ok(after.length <= before.length, 'some of it is known by now');
});
