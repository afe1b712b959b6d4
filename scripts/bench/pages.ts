// The list of followers by page number (step 34: OFFSET) against the same list by cursor (step 36:
// keyset), at several depths of one long list.
import { ACCOUNT, type BenchApp, type BenchContext, post } from './core/context.ts';
import type { LoadOrder } from './core/load.ts';
import { rowsReadBy } from './core/step-app.ts';
import type { Bench, Comparison, Panel } from './core/types.ts';

const PAGE = 20;

/** Readers that ask at the same time. */
const READING_AT_ONCE = 4;

interface Sizes {
  followers: number;
  /** How many followers stand before the page. Step 34 refuses to go deeper than 100,000. */
  depths: number[];
  rounds: number;
  secondsPerRound: number;
  warmUp: number;
}

const FULL: Sizes = {
  followers: 150_000,
  depths: [0, 1_000, 100_000],
  rounds: 7,
  secondsPerRound: 2,
  warmUp: 1,
};

const QUICK: Sizes = {
  followers: 2_000,
  depths: [0, 1_000],
  rounds: 1,
  secondsPerRound: 1,
  warmUp: 0,
};

/** The first id of the followers; whose followers they are, and another popular user. */
const FIRST = 1_000;
const STAR = 2;
const OTHER = 3;

export const bench: Bench = {
  summary: 'page numbers (step 34) against cursors (step 36): pages in the depth of a long list',
  image: 'pages-offset-vs-keyset.svg',
  secondsAtMost: 240,
  run,
};

async function run(context: BenchContext): Promise<Comparison> {
  const sizes = context.quick ? QUICK : FULL;
  const { offset, keyset } = await startBoth(context, sizes);
  const rows: Panel['rows'] = [];
  for (const depth of sizes.depths) {
    context.say(`Reading: ${depth.toLocaleString('en')} followers before the page …`);
    const paths = await samePages(context, offset, keyset, depth);
    const order = (app: BenchApp, path: string): LoadOrder => ({
      url: app.url,
      requests: [{ method: 'GET', path, headers: {} }],
      connections: READING_AT_ONCE,
      seconds: sizes.secondsPerRound,
    });
    const orders: [LoadOrder, LoadOrder] = [order(offset, paths[0]), order(keyset, paths[1])];
    rows.push({ size: depth, ...(await context.alternate(orders, sizes)) });
  }
  return {
    title: 'A page of a list of followers: OFFSET (step 34) against keyset (step 36)',
    variants: ['OFFSET', 'keyset'],
    panels: [
      {
        title: 'Reading a page of 20 followers',
        size: 'followers before the page',
        measure: 'perSecond',
        axis: 'pages per second',
        rows,
      },
    ],
    facts: {
      ...sizes,
      page: PAGE,
      readingAtOnce: READING_AT_ONCE,
      ...(await look(context, offset, sizes)),
    },
  };
}

/** Both servers on the same data. */
async function startBoth(context: BenchContext, sizes: Sizes) {
  context.say('Starting step 34 and making the data …');
  const offset = await context.start('page-numbers', 'offset');
  await post(`${offset.url}/api/accounts/signup`, ACCOUNT);
  await fill(context, sizes, offset.database);
  context.say('Copying it for step 36 …');
  await context.copyDatabase(offset, 'keyset');
  const keyset = await context.start('endless-lists', 'keyset');
  for (const { database } of [offset, keyset]) {
    await context.sql('ANALYZE TABLE users, friendships', database);
  }
  return { offset, keyset };
}

/**
 * Bulk SQL, the same rows at every run. Four people begin to follow in the same second, and in no
 * order of their ids, so that neither time nor id alone orders the list. They follow somebody else
 * too, so that there is more in the table than the one list.
 */
async function fill(context: BenchContext, { followers }: Sizes, database: string): Promise<void> {
  const sql = (statement: string) => context.sql(statement, database);
  const digits = Array.from({ length: 10 }, (_, n) => `SELECT ${n} AS n`).join(' UNION ALL ');
  await sql('CREATE TABLE numbers (n INT PRIMARY KEY)');
  await sql(`INSERT INTO numbers SELECT n FROM (
      WITH d AS (${digits})
      SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n + 100000 * g.n AS n
      FROM d a, d b, d c, d e, d f, d g
    ) AS million WHERE n < ${followers}`);
  await sql(`INSERT INTO users (id, username, email, password_hash)
    SELECT ${STAR} + n, CONCAT('star', n), CONCAT('star', n, '@example.com'), '' FROM numbers WHERE n < 2`);
  await sql(`INSERT INTO users (id, username, email, password_hash)
    SELECT ${FIRST} + n, CONCAT('u', n), CONCAT('u', n, '@example.com'), '' FROM numbers`);
  // 7,919 is a prime, so that every number comes up once.
  const time = `TIMESTAMPADD(SECOND, (n * 7919 % ${followers}) DIV 4, '2026-01-01')`;
  for (const to of [STAR, OTHER]) {
    await sql(`INSERT INTO friendships (from_user_id, to_user_id, created_at)
      SELECT ${FIRST} + n, ${to}, ${time} FROM numbers`);
  }
}

interface Page {
  items: unknown[];
  nextCursor?: string;
}

/**
 * The paths of the same page in both. A cursor is come by as a client comes by it: by reading on.
 *
 * @throws when the two pages differ: a comparison of speeds is then worth nothing.
 */
async function samePages(
  context: BenchContext,
  offset: BenchApp,
  keyset: BenchApp,
  depth: number,
): Promise<[string, string]> {
  const list = `/api/friendships/${STAR}/followers`;
  const read = async (app: BenchApp, path: string) =>
    (await (await fetch(app.url + path)).json()) as Page;
  let cursor = '';
  for (let left = depth; left > 0; left -= 100) {
    context.signal.throwIfAborted();
    const page: Page = await read(keyset, `${list}?limit=${Math.min(left, 100)}${cursor}`);
    cursor = `&cursor=${page.nextCursor}`;
  }
  const paths: [string, string] = [
    `${list}?page=${depth / PAGE + 1}&pageSize=${PAGE}`,
    `${list}?limit=${PAGE}${cursor}`,
  ];
  const [byNumber, byCursor]: Page[] = [await read(offset, paths[0]), await read(keyset, paths[1])];
  const [first, second] = [JSON.stringify(byNumber?.items), JSON.stringify(byCursor?.items)];
  if (first !== second || byNumber?.items.length !== PAGE) {
    throw new Error(`At depth ${depth} the two give different pages, or not a full one.`);
  }
  return paths;
}

/** What the database itself needs: rows read, and milliseconds (the least of five), by each form. */
async function look(context: BenchContext, { database }: BenchApp, { depths }: Sizes) {
  const list = `FROM friendships WHERE to_user_id = ${STAR}`;
  const order = 'ORDER BY created_at DESC, from_user_id DESC LIMIT';
  const statements: Record<string, Record<string, string>> = {};
  for (const depth of depths) {
    const [row] = await context.sql(
      `SELECT CAST(created_at AS CHAR) AS at, from_user_id AS id ${list} ${order} 1 OFFSET ${Math.max(depth - 1, 0)}`,
      database,
    );
    const [at, id] = [`'${row?.at}'`, row?.id];
    const page = `SELECT from_user_id, created_at ${list}`;
    statements[depth.toLocaleString('en')] = {
      'OFFSET, users joined before': `SELECT users.username, f.created_at FROM friendships AS f
        JOIN users ON users.id = from_user_id WHERE to_user_id = ${STAR}
        ORDER BY f.created_at DESC, from_user_id DESC LIMIT ${PAGE} OFFSET ${depth}`,
      'OFFSET, users joined after': `SELECT users.username, f.created_at FROM
        (${page} ${order} ${PAGE} OFFSET ${depth}) AS f JOIN users ON users.id = from_user_id
        ORDER BY f.created_at DESC, from_user_id DESC`,
      'keyset, (a, b) < (x, y)': `${page} AND (created_at, from_user_id) < (${at}, ${id}) ${order} ${PAGE + 1}`,
      'keyset, a < x OR (a = x AND b < y)': `${page} AND (created_at < ${at}
        OR (created_at = ${at} AND from_user_id < ${id})) ${order} ${PAGE + 1}`,
      'COUNT(*) of the list': `SELECT COUNT(*) ${list}`,
    };
  }
  const inTheDatabase: Record<string, Record<string, { rowsRead: number; ms: number }>> = {};
  for (const [depth, forms] of Object.entries(statements)) {
    inTheDatabase[depth] = {};
    for (const [name, statement] of Object.entries(forms)) {
      inTheDatabase[depth][name] = await cost(context, statement, database);
    }
  }
  return { inTheDatabase };
}

async function cost(context: BenchContext, statement: string, database: string) {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const begun = performance.now();
    await context.sql(statement, database);
    times.push(performance.now() - begun);
  }
  const rowsRead = await rowsReadBy(context, statement, database);
  return { rowsRead, ms: Number(Math.min(...times).toPrecision(2)) };
}
