// The feed of step 12, gathered when it is read (pull), against that of step 13, delivered when a
// tweet is posted (push).
import { ACCOUNT, type BenchApp, type BenchContext, post } from './core/context.ts';
import type { LoadOrder, LoadRequest } from './core/load.ts';
import type { Bench, Comparison, Panel } from './core/types.ts';

/** How much there is of everything. */
interface Sizes {
  /** One group of readers for each of these numbers of people followed. */
  followings: number[];
  readersPerGroup: number;
  /** One author for each of these numbers of followers. */
  followers: number[];
  /** The people whom the readers follow, and who have posted in turn. */
  writers: number;
  tweetsPerWriter: number;
  rounds: number;
  secondsPerRound: number;
  warmUp: number;
  postsPerRound: number;
}

const FULL: Sizes = {
  followings: [10, 100, 1_000],
  readersPerGroup: 5,
  followers: [10, 100, 1_000, 10_000],
  writers: 2_000,
  tweetsPerWriter: 100,
  rounds: 4,
  secondsPerRound: 2,
  warmUp: 1,
  postsPerRound: 40,
};

const QUICK: Sizes = {
  ...FULL,
  readersPerGroup: 1,
  followers: [10, 100],
  writers: 1_000,
  tweetsPerWriter: 5,
  rounds: 1,
  secondsPerRound: 1,
  warmUp: 0,
  postsPerRound: 5,
};

/** The first id of each kind of user. */
const FIRST = { writer: 10_000, author: 20_000, reader: 30_000, crowd: 100_000 };

/** Readers that ask at the same time, and posts that follow one another. */
const READING_AT_ONCE = 10;
const LONGEST_POSTING_SECONDS = 30;

export const bench: Bench = {
  summary: 'the pull feed of step 12 against the push feed of step 13: reading and posting',
  image: 'feed-pull-vs-push.svg',
  secondsAtMost: 240,
  run,
};

async function run(context: BenchContext): Promise<Comparison> {
  const sizes = context.quick ? QUICK : FULL;
  const { pull, push, delivered } = await startBoth(context, sizes);
  await requireSameFeeds(context, sizes, [pull, push]);
  const plans = await readPlans(context, sizes, pull, push);
  const reading = await measureReading(context, sizes, [pull, push]);
  const posting = await measurePosting(context, sizes, [pull, push]);
  return {
    title: 'The feed: pull (step 12) against push (step 13)',
    variants: ['pull', 'push'],
    panels: [reading, posting],
    facts: { ...sizes, readingAtOnce: READING_AT_ONCE, newsfeedRows: delivered, plans },
  };
}

/** Both servers on the same data; step 13 fills its feeds by its own migration. */
async function startBoth(context: BenchContext, sizes: Sizes) {
  context.say('Starting step 12 and making the data …');
  const pull = await context.start('pull-newsfeed', 'pull');
  // One account by the front door; all others get the hash of its password.
  await post(`${pull.url}/api/accounts/signup`, ACCOUNT);
  await fill(context, sizes, pull.database);
  context.say('Copying it, and letting step 13 deliver every tweet …');
  await context.copyDatabase(pull, 'push');
  const push = await context.start('push-newsfeed', 'push');
  for (const { database } of [pull, push]) {
    await context.sql('ANALYZE TABLE users, tweets, friendships', database);
  }
  await context.sql('ANALYZE TABLE newsfeeds', push.database);
  const [row] = await context.sql('SELECT COUNT(*) AS count FROM newsfeeds', push.database);
  return { pull, push, delivered: Number(row?.count) };
}

/**
 * Bulk SQL, the same rows at every run. Writers post in turn, so that a page of a feed has many
 * authors. Whoever follows a measured author has a feed already: an insert into an empty feed
 * would be cheaper than one into a feed in use.
 */
async function fill(context: BenchContext, sizes: Sizes, database: string): Promise<void> {
  const crowd = Math.max(...sizes.followers);
  const tweets = sizes.writers * sizes.tweetsPerWriter;
  const readers = sizes.followings.length * sizes.readersPerGroup;
  const digits = Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS n`).join(
    ' UNION ALL ',
  );
  const sql = (statement: string) => context.sql(statement, database);
  await sql('CREATE TABLE numbers (n INT PRIMARY KEY)');
  await sql(`INSERT INTO numbers SELECT n FROM (
      WITH d AS (${digits})
      SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n + 100000 * g.n AS n
      FROM d a, d b, d c, d e, d f, d g
    ) AS million WHERE n < ${Math.max(tweets, crowd)}`);
  const [donor] = await sql('SELECT password_hash AS hash FROM users');
  const users = (first: number, count: number) =>
    sql(`INSERT INTO users (id, username, email, password_hash)
      SELECT ${first} + n, CONCAT('u', ${first} + n), CONCAT('u', ${first} + n, '@example.com'),
        '${donor?.hash}'
      FROM numbers WHERE n < ${count}`);
  await users(FIRST.writer, sizes.writers);
  await users(FIRST.author, sizes.followers.length);
  await users(FIRST.reader, readers);
  await users(FIRST.crowd, crowd);
  await sql(`INSERT INTO tweets (user_id, content, created_at)
    SELECT ${FIRST.writer} + n % ${sizes.writers}, CONCAT('Tweet number ', n, ', as long as most tweets are: not very long, one sentence or two.'),
      TIMESTAMPADD(SECOND, n, '2026-01-01')
    FROM numbers WHERE n < ${tweets} ORDER BY n`);
  const follow = (from: string, to: string, count: number) =>
    sql(`INSERT INTO friendships (from_user_id, to_user_id)
      SELECT ${from}, ${to} FROM numbers WHERE n < ${count}`);
  for (const { ids, size } of readerGroups(sizes)) {
    for (const id of ids) {
      // Each reader begins elsewhere in the circle of writers.
      const to = `${FIRST.writer} + (n + ${id * 37}) % ${sizes.writers}`;
      await follow(String(id), to, size);
    }
  }
  await follow(`${FIRST.crowd} + n`, `${FIRST.writer} + n % ${sizes.writers}`, crowd);
  for (const [index, count] of sizes.followers.entries()) {
    await follow(`${FIRST.crowd} + n`, String(FIRST.author + index), count);
  }
  await sql('DROP TABLE numbers');
}

function readerGroups({ followings, readersPerGroup }: Sizes): { size: number; ids: number[] }[] {
  return followings.map((size, group) => ({
    size,
    ids: Array.from(
      { length: readersPerGroup },
      (_, index) => FIRST.reader + group * readersPerGroup + index,
    ),
  }));
}

/** A comparison of speeds is worth something only if both give the same answers. */
async function requireSameFeeds(context: BenchContext, sizes: Sizes, apps: [BenchApp, BenchApp]) {
  for (const id of readerGroups(sizes).flatMap(({ ids }) => ids)) {
    context.signal.throwIfAborted();
    const pages = await Promise.all(
      apps.map(async (app) => {
        const headers = { authorization: await app.logIn(`u${id}`, ACCOUNT.password) };
        return (await fetch(`${app.url}/api/newsfeeds`, { headers })).text();
      }),
    );
    const tweets = (JSON.parse(pages[0] ?? '') as { items: unknown[] }).items.length;
    if (pages[0] !== pages[1] || tweets !== 20) {
      throw new Error(`User ${id} gets different pages from both, or not a full one.`);
    }
  }
}

async function measureReading(
  context: BenchContext,
  sizes: Sizes,
  apps: [BenchApp, BenchApp],
): Promise<Panel> {
  const rows: Panel['rows'] = [];
  for (const { size, ids } of readerGroups(sizes)) {
    context.say(`Reading: ${size} people followed …`);
    const orders = await inTurn(apps, async (app): Promise<LoadOrder> => {
      const requests: LoadRequest[] = [];
      for (const id of ids) {
        const headers = { authorization: await app.logIn(`u${id}`, ACCOUNT.password) };
        requests.push({ method: 'GET', path: '/api/newsfeeds', headers });
      }
      return {
        url: app.url,
        requests,
        connections: READING_AT_ONCE,
        seconds: sizes.secondsPerRound,
      };
    });
    rows.push({ size, ...(await context.alternate(orders, sizes)) });
  }
  return {
    title: 'Reading a page of the feed',
    size: 'people followed',
    measure: 'perSecond',
    axis: 'pages per second',
    rows,
  };
}

async function measurePosting(
  context: BenchContext,
  sizes: Sizes,
  apps: [BenchApp, BenchApp],
): Promise<Panel> {
  const rows: Panel['rows'] = [];
  for (const [index, size] of sizes.followers.entries()) {
    context.say(`Posting: ${size} followers …`);
    const orders = await inTurn(apps, async (app): Promise<LoadOrder> => {
      const headers = {
        authorization: await app.logIn(`u${FIRST.author + index}`, ACCOUNT.password),
        'content-type': 'application/json',
      };
      const body = JSON.stringify({ content: 'Good morning to whoever reads this.' });
      return {
        url: app.url,
        requests: [{ method: 'POST', path: '/api/tweets', headers, body }],
        connections: 1,
        amount: sizes.postsPerRound,
        seconds: LONGEST_POSTING_SECONDS,
      };
    });
    rows.push({ size, ...(await context.alternate(orders, sizes)) });
  }
  return {
    title: 'Posting a tweet',
    size: 'followers',
    measure: 'p50',
    axis: 'milliseconds (median)',
    rows,
  };
}

async function inTurn<T>(
  [a, b]: [BenchApp, BenchApp],
  make: (app: BenchApp) => Promise<T>,
): Promise<[T, T]> {
  return [await make(a), await make(b)];
}

/** How the server goes about both queries, for the first reader of each group. */
async function readPlans(context: BenchContext, sizes: Sizes, pull: BenchApp, push: BenchApp) {
  const plans: Record<string, string[]> = {};
  for (const { size, ids } of readerGroups(sizes)) {
    const [id = 0] = ids;
    plans[`pull ${size}`] = await plan(
      context,
      pull,
      `SELECT tweets.id FROM (
         SELECT to_user_id AS id FROM friendships WHERE from_user_id = ${id}
         UNION ALL SELECT id FROM users WHERE id = ${id}) AS authors
       INNER JOIN tweets ON tweets.user_id = authors.id ORDER BY tweets.id DESC LIMIT 20`,
    );
    plans[`push ${size}`] = await plan(
      context,
      push,
      `SELECT tweet_id FROM newsfeeds WHERE user_id = ${id} ORDER BY tweet_id DESC LIMIT 20`,
    );
  }
  return plans;
}

async function plan(context: BenchContext, app: BenchApp, query: string): Promise<string[]> {
  const rows = await context.sql(`EXPLAIN ${query}`, app.database);
  return rows.map(
    ({ table, type, key, rows: estimate, Extra }) =>
      `${table}: ${type} by ${key ?? 'no key'}, about ${estimate} rows${Extra ? ` (${Extra})` : ''}`,
  );
}
