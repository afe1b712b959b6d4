import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp } from './helper.ts';

const ADMIN_PASSWORD = 'correct horse battery staple';
const app = await createApp(t, { worker: false, ADMIN_PASSWORD });
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
const DATABASE_URL = new URL(rows[0]?.name ?? '', loadConfig(process.env).DATABASE_URL).href;

const headers = {
  authorization: `Basic ${Buffer.from(`ada:${ADMIN_PASSWORD}`).toString('base64')}`,
};
const url = '/admin/queue-counts';

interface Counts {
  name: string;
  lagSeconds: number;
}

async function counts() {
  const items: Counts[] = (await app.inject({ url, headers })).json().items ?? [];
  return Object.fromEntries(items.map(({ name, ...counts }) => [name, counts]));
}

const IDLE = { waiting: 0, active: 0, delayed: 0, failed: 0, lagSeconds: 0 };
const fanOut = { tweetId: '1', authorId: '1' };
const ago = (seconds: number) => ({ timestamp: Date.now() - seconds * 1_000 });

t.test('who has no password is not told', async (t) => {
  t.equal((await app.inject(url)).statusCode, 401);
});

t.test('nobody works: what waits is counted, and how long the oldest has', async (t) => {
  const nothing = { ...IDLE, completedTotal: 0, failedTotal: 0 };
  t.same(await counts(), { 'fan-outs': nothing, batches: nothing, maintenance: nothing });
  await app.fanOuts.add('fan-out', fanOut, ago(90));
  await app.fanOuts.add('fan-out', fanOut);
  await app.batches.add('batch', { ...fanOut, after: '0', upTo: '9' }, { priority: 7, ...ago(30) });
  await app.maintenance.upsertJobScheduler('now', { every: 3_600_000 }, { name: 'orphaned likes' });
  const { 'fan-outs': fanOuts, batches, maintenance } = await counts();
  t.match(fanOuts, { waiting: 2, active: 0, completedTotal: 0 });
  t.match(batches, { waiting: 1 }, 'with a priority, too');
  t.ok(Math.floor((fanOuts?.lagSeconds ?? 0) / 60) === 1, 'a minute and a half');
  t.ok((batches?.lagSeconds ?? 0) >= 30);
  t.match(maintenance, { waiting: 1, lagSeconds: 0 }, 'what the clock has added is not late');
});

t.test('what is done and what fails is counted, whichever process it was', async (t) => {
  await app.fanOuts.add('fan-out', { ...fanOut, tweetId: 'none' });
  const worker = await createApp(t, { DATABASE_URL });
  await worker.inject('/healthz');
  const { 'fan-outs': fanOuts, batches } = await counts();
  t.same(fanOuts, { ...IDLE, failed: 1, completedTotal: 2, failedTotal: 1 });
  t.same(batches, { ...IDLE, completedTotal: 1, failedTotal: 0 });
  await app.fanOuts.clean(0, 10, 'failed');
  t.match((await counts())['fan-outs'], { failed: 0, failedTotal: 1 }, 'totals only grow');
});
