import t from 'tap';
import { createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const app = await createApp(t);
const [ada, grace] = [await createUser(app, 'ada'), await createUser(app, 'grace')];

async function post({ headers }: TestUser, content = 'x', by = app): Promise<string> {
  const request = { method: 'POST', url: '/api/tweets', headers, body: { content } } as const;
  return (await by.inject(request)).json().id;
}

/** A page of a timeline: its ids, its cursors, and how often tweets were asked for. */
async function read({ id }: TestUser, limit = 20, cursor = '', by = app) {
  const url = `/api/tweets?userId=${id}&limit=${limit}${cursor && `&cursor=${cursor}`}`;
  let body: { items: { id: string }[]; nextCursor?: string; prevCursor?: string } = { items: [] };
  const statements = await recordStatements(async () => {
    body = (await by.inject(url)).json();
  });
  const asked = statements.filter((each) => /CONCAT_WS.* from `tweets`/.test(each)).length;
  return { ...body, ids: body.items.map((tweet) => tweet.id), asked };
}

t.test('a timeline that was read is not read again, and a new tweet is on its top', async (t) => {
  const old = [await post(ada), await post(ada)].reverse();
  t.same((await read(ada)).ids, old);
  t.match(await read(ada), { ids: old, asked: 0 });
  const id = await post(ada, 'new');
  t.match(await read(ada), { ids: [id, ...old], asked: 0 });
  const [method, { headers }] = ['DELETE', ada] as const;
  await app.inject({ method, url: `/api/tweets/${id}`, headers });
  t.match(await read(ada), { ids: old, asked: 0 });
});

t.test('the copy leads on into the table, and back', async (t) => {
  const ids: string[] = [];
  for (let n = 0; n < 9; n += 1) ids.unshift(await post(grace));
  await read(grace);
  for (const limit of [1, 4, 8, 9, 10]) {
    const { nextCursor, prevCursor, ...top } = await read(grace, limit);
    t.match(top, { ids: ids.slice(0, limit), asked: 0 });
    t.equal(nextCursor === undefined, limit >= 9, 'after nine there is nothing');
    if (nextCursor) t.same((await read(grace, 20, nextCursor)).ids, ids.slice(limit));
    t.same((await read(grace, 20, prevCursor)).ids, []);
  }
});

t.test('without Redis every page is read, and is the same', async (t) => {
  const without = await createApp(t, { REDIS_URL: 'redis://127.0.0.1:1' });
  const joan = await createUser(without, 'joan');
  const id = await post(joan, 'x', without);
  for (const _ of ['once', 'and again']) {
    t.match(await read(joan, 20, '', without), { ids: [id], asked: 1 });
  }
});
