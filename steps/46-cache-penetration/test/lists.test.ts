import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type RawBuilder, sql } from 'kysely';
import t from 'tap';
import { countReads, createApp, createUser, recordStatements } from './helper.ts';

const RUNS = Math.ceil(12 * Number(process.env.TEST_ROUNDS ?? 1));
const app = await createApp(t);
const ada = await createUser(app, 'ada');

/** What lists are made of: users with these ids, and a tweet of each with the id of its author. */
const ids = Array.from({ length: 80 }, (_, n) => String(1_000 + n));
const users = ids.map((id) => ({ id, username: id, email: id, password_hash: '' }));
await app.db.insertInto('users').values(users).execute();
await sql`INSERT INTO tweets (id, user_id, content) SELECT id, id, id FROM users`.execute(app.db);

/** Who an item shows, whatever it is. */
type Shown = Partial<Record<'user' | 'actor', { id: string }>>;

interface List {
  url: string;
  add: (id: string, at: string) => RawBuilder<unknown>;
  remove: (ids: string[]) => RawBuilder<unknown>;
}

const lists: List[] = [
  {
    url: `/api/friendships/${ada.id}/followers?`,
    add: (id, at) => sql`INSERT IGNORE INTO friendships VALUES (${id}, ${ada.id}, ${at})`,
    remove: (ids) => sql`DELETE FROM friendships WHERE from_user_id IN (${sql.join(ids)})`,
  },
  {
    url: `/api/friendships/${ada.id}/followings?`,
    add: (id, at) => sql`INSERT IGNORE INTO friendships VALUES (${ada.id}, ${id}, ${at})`,
    remove: (ids) => sql`DELETE FROM friendships WHERE to_user_id IN (${sql.join(ids)})`,
  },
  {
    url: '/api/newsfeeds?',
    add: (id) => sql`INSERT IGNORE INTO newsfeeds VALUES (${ada.id}, ${id})`,
    remove: (ids) => sql`DELETE FROM newsfeeds WHERE tweet_id IN (${sql.join(ids)})`,
  },
  {
    url: '/api/comments?tweetId=1000&',
    add: (id) =>
      sql`INSERT IGNORE INTO comments (id, tweet_id, user_id, content) VALUES (${id}, 1000, ${id}, '')`,
    remove: (ids) => sql`DELETE FROM comments WHERE id IN (${sql.join(ids)})`,
  },
  {
    url: '/api/likes?subjectType=tweet&subjectId=1000&',
    add: (id) => sql`INSERT IGNORE INTO likes VALUES (${id}, ${id}, 'tweet', 1000, '2026-01-01')`,
    remove: (ids) => sql`DELETE FROM likes WHERE id IN (${sql.join(ids)})`,
  },
  ...['', 'unread=true&'].map((query) => ({
    url: `/api/notifications?${query}`,
    add: (id: string) =>
      sql`INSERT IGNORE INTO notifications (id, user_id, actor_id, type, subject_type, subject_id)
        VALUES (${id}, ${ada.id}, ${id}, 'user.followed', 'user', ${ada.id})`,
    remove: (ids: string[]) => sql`DELETE FROM notifications WHERE id IN (${sql.join(ids)})`,
  })),
];

async function read({ url }: List, limit: number, cursor = '', isChanged = true) {
  const request = { url: `${url}limit=${limit}${cursor && `&cursor=${cursor}`}` };
  // The rows are changed directly here, past the copies.
  if (isChanged) await app.lists.forget(`feed of ${ada.id}`);
  const response = await app.inject({ ...request, headers: ada.headers });
  const { items = [], ...rest } = response.json();
  return { ...rest, ids: items.map(({ user, actor }: Shown) => (user ?? actor)?.id) };
}

const [old, young] = [fc.constantFrom(...ids.slice(0, 40)), fc.constantFrom(...ids.slice(40))];
/** A microsecond apart, or not at all: to a JavaScript date they are all equal. */
const at = fc.constantFrom('2026-01-01 00:00:00.000001', '2026-01-01 00:00:00.000002');
const limits = fc.integer({ min: 1, max: 4 });
const before = fc.uniqueArray(fc.tuple(old, at), { minLength: 9, selector: ([id]) => id });
const acts = fc.array(fc.tuple(fc.constantFrom('next', 'prev', 'add', 'remove'), old, young, at));

/** Begins in the middle of a list, and reads to both its ends while it changes. */
function scroll(list: List) {
  return fc.asyncProperty(limits, before, acts, async (limit, rows, acts) => {
    await list.remove(ids).execute(app.db);
    for (const row of rows) await list.add(...row).execute(app.db);
    const { nextCursor } = await read(list, limit);
    const { ids: seen, ...start } = await read(list, limit, nextCursor);
    assert.equal(seen.length, limit);
    const cursors = { next: start.nextCursor, prev: start.prevCursor };
    const go = async (way: 'next' | 'prev') => {
      const page = await read(list, limit, cursors[way]);
      cursors[way] = page[`${way}Cursor`];
      seen[way === 'next' ? 'push' : 'unshift'](...page.ids);
      return page.ids.length > 0;
    };
    for (const [act, old, young, at] of acts) {
      if (act === 'add') await list.add(young, at).execute(app.db);
      else if (act === 'remove') await list.remove([old]).execute(app.db);
      else if (cursors[act]) await go(act);
    }
    while (cursors.next) await go('next');
    while (await go('prev'));
    assert.equal(new Set(seen).size, seen.length, 'nothing comes twice');
    const now: string[] = (await read(list, 100)).ids;
    const left = now.filter((id) => rows.some(([old]) => old === id));
    const once = seen.filter((id: string) => left.includes(id));
    assert.deepEqual(once, left, 'what was there and still is comes, in its order');
  });
}

t.test('who scrolls sees every old row once, whatever comes and goes meanwhile', async (t) => {
  for (const list of lists) {
    const result = await fc.check(scroll(list), { numRuns: RUNS });
    t.notOk(result.failed, `${list.url} ${await fc.asyncDefaultReportMessage(result)}`);
  }
});

t.test('a cursor leads nowhere in another list, and a limit ends at 100', async (t) => {
  for (const list of lists) {
    for (const id of ids) await list.add(id, '2026-01-01').execute(app.db);
    const { nextCursor } = await read(list, 1);
    for (const other of lists.filter((other) => other !== list)) {
      t.match(await read(other, 1, nextCursor), { code: 'INVALID_CURSOR' });
    }
    t.match(await read(list, 101), { statusCode: 400 });
  }
});

t.test('a page in the depth reads as few rows as one at either end', async (t) => {
  for (const list of lists) {
    for (const depth of [5, 70]) {
      const page = await read(list, 1, (await read(list, depth)).nextCursor);
      for (const cursor of [page.nextCursor, page.prevCursor]) {
        const statements = await recordStatements(() => read(list, 2, cursor, false));
        const reads = await Promise.all(statements.map((each) => countReads(app, each)));
        t.ok(Math.max(...reads) < 20, `${list.url} ${reads}`);
      }
    }
  }
});

t.test('every list ends, and says where it can be read on', async (t) => {
  for (const list of lists) {
    for (const id of ids) await list.add(id, '2026-01-01').execute(app.db);
    const { nextCursor, ids: first } = await read(list, 79);
    t.ok(nextCursor, list.url);
    const { ids: rest, ...end } = await read(list, 79, nextCursor);
    t.equal(new Set([...first, ...rest]).size, 80, list.url);
    t.notOk(end.nextCursor, list.url);
  }
});

t.test('comments are read oldest first, and what comes next is newer', async (t) => {
  const list = lists.find(({ url }) => url.startsWith('/api/comments')) as List;
  for (const id of ids) await list.add(id, '').execute(app.db);
  const { nextCursor, ids: first } = await read(list, 2);
  t.same([...first, ...(await read(list, 2, nextCursor)).ids], ids.slice(0, 4));
});
