import t from 'tap';
import { createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

function send(url: string, body?: object, { headers }: TestUser = ada) {
  return app.inject({ method: 'POST', url, headers, ...(body && { body }) });
}

await send(`/api/friendships/${grace.id}/follow`);
await send(`/api/friendships/${ada.id}/follow`, undefined, grace);
const tweet = (await send('/api/tweets', { content: '好想念超风' })).json();
const comment = (await send('/api/comments', { tweetId: tweet.id, content: 'hm' })).json();
await send('/api/likes', { subjectType: 'tweet', subjectId: tweet.id });
const nickname = '东邪 🦅';
const [method, url] = ['PATCH', '/api/profiles/me'] as const;
await app.inject({ method, url, headers: ada.headers, body: { nickname } });

/** Every list that shows users, with ada as the first. */
const lists = {
  timeline: `/api/tweets?userId=${ada.id}`,
  feed: '/api/newsfeeds',
  followers: `/api/friendships/${grace.id}/followers`,
  followings: `/api/friendships/${grace.id}/followings`,
  comments: `/api/comments?tweetId=${tweet.id}`,
  likers: `/api/likes?subjectType=tweet&subjectId=${tweet.id}`,
};

async function get(url: string) {
  return (await app.inject({ url, headers: grace.headers })).json();
}

t.test('whoever has no nickname is shown without one', async (t) => {
  t.equal(tweet.user.nickname, null);
  t.equal(comment.user.nickname, null);
  const { items } = await get(`/api/friendships/${ada.id}/followers`);
  t.equal(items[0].user.nickname, null);
});

t.test('a nickname is shown wherever its user is, in what was written before it too', async (t) => {
  const user = { id: ada.id, username: 'ada', nickname };
  t.match(await get(`/api/tweets/${tweet.id}`), { user }, 'tweet');
  t.match((await get('/api/notifications')).items[0], { actor: user }, 'notification');
  for (const [name, url] of Object.entries(lists))
    t.match((await get(url)).items[0].user, user, name);
  const posted = await send('/api/tweets', { content: 'again' });
  t.match(posted.json(), { user });
  t.match((await send('/api/comments', { tweetId: tweet.id, content: 'hm' })).json(), { user });
});

t.test('a list of twenty users with nicknames costs no more statements than one', async (t) => {
  const one: Record<string, number> = {};
  const count = async (url: string) => (await recordStatements(() => get(url))).length;
  for (const [name, url] of Object.entries(lists)) {
    await get(url);
    one[name] = await count(url);
  }
  for (let n = 2; n <= 20; n += 1) {
    await send('/api/tweets', { content: `${n}` });
    const fan = await createUser(app, `fan_${n}`);
    await send(`/api/friendships/${grace.id}/follow`, undefined, fan);
    await send(`/api/friendships/${fan.id}/follow`, undefined, grace);
    await send('/api/comments', { tweetId: tweet.id, content: 'hm' }, fan);
    await send('/api/likes', { subjectType: 'tweet', subjectId: tweet.id }, fan);
  }
  for (const [name, url] of Object.entries(lists)) {
    const { items } = await get(url);
    t.equal(items.length, 20, name);
    for (const { user } of items) t.ok('nickname' in user, name);
    t.equal(await count(url), one[name], `${name}: statements`);
  }
});
