import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { hash } from '@node-rs/argon2';
import { type Kysely, sql, type Transaction } from 'kysely';
import { loadConfig } from '../src/config.ts';
import { type Database, openDatabase } from '../src/database.ts';
import { DEMO_PASSWORD, userIdOf, usernameOf } from './accounts.ts';
import { type Engagement, engagementFor, MAX_COMMENTS, MAX_LIKES } from './engagement.ts';
import { type Graph, REAL_GRAPH, readGraph } from './graph.ts';
import { type Post, postsFor } from './posts.ts';
import { format, type Progress, showProgress } from './progress.ts';
import { randomFrom } from './random.ts';
import { Refusal, runTool } from './refusal.ts';

// The course tool prints them after `npm start`.
export { DEMO_ACCOUNTS, DEMO_PASSWORD } from './accounts.ts';

/** With so many everybody posts at least twice. */
const DEFAULT_POSTS = 10_000;
const MAX_POSTS = 1_000_000;

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long before the seeding the accounts were opened, the follows began, the posts began. */
const ACCOUNTS_MS = 90 * DAY_MS;
const FOLLOWS_MS = 60 * DAY_MS;
const POSTS_MS = 14 * DAY_MS;

const ROWS_PER_INSERT = 1_000;
/** A transaction: with their feeds, comments and likes some 12,000 rows. */
const POSTS_PER_BATCH = 200;

const HELP = `npm run seed -- [--posts N] [--graph FILE]

Loads a real graph of 4,039 people and 176,468 follows, posts, the feeds that come of them, and
comments and likes.
What is loaded already is not loaded again, and an interrupted run goes on where it stopped.

  --posts N     how many posts (default: ${format(DEFAULT_POSTS)})
  --graph FILE  another graph: gzip, one edge a line, such as "0 107"`;

/** How far the seed has come: one row, written in the same transactions as what it tells of. */
interface SeedProgressTable {
  id: number;
  graph: string;
  posts: number;
  /** All times in the data are so much before this one. */
  started_at: Date;
  graph_loaded: number;
  posts_loaded: number;
}

type SeedDatabase = Database & { seed_progress: SeedProgressTable };

/** What the seed has come to. */
export interface SeedResult {
  /** Whether this run loaded anything. */
  changed: boolean;
  people: number;
  follows: number;
  posts: number;
}

/**
 * Loads a graph, posts and their feeds: people and follows in one transaction, then the posts
 * with their feeds, comments and likes in batches of a transaction each. So nothing is ever loaded
 * twice or by half.
 *
 * @param options.posts how many; by default what an earlier run began with, or 10,000.
 * @throws {Refusal} when the database is not migrated, has other accounts, or was seeded otherwise.
 */
export async function seed(
  db: Kysely<Database>,
  options: { graph: Graph; posts?: number | undefined; progress?: Progress },
): Promise<SeedResult> {
  const { graph, progress = () => {} } = options;
  const seedDb: Kysely<SeedDatabase> = db.withTables<{ seed_progress: SeedProgressTable }>();
  await requireMigrated(db);
  const { posts, posts_loaded, graph_loaded } = await begin(seedDb, graph, options.posts);
  if (!graph_loaded) {
    await seedDb.transaction().execute((trx) => loadGraph(trx, graph, progress));
  }
  const postAt = postsFor(graph);
  const engagementOf = engagementFor(graph);
  const postWithAll = (index: number) => {
    const post = postAt(index);
    return { ...post, ...engagementOf(index, post) };
  };
  for (let loaded = posts_loaded; loaded < posts; ) {
    loaded = await seedDb.transaction().execute((trx) => loadPosts(trx, postWithAll));
    progress('Posts and their feeds', loaded, posts);
  }
  const changed = !graph_loaded || posts_loaded < posts;
  return { changed, people: graph.people, follows: graph.edges.length * 2, posts };
}

/** @throws {Refusal} when a migration has not run. */
async function requireMigrated(db: Kysely<Database>): Promise<void> {
  const wanted = await readdir(new URL('../migrations', import.meta.url));
  const { rows } = await sql<{ name: string }>`SELECT name FROM kysely_migration`
    .execute(db)
    .catch((error: { code?: string }) => {
      if (error.code === 'ER_NO_SUCH_TABLE') return { rows: [] };
      throw error;
    });
  const done = new Set(rows.map(({ name }) => name));
  if (wanted.every((file) => done.has(file.replace('.ts', '')))) return;
  throw new Refusal(
    'The database is not migrated: run "npm run migrate" in final/, then seed again.',
  );
}

/** Finds what an earlier run has left, or makes a beginning. @throws {Refusal} */
async function begin(
  db: Kysely<SeedDatabase>,
  graph: Graph,
  posts: number | undefined,
): Promise<SeedProgressTable> {
  const earlier = await findProgress(db);
  if (earlier?.graph_loaded) await requireData(db);
  else await requireNoAccounts(db);
  if (earlier !== undefined) return requireSame(earlier, graph, posts);
  const wanted = posts ?? DEFAULT_POSTS;
  await reserveIds(db, wanted);
  await createProgress(db, graph, wanted);
  return begin(db, graph, posts);
}

/** Whoever posts through the API before the seed has ended gets an id after all of its own. */
async function reserveIds(db: Kysely<SeedDatabase>, posts: number): Promise<void> {
  const ids = { tweets: posts, comments: posts * MAX_COMMENTS, likes: posts * MAX_LIKES };
  for (const [table, last] of Object.entries(ids)) {
    await sql`ALTER TABLE ${sql.table(table)} AUTO_INCREMENT = ${sql.lit(last + 1)}`.execute(db);
  }
}

async function findProgress(db: Kysely<SeedDatabase>): Promise<SeedProgressTable | undefined> {
  const query = db.selectFrom('seed_progress').selectAll();
  return query.executeTakeFirst().catch((error: { code?: string }) => {
    if (error.code === 'ER_NO_SUCH_TABLE') return undefined;
    throw error;
  });
}

/** Writes the seed's row; if another run has just done so, its row stays. */
async function createProgress(db: Kysely<SeedDatabase>, { fingerprint }: Graph, posts: number) {
  await sql`
    CREATE TABLE IF NOT EXISTS seed_progress (
      id TINYINT NOT NULL PRIMARY KEY,
      graph CHAR(16) NOT NULL,
      posts INT NOT NULL,
      started_at DATETIME(6) NOT NULL,
      graph_loaded BOOLEAN NOT NULL,
      posts_loaded INT NOT NULL
    )
  `.execute(db);
  const started_at = new Date(Math.floor(Date.now() / 1000) * 1000);
  const row = { id: 1, graph: fingerprint, posts, started_at, graph_loaded: 0, posts_loaded: 0 };
  await db.insertInto('seed_progress').ignore().values(row).execute();
}

async function requireNoAccounts(db: Kysely<SeedDatabase>): Promise<void> {
  const other = await db.selectFrom('users').select('username').limit(1).executeTakeFirst();
  // People and progress are committed together: another run may have loaded them just now.
  if (other === undefined || (await findProgress(db))?.graph_loaded) return;
  throw new Refusal(
    `The database has accounts that are not of the seed (such as ${other.username}), and the seed begins only without any: delete all data with "npx course services reset", or name an empty database in DATABASE_URL.`,
  );
}

/** Tables that were dropped and made anew (`npm run migrate -- down`) have nothing of the seed. */
async function requireData(db: Kysely<SeedDatabase>): Promise<void> {
  const first = await db.selectFrom('users').select('username').where('id', '=', '1').execute();
  const follow = await db.selectFrom('friendships').select('from_user_id').limit(1).execute();
  if (first[0]?.username === usernameOf(0) && follow.length > 0) return;
  throw new Refusal(
    'The database was seeded, but people or follows of the seed are gone: delete all data with "npx course services reset", or name an empty database in DATABASE_URL.',
  );
}

function requireSame(earlier: SeedProgressTable, graph: Graph, posts = earlier.posts) {
  if (earlier.graph === graph.fingerprint && earlier.posts === posts) return earlier;
  const what =
    earlier.graph === graph.fingerprint ? `${format(earlier.posts)} posts` : 'another graph';
  throw new Refusal(
    `The database was seeded with ${what}, and more cannot be added: seed as before, delete all data with "npx course services reset", or name an empty database in DATABASE_URL.`,
  );
}

/** Locks the seed's own row: of two runs at the same time one waits for the other's transaction. */
async function lockProgress(trx: Transaction<SeedDatabase>): Promise<SeedProgressTable> {
  return trx.selectFrom('seed_progress').selectAll().forUpdate().executeTakeFirstOrThrow();
}

/** Everybody in the graph, and who follows whom. */
async function loadGraph(
  trx: Transaction<SeedDatabase>,
  graph: Graph,
  progress: Progress,
): Promise<void> {
  const { graph_loaded, started_at } = await lockProgress(trx);
  if (graph_loaded) return;
  const people = await usersOf(graph, started_at);
  for (const [rows, done] of chunks(people)) {
    await trx.insertInto('users').values(rows).execute();
    const profiles = rows.map(({ id }) => ({ user_id: id }));
    await trx.insertInto('profiles').values(profiles).execute();
    progress('People', done, people.length);
  }
  const follows = friendshipsOf(graph, started_at);
  for (const [rows, done] of chunks(follows)) {
    await trx.insertInto('friendships').values(rows).execute();
    progress('Follows', done, follows.length);
  }
  await trx.updateTable('seed_progress').set({ graph_loaded: 1 }).execute();
}

/** All have the same password and so the same hash: to compute 4,039 would take minutes. */
async function usersOf({ people }: Graph, startedAt: Date) {
  const password_hash = await hash(DEMO_PASSWORD, {
    memoryCost: 19_456,
    timeCost: 2,
    parallelism: 1,
    // The password is public, so its salt may be. Two seeded databases are equal to the byte.
    salt: Buffer.from('salt of the seed'),
  });
  const created_at = new Date(startedAt.getTime() - ACCOUNTS_MS);
  return Array.from({ length: people }, (_, node) => {
    const username = usernameOf(node);
    const email = `${username}@example.org`;
    return { id: userIdOf(node), username, email, password_hash, created_at };
  });
}

/** Both directions of every edge, in the order of the primary key: an insert is quickest so. */
function friendshipsOf({ edges }: Graph, startedAt: Date) {
  const from = startedAt.getTime() - FOLLOWS_MS;
  const span = FOLLOWS_MS - POSTS_MS;
  const follows = edges.flatMap(([a, b], index) => {
    const ms = from + Math.floor((index / edges.length) * span);
    return [
      { a, b, ms },
      { a: b, b: a, ms: ms + 1 },
    ];
  });
  follows.sort((one, other) => one.a - other.a || one.b - other.b);
  return follows.map(({ a, b, ms }) => ({
    from_user_id: userIdOf(a),
    to_user_id: userIdOf(b),
    created_at: new Date(ms),
  }));
}

/** The next batch of posts with all that hangs on them. Returns how many are loaded then. */
async function loadPosts(
  trx: Transaction<SeedDatabase>,
  postAt: (index: number) => Post & Engagement,
): Promise<number> {
  const { posts, posts_loaded, started_at } = await lockProgress(trx);
  const loaded = Math.min(posts, posts_loaded + POSTS_PER_BATCH);
  if (loaded === posts_loaded) return loaded;
  const from = started_at.getTime() - POSTS_MS;
  const batch = Array.from({ length: loaded - posts_loaded }, (_, offset) => {
    const index = posts_loaded + offset;
    const { author, content, ...engagement } = postAt(index);
    // Somewhere in the post's own share of the days, so that times rise with ids.
    const share = (index + randomFrom(index)()) / posts;
    const created_at = new Date(from + Math.floor(share * POSTS_MS));
    const tweet = { id: String(index + 1), user_id: userIdOf(author), content, created_at };
    return {
      tweet: { ...tweet, ...countsOf(engagement) },
      ...rowsOn(index, engagement, created_at, started_at),
    };
  });
  const tweets = batch.map(({ tweet }) => tweet);
  await lockAuthors(trx, [...new Set(tweets.map(({ user_id }) => user_id))]);
  await trx.insertInto('tweets').values(tweets).execute();
  await deliver(trx, posts_loaded + 1, loaded);
  for (const [rows] of chunks(batch.flatMap(({ comments }) => comments))) {
    await trx.insertInto('comments').values(rows).execute();
  }
  for (const [rows] of chunks(batch.flatMap(({ likes }) => likes))) {
    await trx.insertInto('likes').values(rows).execute();
  }
  await trx.updateTable('seed_progress').set({ posts_loaded: loaded }).execute();
  return loaded;
}

/** What a post's row says of the rows on it. */
function countsOf({ comments, likes }: Engagement) {
  const likesOfPost = likes.filter(({ on }) => on === undefined);
  return { comments_count: comments.length, likes_count: likesOfPost.length };
}

/** The comments and then the likes on a post, spread over the day after it, as far as it has gone. */
function rowsOn(index: number, { comments, likes }: Engagement, posted: Date, seeded: Date) {
  const day = Math.min(DAY_MS, seeded.getTime() - posted.getTime());
  const at = (share: number) => new Date(posted.getTime() + Math.floor(share * day));
  const commentId = (n: number) => String(index * MAX_COMMENTS + n + 1);
  return {
    comments: comments.map(({ author, content }, n) => ({
      id: commentId(n),
      tweet_id: String(index + 1),
      user_id: userIdOf(author),
      content,
      likes_count: likes.filter(({ on }) => on === n).length,
      created_at: at((n + 1) / (comments.length + 1) / 2),
    })),
    likes: likes.map(({ user, on }, n) => ({
      id: String(index * MAX_LIKES + n + 1),
      user_id: userIdOf(user),
      subject_type: on === undefined ? ('tweet' as const) : ('comment' as const),
      subject_id: on === undefined ? String(index + 1) : commentId(on),
      created_at: at((n + 1) / (likes.length + 1) / 2 + 1 / 2),
    })),
  };
}

/** Makes whoever follows one of the authors over the API wait, as a post over the API does. */
async function lockAuthors(trx: Transaction<SeedDatabase>, ids: string[]): Promise<void> {
  await trx
    .selectFrom('users')
    .select('id')
    .where('id', 'in', ids)
    .orderBy('id')
    .forUpdate()
    .execute();
}

/** Fan-out of all these tweets at once: a tweet goes to its author and to all their followers. */
async function deliver(
  trx: Transaction<SeedDatabase>,
  firstId: number,
  lastId: number,
): Promise<void> {
  await sql`
    INSERT INTO newsfeeds (user_id, tweet_id)
    SELECT user_id, id FROM tweets WHERE id BETWEEN ${firstId} AND ${lastId}
    UNION ALL
    SELECT from_user_id, id FROM tweets JOIN friendships ON to_user_id = user_id
    WHERE id BETWEEN ${firstId} AND ${lastId}
    ORDER BY 1, 2
  `.execute(trx);
}

/** Batches of 1,000 rows, each with how many rows there are up to its end. */
function* chunks<T>(rows: T[]): Generator<[T[], number]> {
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    const batch = rows.slice(start, start + ROWS_PER_INSERT);
    yield [batch, start + batch.length];
  }
}

async function main(): Promise<void> {
  const { posts, graph: file, help } = readArguments();
  if (help) return console.log(HELP);
  if (process.env.NODE_ENV === 'production') {
    throw new Refusal(
      'The seed does not run with NODE_ENV=production, because everybody knows the password of its accounts.',
    );
  }
  const started = performance.now();
  const db = openDatabase(loadConfig(process.env));
  try {
    // npm changes to this folder; the path is meant from where the command was typed.
    const graph = await readGraph(resolve(process.env.INIT_CWD ?? '', file));
    const result = await seed(db, { graph, posts, progress: showProgress(process.stdout) });
    const what = `${format(result.people)} people, ${format(result.follows)} follows and ${format(result.posts)} posts`;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      result.changed
        ? `Loaded ${what} with their feeds in ${seconds} s.`
        : `The data is there already: ${what} with their feeds.`,
    );
  } finally {
    await db.destroy();
  }
}

/** @throws {Refusal} with exit code 2 when they are wrong. */
function readArguments(): { posts: number | undefined; graph: string; help: boolean } {
  const { posts, graph, help } = parse();
  if (posts === undefined || (/^\d{1,7}$/.test(posts) && Number(posts) <= MAX_POSTS)) {
    return { posts: posts === undefined ? posts : Number(posts), graph, help };
  }
  throw new Refusal(
    `--posts ${posts} is not possible: give a whole number from 0 to ${format(MAX_POSTS)}.`,
    2,
  );
}

function parse() {
  try {
    return parseArgs({
      options: {
        posts: { type: 'string' },
        graph: { type: 'string', default: REAL_GRAPH },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    // Node explains in several sentences; the first says what is wrong.
    const [reason = ''] = (error as Error).message.split(/\.?\s*(?:\n|\. )/);
    throw new Refusal(`${reason}: say "npm run seed -- --posts N", or "--help" for more.`, 2);
  }
}

if (import.meta.main) await runTool(main);
