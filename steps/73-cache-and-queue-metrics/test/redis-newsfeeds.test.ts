import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const ROUNDS = Number(process.env.TEST_ROUNDS ?? 1);
const app = await createApp(t);
const [ada, grace] = [await createUser(app, 'ada'), await createUser(app, 'grace')];

async function send({ headers }: TestUser, path: string, body?: object) {
  return app.inject({ method: 'POST', url: `/api/${path}`, headers, ...(body && { body }) });
}

const post = async (user: TestUser): Promise<string> =>
  (await send(user, 'tweets', { content: 'x' })).json().id;
const follow = (from: TestUser, to: TestUser) => send(from, `friendships/${to.id}/follow`);
const unfollow = (from: TestUser, to: TestUser) => send(from, `friendships/${to.id}/unfollow`);

function remove({ headers }: TestUser, id: string) {
  return app.inject({ method: 'DELETE', url: `/api/tweets/${id}`, headers });
}

/** The first page of a feed, and how often the table was asked for it. */
async function feed({ headers }: TestUser) {
  let ids: string[] = [];
  const statements = await recordStatements(async () => {
    const { items } = (await app.inject({ url: '/api/newsfeeds', headers })).json();
    ids = items.map((tweet: { id: string }) => tweet.id);
  });
  return { ids, asked: statements.filter((each) => each.includes('newsfeeds')).length };
}

/** The same page by the table. */
async function table({ id }: TestUser): Promise<string[]> {
  const rows = app.db.selectFrom('newsfeeds').select('tweet_id').where('user_id', '=', id);
  const newest = await rows.orderBy('tweet_id', 'desc').limit(20).execute();
  return newest.map(({ tweet_id }) => tweet_id);
}

t.test('a feed that was read is not read again, and what is posted is on its top', async (t) => {
  await follow(grace, ada);
  const first = await post(ada);
  t.same((await feed(grace)).ids, [first]);
  const [second, own] = [await post(ada), await post(grace)];
  t.same(await feed(grace), { ids: [own, second, first], asked: 0 });
  await remove(ada, second);
  t.same(await feed(grace), { ids: [own, first], asked: 0 });
});

t.test('whom one follows, or no longer does, shows at once', async (t) => {
  const joan = await createUser(app, 'joan');
  const [one, two] = [await post(joan), await post(grace)];
  for (const _ of ['once', 'and again']) {
    await follow(grace, joan);
    t.same((await feed(grace)).ids.slice(0, 2), [two, one]);
    await unfollow(grace, joan);
    t.notOk((await feed(grace)).ids.includes(one));
    t.equal((await feed(grace)).asked, 0);
  }
});

t.test('what nobody reads is not kept', async (t) => {
  const mary = await createUser(app, 'mary');
  await follow(mary, ada);
  await post(ada);
  const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
  const key = `${rows[0]?.name}:feed of ${mary.id}`;
  t.equal(await app.redis.exists(key), 0);
  t.equal((await feed(mary)).ids.length, 2);
  t.equal(await app.redis.exists(key), 1);
});

t.test('whatever is posted, deleted and read at once, a copy is what the table is', async (t) => {
  const people = await Promise.all(['p_0', 'p_1', 'p_2'].map((name) => createUser(app, name)));
  const anybody = () => people[Math.floor(Math.random() * people.length)] ?? ada;
  const acts: (() => Promise<unknown>)[] = [
    async () => post(anybody()),
    async (by = anybody()) => remove(by, await post(by)),
    async () => feed(anybody()),
    async () => follow(anybody(), anybody()),
  ];
  for (let round = 0; round < 15 * ROUNDS; round += 1) {
    const late = () => sleep(Math.random() * 10);
    await Promise.all([...acts, ...acts, ...acts].map((act) => late().then(() => act())));
    for (const person of people) t.same((await feed(person)).ids, await table(person));
  }
  t.equal((await feed(anybody())).asked, 0);
});
