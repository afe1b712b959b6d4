import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');

function send(method: 'POST' | 'DELETE', path: string, body?: object) {
  const { headers } = ada;
  return app.inject({ method, url: `/api/${path}`, headers, ...(body && { body }) });
}

/** Has the worker do a job now, and tells what came of it. */
async function run(name: string, progress = {}) {
  const job = await app.maintenance?.add(name, progress);
  while (job && !(await job.isCompleted()) && !(await job.isFailed())) await sleep(1);
  return job && (await app.maintenance.getJob(job.id ?? ''))?.returnvalue;
}

async function countLikes() {
  const query = app.db.selectFrom('likes').select(({ fn }) => fn.countAll<string>().as('n'));
  return Number((await query.executeTakeFirstOrThrow()).n);
}

t.test('likes of what is gone are swept up, others stay', async (t) => {
  const tweets: string[] = [];
  for (const content of ['gone', 'stays']) {
    const { id: tweetId } = (await send('POST', 'tweets', { content })).json();
    const { id } = (await send('POST', 'comments', { tweetId, content: 'hi' })).json();
    await send('POST', 'likes', { subjectType: 'tweet', subjectId: tweetId });
    await send('POST', 'likes', { subjectType: 'comment', subjectId: id });
    tweets.push(tweetId);
  }
  t.match(await send('DELETE', `tweets/${tweets[0]}`), { statusCode: 204 });
  t.equal(await countLikes(), 4);
  t.same(await run('orphaned likes'), { looked: 4, mended: 2 });
  t.equal(await countLikes(), 2);
  const { json } = await app.inject({ url: `/api/tweets/${tweets[1]}`, headers: ada.headers });
  t.match(json(), { hasLiked: true, comments: [{ hasLiked: true }] });
});

t.test('a job takes small steps, and a worker goes on where another stopped', async (t) => {
  const rows = Array.from({ length: 2_001 }, (_, n) => sql`(${n}, 'tweet', 999)`);
  const likes = sql`INSERT INTO likes (user_id, subject_type, subject_id) VALUES ${sql.join(rows)}`;
  await likes.execute(app.db);
  const statements = await recordStatements(async () => {
    t.match(await run('orphaned likes'), { mended: 2_001 });
  });
  t.equal(statements.filter((statement) => /^delete/i.test(statement)).length, 3);
  const progress = { looked: 7, mended: 3, last: String(Number.MAX_SAFE_INTEGER) };
  t.same(await run('orphaned likes', progress), { looked: 7, mended: 3 });
});

t.test('two workers schedule each job once', async (t) => {
  const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
  const DATABASE_URL = new URL(rows[0]?.name ?? '', loadConfig(process.env).DATABASE_URL).href;
  const env = { ...process.env, DATABASE_URL, LOG_LEVEL: 'info' };
  const start = async () => {
    const worker = spawn(process.execPath, ['src/worker.ts'], { env });
    for await (const chunk of worker.stdout) if (`${chunk}`.includes('is ready')) worker.kill();
  };
  await Promise.all([start(), start()]);
  const scheduled = (await app.maintenance?.getDelayed())?.map(({ name }) => name) ?? [];
  t.ok(scheduled.includes('orphaned likes'));
  t.equal(new Set(scheduled).size, scheduled.length);
});
