import { sql } from 'kysely';
import t from 'tap';
import { createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
const name = rows[0]?.name;
const { id: userId, headers } = await createUser(app, 'ada');
const ids: string[] = [];
for (const content of ['one', 'two', 'three'])
  ids.unshift((await send('tweets', { content })).json().id);
const [three = '', two = '', one = ''] = ids;

function send(path: string, body: object) {
  return app.inject({ method: 'POST', url: `/api/${path}`, headers, body });
}

const like = (subjectId: string) => send('likes', { subjectType: 'tweet', subjectId });

/** A page of the feed, how often Redis was written to for it, and the statements that it took. */
async function read(query = '') {
  const { stream } = app.redis;
  const { write } = stream;
  let writes = 0;
  stream.write = ((...chunk: Parameters<typeof write>) => {
    if (!`${chunk[0]}`.includes('evalsha')) writes += 1; // That is the rate limits.
    return write.apply(stream, chunk);
  }) as typeof write;
  let page: { items: Record<string, unknown>[]; nextCursor: string } = {
    items: [],
    nextCursor: '',
  };
  const statements = await recordStatements(async () => {
    page = (await app.inject({ url: `/api/newsfeeds${query}`, headers })).json();
  });
  stream.write = write;
  const shown = page.items.map(({ id, likesCount, commentsCount, hasLiked }) =>
    [id, likesCount, commentsCount, hasLiked].join(),
  );
  return { shown, writes, statements: statements.length, nextCursor: page.nextCursor };
}

const warm = { writes: 1, statements: 0 };

t.test('a warm first page asks Redis once, and MySQL not at all', async (t) => {
  await read();
  const shown = [`${three},0,0,false`, `${two},0,0,false`, `${one},0,0,false`];
  t.match(await read(), { ...warm, shown });
});

t.test('what is done with its tweets shows at once', async (t) => {
  await like(two);
  await send('comments', { tweetId: one, content: 'hi' });
  const shown = [`${three},0,0,false`, `${two},1,0,true`, `${one},0,1,false`];
  t.match(await read(), { shown, statements: 1 }, 'whether they like it is asked');
  t.match(await read(), { ...warm, shown });
});

t.test('what Redis does not have beside the list comes from the tables', async (t) => {
  const { shown } = await read();
  await app.redis.unlink(`${name}:counts:tweet:${one}`, `${name}:likes of ${userId}`);
  t.match(await read(), { shown, statements: 2 });
  t.match(await read(), { ...warm, shown });
});

t.test('who has read before a like does not keep it', async (t) => {
  await app.redis.unlink(`${name}:likes of ${userId}`);
  const { eval: original } = app.redis;
  app.redis.eval = (async (...args: Parameters<typeof original>) => {
    if (!String(args[0]).includes('HSET')) return original.apply(app.redis, args);
    app.redis.eval = original;
    await like(three);
    return original.apply(app.redis, args);
  }) as typeof original;
  t.match((await read()).shown[0], /false/);
  t.match((await read()).shown[0], /true/);
  t.match(await read(), warm);
});

t.test('pages further down are as they were', async (t) => {
  const { shown } = await read();
  const first = await read('?limit=2');
  t.match(first, { ...warm, shown: shown.slice(0, 2) });
  t.same((await read(`?limit=2&cursor=${first.nextCursor}`)).shown, shown.slice(2));
});
