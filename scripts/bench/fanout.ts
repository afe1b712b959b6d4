// A fan-out by the worker, from the post until the last follower has the tweet, against doing the
// same inserts and the same calls of Redis bare, one after the other; with the lists of all
// followers there, and with none. And what the author waits for: inside the request, and
// by the queue.
import { ACCOUNT, type BenchApp, type BenchContext, post } from './core/context.ts';
import { makeNumbers, makeUsers } from './core/fill.ts';
import { percentile } from './core/load.ts';
import {
  feedKey,
  openStepLists,
  openStepRedis,
  pause,
  type StepLists,
  type StepRedis,
  untilIdle,
  warmFeeds,
} from './core/step-redis.ts';
import type { Bench, Comparison, Measurement, Panel, Row } from './core/types.ts';

/** The step in which the author waits, and the one in which a worker does it. */
const IN_REQUEST = 'late-fanout';
const QUEUED = 'robust-fanout';

/** How much there is of everything. */
interface Sizes {
  /** Two authors for each of these numbers of followers: these have lists, or have none. */
  followers: number[];
  /** The ids in each list. */
  entries: number;
  /** What each feed has already in MySQL: an insert into an empty one would be cheaper. */
  oldEntries: number;
  /** How often each fan-out is measured. */
  fanOuts: number;
  /** How often each post by the queue is measured. A hundredth of them is beyond p99. */
  posts: number;
  /** Only in every so manieth round somebody waits for all followers, or posts to a busy worker. */
  slowEvery: number;
  warmUp: number;
}

const FULL: Sizes = {
  followers: [10, 1_000, 10_000],
  entries: 800,
  oldEntries: 20,
  fanOuts: 15,
  posts: 200,
  slowEvery: 4,
  warmUp: 5,
};
const QUICK: Sizes = {
  followers: [10, 1_000],
  entries: 100,
  oldEntries: 1,
  fanOuts: 1,
  posts: 2,
  slowEvery: 1,
  warmUp: 0,
};

/** What the bare way inserts with one statement, and into so many lists with one call. */
const BATCH = 1_000;
/** Every so manieth follower is looked at while a fan-out goes on; afterwards all are. */
const SAMPLE = 100;
const LONGEST_FAN_OUT_MS = 60_000;

/** The first id of each kind of user; the first account of all lends the others its password. */
const FIRST = { account: 1, warmAuthor: 1_000, coldAuthor: 2_000, warm: 100_000, cold: 200_000 };

export const bench: Bench = {
  summary: 'a fan-out by the worker against the same writes bare; posting with and without a queue',
  image: 'fanout.svg',
  secondsAtMost: 900,
  run,
};

async function run(context: BenchContext): Promise<Comparison> {
  const sizes = context.quick ? QUICK : FULL;
  context.say('Starting the step that fans out in the request, and making the data …');
  const inRequest = await context.start(IN_REQUEST, 'fanout_in_request');
  await post(`${inRequest.url}/api/accounts/signup`, ACCOUNT);
  await fill(context, sizes, inRequest.database);
  context.say('Copying it for the step with the queue …');
  await context.copyDatabase(inRequest, 'fanout_queued');
  const queued = await context.start(QUEUED, 'fanout_queued');
  for (const { database } of [inRequest, queued]) {
    await context.sql('ANALYZE TABLE users, tweets, friendships, newsfeeds', database);
  }
  const redis = await openStepRedis(QUEUED);
  const queue = await openStepRedis(QUEUED, 'QUEUE_REDIS_URL');
  try {
    const lists = await openStepLists(QUEUED, redis, queued.database);
    const measuring: Measuring = { context, sizes, inRequest, queued, redis, queue, lists };
    return await measure(measuring);
  } finally {
    redis.disconnect();
    queue.disconnect();
  }
}

interface Measuring {
  context: BenchContext;
  sizes: Sizes;
  inRequest: BenchApp;
  queued: BenchApp;
  /** The cache's, and the queue's. */
  redis: StepRedis;
  queue: StepRedis;
  lists: StepLists;
}

async function measure(measuring: Measuring): Promise<Comparison> {
  const { context, sizes, inRequest, queued, redis } = measuring;
  for (const { database } of [inRequest, queued]) {
    const most = Math.max(...sizes.followers);
    await warmFeeds(redis, database, FIRST.warm, most, sizes.entries);
  }
  const { bare, warm, cold } = await measureFanOuts(measuring);
  const { panel: posting, toBusyWorker } = await measurePosting(measuring);
  const mostToFewest = {
    idle: ends(posting.rows.map(({ second }) => second.p99)),
    busy: ends(toBusyWorker.map(({ p99 }) => p99)),
  };
  context.say(`p99 of a post by the queue, most followers ÷ fewest: ${mostToFewest.idle}.`);
  const rows = (first: Measurement[], second: Measurement[]) =>
    sizes.followers.flatMap((size, n): Row[] => {
      const [one, other] = [first[n], second[n]];
      return one && other ? [{ size, first: one, second: other }] : [];
    });
  const fanOut = {
    size: 'followers',
    measure: 'perSecond',
    axis: 'deliveries per second',
  } as const;
  return {
    title: 'Fan-out by a worker: how fast, and what the author waits for',
    variants: ['bare', 'worker'],
    panels: [
      { title: 'From post to last delivery', ...fanOut, rows: rows(bare, warm) },
      {
        title: 'Lists of all followers, or none',
        variants: ['with lists', 'without'],
        ...fanOut,
        rows: rows(warm, cold),
      },
      posting,
    ],
    facts: { ...sizes, batch: BATCH, steps: [IN_REQUEST, QUEUED], mostToFewest, toBusyWorker },
  };
}

/** Bulk SQL, the same rows at every run. The lower an author's index, the fewer followers. */
async function fill(context: BenchContext, sizes: Sizes, database: string): Promise<void> {
  const sql = (statement: string) => context.sql(statement, database);
  await makeNumbers(context, database);
  const users = (first: number, count: number) =>
    makeUsers(context, database, { first, count, like: FIRST.account });
  await sql(`INSERT INTO tweets (user_id, content)
    SELECT ${FIRST.account}, CONCAT('Tweet number ', n) FROM numbers WHERE n < ${sizes.entries} ORDER BY n`);
  const crowds = [
    [FIRST.warmAuthor, FIRST.warm],
    [FIRST.coldAuthor, FIRST.cold],
  ] as const;
  for (const [author, crowd] of crowds) {
    await users(author, sizes.followers.length);
    await users(crowd, Math.max(...sizes.followers));
    for (const [index, followers] of sizes.followers.entries()) {
      await sql(`INSERT INTO friendships (from_user_id, to_user_id)
        SELECT ${crowd} + n, ${author + index} FROM numbers WHERE n < ${followers}`);
    }
    await sql(`INSERT INTO newsfeeds (user_id, tweet_id)
      SELECT users.id, n + 1 FROM users JOIN numbers
      WHERE users.id BETWEEN ${crowd} AND ${crowd + 99_999} AND n < ${sizes.oldEntries}
      ORDER BY users.id, n`);
  }
  await sql('DROP TABLE numbers');
}

const WAYS = ['bare', 'warm', 'cold'] as const;

/** Every way in turn for every size, so that what else the machine does meets all of them. */
async function measureFanOuts(measuring: Measuring) {
  const { context, sizes } = measuring;
  const none = (): number[][] => sizes.followers.map(() => []);
  const ms = { bare: none(), warm: none(), cold: none() };
  for (const [index, followers] of sizes.followers.entries()) {
    context.say(`Fan-out: ${followers} followers …`);
    const warm = await author(measuring, FIRST.warmAuthor + index, FIRST.warm, followers);
    const cold = await author(measuring, FIRST.coldAuthor + index, FIRST.cold, followers);
    const round = async () => ({
      bare: await fanOutBare(measuring, warm),
      warm: await fanOut(measuring, warm, true),
      cold: await fanOut(measuring, cold, false),
    });
    // The first one also waits for the worker to be there.
    for (let n = 0; n < 1 + sizes.warmUp; n += 1) await round();
    for (let n = 0; n < sizes.fanOuts; n += 1) {
      const took = await round();
      for (const way of WAYS) ms[way][index]?.push(took[way]);
    }
  }
  const deliveries = (ways: number[][]) =>
    ways.map((times, n) => ofTimes(times, sizes.followers[n] ?? 0));
  return {
    bare: deliveries(ms.bare),
    warm: deliveries(ms.warm),
    cold: deliveries(ms.cold),
  };
}

/** Somebody who posts, and who follows them: so many users from the first one on. */
interface Author {
  id: number;
  authorization: string;
  firstFollower: number;
  followers: number;
}

async function author(
  { queued }: Pick<Measuring, 'queued'>,
  id: number,
  firstFollower: number,
  followers: number,
): Promise<Author> {
  const authorization = await queued.logIn(`u${id}`, ACCOUNT.password);
  return { id, authorization, firstFollower, followers };
}

/** The inserts of a fan-out and its calls of Redis, one after the other: the milliseconds. */
async function fanOutBare({ context, queued, lists }: Measuring, of: Author): Promise<number> {
  const { insertId } = (await context.sql(
    `INSERT INTO tweets (user_id, content) VALUES (${of.id}, 'Good morning.')`,
    queued.database,
  )) as unknown as { insertId: number };
  const ids = Array.from({ length: of.followers }, (_, n) => of.firstFollower + n);
  const began = performance.now();
  for (let from = 0; from < ids.length; from += BATCH) {
    const batch = ids.slice(from, from + BATCH);
    const rows = batch.map((id) => `(${id}, ${insertId})`).join();
    await context.sql(`INSERT INTO newsfeeds (user_id, tweet_id) VALUES ${rows}`);
    await lists.push(
      batch.map((id) => `feed of ${id}`),
      String(insertId),
    );
  }
  return performance.now() - began;
}

/** From a post until the last follower has it, by the worker: the milliseconds. */
async function fanOut(measuring: Measuring, of: Author, withLists: boolean): Promise<number> {
  const { context, queued, queue } = measuring;
  const began = performance.now();
  const { tweetId } = await postTweet(queued, of);
  await untilDelivered(measuring, of, tweetId, withLists);
  const took = performance.now() - began;
  await untilIdle(queue, queued.database, context.signal);
  await requireDelivered(measuring, of, tweetId, withLists);
  return took;
}

/** Waits until those of the sample have the tweet in their lists, if they have any, and in MySQL. */
async function untilDelivered(
  { context, queued, redis }: Measuring,
  { followers, firstFollower }: Author,
  tweetId: string,
  withLists: boolean,
): Promise<void> {
  const ids = Array.from({ length: followers }, (_, n) => firstFollower + n);
  const sample = ids.filter((_, n) => n % SAMPLE === 0 || n === ids.length - 1);
  if (withLists) {
    const isOnTop = async (id: number) =>
      (await redis.lindex(feedKey(queued.database, id), 0)) === tweetId;
    await untilAll(context, sample, isOnTop);
  }
  const isIn = async (id: number) => {
    const rows = `SELECT 1 FROM newsfeeds WHERE user_id = ${id} AND tweet_id = ${tweetId}`;
    return (await context.sql(rows, queued.database)).length === 1;
  };
  await untilAll(context, sample, isIn);
}

/** Waits until a thing is true for all, asking only for the first one for whom it is not yet. */
async function untilAll(
  context: BenchContext,
  ids: number[],
  isDone: (id: number) => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + LONGEST_FAN_OUT_MS;
  for (const id of ids) {
    while (!(await isDone(id))) {
      if (performance.now() > end) throw new Error(`Follower ${id} has not got the tweet.`);
      await pause(context.signal, 2);
    }
  }
}

/** KEYS: what the keys of all lists begin with. ARGV: first user, how many, id. */
const COUNT_ON_TOP = `
  local count = 0
  for user = ARGV[1], ARGV[1] + ARGV[2] - 1 do
    if redis.call('LINDEX', KEYS[1] .. user, 0) == ARGV[3] then count = count + 1 end
  end
  return count`;

/** @throws when the sample had the tweet and somebody else has not: then the time is wrong. */
async function requireDelivered(
  { context, queued, redis }: Measuring,
  { followers, firstFollower }: Author,
  tweetId: string,
  withLists: boolean,
): Promise<void> {
  const [row] = await context.sql(
    `SELECT COUNT(*) AS count FROM newsfeeds WHERE tweet_id = ${tweetId}`,
    queued.database,
  );
  // The author has it, too.
  const rows = Number(row?.count) - 1;
  const prefix = `${queued.database}:feed of `;
  const lists = await redis.eval(COUNT_ON_TOP, 1, prefix, firstFollower, followers, tweetId);
  if (rows === followers && Number(lists) === (withLists ? followers : 0)) return;
  throw new Error(`Of ${followers} followers ${rows} have a row and ${lists} a list with it.`);
}

/** Posts a tweet and tells its id, and how long the answer took. */
async function postTweet(app: BenchApp, { authorization }: Author) {
  const began = performance.now();
  const answer = await fetch(`${app.url}/api/tweets`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ content: 'Good morning to whoever reads this.' }),
  });
  const { id } = (await answer.json()) as { id: string };
  const ms = performance.now() - began;
  if (answer.status !== 201) throw new Error(`A post was answered with ${answer.status}.`);
  return { tweetId: id, ms };
}

/**
 * What an author waits for. One post at a time, and the next one when all followers have the last:
 * what is asked is what the request does, and not what it shares the machine with. That is asked
 * apart: the same posts right behind one that gives the worker most to do. Post by post through all
 * sizes and both steps.
 */
async function measurePosting(measuring: Measuring) {
  const { context, sizes, inRequest } = measuring;
  context.say(`Posting: ${sizes.followers.join(', ')} followers …`);
  const last = sizes.followers.length - 1;
  const most = sizes.followers[last] ?? 0;
  const busy = await author(measuring, FIRST.coldAuthor + last, FIRST.cold, most);
  const cells = [];
  for (const [index, followers] of sizes.followers.entries()) {
    const of = await author(measuring, FIRST.warmAuthor + index, FIRST.warm, followers);
    cells.push({ of, waiting: [] as number[], queued: [] as number[], busy: [] as number[] });
  }
  for (let n = -sizes.warmUp; n < sizes.posts; n += 1) {
    for (const cell of cells) {
      const ms = await postAndSettle(measuring, cell.of);
      if (n >= 0) cell.queued.push(ms);
      if (n % sizes.slowEvery !== 0) continue;
      const waiting = (await postTweet(inRequest, cell.of)).ms;
      const behind = await postAndSettle(measuring, cell.of, busy);
      if (n >= 0) cell.waiting.push(waiting);
      if (n >= 0) cell.busy.push(behind);
    }
  }
  const panel: Panel = {
    title: 'Posting a tweet, every follower with a list',
    variants: ['in the request', 'by the queue'],
    size: 'followers',
    measure: 'p99',
    axis: 'milliseconds (p99)',
    rows: cells.map(({ of, waiting, queued }) => ({
      size: of.followers,
      first: ofTimes(waiting, 1),
      second: ofTimes(queued, 1),
    })),
  };
  const toBusyWorker = cells.map(({ of, busy }) => ({
    followers: of.followers,
    ...ofTimes(busy, 1),
  }));
  return { panel, toBusyWorker };
}

/** Posts by the queue, behind somebody else if one is given, and waits for the end of all work. */
async function postAndSettle(measuring: Measuring, of: Author, before?: Author): Promise<number> {
  const { context, queued, queue } = measuring;
  const first = before && (await postTweet(queued, before));
  const { tweetId, ms } = await postTweet(queued, of);
  if (before && first) await untilDelivered(measuring, before, first.tweetId, false);
  await untilDelivered(measuring, of, tweetId, true);
  await untilIdle(queue, queued.database, context.signal);
  return ms;
}

/** Of what took so many milliseconds each, and does so many things each time. */
function ofTimes(ms: number[], things: number): Measurement {
  const sorted = ms.toSorted((a, b) => a - b);
  const p50 = percentile(sorted, 50);
  return {
    requests: ms.length,
    perSecond: digits((things * 1_000) / p50),
    p50: digits(p50),
    p99: digits(percentile(sorted, 99)),
  };
}

/** The last of them divided by the first. */
function ends(values: number[]): number {
  return digits((values.at(-1) ?? Number.NaN) / (values[0] ?? Number.NaN));
}

/** Three of them: the rest is noise. */
function digits(value: number): number {
  return Number(value.toPrecision(3));
}
