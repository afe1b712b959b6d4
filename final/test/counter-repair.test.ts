import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { createApp } from './helper.ts';

const log: string[] = [];
const stream = { write: (line: string) => log.push(line) };
const app = await createApp(t, { logger: { level: 'warn', stream } });
const ids = Array.from({ length: 200 }, (_, n) => String(n + 1));
const users = ids.map((id) => ({ id, username: id, email: id, password_hash: '' }));
await app.db.insertInto('users').values(users).execute();

function post(path: string, body: object, by = '1') {
  const headers = { authorization: `Bearer ${app.jwt.sign({ sub: by })}` };
  return app.inject({ method: 'POST', url: `/api/${path}`, headers, body });
}

async function newTweet() {
  const { id: subjectId } = (await post('tweets', { content: 'hello' })).json();
  return { subjectType: 'tweet', subjectId };
}

async function shown(id: string) {
  const { likesCount, commentsCount } = (await app.inject(`/api/tweets/${id}`)).json();
  return { likesCount, commentsCount };
}

/** Has the worker do a repair now, and tells what came of it. */
async function repair(name: string) {
  const job = await app.maintenance?.add(name, {});
  while (job && !(await job.isCompleted()) && !(await job.isFailed())) await sleep(1);
  return job && (await app.maintenance.getJob(job.id ?? ''))?.returnvalue;
}

t.test('counts that have drifted are mended, shown and logged', async (t) => {
  const [{ subjectId: id }, right] = [await newTweet(), await newTweet()];
  const comment = (await post('comments', { tweetId: id, content: 'hi' })).json();
  await post('likes', { subjectType: 'tweet', subjectId: id });
  await post('likes', right);
  await shown(id);
  await sql`UPDATE tweets SET likes_count = 9, comments_count = 0 WHERE id = ${id}`.execute(app.db);
  await sql`UPDATE comments SET likes_count = 5`.execute(app.db);
  t.same(await repair('tweet counts'), { looked: 2, mended: 1 });
  t.same(await shown(id), { likesCount: 1, commentsCount: 1 });
  t.same(await repair('comment counts'), { looked: 1, mended: 1 });
  t.match((await app.inject(`/api/tweets/${id}`)).json(), { comments: [{ likesCount: 0 }] });
  const drift = [{ id, said: '9 0', counted: '1 1' }];
  t.match(JSON.parse(log.at(-2) ?? '{}'), { level: 40, kind: 'tweet', drift });
  t.match(JSON.parse(log.at(-1) ?? '{}'), { drift: [{ id: comment.id, said: '5' }] });
  t.same(await repair('tweet counts'), { looked: 2, mended: 0 }, 'once');
});

t.test('a like that is about to be committed is not lost', async (t) => {
  const tweet = await newTweet();
  await sql`UPDATE tweets SET likes_count = 9 WHERE id = ${tweet.subjectId}`.execute(app.db);
  const late = await app.db.transaction().execute(async (trx) => {
    const like = { user_id: '1', subject_type: 'tweet', subject_id: tweet.subjectId } as const;
    await trx.insertInto('likes').values(like).execute();
    const count = trx.updateTable('tweets').set('likes_count', sql`likes_count + 1`);
    await count.where('id', '=', tweet.subjectId).execute();
    let settled = false;
    const repaired = repair('tweet counts').finally(() => {
      settled = true;
    });
    const waiting = sql`SELECT 1 FROM information_schema.processlist
      WHERE db = DATABASE() AND info LIKE '%UPDATE%' AND id <> CONNECTION_ID()`;
    while (!settled && (await waiting.execute(trx)).rows.length === 0) await sleep(1);
    return { repaired };
  });
  t.match(await late.repaired, { mended: 1 });
  t.match(await shown(tweet.subjectId), { likesCount: 1 });
});

t.test('200 people like while their tweet is repaired, and each counts', async (t) => {
  const tweet = await newTweet();
  const likes = Promise.all(ids.map((id) => post('likes', tweet, id)));
  for (let round = 0; round < 3; round++) {
    await sql`UPDATE tweets SET likes_count = likes_count + 7`.execute(app.db);
    t.match(await repair('tweet counts'), { mended: 4 }, 'all tweets there are');
  }
  await likes;
  t.match(await shown(tweet.subjectId), { likesCount: 200 });
  const row = app.db.selectFrom('tweets').where('id', '=', tweet.subjectId);
  t.same(await row.select('likes_count').executeTakeFirst(), { likes_count: 200 });
});
