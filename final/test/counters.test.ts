import diagnostics from 'node:diagnostics_channel';
import t from 'tap';
import { createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t, { worker: false });
const [ada, grace] = [await createUser(app, 'ada'), await createUser(app, 'grace')];

async function post(path: string, body: object, on = app, { headers } = ada) {
  return (await on.inject({ method: 'POST', url: `/api/${path}`, headers, body })).json();
}

/** The first two counts on a page, and what asking for it cost in MySQL and in Redis. */
async function read(path: string, on = app) {
  const commands: string[] = [];
  const record = (message: unknown) => {
    const { command } = message as { command: string };
    // What lists of ids and rate limits need is not counted here.
    if (!['lrange', 'expire', 'get', 'evalsha'].includes(command)) commands.push(command);
  };
  diagnostics.subscribe('tracing:ioredis:command:start', record);
  let shown: number[][] = [];
  const statements = await recordStatements(async () => {
    const { items = [] } = (await on.inject(`/api/${path}`)).json();
    shown = items
      .slice(0, 2)
      .map((item: Record<string, number>) => [item.likesCount, item.commentsCount ?? 0]);
  });
  diagnostics.unsubscribe('tracing:ioredis:command:start', record);
  return { shown, counts: statements.filter((each) => each.includes('likes_count')), commands };
}

t.test('a warm page takes all its counts from Redis with one command', async (t) => {
  const row = { user_id: ada.id, content: 'old' };
  await app.db.insertInto('tweets').values(Array(20).fill(row)).execute();
  const on = { ...row, tweet_id: '1' };
  await app.db.insertInto('comments').values(Array(20).fill(on)).execute();
  await post('likes', { subjectType: 'comment', subjectId: '1' }, app, grace);
  for (const path of [`tweets?userId=${ada.id}`, 'comments?tweetId=1']) {
    const cold = await read(path);
    t.equal(cold.counts.length, 1, 'all that are missing at once');
    t.same(await read(path), { shown: cold.shown, counts: [], commands: ['mget'] });
  }
  t.same((await read('comments?tweetId=1')).shown[0], [1, 0]);
});

t.test('what changes is seen at once', async (t) => {
  const { id: subjectId } = await post('tweets', { content: 'hello' });
  const see = () => read(`tweets?userId=${ada.id}`);
  const tweet = { subjectType: 'tweet', subjectId };
  for (const [path, body, counts] of [
    ['likes', tweet, [1, 0]],
    ['likes/cancel', tweet, [0, 0]],
    ['comments', { tweetId: subjectId, content: 'hi' }, [0, 1]],
  ] as const) {
    await see();
    await post(path, body);
    t.same((await see()).shown[0], counts, path);
    t.same((await see()).counts, [], 'and then Redis knows it');
  }
});

t.test('without Redis, counts are right all the same', async (t) => {
  const lonely = await createApp(t, { REDIS_URL: 'redis://127.0.0.1:1' });
  const joan = await createUser(lonely, 'joan');
  const { id: subjectId } = await post('tweets', { content: 'hello' }, lonely, joan);
  await post('likes', { subjectType: 'tweet', subjectId }, lonely, joan);
  const { shown, counts } = await read(`tweets?userId=${joan.id}`, lonely);
  t.same([shown, counts.length], [[[1, 0]], 1]);
});
