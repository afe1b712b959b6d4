import sharp from 'sharp';
import t from 'tap';
import { createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');
const timeline = `/api/tweets?userId=${ada.id}`;

const follow = ({ id }: TestUser) => send(grace, 'POST', `/api/friendships/${id}/follow`);

function send({ headers }: TestUser, method: 'POST' | 'PATCH' | 'PUT', url: string, body?: object) {
  return app.inject({ method, url, headers, ...(body && { body }) });
}

/** Who is shown as the author of each tweet, and how many statements asked for users. */
async function look(url: string, by = app) {
  let users: unknown[] = [];
  const statements = await recordStatements(async () => {
    const { items } = (await by.inject({ url, headers: grace.headers })).json();
    users = items.map(({ user }: { user: unknown }) => user);
  });
  return { users, asked: statements.filter((each) => /\b(users|profiles)\b/.test(each)).length };
}

await send(ada, 'POST', '/api/tweets', { content: 'hello' });
await follow(ada);

t.test('whoever is known is not asked for again, wherever they are shown', async (t) => {
  const { users } = await look(timeline);
  t.match(users, [{ id: ada.id, username: 'ada', nickname: null }]);
  t.same(await look(timeline), { users, asked: 0 });
  t.same(await look('/api/newsfeeds'), { users, asked: 0 });
});

t.test('who is not known is asked for, all of them with one statement', async (t) => {
  for (const name of ['joan', 'mary', 'edith']) {
    const author = await createUser(app, name);
    await app.db.insertInto('tweets').values({ user_id: author.id, content: 'hi' }).execute();
    await follow(author);
  }
  t.match(await look('/api/newsfeeds'), { asked: 1 });
  t.match(await look('/api/newsfeeds'), { users: { length: 4 }, asked: 0 });
});

t.test('a new nickname and a new avatar show at once', async (t) => {
  const form = new FormData();
  const create = { width: 8, height: 8, channels: 3, background: 'red' } as const;
  form.append('file', new File([await sharp({ create }).png().toBuffer()], 'red.png'));
  t.equal((await send(ada, 'PUT', '/api/profiles/me/avatar', form)).statusCode, 200);
  const [before] = (await look(timeline)).users;
  t.match(before, { nickname: null, avatarUrl: /^\/api\/media\// });
  t.equal((await send(ada, 'PATCH', '/api/profiles/me', { nickname: '东邪 🦅' })).statusCode, 200);
  t.same((await look(timeline)).users, [{ ...(before as object), nickname: '东邪 🦅' }]);
});

t.test('without Memcached every page asks, and shows the same', async (t) => {
  const away = { MEMCACHED_URL: 'memcached://127.0.0.1:1', REDIS_URL: 'redis://127.0.0.1:1' };
  const without = await createApp(t, away);
  const joan = await createUser(without, 'joan');
  await without.db.insertInto('tweets').values({ user_id: joan.id, content: 'hi' }).execute();
  const url = `/api/tweets?userId=${joan.id}`;
  for (const _ of ['once', 'once more'])
    t.match(await look(url, without), { users: [{ username: 'joan' }], asked: 1 });
});
