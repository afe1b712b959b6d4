// Pages of feeds and timelines whose authors come by a join (step 37) against the same pages with
// authors from Memcached (step 38), warm: how fast, and how much MySQL reads for a page.
import { type BenchApp, type BenchContext, post } from './core/context.ts';
import type { LoadOrder } from './core/load.ts';
import { openStepApp, rowsReadBy, statementsOf } from './core/step-app.ts';
import type { Bench, Comparison, Panel } from './core/types.ts';

const STEPS = { joined: 'endless-everything', cached: 'memcached-users' } as const;
const PASSWORD = 'a benchmark logs in too';
/** What a step's app is started with here besides the addresses of its services. */

/** How much there is of everything. */
interface Sizes {
  /** For each of these a feed, whose tweets are by so many people in turn. */
  authors: number[];
  /** The tweets on a page of a timeline. */
  tweets: number[];
  /** The tweets in each feed. */
  entries: number;
  /** The likes of each tweet. */
  likes: number;
  rounds: number;
  secondsPerRound: number;
  warmUp: number;
}

const FULL: Sizes = {
  authors: [1, 5, 20],
  tweets: [5, 20, 100],
  entries: 800,
  likes: 10,
  rounds: 7,
  secondsPerRound: 2,
  warmUp: 2,
};

const QUICK: Sizes = { ...FULL, entries: 100, rounds: 1, secondsPerRound: 1, warmUp: 0 };

/** The tweets on a page of a feed. */
const PAGE = 20;
/** Readers that ask at the same time. */
const READING_AT_ONCE = 4;

/** The first id of those who like; the authors of the n-th feed begin at n times `AUTHORS`. */
const CROWD = 100_000;
const AUTHORS = 1_000;

export const bench: Bench = {
  summary: 'authors of tweets by a join (step 37) against authors from Memcached (step 38)',
  image: 'users-join-vs-memcached.svg',
  secondsAtMost: 300,
  run,
};

/** A page that both steps show, and who asks for it. */
interface Page {
  path: string;
  headers: { authorization: string };
}

async function run(context: BenchContext): Promise<Comparison> {
  const sizes = context.quick ? QUICK : FULL;
  const { joined, cached } = await startBoth(context, sizes);
  const viewers = await Promise.all(sizes.authors.map((n) => joined.logIn(viewer(n), PASSWORD)));
  const feeds = sizes.authors.map((size, index) => ({
    size,
    page: { path: '/api/newsfeeds', headers: { authorization: viewers[index] ?? '' } },
  }));
  const [{ page: own } = { page: { path: '', headers: { authorization: '' } } }] = feeds;
  const timelines = sizes.tweets.map((size) => ({
    size,
    page: { ...own, path: `/api/tweets?userId=${AUTHORS}&limit=${size}` },
  }));
  const reader: Reader = { context, sizes, joined, cached };
  return {
    title: 'Pages with their authors: joined (step 37) against from Memcached (step 38)',
    variants: ['joined', 'from Memcached'],
    panels: [
      await measure(reader, `A page of ${PAGE} tweets of a feed`, 'authors on the page', feeds),
      await measure(reader, 'A page of a timeline', 'tweets on the page', timelines),
    ],
    facts: {
      ...sizes,
      page: PAGE,
      readingAtOnce: READING_AT_ONCE,
      mysqlForAFeed: await look(context, { joined, cached }, feeds),
      mysqlForATimeline: await look(context, { joined, cached }, timelines),
    },
  };
}

const viewer = (authors: number) => `reads_${authors}`;

/** Both servers on the same data. */
async function startBoth(context: BenchContext, sizes: Sizes) {
  context.say('Starting step 37 and making the data …');
  const joined = await context.start(STEPS.joined, 'joined');
  for (const username of sizes.authors.map(viewer)) {
    const account = { username, email: `${username}@example.com`, password: PASSWORD };
    await post(`${joined.url}/api/accounts/signup`, account);
  }
  await fill(context, sizes, joined.database);
  context.say('Copying it for step 38 …');
  // A name of its own for each run: Memcached may still keep the users of the last one.
  const name = `cached_${Date.now().toString(36)}`;
  await context.copyDatabase(joined, name);
  const cached = await context.start(STEPS.cached, name);
  for (const { database } of [joined, cached]) {
    await context.sql('ANALYZE TABLE users, profiles, tweets, newsfeeds, likes', database);
  }
  return { joined, cached };
}

/** Bulk SQL, the same rows at every run: feed by feed its authors, their tweets, and the likes. */
async function fill(context: BenchContext, sizes: Sizes, database: string): Promise<void> {
  const sql = (statement: string) => context.sql(statement, database);
  const digits = Array.from({ length: 10 }, (_, n) => `SELECT ${n} AS n`).join(' UNION ALL ');
  await sql('CREATE TABLE numbers (n INT PRIMARY KEY)');
  await sql(`INSERT INTO numbers
    WITH d AS (${digits}) SELECT a.n + 10 * b.n + 100 * c.n FROM d a, d b, d c`);
  const users = (first: number, count: number) =>
    sql(`INSERT INTO users (id, username, email, password_hash)
      SELECT ${first} + n, CONCAT('user_', ${first} + n), CONCAT(${first} + n, '@example.com'), ''
      FROM numbers WHERE n < ${count}`);
  await users(CROWD, sizes.likes);
  for (const [index, authors] of sizes.authors.entries()) {
    const first = AUTHORS * (index + 1);
    await users(first, authors);
    await sql(`INSERT INTO tweets (id, user_id, content)
      SELECT ${first} + n, ${first} + n % ${authors}, CONCAT('Tweet number ', n, ', as long as most tweets are: not very long, one sentence or two.')
      FROM numbers WHERE n < ${sizes.entries}`);
    await sql(`INSERT INTO newsfeeds (user_id, tweet_id)
      SELECT users.id, ${first} + n FROM numbers JOIN users ON username = '${viewer(authors)}'
      WHERE n < ${sizes.entries}`);
  }
  await sql(`INSERT INTO profiles (user_id, nickname)
    SELECT id, CONCAT('Somebody ', id) FROM users WHERE id >= ${AUTHORS}`);
  await sql(`INSERT INTO likes (user_id, subject_type, subject_id)
    SELECT ${CROWD} + n, 'tweet', tweets.id FROM numbers JOIN tweets
    WHERE n < ${sizes.likes} ORDER BY n, tweets.id`);
  await sql('DROP TABLE numbers');
}

interface Reader {
  context: BenchContext;
  sizes: Sizes;
  joined: BenchApp;
  cached: BenchApp;
}

async function measure(
  { context, sizes, joined, cached }: Reader,
  title: string,
  size: string,
  cells: { size: number; page: Page }[],
): Promise<Panel> {
  const rows: Panel['rows'] = [];
  for (const cell of cells) {
    context.say(`${title}, ${size}: ${cell.size} …`);
    await requireSamePage(context, [joined, cached], cell.page);
    const order = ({ url }: BenchApp): LoadOrder => ({
      url,
      requests: [{ method: 'GET', ...cell.page }],
      connections: READING_AT_ONCE,
      seconds: sizes.secondsPerRound,
    });
    const measured = await context.alternate([order(joined), order(cached)], sizes);
    rows.push({ size: cell.size, ...measured });
  }
  return { title, size, measure: 'perSecond', axis: 'pages per second', rows };
}

/**
 * Asks both three times: the second time step 38 has the authors from Memcached.
 *
 * @throws when the pages differ: a comparison of speeds is then worth nothing.
 */
async function requireSamePage(context: BenchContext, apps: BenchApp[], { path, headers }: Page) {
  const seen = new Set<string>();
  for (const _ of [1, 2, 3]) {
    for (const { url } of apps) {
      context.signal.throwIfAborted();
      const answer = await fetch(url + path, { headers });
      const { items } = (await answer.json()) as { items: unknown[] };
      if (items.length === 0) throw new Error(`${path} is empty.`);
      seen.add(JSON.stringify(items));
    }
  }
  if (seen.size !== 1) throw new Error(`Steps 37 and 38 give different pages for ${path}.`);
}

/** For each page and each way, when warm: the statements, and the rows that MySQL reads for them. */
async function look(
  context: BenchContext,
  apps: Record<keyof typeof STEPS, BenchApp>,
  cells: { size: number; page: Page }[],
) {
  const costs: Record<string, Record<string, { statements: number; rowsRead: number }>> = {};
  for (const way of ['joined', 'cached'] as const) {
    const { database } = apps[way];
    const app = await openStepApp(STEPS[way], database);
    try {
      for (const { size, page } of cells) {
        // The first time warms, and opens a connection of the pool.
        await statementsOf(app, page);
        const statements = await statementsOf(app, page);
        let rowsRead = 0;
        for (const statement of statements)
          rowsRead += await rowsReadBy(context, statement, database);
        costs[size] = { ...costs[size], [way]: { statements: statements.length, rowsRead } };
      }
    } finally {
      await app.close();
    }
  }
  return costs;
}
