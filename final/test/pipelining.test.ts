import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser } from './helper.ts';
import { proxyTo } from './proxy.ts';

const redis = await proxyTo(t, loadConfig(process.env).REDIS_URL);
const app = await createApp(t, { REDIS_URL: redis.url });
const names = Array.from({ length: 20 }, (_, n) => `user_${n}`);
const readers = await Promise.all(names.map((name) => createUser(app, name)));
const [ada] = readers as [(typeof readers)[0]];
const body = { content: 'hello' };
await app.inject({ method: 'POST', url: '/api/tweets', headers: ada.headers, body });

/** The first page of everybody's feed, asked for at once. */
function read(url = '/api/newsfeeds') {
  return Promise.all(readers.map(({ headers }) => app.inject({ url, headers })));
}

/** How often something was written to the connection to Redis while `work` was done. */
async function writes(work: () => Promise<unknown>): Promise<number> {
  const { stream } = app.redis;
  const { write } = stream;
  let count = 0;
  stream.write = ((...chunk: Parameters<typeof write>) => {
    if (!`${chunk[0]}`.includes('evalsha')) count += 1; // That is the rate limits.
    return write.apply(stream, chunk);
  }) as typeof write;
  await work();
  stream.write = write;
  return count;
}

for (const [what, url] of [
  ['feeds', '/api/newsfeeds'],
  ['timelines', `/api/tweets?userId=${ada.id}`],
] as const) {
  t.test(`${what} that are read at once share what is written to Redis`, async (t) => {
    await read(url);
    const count = await writes(async () => {
      for (const answer of await read(url)) t.equal(answer.statusCode, 200);
    });
    t.ok(count > 0 && count <= readers.length, `${count} writes for ${readers.length} pages`);
  });
}

t.test('one page asks twice: for its ids, and for all that it shows with them', async (t) => {
  const url = `/api/tweets?userId=${ada.id}`;
  t.equal(await writes(() => app.inject({ url, headers: ada.headers })), 2);
});

t.test('who asks together with others gets their own answer', async (t) => {
  const owns = await Promise.all(
    readers.map(async ({ headers }) => {
      const answer = await app.inject({ method: 'POST', url: '/api/tweets', headers, body });
      return answer.json().id;
    }),
  );
  const feeds = (await read()).map((answer) => answer.json().items[0].id);
  t.same(feeds, owns);
});

t.test('a connection that breaks breaks no page', async (t) => {
  const pages = read();
  const closed = new Promise((resolve) => app.redis.once('close', resolve));
  await redis.cut();
  await closed;
  for (const answer of await pages) t.equal(answer.statusCode, 200);
  for (const answer of await read()) t.equal(answer.statusCode, 200);
  await redis.restore();
  for (let n = 0; app.redis.status !== 'ready' && n < 100; n += 1) await sleep(50);
  t.ok((await writes(read)) > 0, 'and Redis is asked again');
});
