import t from 'tap';
import { createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');
const joan = await createUser(app, 'joan');

async function post({ headers }: TestUser, content: string): Promise<string> {
  const request = { method: 'POST', url: '/api/tweets', headers, body: { content } } as const;
  return (await app.inject(request)).json().id;
}

function follow({ headers }: TestUser, { id }: TestUser) {
  return app.inject({ method: 'POST', url: `/api/friendships/${id}/follow`, headers });
}

async function feed({ headers }: { headers?: Record<string, string> }) {
  return (await app.inject({ url: '/api/newsfeeds', headers: headers ?? {} })).json();
}

async function contents(user: TestUser): Promise<string[]> {
  const { items = [] } = await feed(user);
  return items.map(({ content }: { content: string }) => content);
}

t.test('without a login there is no feed', async (t) => {
  t.match(await feed({}), { statusCode: 401 });
});

t.test('who follows nobody sees only their own tweets', async (t) => {
  t.same(await contents(grace), []);
  await post(ada, 'nobody listens');
  const id = await post(grace, 'first');
  t.same(await contents(grace), ['first']);
  t.match((await feed(grace)).items, [{ id, user: { id: grace.id, username: 'grace' } }]);
});

t.test('a feed has the tweets of those one follows and one’s own, newest first', async (t) => {
  await follow(joan, grace);
  await follow(joan, ada);
  await follow(grace, joan);
  await post(grace, 'from grace');
  await post(ada, 'from ada');
  await post(joan, 'from joan');
  t.same((await contents(joan)).slice(0, 3), ['from joan', 'from ada', 'from grace']);
  t.same(await contents(grace), ['from joan', 'from grace', 'first'], 'grace does not follow ada');
});

t.test('a feed of twenty costs as many statements as a feed of one', async (t) => {
  const mary = await createUser(app, 'mary');
  await follow(mary, ada);
  await post(ada, 'one');
  await feed(mary);
  const one = await recordStatements(() => feed(mary));
  for (let n = 2; n <= 25; n += 1) await post(n % 2 ? ada : mary, `${n}`);
  await feed(mary);
  const twenty = await recordStatements(async () => {
    const { items } = await feed(mary);
    t.same([items?.length, items?.[0].content, items?.[19].content], [20, '25', '6']);
  });
  t.equal(twenty.length, one.length);
});
