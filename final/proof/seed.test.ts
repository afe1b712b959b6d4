import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import sharp from 'sharp';
import t from 'tap';
import { migrate } from '../src/migrate.ts';
import { createApp, createUser } from '../test/helper.ts';
import { DEMO_PASSWORD, userIdOf, usernameOf } from '../tools/accounts.ts';
import { MAX_COMMENTS, MAX_LIKES } from '../tools/engagement.ts';
import { readGraph } from '../tools/graph.ts';
import { postsFor } from '../tools/posts.ts';
import { randomFrom } from '../tools/random.ts';
import { compareFeeds, count, runTool, urlOf } from './tools.ts';

const PEOPLE = 60;
// Not in tap's own folder, which is emptied for each app.
const folder = mkdtempSync(join(tmpdir(), 'fanout-graph-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const graph = join(folder, 'small.edges.gz');
writeFileSync(graph, gzipSync(smallGraph()));

/** Each pair of people know each other with a probability of 1 in 6. */
function smallGraph(): string {
  const random = randomFrom(1);
  const people = Array.from({ length: PEOPLE }, (_, n) => n);
  const pairs = people.flatMap((a) => people.slice(a + 1).map((b) => [a, b]));
  const edges = pairs.filter(([a = 0, b = 0]) => b === a + 1 || random() < 1 / 6);
  return `${edges.map((edge) => edge.join(' ')).join('\n')}\n`;
}

type KillWhen = (output: string) => boolean | Promise<boolean>;

async function seed(app: FastifyInstance, args: string[], killWhen?: KillWhen) {
  return runTool('seed', args, { DATABASE_URL: await urlOf(app) }, killWhen);
}

const SMALL = ['--graph', graph, '--posts', '1000'];

/** Everything in the database; times as microseconds before the seeding. */
async function everything(app: FastifyInstance) {
  const before = sql`TIMESTAMPDIFF(MICROSECOND, created_at, started_at) AS before_seeding`;
  const queries = [
    sql`SELECT users.id, username, email, password_hash, ${before} FROM users JOIN seed_progress ORDER BY users.id`,
    sql`SELECT from_user_id, to_user_id, ${before} FROM friendships JOIN seed_progress ORDER BY 1, 2`,
    sql`SELECT tweets.id, user_id, content, ${before} FROM tweets JOIN seed_progress ORDER BY tweets.id`,
    sql`SELECT user_id, tweet_id FROM newsfeeds ORDER BY user_id, tweet_id`,
    sql`SELECT * FROM profiles ORDER BY user_id`,
    sql`SELECT comments.id, tweet_id, user_id, content, ${before} FROM comments JOIN seed_progress ORDER BY comments.id`,
    sql`SELECT likes.id, user_id, subject_type, subject_id, ${before} FROM likes JOIN seed_progress ORDER BY likes.id`,
  ];
  const results = await Promise.all(queries.map((query) => query.execute(app.db)));
  return results.map(({ rows }) => rows.map((row) => JSON.stringify(row)).join('\n'));
}

const reference = await createApp(t);
/** What an uninterrupted run has loaded. */
let before: string[] = [];

t.test(
  'a small graph: people, follows, posts, and the feeds that the graph asks for',
  async (t) => {
    const { code, output } = await seed(reference, SMALL);
    t.equal(code, 0, output);
    t.match(output, /Loaded 60 people, [\d,]+ follows and 1,000 posts with their feeds in/);
    t.equal(await count(reference, 'users'), PEOPLE);
    t.equal(await count(reference, 'tweets'), 1_000);
    before = await everything(reference);
    const { entries, wrong } = await compareFeeds(reference);
    t.ok(entries > 2_000);
    t.equal(wrong, 0);
    const posts = await reference.db.selectFrom('tweets').selectAll().orderBy('id').execute();
    const times = posts.map(({ created_at }) => created_at.getTime());
    t.same(
      times,
      times.toSorted((a, b) => a - b),
      'the times rise with the ids',
    );
    t.ok((times.at(-1) ?? Infinity) <= Date.now());
    t.equal(new Set(posts.map(({ user_id }) => user_id)).size, PEOPLE, 'everybody posts');
    t.ok(posts.some(({ content }) => /\p{Script=Han}/u.test(content)));
    t.ok(posts.some(({ content }) => content.includes('📷')));
  },
);

t.test(
  'followers comment on posts and like them; authors like comments; all after it',
  async (t) => {
    t.ok((await count(reference, 'comments')) > 300);
    t.ok((await count(reference, 'likes')) > 1_000);
    const wrongComments = sql`
    SELECT c.id FROM comments c LEFT JOIN tweets t ON t.id = c.tweet_id
    LEFT JOIN friendships f ON f.from_user_id = c.user_id AND f.to_user_id = t.user_id
    WHERE f.to_user_id IS NULL OR c.created_at < t.created_at
  `;
    const wrongLikes = sql`
    SELECT l.id FROM likes l LEFT JOIN tweets t ON t.id = l.subject_id
    LEFT JOIN friendships f ON f.from_user_id = l.user_id AND f.to_user_id = t.user_id
    WHERE l.subject_type = 'tweet' AND (f.to_user_id IS NULL OR l.created_at < t.created_at)
    UNION ALL
    SELECT l.id FROM likes l LEFT JOIN comments c ON c.id = l.subject_id
    LEFT JOIN tweets t ON t.id = c.tweet_id AND t.user_id = l.user_id
    WHERE l.subject_type = 'comment' AND (t.id IS NULL OR l.created_at < c.created_at)
  `;
    const late = sql`
    SELECT c.id FROM comments c JOIN seed_progress ON c.created_at > started_at
    UNION ALL SELECT l.id FROM likes l JOIN seed_progress ON l.created_at > started_at
  `;
    const miscounted = sql`
    SELECT t.id FROM tweets t
    WHERE comments_count <> (SELECT COUNT(*) FROM comments WHERE tweet_id = t.id)
      OR likes_count <> (SELECT COUNT(*) FROM likes WHERE subject_type = 'tweet' AND subject_id = t.id)
    UNION ALL
    SELECT c.id FROM comments c
    WHERE likes_count <> (SELECT COUNT(*) FROM likes WHERE subject_type = 'comment' AND subject_id = c.id)
  `;
    for (const wrong of [wrongComments, wrongLikes, late, miscounted]) {
      t.same((await wrong.execute(reference.db)).rows, []);
    }
  },
);

t.test('a second run changes nothing, not even what people have done since', async (t) => {
  const body = { username: usernameOf(0), password: DEMO_PASSWORD };
  const url = '/api/accounts/login';
  const login = await reference.inject({ method: 'POST', url, body });
  const headers = { authorization: `Bearer ${login.json().accessToken}` };
  await reference.inject({ method: 'POST', url: '/api/friendships/2/unfollow', headers });
  const changed = await everything(reference);
  t.notSame(changed, before);
  for (const args of [SMALL, ['--graph', graph]]) {
    const { code, output } = await seed(reference, args);
    t.match([code, output], [0, /The data is there already/]);
  }
  t.same(await everything(reference), changed);
});

t.test('killed in the middle, it goes on to the same data as without', async (t) => {
  const app = await createApp(t);
  const author = postsFor(await readGraph(graph))(299).author;
  // Somebody else is about to insert what the seed inserts too, so it has to wait just there.
  const likes = reference.db.selectFrom('likes').where('id', '<=', String(800 * MAX_LIKES));
  const like = await likes.select(({ fn }) => fn.max('id').as('id')).executeTakeFirstOrThrow();
  const obstacles = [
    { loaded: 200, sql: sql`INSERT INTO newsfeeds VALUES (${userIdOf(author)}, 300)` },
    { loaded: 400, sql: sql`INSERT INTO tweets (id, user_id, content) VALUES (500, 1, 'x')` },
    {
      loaded: 600,
      sql: sql`INSERT INTO likes (id, user_id, subject_type, subject_id) VALUES (${like.id}, 1, 'tweet', 1001)`,
    },
  ];
  for (const obstacle of obstacles) {
    const other = await app.db.startTransaction().execute();
    await obstacle.sql.execute(other);
    const { code } = await seed(app, SMALL, async () => {
      const there = (await count(app, 'tweets').catch(() => 0)) === obstacle.loaded;
      if (there) await sleep(100);
      return there;
    });
    await other.rollback().execute();
    t.equal(code, null, 'it was killed');
    t.match(await compareFeeds(app), { wrong: 0 }, 'no post is without its feeds');
    const early = sql`SELECT id FROM comments WHERE tweet_id > ${obstacle.loaded}`;
    t.same((await early.execute(app.db)).rows, [], 'no comment is there before its post');
  }
  t.match(await seed(app, SMALL), { code: 0, output: /Loaded/ });
  t.same(await everything(app), before);
});

t.test('two runs at the same time load everything once', async (t) => {
  const app = await createApp(t);
  const runs = await Promise.all([seed(app, SMALL), seed(app, SMALL)]);
  t.same(
    runs.map(({ code }) => code),
    [0, 0],
    runs.map(({ output }) => output).join('\n'),
  );
  t.equal(await count(app, 'tweets'), 1_000);
  t.match(await compareFeeds(app), { wrong: 0 });
});

t.test('seeded people are like those who sign up: they get a nickname and an avatar', async (t) => {
  const app = await createApp(t);
  t.equal((await seed(app, ['--graph', graph, '--posts', '9'])).code, 0);
  const body = { username: usernameOf(7), password: DEMO_PASSWORD };
  const login = await app.inject({ method: 'POST', url: '/api/accounts/login', body });
  const headers = { authorization: `Bearer ${login.json().accessToken}` };
  const nickname = { method: 'PATCH', url: '/api/profiles/me', headers } as const;
  const named = await app.inject({ ...nickname, body: { nickname: 'Zoe' } });
  t.match([named.statusCode, named.json()], [200, { nickname: 'Zoe' }]);
  const form = new FormData();
  const create = { width: 8, height: 8, channels: 3, background: 'red' } as const;
  const png = new Uint8Array(await sharp({ create }).png().toBuffer());
  form.append('file', new File([png], 'red.png'));
  const avatar = { method: 'PUT', url: '/api/profiles/me/avatar', headers } as const;
  const shown = await app.inject({ ...avatar, payload: form });
  t.match([shown.statusCode, shown.json()], [200, { nickname: 'Zoe', avatarUrl: String }]);
  // Whoever comments, likes or posts over the API gets an id after all that the seed may take.
  const post = { method: 'POST', url: '/api/tweets', headers } as const;
  t.equal((await app.inject({ ...post, body: { content: 'Mine' } })).json().id, '10');
  const comment = { method: 'POST', url: '/api/comments', headers } as const;
  const commented = await app.inject({ ...comment, body: { tweetId: '1', content: 'Mine' } });
  t.equal(commented.json().id, String(9 * MAX_COMMENTS + 1));
  const like = { method: 'POST', url: '/api/likes', headers } as const;
  await app.inject({ ...like, body: { subjectType: 'tweet', subjectId: '10' } });
  const liked = app.db.selectFrom('likes').select('id').where('subject_id', '=', '10');
  t.same(await liked.execute(), [{ id: String(9 * MAX_LIKES + 1) }]);
});

t.test('it refuses, and says what to do', async (t) => {
  const otherwise = await seed(reference, ['--graph', graph, '--posts', '5']);
  t.match(otherwise, { code: 1, output: /was seeded with 1,000 posts.*services reset/ });
  const otherGraph = await seed(reference, []);
  t.match(otherGraph, { code: 1, output: /was seeded with another graph.*services reset/ });

  const inUse = await createApp(t);
  await createUser(inUse, 'ada');
  t.match(await seed(inUse, SMALL), { code: 1, output: /such as ada.*services reset/ });
  t.equal(await count(inUse, 'users'), 1);

  await migrate(inUse.db, 'down');
  t.match(await seed(inUse, SMALL), { code: 1, output: /not migrated: run "npm run migrate"/ });

  const production = { DATABASE_URL: await urlOf(inUse), NODE_ENV: 'production' };
  t.match(await runTool('seed', SMALL, production), {
    code: 1,
    output: /does not run with NODE_ENV/,
  });
});

t.test('wrong arguments: one sentence and exit code 2', async (t) => {
  const wrong = [
    ['--posts', 'many'],
    ['--posts', '-1'],
    ['--posts=1000001'],
    ['--pots', '1'],
    ['5'],
  ];
  const runs = await Promise.all(wrong.map((args) => seed(reference, args)));
  for (const { code, output } of runs) {
    t.equal(code, 2, output);
    t.equal(output.trim().split('\n').length, 1, output);
  }
});
