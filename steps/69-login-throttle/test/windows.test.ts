import { sql } from 'kysely';
import t from 'tap';
import { createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const app = await createApp(t);
/** Of the same length, and as numbers of JavaScript not all different. */
const first = 2n ** 53n;

async function post({ headers }: TestUser): Promise<string> {
  const request = { method: 'POST', url: '/api/tweets', headers, body: { content: 'x' } } as const;
  return (await app.inject(request)).json().id;
}

/** Somebody with so many tweets, which are in their own feed; their ids, newest first. */
async function busy(name: string, count: number) {
  const user = await createUser(app, name);
  const base = first + BigInt(user.id) * 10_000n;
  const ids = Array.from({ length: count }, (_, n) => String(base + BigInt(count - n)));
  const tweets = ids.map((id) => ({ id, user_id: user.id, content: 'x' }));
  if (count > 0) await app.db.insertInto('tweets').values(tweets).execute();
  const entries = ids.map((tweet_id) => ({ user_id: user.id, tweet_id }));
  if (count > 0) await app.db.insertInto('newsfeeds').values(entries).execute();
  return { user, ids };
}

/** A page of a feed, and how often the table was asked for it. */
async function read({ headers }: TestUser, limit: number, cursor = '') {
  const url = `/api/newsfeeds?limit=${limit}${cursor && `&cursor=${cursor}`}`;
  let page: { items: { id: string }[]; nextCursor?: string; prevCursor?: string } = { items: [] };
  const statements = await recordStatements(async () => {
    page = (await app.inject({ url, headers })).json();
  });
  const asked = statements.filter((each) => each.includes('newsfeeds')).length;
  return { ...page, ids: page.items.map(({ id }) => id), asked };
}

/** All there is, from the top to the bottom and back again. */
async function scroll(user: TestUser, limit: number) {
  let page = await read(user, limit);
  const [down, asked] = [page.ids, [page.asked]];
  while (page.nextCursor) {
    page = await read(user, limit, page.nextCursor);
    down.push(...page.ids);
    asked.push(page.asked);
  }
  const up = page.ids;
  for (; page.ids.length > 0; up.unshift(...page.ids))
    page = await read(user, limit, page.prevCursor);
  return { down, up, asked };
}

/** What Redis has of a feed. */
async function copyOf({ id }: TestUser) {
  const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
  const key = `${rows[0]?.name}:feed of ${id}`;
  return { ids: await app.redis.lrange(key, 0, -1), life: await app.redis.ttl(key) };
}

for (const count of [799, 800, 801, 850]) {
  t.test(`${count} tweets: no gap and no repeat where the window ends`, async (t) => {
    const { user, ids } = await busy(`busy_${count}`, count);
    for (const limit of [97, 100]) {
      const { down, up } = await scroll(user, limit);
      t.same(down, ids);
      t.same(up, ids);
    }
    const { ids: kept, life } = await copyOf(user);
    t.same([kept.length, kept.at(-1) === '0'], [Math.min(count + 1, 801), count <= 800]);
    t.ok(life > 0, 'it is forgotten if nobody reads it');
  });
}

t.test('pages in the window are not read from the table, those beyond it are', async (t) => {
  const { user } = await busy('reader', 900);
  await read(user, 1);
  const { asked } = await scroll(user, 100);
  t.same(asked, [0, 0, 0, 0, 0, 0, 0, 0, 1]);
});

t.test('a window moves on with what is posted, and stays without gaps', async (t) => {
  const { user, ids } = await busy('poster', 800);
  await read(user, 1);
  for (let n = 0; n < 3; n += 1) ids.unshift(await post(user));
  t.equal((await copyOf(user)).ids.length, 801);
  t.same((await scroll(user, 100)).down, ids);
});

t.test('what comes late and is older than the window does not enter it', async (t) => {
  const { user, ids } = await busy('late', 810);
  await read(user, 1);
  await app.lists.push([`feed of ${user.id}`], ids[808] ?? '');
  t.same((await copyOf(user)).ids, ids.slice(0, 801));
});

t.test('a feed without tweets is kept, too', async (t) => {
  const { user } = await busy('nobody', 0);
  t.same((await read(user, 20)).ids, []);
  t.match(await read(user, 20), { ids: [], asked: 0 });
  const id = await post(user);
  t.match(await read(user, 20), { ids: [id], asked: 0, nextCursor: undefined });
});
