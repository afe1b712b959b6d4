import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { migrate } from '../src/migrate.ts';
import { createApp, recordStatements } from './helper.ts';

const app = await createApp(t);
const ids = Array.from({ length: 200 }, (_, n) => String(n + 1));
const users = ids.map((id) => ({ id, username: id, email: id, password_hash: '' }));
await app.db.insertInto('users').values(users).execute();

function post(path: string, body: object, by = '1') {
  const headers = { authorization: `Bearer ${app.jwt.sign({ sub: by })}` };
  return app.inject({ method: 'POST', url: `/api/${path}`, headers, body });
}

async function newTweet() {
  const { id } = (await post('tweets', { content: 'hello' })).json();
  const { id: commentId } = (await post('comments', { tweetId: id, content: 'hi' })).json();
  return [
    { subjectType: 'tweet', subjectId: id },
    { subjectType: 'comment', subjectId: commentId },
  ] as const;
}

/** How many likes something has by its column, and in truth; undefined without a column. */
async function counted({ subjectType, subjectId }: { subjectType: string; subjectId: string }) {
  const likes = sql`likes WHERE (subject_type, subject_id) = (${subjectType}, ${subjectId})`;
  const said = sql`CONCAT(likes_count, ' of ', (SELECT COUNT(*) FROM ${likes}))`;
  const thing = sql`${sql.table(`${subjectType}s`)} WHERE id = ${subjectId}`;
  const query = sql<{ said: string }>`SELECT ${said} AS said FROM ${thing}`.execute(app.db);
  return (await query.catch(() => undefined))?.rows[0]?.said;
}

t.test('what is liked counts it, what is not liked any more counts it no more', async (t) => {
  const [others, subjects] = [await newTweet(), await newTweet()];
  for (const subject of subjects) {
    for (const by of ['1', '1', '2']) await post('likes', subject, by);
    t.equal(await counted(subject), '2 of 2', 'though one came twice');
    for (const _ of ['once', 'twice']) await post('likes/cancel', subject);
    t.equal(await counted(subject), '1 of 1');
  }
  for (const other of others) t.equal(await counted(other), '0 of 0');
  const statements = await recordStatements(async () => {
    const page = (await app.inject(`/api/tweets/${subjects[0].subjectId}`)).json();
    t.match(page, { likesCount: 1, comments: [{ likesCount: 1 }] });
  });
  t.notMatch(statements.join('\n'), /count\(/i, 'and a page counts nothing');
});

t.test('200 people who like and unlike at once leave the count exact', async (t) => {
  const [tweet] = await newTweet();
  await Promise.all(ids.slice(0, 100).map((id) => post('likes', tweet, id)));
  const act = (id: string, n: number) => post(n < 50 ? 'likes/cancel' : 'likes', tweet, id);
  await Promise.all(ids.map(act));
  t.equal(await counted(tweet), '150 of 150');
});

t.test('likes that wait for an unlike do not keep each other from it', async (t) => {
  const [tweet] = await newTweet();
  for (let round = 0; round < 5; round++) {
    await post('likes', tweet);
    const { late } = await app.db.transaction().execute(async (trx) => {
      await sql`SELECT id FROM tweets WHERE id = ${tweet.subjectId} FOR UPDATE`.execute(trx);
      const late = [post('likes/cancel', tweet)];
      await setTimeout(100);
      late.push(...Array.from({ length: 8 }, () => post('likes', tweet)));
      await setTimeout(100);
      return { late };
    });
    for (const { statusCode } of await Promise.all(late)) t.equal(statusCode, 200);
  }
  t.equal(await counted(tweet), '1 of 1');
});

t.test('a like that meets the deletion of its tweet is a 404, and leaves nothing', async (t) => {
  const [tweet] = await newTweet();
  const { late } = await app.db.transaction().execute(async (trx) => {
    await trx.deleteFrom('tweets').where('id', '=', tweet.subjectId).execute();
    const late = post('likes', tweet);
    await setTimeout(200);
    return { late };
  });
  t.match((await late).json(), { statusCode: 404, code: 'TWEET_NOT_FOUND' });
  const left = app.db.selectFrom('likes').where('subject_id', '=', tweet.subjectId);
  t.same(await left.where('subject_type', '=', 'tweet').select('id').execute(), []);
});

t.test('the migration counts the likes that are there already', async (t) => {
  const { db } = await createApp(t);
  while ((await migrate(db, 'down')).some((line) => !line.includes('like-counters')));
  const rows = Array.from({ length: 1_001 }, (_, n) => sql`(${n * 7 + 1}, 1, 1, 'old')`);
  const old = sql`INSERT INTO comments (id, tweet_id, user_id, content) VALUES ${sql.join(rows)}`;
  t.ok(await old.execute(db).catch(() => undefined), 'there are comments without a count');
  await sql`INSERT INTO tweets (id, user_id, content) VALUES (1, 1, '')`.execute(db);
  await sql`INSERT INTO likes (user_id, subject_type, subject_id)
    VALUES (1, 'tweet', 1), (2, 'tweet', 1), (1, 'comment', 7001)`.execute(db);
  await migrate(db);
  const liked = (table: 'tweets' | 'comments') =>
    db.selectFrom(table).select(['id', 'likes_count']).where('likes_count', '>', 0).execute();
  t.same(await liked('tweets'), [{ id: '1', likes_count: 2 }]);
  t.same(await liked('comments'), [{ id: '7001', likes_count: 1 }]);
});
