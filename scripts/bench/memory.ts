// What the worker occupies while it fans out to a million followers, over what it occupies idle;
// and what one feed of some length occupies in Redis, as a list and as a sorted set.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACCOUNT, type BenchApp, type BenchContext, post } from './core/context.ts';
import { makeNumbers, makeUsers } from './core/fill.ts';
import {
  feedKey,
  openStepLists,
  openStepRedis,
  pause,
  type StepRedis,
  untilIdle,
} from './core/step-redis.ts';
import type { Bench, Comparison, CountPanel, CountRow } from './core/types.ts';

const STEP = 'robust-fanout';

interface Sizes {
  /** A star for each of these numbers of followers; they share them. */
  followers: number[];
  /** How long a feed is. */
  entries: number[];
  /** How long the idle worker is watched. */
  idleSeconds: number;
}

const FULL: Sizes = {
  followers: [10_000, 100_000, 1_000_000],
  entries: [100, 400, 800],
  idleSeconds: 5,
};
const QUICK: Sizes = { followers: [10, 10_000], entries: [100, 800], idleSeconds: 1 };

/** The first id of each kind of user; the first account of all lends the others its password. */
const FIRST = { account: 1, star: 1_000, reader: 2_000, crowd: 1_000_000 };
/** A number takes as much room in Redis as it has digits: those of a service that has grown old. */
const FIRST_TWEET = 10 ** 15;
/** New tweets that come into a list, which is kept in pieces that are split and filled anew. */
const PUSHES = 200;
const LONGEST_FAN_OUT_MS = 400_000;
const MB = 2 ** 20;

export const bench: Bench = {
  summary:
    'memory: the worker in a fan-out to a million against idle, a feed in Redis as list or set',
  image: 'memory.svg',
  secondsAtMost: 900,
  run,
};

async function run(context: BenchContext): Promise<Comparison> {
  const sizes = context.quick ? QUICK : FULL;
  const folder = mkdtempSync(join(tmpdir(), 'fanout-bench-memory-'));
  const redis = await openStepRedis(STEP);
  const queue = await openStepRedis(STEP, 'QUEUE_REDIS_URL');
  try {
    context.say('Starting the step and making the data …');
    const reporter = new URL('./core/report-memory.ts', import.meta.url).href;
    const app = await context.start(STEP, 'memory', {
      NODE_OPTIONS: `--import=${reporter}`,
      BENCH_MEMORY_DIR: folder,
      // So that it says when its worker is ready, which is waited for.
      LOG_LEVEL: 'info',
    });
    await post(`${app.url}/api/accounts/signup`, ACCOUNT);
    await fill(context, sizes, app.database);
    const lists = await measureFeeds(context, sizes, app, redis);
    const worker = await measureWorker(context, sizes, { app, queue, folder });
    return {
      title: 'Memory: a worker in the middle of a fan-out, and one feed in Redis',
      variants: ['idle', 'at the most'],
      panels: [worker.panel, lists.panel],
      facts: { ...sizes, ...worker.facts, ...lists.facts, step: STEP },
    };
  } finally {
    redis.disconnect();
    queue.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bulk SQL. The followers are only rows of friendships: nobody looks at them. */
async function fill(context: BenchContext, sizes: Sizes, database: string): Promise<void> {
  const sql = (statement: string) => context.sql(statement, database);
  await makeNumbers(context, database);
  const users = (first: number, count: number) =>
    makeUsers(context, database, { first, count, like: FIRST.account });
  await users(FIRST.star, sizes.followers.length);
  await users(FIRST.reader, sizes.entries.length);
  await sql(`INSERT INTO tweets (id, user_id, content)
    SELECT ${FIRST_TWEET} + n, ${FIRST.account}, CONCAT('Tweet number ', n)
    FROM numbers WHERE n < ${Math.max(...sizes.entries)} ORDER BY n`);
  for (const [index, entries] of sizes.entries.entries()) {
    await sql(`INSERT INTO newsfeeds (user_id, tweet_id)
      SELECT ${FIRST.reader + index}, ${FIRST_TWEET} + n FROM numbers WHERE n < ${entries}`);
  }
  for (const [index, followers] of sizes.followers.entries()) {
    context.say(`Making ${followers} followers …`);
    for (let made = 0; made < followers; made += 10_000) {
      await sql(`INSERT INTO friendships (from_user_id, to_user_id)
        SELECT ${FIRST.crowd + made} + n, ${FIRST.star + index}
        FROM numbers WHERE n < ${Math.min(10_000, followers - made)}`);
    }
  }
  await sql('DROP TABLE numbers');
  await sql('ANALYZE TABLE tweets, friendships, newsfeeds');
}

/** KEYS: a list, and the sorted set that is made of its ids. */
const AS_SORTED_SET = `
  for n, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    redis.call('ZADD', KEYS[2], -n, id)
  end`;

/** Readers open their feeds, which makes the lists; a sorted set of the same ids stands beside. */
async function measureFeeds(
  context: BenchContext,
  sizes: Sizes,
  app: BenchApp,
  redis: StepRedis,
): Promise<{ panel: CountPanel; facts: object }> {
  const bytes = (key: string) => redis.memory('USAGE', key, 'SAMPLES', 0);
  const rows: CountRow[] = [];
  let key = '';
  for (const [index, size] of sizes.entries.entries()) {
    context.say(`A feed of ${size} entries …`);
    const reader = FIRST.reader + index;
    const authorization = await app.logIn(`u${reader}`, ACCOUNT.password);
    const page = await fetch(`${app.url}/api/newsfeeds`, { headers: { authorization } });
    if (page.status !== 200) throw new Error(`The feed was answered with ${page.status}.`);
    key = feedKey(app.database, reader);
    const set = `${key}:as sorted set`;
    await redis.eval(AS_SORTED_SET, 2, key, set);
    const [first, second] = [{ amount: await bytes(set) }, { amount: await bytes(key) }];
    rows.push({ size, first, second });
  }
  const lists = await openStepLists(STEP, redis, app.database);
  const name = key.slice(app.database.length + 1);
  for (let n = 0; n < PUSHES; n += 1) await lists.push([name], String(FIRST_TWEET + 100_000 + n));
  return {
    panel: {
      title: 'A feed in Redis',
      variants: ['sorted set', 'list'],
      size: 'entries',
      measure: 'amount',
      unit: 'bytes',
      axis: 'bytes',
      rows,
    },
    facts: { bytesAfterPushes: { pushes: PUSHES, list: await bytes(key) } },
  };
}

interface Worker {
  app: BenchApp;
  queue: StepRedis;
  /** Where its memory is written down. */
  folder: string;
}

/** The smallest fan-out first: what a process has once taken it seldom gives back. */
async function measureWorker(
  context: BenchContext,
  sizes: Sizes,
  worker: Worker,
): Promise<{ panel: CountPanel; facts: object }> {
  const { queue } = worker;
  while (reports(worker).length === 0) await pause(context.signal, 100);
  await pause(context.signal, sizes.idleSeconds * 1_000);
  // What the start has left is not idle; the last second is.
  const idle = occupied(worker, Date.now() - 1_000);
  const queueIdle = await usedBy(queue);
  const rows: CountRow[] = [];
  const facts: Record<string, unknown> = {};
  for (const [index, size] of sizes.followers.entries()) {
    context.say(`Fan-out: ${size} followers …`);
    const began = Date.now();
    const queueMost = await fanOut(context, worker, index, size);
    const seconds = (Date.now() - began) / 1_000;
    const most = occupied(worker, began);
    rows.push({ size, first: { amount: inMB(idle.rss) }, second: { amount: inMB(most.rss) } });
    facts[size] = {
      seconds,
      rssOverIdleMB: inMB(most.rss - idle.rss),
      heapUsedOverIdleMB: inMB(most.heapUsed - idle.heapUsed),
      queueRedisOverIdleMB: inMB(queueMost - queueIdle),
    };
    context.say(`  ${JSON.stringify(facts[size])}`);
  }
  return {
    panel: {
      title: 'The worker',
      size: 'followers',
      measure: 'amount',
      unit: 'MB',
      axis: 'MB (resident)',
      rows,
    },
    facts: { fanOuts: facts },
  };
}

/** Posts, waits until all have it, and gives the most that the queue's Redis used meanwhile. */
async function fanOut(
  context: BenchContext,
  { app, queue }: Worker,
  index: number,
  followers: number,
): Promise<number> {
  const authorization = await app.logIn(`u${FIRST.star + index}`, ACCOUNT.password);
  const answer = await fetch(`${app.url}/api/tweets`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ content: 'Good morning to whoever reads this.' }),
  });
  if (answer.status !== 201) throw new Error(`The post was answered with ${answer.status}.`);
  const { id } = (await answer.json()) as { id: string };
  const last = FIRST.crowd + followers - 1;
  const end = performance.now() + LONGEST_FAN_OUT_MS;
  let most = 0;
  const has = async () => {
    most = Math.max(most, await usedBy(queue));
    if (performance.now() > end) throw new Error(`A fan-out to ${followers} takes too long.`);
    const rows = `SELECT 1 FROM newsfeeds WHERE user_id = ${last} AND tweet_id = ${id}`;
    return (await context.sql(rows, app.database)).length === 1;
  };
  while (!(await has())) await pause(context.signal, 100);
  await untilIdle(queue, app.database, context.signal, 100);
  const [row] = await context.sql(`SELECT COUNT(*) AS count FROM newsfeeds WHERE tweet_id = ${id}`);
  // The author has it, too.
  if (Number(row?.count) === followers + 1) return most;
  throw new Error(`Of ${followers} followers ${Number(row?.count) - 1} have the tweet.`);
}

/** What the worker has written down so far: the time, its resident set, and its heap. */
function reports({ folder }: Worker): [time: number, rss: number, heapUsed: number][] {
  const file = join(folder, 'worker.txt');
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [time = 0, rss = 0, heapUsed = 0] = line.split(' ').map(Number);
    return [time, rss, heapUsed];
  });
}

/** The most that the worker has occupied since a time, by its own reports. */
function occupied(worker: Worker, since: number) {
  const recent = reports(worker).filter(([time]) => time >= since);
  if (recent.length === 0) throw new Error('The worker has not reported its memory.');
  return {
    rss: Math.max(...recent.map(([, rss]) => rss)),
    heapUsed: Math.max(...recent.map(([, , heapUsed]) => heapUsed)),
  };
}

async function usedBy(redis: StepRedis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

function inMB(bytes: number): number {
  return Number((bytes / MB).toPrecision(3));
}
