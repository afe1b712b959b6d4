import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { countReads, createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const log: string[] = [];
const stream = { write: (line: string) => log.push(line) };
const app = await createApp(t, { logger: { level: 'warn', stream } });
const [ada, grace] = [await createUser(app, 'ada'), await createUser(app, 'grace')];
const mary = await createUser(app, 'mary');
await post(`friendships/${ada.id}/follow`, grace);

function post(path: string, { headers }: TestUser) {
  const body = { content: 'hello' };
  return app.inject({ method: 'POST', url: `/api/${path}`, headers, body });
}

const tweet = async (author: TestUser): Promise<string> => (await post('tweets', author)).json().id;

async function feed({ headers }: TestUser): Promise<string[]> {
  const { items } = (await app.inject({ url: '/api/newsfeeds', headers })).json();
  return items.map(({ id }: { id: string }) => id);
}

async function entries({ id }: TestUser) {
  const rows = app.db.selectFrom('newsfeeds').select('tweet_id').where('user_id', '=', id);
  return (await rows.execute()).map(({ tweet_id }) => tweet_id);
}

async function repair() {
  const job = await app.maintenance?.add('feeds', {});
  while (job && !(await job.isCompleted()) && !(await job.isFailed())) await sleep(1);
  return job && (await app.maintenance.getJob(job.id ?? ''))?.returnvalue;
}

t.test('a feed gets what it lacks and loses what it should not have', async (t) => {
  const [one, own, other] = [await tweet(ada), await tweet(grace), await tweet(mary)];
  await sql`UPDATE tweets SET created_at = created_at - INTERVAL 1 HOUR`.execute(app.db);
  const two = await tweet(ada);
  await sql`DELETE FROM newsfeeds WHERE user_id = ${grace.id}`.execute(app.db);
  await sql`INSERT INTO newsfeeds VALUES (${grace.id}, ${other})`.execute(app.db);
  t.same(await feed(grace), [other], 'and a copy of it is kept');
  t.same(await repair(), { looked: 3, mended: 1 });
  t.same(await feed(grace), [two, own, one]);
  const [strays, missing] = log.map((line) => JSON.parse(line));
  t.match(strays, { level: 40, userId: grace.id, drift: [{ tweetId: other, authorId: mary.id }] });
  t.match(missing, { level: 40, drift: [{ tweetId: own, authorId: grace.id }, { tweetId: one }] });
  await sql`DELETE FROM newsfeeds WHERE tweet_id = ${two}`.execute(app.db);
  t.same(await repair(), { looked: 3, mended: 0 }, 'what may be on its way is not drift');
});

t.test('what is older than the newest 800 is not asked for', async (t) => {
  const rows = Array.from({ length: 3_000 }, (_, n) => sql`(${999 + n}, ${mary.id}, '', 20260101)`);
  const old = sql`INSERT INTO tweets (id, user_id, content, created_at) VALUES ${sql.join(rows)}`;
  await old.execute(app.db);
  await sql`DELETE FROM newsfeeds WHERE user_id = ${mary.id}`.execute(app.db);
  t.same(await repair(), { looked: 3, mended: 1 });
  t.equal((await entries(mary)).length, 800, 'of her 3,001');
  const statements = await recordStatements(async () => {
    t.same(await repair(), { looked: 3, mended: 0 });
  });
  const question = statements.findLast((each) => each.includes('tweets_user'));
  if (t.ok(question)) t.ok((await countReads(app, question ?? '')) < 3_000, 'nor looked at');
});

for (const verb of ['unfollow', 'follow'])
  t.test(`who is about to ${verb} while their feed is repaired has the last word`, async (t) => {
    const adas = sql`SELECT ${grace.id}, id FROM tweets WHERE user_id = ${ada.id}`;
    await sql`DELETE FROM newsfeeds WHERE user_id = ${grace.id}`.execute(app.db);
    if (verb === 'follow') await sql`INSERT INTO newsfeeds ${adas}`.execute(app.db);
    const late = await app.db.transaction().execute(async (trx) => {
      await sql`SELECT id FROM users WHERE id = ${ada.id} FOR UPDATE`.execute(trx);
      const friendship = { from_user_id: grace.id, to_user_id: ada.id };
      if (verb === 'follow') await trx.insertInto('friendships').values(friendship).execute();
      else await trx.deleteFrom('friendships').execute();
      let settled = false;
      const repaired = repair().finally(() => {
        settled = true;
      });
      const waiting = sql`SELECT 1 FROM information_schema.processlist
        WHERE db = DATABASE() AND info LIKE '%users%for update%' AND id <> CONNECTION_ID()`;
      while (!settled && (await waiting.execute(trx)).rows.length === 0) await sleep(1);
      return { repaired };
    });
    t.match(await late.repaired, { mended: 1 });
    t.equal((await entries(grace)).includes('1'), verb === 'follow', "ada's first");
  });
