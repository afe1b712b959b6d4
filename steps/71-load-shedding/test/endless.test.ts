import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { countReads, createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const [ada, grace] = [await createUser(app, 'ada'), await createUser(app, 'grace')];

/** Every fourth tweet is ada's, 45 in all. As JavaScript numbers, some ids would be equal. */
const rows = Array.from({ length: 180 }, (_, n) => {
  return { id: String(2n ** 53n + BigInt(n)), user_id: n % 4 ? '999' : ada.id, content: 'old' };
});
await app.db.insertInto('tweets').values(rows).execute();
const old = rows.flatMap(({ id, user_id }) => (user_id === ada.id ? id : [])).reverse();

async function read(cursor?: string, limit: number | string = 10, userId = ada.id, by = app) {
  const query = { userId, limit: `${limit}`, ...(cursor !== undefined && { cursor }) };
  const { items = [], ...rest } = (await by.inject({ url: '/api/tweets', query })).json();
  return { ...rest, ids: items.map(({ id }: { id: string }) => id) };
}

async function post(): Promise<string> {
  const request = { url: '/api/tweets', headers: ada.headers, body: { content: 'new' } };
  return (await app.inject({ ...request, method: 'POST' })).json().id;
}

t.test('a page in the depth reads as few rows as one at the top', async (t) => {
  const { nextCursor, prevCursor } = await read((await read(undefined, 20)).nextCursor, 1);
  const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
  const DATABASE_URL = new URL(rows[0]?.name ?? '', loadConfig(process.env).DATABASE_URL).href;
  const without = await createApp(t, { DATABASE_URL, REDIS_URL: 'redis://127.0.0.1:1' });
  for (const cursor of [nextCursor, prevCursor]) {
    const [statement = ''] = await recordStatements(() => read(cursor, 5, ada.id, without));
    const reads = await countReads(app, statement);
    t.ok(reads <= 20, `${reads}: six tweets, and MariaDB counts some of them three times`);
  }
});

t.test('older pages bring each tweet once, whatever comes and goes', async (t) => {
  let page = await read();
  const [seen, kept] = [page.ids, new Set(old)];
  while (page.nextCursor && seen.length < 45) {
    await post();
    const next = old[old.indexOf(seen.at(-1)) + 1] ?? '';
    for (const id of [seen.at(-1), next])
      await app.inject({ method: 'DELETE', url: `/api/tweets/${id}`, headers: ada.headers });
    kept.delete(next);
    page = await read(page.nextCursor);
    seen.push(...page.ids);
  }
  t.same(seen, [...kept]);
});

t.test('newer pages bring what has come since, without a gap', async (t) => {
  const top = await read(undefined, 1);
  const posted = [await post(), await post(), await post(), await post(), await post()];
  const near = await read(top.prevCursor, 3);
  t.same(near.ids, posted.slice(0, 3).reverse(), 'those next to what one has, newest first');
  const rest = await read(near.prevCursor, 3);
  t.same(rest.ids, posted.slice(3).reverse());
  t.same((await read(rest.nextCursor, 4)).ids, [...near.ids, ...top.ids], 'and down again');
  t.same(await read(rest.prevCursor), { ids: [], prevCursor: rest.prevCursor }, 'ask again later');
});

t.test('a page has 1 to 100 tweets, and the last has no nextCursor', async (t) => {
  const all = await read(undefined, 100);
  t.same((await read(undefined, 1)).ids, all.ids.slice(0, 1));
  t.equal((await read(undefined, all.ids.length)).nextCursor, undefined);
  t.ok((await read(undefined, all.ids.length - 1)).nextCursor);
  for (const limit of [0, 101, 1.5, '']) t.match(await read(undefined, limit), { statusCode: 400 });
  t.same(await read(undefined, 1, grace.id), { ids: [] });
});

t.test('a cursor that was changed, cut, made up, or is of another list is refused', async (t) => {
  const { nextCursor = 'none' } = await read();
  const changed = Array.from(nextCursor as string, (old, at) => {
    return nextCursor.slice(0, at) + (old === 'A' ? 'B' : 'A') + nextCursor.slice(at + 1);
  });
  for (const cursor of [...changed, nextCursor.slice(0, -1), `${nextCursor}=`, '', '.', 'é']) {
    t.match(await read(cursor), { statusCode: 400, code: 'INVALID_CURSOR' }, cursor);
  }
  t.match(await read(nextCursor, 10, grace.id), { code: 'INVALID_CURSOR' });
});
