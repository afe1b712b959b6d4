import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { createApp, createUser, type TestUser } from './helper.ts';

/** More of them find more. */
const ROUNDS = Number(process.env.TEST_ROUNDS ?? 1);
const app = await createApp(t);
const [ada, grace] = [await createUser(app, 'ada'), await createUser(app, 'grace')];

/** Every request comes a little late, so that those sent together meet in every order. */
async function send(by: TestUser, method: 'POST' | 'DELETE', path: string, body?: object) {
  await sleep(Math.random() * 15);
  const { headers } = by;
  return app.inject({ method, url: `/api/${path}`, headers, ...(body && { body }) });
}

const post = (user: TestUser, content: string) => send(user, 'POST', 'tweets', { content });
const follow = (from: TestUser, to: TestUser) => send(from, 'POST', `friendships/${to.id}/follow`);
const unfollow = (from: TestUser, to: TestUser) =>
  send(from, 'POST', `friendships/${to.id}/unfollow`);

async function feed({ headers }: TestUser): Promise<string[]> {
  const { items } = (await app.inject({ url: '/api/newsfeeds', headers })).json();
  return items.map(({ content }: { content: string }) => content);
}

t.test(
  'following brings what was posted before, in its place; unfollowing takes it away',
  async (t) => {
    await post(ada, 'one');
    await post(grace, 'two');
    await post(ada, 'three');
    for (const _ of ['once', 'and again']) {
      await follow(grace, ada);
      await follow(grace, ada);
      t.same(await feed(grace), ['three', 'two', 'one']);
      await unfollow(grace, ada);
      t.same(await feed(grace), ['two'], 'one’s own stay');
    }
  },
);

t.test('a deleted tweet leaves every feed', async (t) => {
  await follow(grace, ada);
  const { id } = (await post(ada, 'a mistake')).json();
  await send(ada, 'DELETE', `tweets/${id}`);
  t.same((await sql`SELECT * FROM newsfeeds WHERE tweet_id = ${id}`.execute(app.db)).rows, []);
});

t.test('whatever happens at the same time, the feeds follow the graph', async (t) => {
  const people = await Promise.all(['p_0', 'p_1', 'p_2'].map((name) => createUser(app, name)));
  const anybody = () => people[Math.floor(Math.random() * people.length)] ?? ada;
  const acts = [
    async () => post(anybody(), 'x'),
    async () => follow(anybody(), anybody()),
    async () => unfollow(anybody(), anybody()),
    async (by = anybody()) => send(by, 'DELETE', `tweets/${(await post(by, 'y')).json().id}`),
  ] as const;
  for (const person of people) await follow(person, ada);
  for (let round = 0; round < 40 * ROUNDS; round += 1) {
    const answers = await Promise.all([...acts, ...acts, ...acts].map((act) => act()));
    t.notOk(answers.find(({ statusCode }) => statusCode >= 500));
  }
  const { rows } = await sql`
    SELECT user_id, tweet_id, COUNT(*) AS places FROM (
      SELECT user_id, tweet_id FROM newsfeeds
      UNION ALL SELECT user_id, id FROM tweets
      UNION ALL SELECT from_user_id, id FROM tweets JOIN friendships ON to_user_id = tweets.user_id
    ) AS both_sides
    GROUP BY user_id, tweet_id HAVING places <> 2
  `.execute(app.db);
  t.same(rows, [], 'every entry is in the table and in the graph, once each');
});

t.test('following brings the 800 newest tweets and no more', async (t) => {
  const busy = await createUser(app, 'busy');
  const tweets = Array.from({ length: 805 }, (_, n) => ({ user_id: busy.id, content: `${n}` }));
  await app.db.insertInto('tweets').values(tweets).execute();
  const joan = await createUser(app, 'joan');
  await follow(joan, busy);
  const { rows } = await sql`
    SELECT content FROM newsfeeds JOIN tweets ON tweets.id = tweet_id
    WHERE newsfeeds.user_id = ${joan.id} ORDER BY tweet_id
  `.execute(app.db);
  t.match([rows.length, rows[0]], [800, { content: '5' }]);
});
