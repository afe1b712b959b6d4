import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser } from './helper.ts';
import { proxyTo } from './proxy.ts';

const memcached = await proxyTo(t, loadConfig(process.env).MEMCACHED_URL);
const app = await createApp(t, { MEMCACHED_URL: memcached.url });
const { id, headers } = await createUser(app, 'ada');
const body = { content: 'hello' };
await app.inject({ method: 'POST', url: '/api/tweets', headers, body });

function rename(nickname: string, of = headers) {
  const [method, url] = ['PATCH', '/api/profiles/me'] as const;
  return app.inject({ method, url, headers: of, body: { nickname } });
}

/** The nickname that a user's tweet is shown with. */
async function shown(userId = id): Promise<string | null> {
  const { items } = (await app.inject(`/api/tweets?userId=${userId}`)).json();
  return items[0].user.nickname;
}

t.test('a reader who is slow does not put back what it read before a change', async (t) => {
  const old = { id, username: 'ada', nickname: 'old', avatarUrl: null };
  await app.cache.forget('user', id);
  await app.cache.getMany('user', [id], async () => {
    // The row is read. Before it is kept, somebody changes it.
    await rename('new');
    return new Map([[id, old]]);
  });
  t.equal(await shown(), 'new');
});

t.test('what changes while Memcached is away is forgotten when it is back', async (t) => {
  await rename('before');
  await shown();
  await memcached.cut();
  t.equal((await rename('meanwhile')).statusCode, 200);
  t.equal(await shown(), 'meanwhile', 'slower, not wrong');
  await memcached.restore();
  t.equal(await shown(), 'meanwhile', 'although Memcached has kept another name');
});

t.test('what changes while Memcached hangs is forgotten when it goes on', async (t) => {
  const { id, headers } = await createUser(app, 'grace');
  await app.inject({ method: 'POST', url: '/api/tweets', headers, body });
  t.equal(await shown(id), null);
  memcached.hang();
  t.equal((await rename('meanwhile', headers)).statusCode, 200);
  t.equal(await shown(id), 'meanwhile');
  memcached.goOn();
  t.equal(await shown(id), 'meanwhile');
});
