import { sql } from 'kysely';
import t from 'tap';
import { createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const app = await createApp(t);

async function post({ headers }: TestUser, content: string) {
  return app.inject({ method: 'POST', url: '/api/tweets', headers, body: { content } });
}

t.test('the worked example: four people, four posts, ten rows', async (t) => {
  const dongxie = await createUser(app, 'dongxie'); // 东邪
  const xidu = await createUser(app, 'xidu'); // 西毒
  const guojing = await createUser(app, 'guojing'); // 郭靖
  const huangrong = await createUser(app, 'huangrong'); // 黄蓉
  for (const [from, to] of [
    [xidu, dongxie],
    [dongxie, guojing],
    [xidu, guojing],
    [huangrong, guojing],
    [guojing, huangrong],
    [dongxie, huangrong],
  ] as const) {
    const url = `/api/friendships/${to.id}/follow`;
    await app.inject({ method: 'POST', url, headers: from.headers });
  }
  await post(dongxie, '好想念超风');
  await post(xidu, '好想念嫂子');
  await post(guojing, '不知道华筝怎么样了');
  await post(huangrong, '男人都不是好东西');

  const table = sql<{ content: string; readers: string }>`
    SELECT content, GROUP_CONCAT(reader.username ORDER BY reader.username) AS readers
    FROM newsfeeds JOIN tweets ON tweets.id = tweet_id JOIN users AS reader ON reader.id = newsfeeds.user_id
    GROUP BY tweet_id ORDER BY tweet_id
  `.execute(app.db);
  await t.resolves(table);
  t.same(
    (await table).rows.map(({ content, readers }) => [content, ...readers.split(',')]),
    [
      ['好想念超风', 'dongxie', 'xidu'],
      ['好想念嫂子', 'xidu'],
      ['不知道华筝怎么样了', 'dongxie', 'guojing', 'huangrong', 'xidu'],
      ['男人都不是好东西', 'dongxie', 'guojing', 'huangrong'],
    ],
  );
  const feed = await app.inject({ url: '/api/newsfeeds', headers: huangrong.headers });
  t.match(feed.json().items, [
    { content: '男人都不是好东西', user: { username: 'huangrong' } },
    { content: '不知道华筝怎么样了', user: { username: 'guojing' } },
  ]);
});

t.test('10,000 followers are reached in batches, whatever the packet limit', async (t) => {
  const star = await createUser(app, 'star');
  const fans = Array.from({ length: 10_000 }, (_, n) => ({
    from_user_id: `${1000 + n}`,
    to_user_id: star.id,
  }));
  await app.db.insertInto('friendships').values(fans).execute();
  const statements = await recordStatements(async () => {
    t.equal((await post(star, 'hello, everybody')).statusCode, 201);
  });
  const inserts = statements.filter((text) => /^\s*insert .*into `?newsfeeds/i.test(text));
  t.equal(inserts.length, 11);
  t.ok(Math.max(...inserts.map(({ length }) => length)) < 64 * 1024, 'far below 16 MB');
  const { rows } = await sql`SELECT DISTINCT user_id FROM newsfeeds`.execute(app.db);
  t.equal(rows.length, 10_005, 'the followers, the star, and the four of the example');
});

t.test('a post that cannot be delivered is not posted', async (t) => {
  const unlucky = await createUser(app, 'unlucky');
  await sql`RENAME TABLE newsfeeds TO hidden`.execute(app.db).catch(() => {});
  t.equal((await post(unlucky, 'lost?')).statusCode, 500);
  await sql`RENAME TABLE hidden TO newsfeeds`.execute(app.db).catch(() => {});
  const timeline = await app.inject(`/api/tweets?userId=${unlucky.id}`);
  t.same(timeline.json().items, [], 'neither the tweet nor a part of its deliveries is left');
});
