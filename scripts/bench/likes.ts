// What readers see of likes on a page of tweets, asked tweet by tweet or for the whole page, as
// step 21 does. Both ways are routes of one server, which is step 21's app with two routes more.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withDatabase } from '../src/core/app-process.ts';
import { servicesUp } from '../src/services/index.ts';
import { ACCOUNT, type BenchContext, post } from './core/context.ts';
import type { LoadOrder } from './core/load.ts';
import { stepFolder } from './core/step-app.ts';
import type { Bench, Comparison, Panel } from './core/types.ts';

const STEP = 'likes-everywhere';
const WAYS = ['by-row', 'by-page'] as const;

/** How much there is of everything. */
interface Sizes {
  /** The tweets on a page, each with the fewest likes. */
  tweets: number[];
  /** One author with 20 tweets for each of these numbers of likes on each of them. */
  likes: number[];
  rounds: number;
  secondsPerRound: number;
  warmUp: number;
}

const FULL: Sizes = {
  tweets: [1, 5, 20],
  likes: [10, 1_000, 10_000],
  rounds: 4,
  secondsPerRound: 3,
  warmUp: 3,
};

const QUICK: Sizes = { ...FULL, likes: [10, 1_000], rounds: 1, secondsPerRound: 1, warmUp: 0 };

const LONGEST_PAGE = 20;
/** A page whose count is a second's work has to be done within a round. */
const READING_AT_ONCE = 4;

/** The first id of each kind of user; the first account is the viewer's. */
const FIRST = { viewer: 1, author: 10_000, crowd: 100_000 };

export const bench: Bench = {
  summary: 'likesCount and hasLiked of a page of tweets: statements for each tweet or for the page',
  image: 'likes-by-row-vs-by-page.svg',
  secondsAtMost: 300,
  run,
};

async function run(context: BenchContext): Promise<Comparison> {
  const sizes = context.quick ? QUICK : FULL;
  context.say('Starting step 21 and making the data …');
  const app = await context.start(STEP, 'likes');
  await post(`${app.url}/api/accounts/signup`, ACCOUNT);
  await fill(context, sizes, app.database);
  const authorization = await app.logIn(ACCOUNT.username, ACCOUNT.password);
  const server = await startBothWays(app.database);
  try {
    const reader: Reader = { context, sizes, url: server.url, headers: { authorization } };
    await requireSamePages(reader, app.url);
    const [fewest = 0] = sizes.likes;
    const byTweets = await measure(reader, {
      title: `Tweets with ${fewest} likes each`,
      size: 'tweets on the page',
      cells: sizes.tweets.map((tweets) => ({ size: tweets, tweets, likes: fewest })),
    });
    const byLikes = await measure(reader, {
      title: `A page of ${LONGEST_PAGE} tweets`,
      size: 'likes of each tweet',
      cells: sizes.likes.map((likes) => ({ size: likes, tweets: LONGEST_PAGE, likes })),
    });
    return {
      title: 'Likes on a page of tweets: asked for each row against once for the page (step 21)',
      variants: ['row by row', 'once a page'],
      panels: [byTweets, byLikes],
      facts: {
        ...sizes,
        readingAtOnce: READING_AT_ONCE,
        plans: await readPlans(context, sizes, app.database),
      },
    };
  } finally {
    await server.close();
  }
}

/** Somebody who asks the server that knows both ways. */
interface Reader {
  context: BenchContext;
  sizes: Sizes;
  url: string;
  headers: { authorization: string };
}

/**
 * Bulk SQL, the same rows at every run: each author's tweets are liked by the same part of the
 * crowd, person by person, and every second one by the viewer in place of the last of them.
 */
async function fill(context: BenchContext, { likes }: Sizes, database: string): Promise<void> {
  const sql = (statement: string) => context.sql(statement, database);
  const crowd = Math.max(...likes);
  const digits = Array.from({ length: 10 }, (_, digit) => `SELECT ${digit} AS n`);
  await sql('CREATE TABLE numbers (n INT PRIMARY KEY)');
  await sql(`INSERT INTO numbers
    WITH d AS (${digits.join(' UNION ALL ')})
    SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n FROM d a, d b, d c, d e`);
  const users = (first: number, count: number) =>
    sql(`INSERT INTO users (id, username, email, password_hash)
      SELECT ${first} + n, CONCAT('u', ${first} + n), CONCAT('u', ${first} + n, '@example.com'), ''
      FROM numbers WHERE n < ${count}`);
  await users(FIRST.author, likes.length);
  await users(FIRST.crowd, crowd);
  await sql(`INSERT INTO tweets (user_id, content)
    SELECT ${FIRST.author} + n % ${likes.length}, CONCAT('Tweet number ', n, ', as long as most tweets are: not very long, one sentence or two.')
    FROM numbers WHERE n < ${LONGEST_PAGE * likes.length} ORDER BY n`);
  for (const [index, count] of likes.entries()) {
    await sql(`INSERT INTO likes (user_id, subject_type, subject_id)
      SELECT IF(n = ${count - 1} AND (tweets.id - 1) DIV ${likes.length} % 2 = 0, ${FIRST.viewer}, ${FIRST.crowd} + n), 'tweet', tweets.id
      FROM numbers JOIN tweets ON tweets.user_id = ${FIRST.author + index}
      WHERE n < ${count} ORDER BY n, tweets.id`);
  }
  await sql('DROP TABLE numbers');
  await sql('ANALYZE TABLE users, tweets, likes');
}

/** What is used of step 21; its types are out of reach, since the step is found by its slug. */
interface StepModules {
  buildApp(options: { config: unknown }): Promise<StepApp>;
  loadConfig(env: Record<string, string>): unknown;
  findTweetsOfUser(db: unknown, userId: string, limit: number): Promise<{ id: string }[]>;
  countLikes(db: unknown, type: 'tweet', ids: string[]): Promise<Map<string, number>>;
  findLiked(db: unknown, userId: string, type: 'tweet', ids: string[]): Promise<Set<string>>;
}

interface StepApp {
  db: unknown;
  authenticate: unknown;
  get(path: string, options: object, handler: (request: PageRequest) => Promise<unknown>): void;
  listen(options: { host: string; port: number }): Promise<string>;
  close(): Promise<void>;
}

interface PageRequest {
  user: { id: string };
  params: { userId: string; tweets: string };
}

/**
 * Step 21's app with two routes more, which read the same page and differ only in how they ask for
 * the facts. It runs in this process, which does nothing else while the load generator works.
 */
async function startBothWays(database: string): Promise<{ url: string; close(): Promise<void> }> {
  const step = await importStep();
  const { DATABASE_URL } = await servicesUp({ need: ['mysql'], quiet: true });
  const config = step.loadConfig({
    NODE_ENV: 'production',
    DATABASE_URL: withDatabase(DATABASE_URL, database),
    JWT_SECRET: 'only-for-the-minutes-of-one-benchmark',
  });
  const app = await step.buildApp({ config });
  const facts = async (ids: string[], viewerId: string) => ({
    counts: await step.countLikes(app.db, 'tweet', ids),
    liked: await step.findLiked(app.db, viewerId, 'tweet', ids),
  });
  type Facts = Awaited<ReturnType<typeof facts>>;
  const show = (tweet: { id: string }, { counts, liked }: Facts) => ({
    ...tweet,
    likesCount: counts.get(tweet.id) ?? 0,
    hasLiked: liked.has(tweet.id),
  });
  const page = ({ params }: PageRequest) =>
    step.findTweetsOfUser(app.db, params.userId, Number(params.tweets));

  app.get('/api/by-page/:userId/:tweets', { onRequest: app.authenticate }, async (request) => {
    const tweets = await page(request);
    const known = await facts(
      tweets.map(({ id }) => id),
      request.user.id,
    );
    return { items: tweets.map((tweet) => show(tweet, known)) };
  });
  app.get('/api/by-row/:userId/:tweets', { onRequest: app.authenticate }, async (request) => {
    const items = [];
    for (const tweet of await page(request)) {
      items.push(show(tweet, await facts([tweet.id], request.user.id)));
    }
    return { items };
  });
  return { url: await app.listen({ host: '127.0.0.1', port: 0 }), close: () => app.close() };
}

async function importStep(): Promise<StepModules> {
  const dir = stepFolder(STEP);
  const files = ['app.ts', 'config.ts', 'tweets/repository.ts', 'likes/repository.ts'];
  const modules = await Promise.all(
    files.map((file) => import(pathToFileURL(join(dir, 'src', file)).href)),
  );
  return Object.assign({}, ...modules);
}

/** Both ways have to show the likes that step 21 itself shows. */
async function requireSamePages({ context, sizes, url, headers }: Reader, stepUrl: string) {
  for (const [index, likes] of sizes.likes.entries()) {
    context.signal.throwIfAborted();
    const userId = FIRST.author + index;
    const [shown = '', ...others] = await Promise.all(
      [
        `${stepUrl}/api/tweets?userId=${userId}`,
        ...WAYS.map((way) => `${url}/api/${way}/${userId}/${LONGEST_PAGE}`),
      ].map(async (page) => likesOn(await (await fetch(page, { headers })).text())),
    );
    const good = shown.split('\n').every((line) => line.startsWith(`${likes} `));
    if (!good || !shown.includes('true') || others.some((other) => other !== shown)) {
      throw new Error(`Not the same likes both ways and in step 21 for ${likes}:\n${shown}`);
    }
  }
}

function likesOn(page: string): string {
  const { items } = JSON.parse(page) as { items: Record<string, unknown>[] };
  return items.map(({ id, likesCount, hasLiked }) => `${likesCount} ${hasLiked} ${id}`).join('\n');
}

interface Question {
  title: string;
  size: string;
  cells: { size: number; tweets: number; likes: number }[];
}

async function measure(reader: Reader, { title, size, cells }: Question): Promise<Panel> {
  const { context, sizes, url, headers } = reader;
  const rows: Panel['rows'] = [];
  for (const cell of cells) {
    context.say(`${title}, ${size}: ${cell.size} …`);
    const userId = FIRST.author + sizes.likes.indexOf(cell.likes);
    const order = (way: (typeof WAYS)[number]): LoadOrder => ({
      url,
      requests: [{ method: 'GET', path: `/api/${way}/${userId}/${cell.tweets}`, headers }],
      connections: READING_AT_ONCE,
      seconds: sizes.secondsPerRound,
    });
    const measured = await context.alternate([order(WAYS[0]), order(WAYS[1])], sizes);
    rows.push({ size: cell.size, ...measured });
  }
  return { title, size, measure: 'perSecond', axis: 'pages per second', rows };
}

/** How the server goes about both facts for a page. */
async function readPlans(context: BenchContext, { likes }: Sizes, database: string) {
  const plans: Record<string, string[]> = {};
  for (const [index, count] of likes.entries()) {
    const tweets = await context.sql(
      `SELECT id FROM tweets WHERE user_id = ${FIRST.author + index}`,
      database,
    );
    const those = `subject_type = 'tweet' AND subject_id IN (${tweets.map(({ id }) => id)})`;
    for (const [fact, query] of [
      ['likesCount', `SELECT subject_id, COUNT(*) FROM likes WHERE ${those} GROUP BY subject_id`],
      ['hasLiked', `SELECT subject_id FROM likes WHERE user_id = ${FIRST.viewer} AND ${those}`],
    ] as const) {
      const rows = await context.sql(`EXPLAIN ${query}`, database);
      plans[`${fact} ${count}`] = rows.map(
        ({ table, type, key, rows: estimate, Extra }) =>
          `${table}: ${type} by ${key ?? 'no key'}, about ${estimate} rows${Extra ? ` (${Extra})` : ''}`,
      );
    }
  }
  return plans;
}
