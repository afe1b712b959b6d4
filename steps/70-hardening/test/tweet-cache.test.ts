import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');
await send(grace, 'POST', `/api/friendships/${ada.id}/follow`);

function send({ headers }: TestUser, method: 'POST' | 'DELETE', url: string, body?: object) {
  return app.inject({ method, url, headers, ...(body && { body }) });
}

async function post(content: string): Promise<string> {
  return (await send(ada, 'POST', '/api/tweets', { content })).json().id;
}

/** What grace sees there, and which statements read texts: the contents of tweets. */
async function look(url: string) {
  let contents: string[] = [];
  const statements = await recordStatements(async () => {
    const { items, ...tweet } = (await app.inject({ url, headers: grace.headers })).json();
    contents = (items ?? [tweet]).map(({ content }: { content: string }) => content);
  });
  const texts = statements.filter((each) => /(\*|content).*from `tweets`/.test(each));
  return { contents, texts: texts.length };
}

const feed = '/api/newsfeeds';
const timeline = `/api/tweets?userId=${ada.id}`;

t.test('a tweet that was read once is not read again, wherever it is shown', async (t) => {
  const id = await post('好想念超风 🦅');
  await look(feed);
  for (const url of [feed, timeline, `/api/tweets/${id}`])
    t.same(await look(url), { contents: ['好想念超风 🦅'], texts: 0 }, url);
});

t.test('of a page only what is missing is read, with one statement', async (t) => {
  const joan = await createUser(app, 'joan');
  const photos = JSON.stringify(['a.webp', 'b.webp']);
  const values = [1, 2, 3].map((n) => ({ user_id: joan.id, content: `${n}`, photos }));
  await app.db.insertInto('tweets').values(values).execute();
  const url = `/api/tweets?userId=${joan.id}`;
  t.same(await look(url), { contents: ['3', '2', '1'], texts: 1 });
  t.same(await look(url), { contents: ['3', '2', '1'], texts: 0 });
  const [kept] = (await app.inject(url)).json().items;
  const [row] = await app.db.selectFrom('tweets').selectAll().orderBy('id', 'desc').execute();
  t.match(kept, { createdAt: row?.created_at.toISOString(), user: { username: 'joan' } });
  t.same(kept.photos, [{ url: '/api/media/a.webp' }, { url: '/api/media/b.webp' }]);
});

t.test('a timeline’s ids come from its index alone', async (t) => {
  const mary = await createUser(app, 'mary');
  await send(mary, 'POST', '/api/tweets', { content: 'hello' });
  const statements = await recordStatements(() => look(`/api/tweets?userId=${mary.id}`));
  const asked = statements.filter((each) => /^select `id`(?!.*_count).* from `tweets`/.test(each));
  t.equal(asked.length, 1);
  t.match(asked[0], /^select `id`/);
});

t.test('a deleted tweet is nowhere, although somebody is reading it', async (t) => {
  const id = await post('a mistake');
  await look(feed);
  const readers = Array.from({ length: 10 }, async (_, n) => sleep(n).then(() => look(feed)));
  await Promise.all([...readers, sleep(4).then(() => send(ada, 'DELETE', `/api/tweets/${id}`))]);
  for (const url of [feed, timeline]) t.notOk((await look(url)).contents.includes('a mistake'));
  t.match((await app.inject(`/api/tweets/${id}`)).json(), { code: 'TWEET_NOT_FOUND' });
  t.match((await send(ada, 'POST', '/api/comments', { tweetId: id, content: 'hm' })).json(), {
    code: 'TWEET_NOT_FOUND',
  });
});
