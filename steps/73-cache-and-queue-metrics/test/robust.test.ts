import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser } from './helper.ts';

/** It has no worker. */
const api = await createApp(t, { worker: false });
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(api.db);
const name = rows[0]?.name ?? '';
const DATABASE_URL = new URL(name, loadConfig(process.env).DATABASE_URL).href;
/** For workers: it is soon noticed that one is dead, and not that one is slow. */
const options = { DATABASE_URL, JOB_LOCK_MS: 2_000 };
const env = { ...process.env, DATABASE_URL, JOB_LOCK_MS: '2000' };
const doomed = spawn(process.execPath, ['src/worker.ts'], { env });
t.teardown(() => doomed.kill('SIGKILL'));
const ada = await createUser(api, 'ada');
const fans = Array.from({ length: 2500 }, (_, n) => `${1000 + n}`);
const friendships = fans.map((from_user_id) => ({ from_user_id, to_user_id: ada.id }));
await api.db.insertInto('friendships').values(friendships).execute();

async function post(): Promise<string> {
  const { headers } = ada;
  const body = { content: 'x' };
  return (await api.inject({ method: 'POST', url: '/api/tweets', headers, body })).json().id;
}

async function readers(tweetId: string): Promise<number> {
  const entries = api.db.selectFrom('newsfeeds').select('user_id').where('tweet_id', '=', tweetId);
  return (await entries.execute()).length;
}

t.test('a worker is killed, and nobody is forgotten, and nobody told twice', async (t) => {
  if (!t.equal(loadConfig(env).JOB_LOCK_MS, 2_000, 'the lock is an option')) return;
  const copies = api.redis.pipeline();
  for (const fan of fans) copies.rpush(`${name}:feed of ${fan}`, '0');
  await copies.exec();
  const told = async () => {
    const lists = api.redis.pipeline();
    for (const fan of fans) lists.lrange(`${name}:feed of ${fan}`, 0, -1);
    return ((await lists.exec()) ?? []).filter(([, ids]) => String(ids) === `${tweet},0`).length;
  };

  // The second batch has to wait and see whether this is committed.
  const trx = await api.db.startTransaction().execute();
  await trx.deleteFrom('friendships').where('from_user_id', '=', '2500').execute();
  const tweet = await post();
  while ((await readers(tweet)) < 1501) await sleep(20);
  doomed.kill('SIGKILL');
  await once(doomed, 'exit');
  await trx.rollback().execute();
  t.ok((await told()) <= 1500, 'not everybody yet');
  const worker = await createApp(t, options);
  await worker.inject('/healthz');
  t.equal(await told(), 2500);
  t.equal(await readers(tweet), 2501);
});

t.test('a job that can never be done fails at once, and is kept for somebody to see', async (t) => {
  await api.fanOuts.add('fan-out', { tweetId: 'x', authorId: '' });
  await api.fanOuts.add('fan-out', { tweetId: '404', authorId: '404' });
  const worker = await createApp(t, options);
  await worker.inject('/healthz');
  const failed = await api.fanOuts.getFailed();
  t.match(failed, [{ data: { tweetId: 'x' }, attemptsMade: 1, failedReason: /not be right/ }]);
  t.equal(failed.length, 1, 'that there is no such tweet is no failure');
});

t.test('a fan-out that is split twice has the same batches', async (t) => {
  const worker = await createApp(t, options);
  await api.batches.pause();
  const tweet = await post();
  const split = async () => {
    while ((await api.fanOuts.getJobCountByTypes('waiting', 'active')) > 0) await sleep(1);
    return api.batches.getPrioritizedCount();
  };
  t.equal(await split(), 3);
  const done = await api.fanOuts.getCompleted();
  await done.find(({ data }) => data.tweetId === tweet)?.retry('completed');
  t.equal(await split(), 3);
  await api.batches.resume();
  await worker.inject('/healthz');
  t.equal(await readers(tweet), 2501);
});

t.test('what fails is tried again, and not all of it at the same moment', async (t) => {
  const worker = await createApp(t, options);
  await sql`RENAME TABLE friendships TO hidden`.execute(api.db);
  const job = { name: 'fan-out', data: { tweetId: '404', authorId: ada.id } };
  await api.fanOuts.addBulk(Array(20).fill(job));
  await worker.inject('/healthz');
  const delayed = await api.fanOuts.getDelayed();
  t.ok(new Set(delayed.map(({ delay }) => delay)).size > 1);
  await sql`RENAME TABLE hidden TO friendships`.execute(api.db);
  while ((await api.fanOuts.getDelayedCount()) > 0) await sleep(1);
  await worker.inject('/healthz');
  t.equal(await api.fanOuts.getFailedCount(), 1, 'the one from above');
});
