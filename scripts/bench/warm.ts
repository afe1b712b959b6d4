// The first page of a feed when everything is warm: with its list from Redis (step 44), with objects
// in the process, with counts and likes in Redis, as it was tuned, and with all that stands before it
// in the end, each against the bound of `cache.ts`: a server that does one LRANGE and no more. And
// what such a feed takes in Redis.
import { servicesUp } from '../src/services/index.ts';
import { askRedis } from '../src/services/redis.ts';
import {
  FIRST,
  FULL,
  fill,
  PAGE,
  type Page,
  QUICK,
  READING_AT_ONCE,
  REDIS_TIMEOUT_MS,
  startBound,
} from './cache.ts';
import { ACCOUNT, type BenchApp, type BenchContext, post } from './core/context.ts';
import type { LoadOrder } from './core/load.ts';
import { openStepApp, statementsOf } from './core/step-app.ts';
import type { Bench, Comparison, Panel } from './core/types.ts';

const STEPS = [
  { size: 44, slug: 'redis-newsfeeds' },
  { size: 48, slug: 'two-level-cache' },
  { size: 52, slug: 'counter-versions' },
  { size: 53, slug: 'likes-of-a-viewer' },
  { size: 54, slug: 'profile-and-tune' },
  { size: 55, slug: 'one-round-trip' },
  { size: 73, slug: 'cache-and-queue-metrics' },
];
type Step = (typeof STEPS)[number] & { app: BenchApp };

export const bench: Bench = {
  summary: 'the warm first page of a feed, step by step (44 to 55, and 73), against a bound',
  image: 'feed-warm.svg',
  secondsAtMost: 600,
  run,
};

async function run(context: BenchContext): Promise<Comparison> {
  const sizes = context.quick ? QUICK : FULL;
  const steps = await startAll(context, sizes.entries);
  const [first] = steps as [Step];
  const authorization = await first.app.logIn(ACCOUNT.username, ACCOUNT.password);
  const page = { path: '/api/newsfeeds', headers: { authorization } };
  await requireSamePage(context, steps, page);
  const statements: Record<string, number> = {};
  for (const { size, slug, app } of steps) {
    statements[size] = (await warmStatements(slug, app.database, page)).length;
  }
  const reading = await measureReading(context, sizes, steps, page);
  for (const { size, first, second } of reading.rows) {
    const share = ((100 * second.perSecond) / first.perSecond).toFixed(1);
    context.say(`Step ${size}: ${share} % of the bound; statements a page: ${statements[size]}.`);
  }
  const bytes = await bytesInRedis(steps.at(-1)?.app.database ?? '');
  context.say(`A feed of ${sizes.entries} takes ${bytes} bytes in Redis.`);
  return {
    title: 'The first page of a feed when everything is warm',
    variants: ['bare LRANGE', 'feed page'],
    panels: [reading],
    facts: {
      entries: sizes.entries,
      page: PAGE,
      readingAtOnce: READING_AT_ONCE,
      statements,
      bytes,
    },
  };
}

/** All servers on the same data, which the first of them makes. */
async function startAll(context: BenchContext, entries: number): Promise<Step[]> {
  const steps: Step[] = [];
  for (const { size, slug } of STEPS) {
    context.say(`Starting step ${size} …`);
    const [first] = steps;
    const name = `warm_${size}`;
    if (first) await context.copyDatabase(first.app, name);
    const app = await context.start(slug, name);
    if (!first) {
      await post(`${app.url}/api/accounts/signup`, ACCOUNT);
      await fill(context, { ...FULL, entries, followers: [10] }, app.database);
      await like(context, app.database);
    }
    steps.push({ size, slug, app });
  }
  for (const { app } of steps) {
    await context.sql('ANALYZE TABLE users, tweets, newsfeeds, likes, comments', app.database);
  }
  return steps;
}

/** The viewer likes every third tweet, so that `hasLiked` is not the same for all. */
async function like(context: BenchContext, database: string): Promise<void> {
  await context.sql(
    `INSERT INTO likes (user_id, subject_type, subject_id)
    SELECT ${FIRST.viewer}, 'tweet', id FROM tweets WHERE id % 3 = 0`,
    database,
  );
}

/** The statements of the page in a process that has shown it before. */
async function warmStatements(slug: string, database: string, page: Page): Promise<string[]> {
  const app = await openStepApp(slug, database);
  try {
    await statementsOf(app, page);
    await statementsOf(app, page);
    return await statementsOf(app, page);
  } finally {
    await app.close();
  }
}

/** @throws when the pages differ: a comparison of speeds is then worth nothing. */
async function requireSamePage(context: BenchContext, steps: Step[], { path, headers }: Page) {
  const seen = new Set<string>();
  for (const { size, app } of steps) {
    context.signal.throwIfAborted();
    const { items } = (await (await fetch(app.url + path, { headers })).json()) as {
      items: unknown[];
    };
    if (items.length !== PAGE) throw new Error(`Step ${size} gives ${items.length} tweets.`);
    seen.add(JSON.stringify(items));
  }
  if (seen.size !== 1) throw new Error('The steps give different pages.');
}

/** The bound and the steps in turn, so that what else the machine does meets all of them. */
async function measureReading(
  context: BenchContext,
  { rounds, secondsPerRound: seconds, warmUp, entries }: typeof FULL,
  steps: Step[],
  page: Page,
): Promise<Panel> {
  const bound = await startBound(steps[0]?.app.database ?? '');
  const order = (url: string, path: string): LoadOrder => ({
    url,
    requests: [{ method: 'GET', ...page, path }],
    connections: READING_AT_ONCE,
    seconds,
  });
  context.say(`Reading: the bound and steps ${steps.map(({ size }) => size).join(', ')} …`);
  const orders = steps.map(({ app }) => order(app.url, page.path));
  const measured = context.inTurn([order(bound.url, '/'), ...orders], { rounds, warmUp });
  const [first, ...pages] = await measured.finally(bound.close);
  return {
    title: `The first page of a feed of ${entries}`,
    size: 'step',
    measure: 'perSecond',
    axis: 'answers per second',
    rows: steps.flatMap(({ size }, n) => {
      const second = pages[n];
      return first && second ? [{ size, first, second }] : [];
    }),
  };
}

/** What the list of the viewer's feed takes in Redis, by its own account. */
async function bytesInRedis(database: string): Promise<number> {
  const { REDIS_URL } = await servicesUp();
  const key = JSON.stringify(`${database}:feed of ${FIRST.viewer}`);
  const answer = await askRedis(REDIS_URL, REDIS_TIMEOUT_MS, `MEMORY USAGE ${key} SAMPLES 0`);
  return Number(answer.replace(/\D/g, ''));
}
