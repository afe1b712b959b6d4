// The first page of a feed without caches (step 37), with objects from Memcached (step 41) and with
// its list from Redis too (step 44), each against a bound: a server that does one LRANGE and no more.
// And what it costs to post, when the lists of all followers are there (step 44) and before (43).
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { servicesUp } from '../src/services/index.ts';
import { askRedis } from '../src/services/redis.ts';
import { ACCOUNT, type BenchApp, type BenchContext, post } from './core/context.ts';
import { makeNumbers, makeUsers } from './core/fill.ts';
import type { LoadOrder } from './core/load.ts';
import { openStepApp, rowsReadBy, statementsOf, stepFolder } from './core/step-app.ts';
import type { Bench, Comparison, Measurement, Panel } from './core/types.ts';

const READING = { 37: 'endless-everything', 41: 'cache-tweets', 44: 'redis-newsfeeds' } as const;
const STEPS_READ = [37, 41, 44] as const;
const POSTING = { 43: 'list-coherence', 44: 'redis-newsfeeds' } as const;

/** How much there is of everything. */
export interface Sizes {
  /** The tweets in the feed, and the ids in the list of each follower. */
  entries: number;
  authors: number;
  likes: number;
  comments: number;
  /** An author for each of these numbers of followers. */
  followers: number[];
  /** What a follower's feed has already: an insert into an empty one would be cheaper. */
  oldEntries: number;
  rounds: number;
  secondsPerRound: number;
  postsPerRound: number;
  warmUp: number;
}

export const FULL: Sizes = {
  entries: 800,
  authors: 20,
  likes: 10,
  comments: 2,
  followers: [100, 1_000, 10_000],
  oldEntries: 20,
  rounds: 7,
  secondsPerRound: 3,
  postsPerRound: 5,
  warmUp: 5,
};

export const QUICK: Sizes = {
  ...FULL,
  entries: 100,
  followers: [10, 100],
  rounds: 1,
  secondsPerRound: 1,
  warmUp: 0,
};

export const PAGE = 20;
/** Readers that ask at the same time. */
export const READING_AT_ONCE = 10;
const LONGEST_POSTING_SECONDS = 30;
export const REDIS_TIMEOUT_MS = 60_000;

/** The first id of each kind of user; the viewer is the first account of all. */
export const FIRST = { viewer: 1, author: 1_000, star: 2_000, crowd: 100_000 };

export const bench: Bench = {
  summary: 'a feed without caches (37), from Memcached (41) and from Redis (44), against a bound',
  image: 'feed-caches.svg',
  secondsAtMost: 400,
  run,
};

async function run(context: BenchContext): Promise<Comparison> {
  const sizes = context.quick ? QUICK : FULL;
  const apps = await startAll(context, sizes);
  const page = {
    path: '/api/newsfeeds',
    headers: { authorization: await apps[44].logIn(ACCOUNT.username, ACCOUNT.password) },
  };
  const mysql = await look(context, apps, page);
  await requireSamePage(context, apps, page);
  const reading = await measureReading(context, sizes, apps, page);
  for (const { size, first, second } of reading.rows) {
    const share = Math.round((100 * second.perSecond) / first.perSecond);
    const { statements, rowsRead } = mysql[size] ?? {};
    context.say(
      `Step ${size}: ${share} % of the bound; ${statements} statements a page, which read ${rowsRead} rows.`,
    );
  }
  await warmFollowers(sizes, apps[44].database);
  return {
    title: 'The first page of a feed, and a post: what caches gain and cost',
    variants: ['bare LRANGE', 'feed page'],
    panels: [reading, await measurePosting(context, sizes, apps)],
    facts: { ...sizes, page: PAGE, readingAtOnce: READING_AT_ONCE, mysql },
  };
}

type Apps = Record<37 | 41 | 43 | 44, BenchApp>;
export type Page = { path: string; headers: { authorization: string } };

/** All servers on the same data. */
async function startAll(context: BenchContext, sizes: Sizes): Promise<Apps> {
  context.say('Starting step 37 and making the data …');
  const first = await context.start(READING[37], 'cache_37');
  await post(`${first.url}/api/accounts/signup`, ACCOUNT);
  await fill(context, sizes, first.database);
  const copy = async (step: number, slug: string) => {
    context.say(`Copying it for step ${step} …`);
    await context.copyDatabase(first, `cache_${step}`);
    return context.start(slug, `cache_${step}`);
  };
  const apps = {
    37: first,
    41: await copy(41, READING[41]),
    43: await copy(43, POSTING[43]),
    44: await copy(44, READING[44]),
  };
  const tables = 'users, tweets, friendships, newsfeeds, likes, comments';
  for (const { database } of Object.values(apps)) {
    await context.sql(`ANALYZE TABLE ${tables}`, database);
  }
  return apps;
}

/** Bulk SQL, the same rows at every run: the viewer's feed, what people did with it, and the stars. */
export async function fill(context: BenchContext, sizes: Sizes, database: string): Promise<void> {
  const sql = (statement: string) => context.sql(statement, database);
  await makeNumbers(context, database);
  const users = (first: number, count: number) =>
    makeUsers(context, database, { first, count, like: FIRST.viewer });
  await users(FIRST.author, sizes.authors);
  await users(FIRST.star, sizes.followers.length);
  await users(FIRST.crowd, Math.max(...sizes.followers));
  await sql(`INSERT INTO profiles (user_id, nickname)
    SELECT id, CONCAT('Somebody ', id) FROM users WHERE id > ${FIRST.viewer}`);
  await sql(`INSERT INTO tweets (user_id, content)
    SELECT ${FIRST.author} + n % ${sizes.authors}, CONCAT('Tweet number ', n, ', as long as most tweets are: not very long, one sentence or two.')
    FROM numbers WHERE n < ${sizes.entries} ORDER BY n`);
  await sql(`INSERT INTO newsfeeds (user_id, tweet_id) SELECT ${FIRST.viewer}, id FROM tweets`);
  await sql(`INSERT INTO likes (user_id, subject_type, subject_id)
    SELECT ${FIRST.crowd} + n, 'tweet', tweets.id FROM numbers JOIN tweets
    WHERE n < ${sizes.likes} ORDER BY n, tweets.id`);
  await sql(`INSERT INTO comments (user_id, tweet_id, content)
    SELECT ${FIRST.crowd} + n, tweets.id, 'So it is.' FROM numbers JOIN tweets
    WHERE n < ${sizes.comments} ORDER BY n, tweets.id`);
  for (const [index, followers] of sizes.followers.entries()) {
    await sql(`INSERT INTO friendships (from_user_id, to_user_id)
      SELECT ${FIRST.crowd} + n, ${FIRST.star + index} FROM numbers WHERE n < ${followers}`);
  }
  await sql(`INSERT INTO newsfeeds (user_id, tweet_id)
    SELECT users.id, n + 1 FROM users JOIN numbers
    WHERE users.id >= ${FIRST.crowd} AND n < ${sizes.oldEntries} ORDER BY users.id, n`);
  await sql('DROP TABLE numbers');
}

/** For each step the statements of the page, when it is warm, and the rows read for them. */
async function look(context: BenchContext, apps: Apps, page: Page) {
  const costs: Record<string, { statements: number; rowsRead: number }> = {};
  for (const step of STEPS_READ) {
    const { database } = apps[step];
    const app = await openStepApp(READING[step], database);
    try {
      // The first time warms, and opens a connection of the pool.
      await statementsOf(app, page);
      const statements = await statementsOf(app, page);
      let rowsRead = 0;
      for (const each of statements) rowsRead += await rowsReadBy(context, each, database);
      costs[step] = { statements: statements.length, rowsRead };
    } finally {
      await app.close();
    }
  }
  return costs;
}

/** @throws when the pages differ: a comparison of speeds is then worth nothing. */
async function requireSamePage(context: BenchContext, apps: Apps, { path, headers }: Page) {
  const seen = new Set<string>();
  for (const step of STEPS_READ) {
    context.signal.throwIfAborted();
    const answer = await fetch(apps[step].url + path, { headers });
    const { items } = (await answer.json()) as { items: unknown[] };
    if (items.length !== PAGE) throw new Error(`Step ${step} gives ${items.length} tweets.`);
    seen.add(JSON.stringify(items));
  }
  if (seen.size !== 1) throw new Error('The steps give different pages.');
}

/** The bound and the steps in turn, so that what else the machine does meets all of them. */
async function measureReading(
  context: BenchContext,
  sizes: Sizes,
  apps: Apps,
  page: Page,
): Promise<Panel> {
  const bound = await startBound(apps[44].database);
  const order = (url: string, request: Page): LoadOrder => ({
    url,
    requests: [{ method: 'GET', ...request }],
    connections: READING_AT_ONCE,
    seconds: sizes.secondsPerRound,
  });
  context.say('Reading: the bound and steps 37, 41 and 44 …');
  const orders = STEPS_READ.map((step) => order(apps[step].url, page));
  const measured = context.inTurn([order(bound.url, { ...page, path: '/' }), ...orders], sizes);
  const [first, ...pages] = await measured.finally(bound.close);
  return {
    title: `The first page of a feed of ${sizes.entries}`,
    size: 'step',
    measure: 'perSecond',
    axis: 'answers per second',
    rows: STEPS_READ.flatMap((size, n) => {
      const second = pages[n];
      return first && second ? [{ size, first, second }] : [];
    }),
  };
}

/** What is used of Fastify and ioredis, which are the step's dependencies and not the tool's. */
interface Bare {
  get(path: string, handler: () => Promise<unknown>): void;
  listen(options: { host: string; port: number }): Promise<string>;
  close(): Promise<void>;
}
interface BareRedis {
  lrange(key: string, from: number, to: number): Promise<string[]>;
  disconnect(): void;
}

/**
 * The bound: a route that reads the top of the viewer's list, as step 44 has filled it, and replies
 * with these ids. It runs in this process, which does nothing else while the load generator works.
 */
export async function startBound(
  database: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const require = createRequire(join(stepFolder(READING[44]), 'package.json'));
  const redis: BareRedis = new (require('ioredis').Redis)((await servicesUp()).REDIS_URL);
  const key = `${database}:feed of ${FIRST.viewer}`;
  const app: Bare = require('fastify')();
  app.get('/', async () => redis.lrange(key, 0, PAGE - 1));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const ids = (await (await fetch(url)).json()) as string[];
  if (ids.length !== PAGE) throw new Error(`The list of the feed has ${ids.length} ids on top.`);
  return {
    url,
    close: async () => {
      await app.close();
      redis.disconnect();
    },
  };
}

/** Makes the list of everybody in the crowd, as if each had just read a long feed. */
async function warmFollowers({ entries, followers }: Sizes, database: string): Promise<void> {
  const { REDIS_URL } = await servicesUp();
  const warm = `
    local ids = {}
    for id = ${entries}, 1, -1 do ids[#ids + 1] = id end
    for user = ARGV[1], ARGV[2] do
      redis.call('DEL', KEYS[1] .. user)
      redis.call('RPUSH', KEYS[1] .. user, unpack(ids))
    end`.replaceAll('\n', ' ');
  const key = JSON.stringify(`${database}:feed of `);
  const last = FIRST.crowd + Math.max(...followers) - 1;
  for (let from = FIRST.crowd; from <= last; from += 1_000) {
    const range = `${from} ${Math.min(from + 999, last)}`;
    const answer = await askRedis(REDIS_URL, REDIS_TIMEOUT_MS, `EVAL "${warm}" 1 ${key} ${range}`);
    if (answer.startsWith('-')) throw new Error(`Redis makes no lists: ${answer}`);
  }
}

async function measurePosting(context: BenchContext, sizes: Sizes, apps: Apps): Promise<Panel> {
  const rows: { size: number; first: Measurement; second: Measurement }[] = [];
  for (const [index, size] of sizes.followers.entries()) {
    context.say(`Posting: ${size} followers …`);
    const order = async (app: BenchApp): Promise<LoadOrder> => {
      const authorization = await app.logIn(`u${FIRST.star + index}`, ACCOUNT.password);
      const headers = { authorization, 'content-type': 'application/json' };
      const body = JSON.stringify({ content: 'Good morning to whoever reads this.' });
      return {
        url: app.url,
        requests: [{ method: 'POST', path: '/api/tweets', headers, body }],
        connections: 1,
        amount: sizes.postsPerRound,
        seconds: LONGEST_POSTING_SECONDS,
      };
    };
    const orders: [LoadOrder, LoadOrder] = [await order(apps[43]), await order(apps[44])];
    rows.push({ size, ...(await context.alternate(orders, sizes)) });
  }
  return {
    title: 'Posting a tweet, every follower with a list',
    variants: ['step 43', 'step 44'],
    size: 'followers',
    measure: 'p50',
    axis: 'milliseconds (median)',
    rows,
  };
}
