// What a page of tweets costs when their likes are counted for it and when the counts stand in
// columns, and what a like costs then. Two steps as real servers: the last that counts, and the
// first that has all columns, on copies of the same data, so that its migrations count them, too.
import { type BenchApp, type BenchContext, post } from './core/context.ts';
import type { LoadOrder, LoadRequest } from './core/load.ts';
import type { Bench, Comparison, Panel } from './core/types.ts';

/** The step before the columns and the one after. Nothing else should lie between the two. */
const COUNTING = 'single-flight';
const COLUMNS = 'like-counters';
const PASSWORD = 'a benchmark logs in too';

interface Sizes {
  /** One author with a page of tweets for each of these numbers of likes on each of them. */
  likes: number[];
  /** How many people like and unlike at the same time. */
  people: number[];
  rounds: number;
  secondsPerRound: number;
  warmUp: number;
}

const FULL: Sizes = {
  likes: [10, 1_000, 10_000],
  people: [1, 8, 32],
  rounds: 4,
  secondsPerRound: 3,
  warmUp: 2,
};
const QUICK: Sizes = {
  likes: [10, 1_000],
  people: [1, 4],
  rounds: 1,
  secondsPerRound: 1,
  warmUp: 0,
};

const PAGE = 20;
/** A page whose counts are a second's work has to be done within a round. */
const READING_AT_ONCE = 4;
/** The first id of each kind of user; the first accounts are those who are logged in. */
const FIRST = { author: 10_000, crowd: 100_000 };

export const bench: Bench = {
  summary: 'likesCount and commentsCount: counted for each page, or kept in columns',
  image: 'counters-count-vs-columns.svg',
  secondsAtMost: 480,
  run,
};

async function run(context: BenchContext): Promise<Comparison> {
  const sizes = context.quick ? QUICK : FULL;
  context.say('Starting the step that counts and making the data …');
  const counting = await context.start(COUNTING, 'counting');
  const names = Array.from({ length: Math.max(...sizes.people) }, (_, n) => `bench${n}`);
  for (const username of names) {
    const account = { username, email: `${username}@example.com`, password: PASSWORD };
    await post(`${counting.url}/api/accounts/signup`, account);
  }
  await fill(context, sizes, counting.database);
  context.say('Starting the step with columns, whose migrations count what is there …');
  await context.copyDatabase(counting, 'columns');
  const columns = await context.start(COLUMNS, 'columns');
  // Both steps know the secret by which tokens are signed.
  const tokens: string[] = [];
  for (const name of names) tokens.push(await counting.logIn(name, PASSWORD));
  const measuring: Measuring = { context, sizes, apps: [counting, columns], tokens };
  await requireSamePages(measuring);
  const panels = [
    await measureReading(measuring),
    await measureLiking(measuring, 'Liking and unliking one tweet', () => 1),
    await measureLiking(measuring, 'Each their own tweet', (person) => 1 + person),
  ];
  await requireExactCounts(context, columns.database);
  return {
    title: 'Counting likes and comments for each page against keeping their counts',
    variants: ['counted', 'columns'],
    panels,
    facts: { ...sizes, readingAtOnce: READING_AT_ONCE, steps: [COUNTING, COLUMNS] },
  };
}

interface Measuring {
  context: BenchContext;
  sizes: Sizes;
  apps: [BenchApp, BenchApp];
  /** The `authorization` of each who likes. */
  tokens: string[];
}

/**
 * Bulk SQL, the same rows at every run. The first tweets are those that are liked while it is
 * measured; then come the pages of the authors, whose tweets have a comment each.
 */
async function fill(context: BenchContext, { likes, people }: Sizes, database: string) {
  const sql = (statement: string) => context.sql(statement, database);
  const digits = Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS n`);
  await sql('CREATE TABLE numbers (n INT PRIMARY KEY)');
  await sql(`INSERT INTO numbers
    WITH d AS (${digits.join(' UNION ALL ')})
    SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n FROM d a, d b, d c, d e`);
  const users = (first: number, count: number) =>
    sql(`INSERT INTO users (id, username, email, password_hash)
      SELECT ${first} + n, CONCAT('u', ${first} + n), CONCAT('u', ${first} + n, '@example.com'), ''
      FROM numbers WHERE n < ${count}`);
  await users(FIRST.author, likes.length + 1);
  await users(FIRST.crowd, Math.max(...likes));
  const tweets = (author: number, count: number) =>
    sql(`INSERT INTO tweets (user_id, content)
      SELECT ${author}, CONCAT('Tweet number ', n, ', as long as most tweets are: not very long, one sentence or two.')
      FROM numbers WHERE n < ${count} ORDER BY n`);
  await tweets(FIRST.author + likes.length, Math.max(...people));
  for (const index of likes.keys()) await tweets(FIRST.author + index, PAGE);
  await sql(`INSERT INTO comments (tweet_id, user_id, content)
    SELECT id, ${FIRST.crowd}, 'How true' FROM tweets`);
  for (const [index, count] of likes.entries()) {
    await sql(`INSERT INTO likes (user_id, subject_type, subject_id)
      SELECT ${FIRST.crowd} + n, 'tweet', tweets.id
      FROM numbers JOIN tweets ON tweets.user_id = ${FIRST.author + index}
      WHERE n < ${count} ORDER BY n, tweets.id`);
  }
  await sql('DROP TABLE numbers');
  await sql('ANALYZE TABLE users, tweets, likes, comments');
}

/** Both steps have to show the counts that there are. */
async function requireSamePages({ context, sizes, apps }: Measuring): Promise<void> {
  for (const [index, likes] of sizes.likes.entries()) {
    context.signal.throwIfAborted();
    for (const { url } of apps) {
      const page = await fetch(`${url}/api/tweets?userId=${FIRST.author + index}`);
      const { items } = (await page.json()) as { items: Record<string, unknown>[] };
      const wrong = items.find((item) => item.likesCount !== likes || item.commentsCount !== 1);
      if (items.length === PAGE && wrong === undefined) continue;
      throw new Error(`Not ${PAGE} tweets with ${likes} likes each: ${JSON.stringify(wrong)}`);
    }
  }
}

/** After all the liking, too: a fast count that is wrong is not what is asked. */
async function requireExactCounts(context: BenchContext, database: string): Promise<void> {
  const wrong = await context.sql(
    `SELECT id, likes_count FROM tweets WHERE likes_count <> (SELECT COUNT(*) FROM likes
      WHERE subject_type = 'tweet' AND subject_id = tweets.id)`,
    database,
  );
  if (wrong.length > 0) throw new Error(`Tweets with a wrong count: ${JSON.stringify(wrong)}`);
}

async function measureReading({ context, sizes, apps }: Measuring): Promise<Panel> {
  const rows: Panel['rows'] = [];
  for (const [index, likes] of sizes.likes.entries()) {
    context.say(`Reading: ${PAGE} tweets with ${likes} likes each …`);
    const path = `/api/tweets?userId=${FIRST.author + index}`;
    const order = ({ url }: BenchApp): LoadOrder => ({
      url,
      requests: [{ method: 'GET', path, headers: {} }],
      connections: READING_AT_ONCE,
      seconds: sizes.secondsPerRound,
    });
    const measured = await context.alternate([order(apps[0]), order(apps[1])], sizes);
    rows.push({ size: likes, ...measured });
  }
  const title = `A page of ${PAGE} tweets`;
  return {
    title,
    size: 'likes of each tweet',
    measure: 'perSecond',
    axis: 'pages per second',
    rows,
  };
}

/** Everybody likes and unlikes in turn, so that every request changes something. */
async function measureLiking(
  { context, sizes, apps, tokens }: Measuring,
  title: string,
  tweetOf: (person: number) => number,
): Promise<Panel> {
  const rows: Panel['rows'] = [];
  for (const people of sizes.people) {
    context.say(`${title}: ${people} at once …`);
    const order = ({ url }: BenchApp): LoadOrder => ({
      url,
      requests: [],
      each: Array.from({ length: people }, (_, n) => likeAndUnlike(tokens[n] ?? '', tweetOf(n))),
      connections: people,
      seconds: sizes.secondsPerRound,
    });
    const measured = await context.alternate([order(apps[0]), order(apps[1])], sizes);
    rows.push({ size: people, ...measured });
  }
  return { title, size: 'people at once', measure: 'perSecond', axis: 'changes per second', rows };
}

function likeAndUnlike(authorization: string, tweetId: number): LoadRequest[] {
  return ['/api/likes', '/api/likes/cancel'].map((path) => ({
    method: 'POST',
    path,
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ subjectType: 'tweet', subjectId: String(tweetId) }),
  }));
}
