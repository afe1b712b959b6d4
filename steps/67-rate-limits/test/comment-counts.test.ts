import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { migrate } from '../src/migrate.ts';
import { createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const ghost = await createUser(app, 'ghost');
await app.db.deleteFrom('users').where('id', '=', ghost.id).execute();

function send(method: 'POST' | 'DELETE', path: string, body = {}, { headers } = ada) {
  return app.inject({ method, url: `/api/${path}`, headers, body });
}

async function newTweet(): Promise<string> {
  return (await send('POST', 'tweets', { content: 'hello' })).json().id;
}

function comment(tweetId: string, by = ada) {
  return send('POST', 'comments', { tweetId, content: 'hi' }, by);
}

/** How many comments a tweet has by its column, and in truth; undefined without a column. */
async function counted(tweetId: string): Promise<string | undefined> {
  const said = sql`CONCAT(comments_count, ' of ', (SELECT COUNT(*) FROM comments WHERE tweet_id = tweets.id))`;
  const query = sql<{ said: string }>`SELECT ${said} AS said FROM tweets WHERE id = ${tweetId}`;
  return (await query.execute(app.db).catch(() => undefined))?.rows[0]?.said;
}

t.test('a tweet counts its comments as they come and go', async (t) => {
  const [id, other] = [await newTweet(), await newTweet()];
  const [first] = [await comment(id), await comment(id), await comment(other)];
  t.equal(await counted(id), '2 of 2');
  t.equal((await send('DELETE', `comments/${first.json().id}`)).statusCode, 204);
  t.equal(await counted(id), '1 of 1');
  t.equal((await app.inject(`/api/tweets/${id}`)).json().commentsCount, 1);
  t.equal(await counted(other), '1 of 1');
});

t.test('what is refused is not counted', async (t) => {
  const id = await newTweet();
  t.equal((await comment(id, ghost)).statusCode, 401, 'after the comment has been written');
  t.equal(await counted(id), '0 of 0');
});

t.test('comments that come and go at once are counted, each once', async (t) => {
  const id = await newTweet();
  const old = await Promise.all(Array.from({ length: 10 }, () => comment(id)));
  const twice = [...old, ...old].map((each) => send('DELETE', `comments/${each.json().id}`));
  const answers = await Promise.all([...twice, ...old.map(() => comment(id))]);
  const gone = answers.filter(({ statusCode }) => statusCode === 204).length;
  const refused = answers.filter(({ statusCode }) => statusCode === 404).length;
  t.same([gone, refused], [10, 10]);
  t.equal(await counted(id), '10 of 10');
});

t.test(
  'who deletes a comment waits for the deletion of its tweet, not for its locks',
  async (t) => {
    const id = await newTweet();
    const { id: commentId } = (await comment(id)).json();
    const { late } = await app.db.transaction().execute(async (trx) => {
      await trx.deleteFrom('tweets').where('id', '=', id).execute();
      const late = send('DELETE', `comments/${commentId}`);
      await setTimeout(200);
      await trx.deleteFrom('comments').where('tweet_id', '=', id).execute();
      return { late };
    });
    t.equal((await late).statusCode, 404);
  },
);

t.test('no page of tweets reads comments to count them', async (t) => {
  await comment(await newTweet());
  for (const url of [`/api/tweets?userId=${ada.id}`, '/api/newsfeeds']) {
    const statements = await recordStatements(async () => {
      const { items = [] } = (await app.inject({ url, headers: ada.headers })).json();
      t.equal(items[0]?.commentsCount, 1);
    });
    t.same(
      statements.filter((each) => each.includes('from `comments`')),
      [],
    );
  }
});

t.test('the migration counts what is there already, in batches', async (t) => {
  const { db } = await createApp(t);
  while ((await migrate(db, 'down')).some((line) => !line.includes('counter-columns')));
  const tweets = Array.from({ length: 1_001 }, (_, n) => sql`(${n * 7 + 1}, 1, 'old')`);
  const added = sql`INSERT INTO tweets (id, user_id, content) VALUES ${sql.join(tweets)}`;
  t.ok(await added.execute(db).catch(() => undefined), 'there are tweets without a count');
  await sql`INSERT INTO comments (tweet_id, user_id, content)
    VALUES (1, 1, ''), (7001, 1, ''), (7001, 1, '')`.execute(db);
  const statements = await recordStatements(() => migrate(db));
  t.ok(statements.filter((each) => /UPDATE tweets/.test(each)).length > 1);
  const { rows } =
    await sql`SELECT id, comments_count FROM tweets WHERE comments_count > 0`.execute(db);
  t.same(rows, [
    { id: '1', comments_count: 1 },
    { id: '7001', comments_count: 2 },
  ]);
});
