import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser, type TestUser } from './helper.ts';
import { proxyTo } from './proxy.ts';

const redis = await proxyTo(t, loadConfig(process.env).REDIS_URL);
const app = await createApp(t, { REDIS_URL: redis.url });

async function post({ headers }: TestUser): Promise<string> {
  const request = { method: 'POST', url: '/api/tweets', headers, body: { content: 'x' } } as const;
  return (await app.inject(request)).json().id;
}

function remove({ headers }: TestUser, id: string) {
  return app.inject({ method: 'DELETE', url: `/api/tweets/${id}`, headers });
}

async function timeline({ id }: TestUser): Promise<string[]> {
  const { items } = (await app.inject(`/api/tweets?userId=${id}`)).json();
  return items.map((tweet: { id: string }) => tweet.id);
}

/** Somebody reads the table; then `meanwhile` happens; then they fill the list with what they read. */
async function readSlowly({ id }: TestUser, meanwhile: () => Promise<unknown>): Promise<void> {
  await app.lists.page(`tweets of ${id}`, { limit: 20 }, async () => {
    const tweets = app.db.selectFrom('tweets').select('id').where('user_id', '=', id);
    const rows = await tweets.orderBy('id', 'desc').execute();
    await meanwhile();
    return rows.map((row) => row.id);
  });
}

t.test('who fills a list late does not lose what came meanwhile', async (t) => {
  const ada = await createUser(app, 'ada');
  const first = await post(ada);
  let second = '';
  await readSlowly(ada, async () => {
    second = await post(ada);
  });
  t.same(await timeline(ada), [second, first]);
});

t.test('who fills a list late does not bring back what went meanwhile', async (t) => {
  const grace = await createUser(app, 'grace');
  const [kept, gone] = [await post(grace), await post(grace)];
  await readSlowly(grace, () => remove(grace, gone));
  t.same(await timeline(grace), [kept]);
  t.same((await app.inject(`/api/tweets?userId=${grace.id}&limit=1`)).json().nextCursor, undefined);
});

t.test('of two who fill a list at once one does, and it is whole', async (t) => {
  const mary = await createUser(app, 'mary');
  const ids = [await post(mary), await post(mary)].reverse();
  await Promise.all([9, 3].map((ms) => readSlowly(mary, () => sleep(ms))));
  t.same(await timeline(mary), ids);
});

for (const [what, away, back] of [
  ['is away', redis.cut, redis.restore],
  [
    'hangs',
    async () => redis.hang(),
    async () => {
      await redis.cut();
      await redis.restore();
    },
  ],
] as const) {
  t.test(`what comes and goes while Redis ${what} is right, then and later`, async (t) => {
    const joan = await createUser(app, `joan_${what.slice(0, 2)}`);
    const [one, two] = [await post(joan), await post(joan)];
    t.same(await timeline(joan), [two, one]);
    await away();
    const three = await post(joan);
    await remove(joan, one);
    t.same(await timeline(joan), [three, two], 'slower, not wrong');
    t.not(app.redis.status, 'ready', 'nobody waits for it any more');
    await back();
    for (let n = 0; app.redis.status !== 'ready' && n < 100; n += 1) await sleep(50);
    t.same(await timeline(joan), [three, two]);
  });
}
