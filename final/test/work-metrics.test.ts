import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser, freePort } from './helper.ts';
import { proxyTo } from './proxy.ts';

/** A figure of a process, if it has it. */
async function read(port: number, figure: string): Promise<number | undefined> {
  const lines = (await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).split('\n');
  const line = lines.find((each) => each.startsWith(`${figure} `));
  return line ? Number(line.split(' ').pop()) : undefined;
}

const config = loadConfig(process.env);
const [METRICS_PORT, workerPort] = [await freePort(), await freePort()];
const queue = await proxyTo(t, config.QUEUE_REDIS_URL);
const app = await createApp(t, { METRICS_PORT, QUEUE_REDIS_URL: queue.url, worker: false });
const { headers } = await createUser(app, 'ada');
const WAITING = 'queue_jobs{queue="fan-outs",state="waiting"}';
const LAG = 'queue_lag_seconds{queue="fan-outs"}';

async function post(content: string): Promise<string> {
  const request = { method: 'POST', url: '/api/tweets', headers, body: { content } } as const;
  return (await app.inject(request)).json().id;
}

t.test('it is told what waits and for how long, and by a worker how long it took', async (t) => {
  t.same([await read(METRICS_PORT, WAITING), await read(METRICS_PORT, LAG)], [0, 0]);
  const id = await post('hello');
  t.equal(await read(METRICS_PORT, WAITING), 1);
  const lag = (await read(METRICS_PORT, LAG)) ?? 0;
  t.ok(lag > 0);
  await sleep(2);
  t.ok(((await read(METRICS_PORT, LAG)) ?? 0) > lag, 'it grows while nobody works');
  const batch = { tweetId: '1', authorId: '1', after: '0', upTo: '9' };
  await app.batches.add('batch', batch, { priority: 7 });
  t.equal(await read(METRICS_PORT, 'queue_jobs{queue="batches",state="waiting"}'), 1, 'urgent');
  const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
  const DATABASE_URL = new URL(rows[0]?.name ?? '', config.DATABASE_URL).href;
  const worker = await createApp(t, { METRICS_PORT: workerPort, DATABASE_URL });
  await worker.inject('/healthz');
  t.same([await read(METRICS_PORT, WAITING), await read(METRICS_PORT, LAG)], [0, 0]);
  const done = (queue: string) => read(workerPort, `job_seconds_count{queue="${queue}"}`);
  const both = () => Promise.all([done('fan-outs'), done('batches')]);
  for (let tries = 0; tries < 100 && !(await both()).every(Boolean); tries++) await sleep(10);
  t.same(await both(), [1, 1]);
  const sum = (await read(workerPort, 'job_seconds_sum{queue="fan-outs"}')) ?? 0;
  t.ok(sum > lag, 'from when it was added, and not from when somebody took it');
  t.equal(await read(METRICS_PORT, 'job_seconds_count{queue="fan-outs"}'), undefined);
  await worker.inject(`/api/tweets/${id}`);
  t.ok(await read(workerPort, 'cache_reads_total{cache="memcached",result="hit"}'), 'of others');
});

t.test('each cache tells how often it had what was wanted', async (t) => {
  const id = await post('again');
  for (const [cache, url] of [
    ['process', `/api/tweets/${id}`],
    ['lists', '/api/newsfeeds'],
    ['counts', `/api/tweets/${id}`],
  ] as const) {
    const reads = async (result: string) =>
      (await read(METRICS_PORT, `cache_reads_total{cache="${cache}",result="${result}"}`)) ?? 0;
    await app.inject({ url, headers });
    const [hits, misses] = [await reads('hit'), await reads('miss')];
    await app.inject({ url, headers });
    t.ok((await reads('hit')) > hits, `${cache}: what is known is a hit`);
    t.equal(await reads('miss'), misses, 'and no miss');
  }
  t.ok(await read(METRICS_PORT, 'cache_reads_total{cache="lists",result="miss"}'), 'at first');
});

t.test('without the queue’s Redis its figures are missing, and no others', async (t) => {
  await queue.cut();
  await post('nobody is told');
  t.same(
    [await read(METRICS_PORT, WAITING), await read(METRICS_PORT, LAG)],
    [undefined, undefined],
  );
  t.ok(await read(METRICS_PORT, 'cache_reads_total{cache="process",result="hit"}'));
  await queue.restore();
});
