import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const app = await createApp(t);
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);

async function post({ headers }: TestUser): Promise<string> {
  const request = { method: 'POST', url: '/api/tweets', headers, body: { content: 'x' } } as const;
  return (await app.inject(request)).json().id;
}

/** Somebody who has tweets, a timeline that is not kept, and nobody who has looked at them. */
async function author(name: string): Promise<TestUser> {
  const user = await createUser(app, name);
  const values = [1, 2, 3].map((n) => ({ user_id: user.id, content: `${n}` }));
  await app.db.insertInto('tweets').values(values).execute();
  return user;
}

async function timeline({ id }: { id: string }): Promise<string[]> {
  const { items } = (await app.inject(`/api/tweets?userId=${id}`)).json();
  return items.map((tweet: { id: string }) => tweet.id);
}

/** How often each table was asked. */
async function count(work: () => Promise<unknown>) {
  const statements = await recordStatements(work);
  const asked = (what: RegExp) => statements.filter((each) => what.test(each)).length;
  return {
    timeline: asked(/CONCAT_WS.* from `tweets`/),
    tweets: asked(/^select \* from `tweets`/),
    users: asked(/from `users`/),
  };
}

t.test('a hundred who want what nobody has ask once', async (t) => {
  const ada = await author('ada');
  const asked = await count(async () => {
    const shown = await Promise.all(Array.from({ length: 100 }, () => timeline(ada)));
    for (const ids of shown) t.equal(ids.length, 3);
  });
  t.same(asked, { timeline: 1, tweets: 1, users: 1 });
});

t.test('who comes while it is under way waits for it, too', async (t) => {
  const grace = await author('grace');
  const late = await sql`SELECT SLEEP(0)`.execute(app.db).then(() => grace);
  const asked = await count(async () => {
    const readers = Array.from({ length: 30 }, async (_, n) =>
      sleep(n / 10).then(() => timeline(late)),
    );
    await Promise.all(readers);
  });
  t.ok(asked.timeline <= 2 && asked.tweets <= 2, JSON.stringify(asked));
});

t.test('but not if something has come since it began', async (t) => {
  const joan = await author('joan');
  await app.redis.unlink(`${rows[0]?.name}:tweets of ${joan.id}`);
  const name = `tweets of ${joan.id}`;
  let posted = '';
  let second: string[] = [];
  await app.lists.page(name, { limit: 20 }, async () => {
    posted = await post(joan);
    // Whoever comes now must see it, although the first reader has not come back yet.
    second = await timeline(joan);
    return [];
  });
  t.equal(second[0], posted);
  t.equal((await timeline(joan))[0], posted);
});

t.test('nor if it has changed since', async (t) => {
  const mary = await author('mary');
  const [id = ''] = await timeline(mary);
  let seen = 0;
  await app.cache.forget('tweet', id);
  await app.cache.getMany('tweet', [id], async () => {
    await app.inject({ method: 'DELETE', url: `/api/tweets/${id}`, headers: mary.headers });
    seen = (await app.inject(`/api/tweets/${id}`)).statusCode;
    return new Map([[id, { id, userId: mary.id, content: 'old' }]]);
  });
  t.equal(seen, 404);
});

t.test('who fails fails all who wait, and the next one asks again', async (t) => {
  const load = async () => {
    await sleep(20);
    throw new Error('no database');
  };
  const ask = () => app.cache.getMany('tweet', ['77'], load).catch(({ message }) => message);
  t.same(await Promise.all([ask(), ask()]), ['no database', 'no database']);
  t.same(
    await app.cache.getMany('tweet', ['77'], async () => new Map([['77', 7]])),
    new Map([['77', 7]]),
  );
});
