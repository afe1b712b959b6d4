import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
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
  return app.inject({ method: 'PATCH', url: '/api/profiles/me', headers: of, body: { nickname } });
}

/** The nickname that a user's tweet is shown with. */
async function shown(userId = id): Promise<string | null> {
  return (await app.inject(`/api/tweets?userId=${userId}`)).json().items[0].user.nickname;
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

t.test('what changes while Memcached hangs is forgotten when it answers again', async (t) => {
  const { id, headers } = await createUser(app, 'grace');
  await app.inject({ method: 'POST', url: '/api/tweets', headers, body });
  t.equal(await shown(id), null);
  const warned = t.capture(app.log, 'warn');
  memcached.hang();
  t.equal((await rename('meanwhile', headers)).statusCode, 200);
  t.match(warned()[0]?.args, [{ err: { message: 'No answer in time' } }, 'Memcached fails']);
  t.equal(await shown(id), 'meanwhile');
  await memcached.cut();
  await memcached.restore();
  t.equal(await shown(id), 'meanwhile');
});

t.test('nobody waits long for a Memcached that hangs, however many ask', async (t) => {
  memcached.hang();
  let answered = false;
  const pages = [shown().finally(() => (answered = true))];
  for (let page = 1; page < 80 && !answered; page += 1) {
    await sleep(100);
    pages.push(shown());
  }
  t.ok(answered, 'although the others go on asking');
  await memcached.cut();
  t.same(new Set(await Promise.all(pages)), new Set(['meanwhile']));
});

t.test('who comes at the same time shares a connection', async (t) => {
  await memcached.restore();
  const ask = () => app.cache.getMany('nobody', ['1'], async () => new Map());
  await Promise.all(Array.from({ length: 20 }, ask));
  for (let wait = 0; wait < 50 && memcached.sockets.size > 1; wait += 1) await sleep(100);
  t.ok(memcached.sockets.size <= 1, 'and none is left behind');
});

t.test('half an answer is no part of the next', async (t) => {
  const value = (key: string) => `VALUE ${key} 0 3\r\n"${key.at(-1)}"\r\n`;
  let asked = 0;
  const server = createServer((socket) => {
    socket.once('data', (command) => {
      if (!command.toString().startsWith('get')) return socket.end('NOT_STORED\r\n');
      asked += 1;
      const answer = command.toString().trim().split(' ').slice(1).map(value).join('');
      socket.end(asked === 1 ? answer.slice(0, -4) : `${answer}END\r\n`);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { cache } = await createApp(t, { MEMCACHED_URL: `memcached://127.0.0.1:${port}` });
  const read = (...ids: string[]) => cache.getMany('user', ids, async () => new Map());
  t.same(await read('1', '2'), new Map());
  t.same(Object.fromEntries(await read('3', '4')), { 3: '3', 4: '4' });
});
