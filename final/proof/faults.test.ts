import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { ask, Backend, type Person, type Running } from './faults/backend.ts';
import type { Wire } from './faults/wire.ts';
import * as expected from './oracle/expected.ts';
import { comparePages } from './oracle/pages.ts';
import { compareFeeds } from './tools.ts';

/**
 * What real processes do when something breaks: meanwhile every answer is right or an honest 503,
 * and afterwards no entry of a feed is lost, none is there twice, and every count is exact.
 */
t.setTimeout(300_000);
const backend = await Backend.open(t);
const { app } = backend;
const { rows } = await sql`SHOW TABLES LIKE 'outbox'`.execute(app.db);
/** What the queue cannot be told is written down, and told later. */
const hasOutbox = rows.length > 0;

/** The wires of one API and one worker: what the tests take away from them. */
const wires = {
  api: {
    DATABASE_URL: await backend.wire('DATABASE_URL'),
    REDIS_URL: await backend.wire('REDIS_URL'),
    QUEUE_REDIS_URL: await backend.wire('QUEUE_REDIS_URL'),
    MEMCACHED_URL: await backend.wire('MEMCACHED_URL'),
  },
  worker: {
    DATABASE_URL: await backend.wire('DATABASE_URL'),
    REDIS_URL: await backend.wire('REDIS_URL'),
    QUEUE_REDIS_URL: await backend.wire('QUEUE_REDIS_URL'),
    MEMCACHED_URL: await backend.wire('MEMCACHED_URL'),
  },
};
let api = await backend.start('server', wires.api);
let worker = await backend.start('worker', wires.worker);

/** Those whose feeds are read: an author whom three follow, of whom two have read, and many others. */
const readers = [await backend.person(), await backend.person(), await backend.person()];
const star = await backend.person(readers, 2_500);
const [ada, grace] = readers as [Person, Person, Person];
await sql`
  INSERT INTO friendships (from_user_id, to_user_id) VALUES (${ada.id}, ${grace.id})
`.execute(app.db);

async function post(person: Person, to: Running = api): Promise<string> {
  const { status, body } = await ask(to, 'POST', 'tweets', person, { content: 'hello' });
  if (status !== 201) throw new Error(`A post was answered ${status} ${JSON.stringify(body)}`);
  return body.id;
}

async function warm(): Promise<void> {
  for (const person of [star, ada, grace]) await ask(api, 'GET', 'newsfeeds', person);
}

/** Every feed in the table, and every page of those who read, by way of the API, and every count. */
async function isRight(t: Test, servers: Running[] = [api]): Promise<void> {
  await backend.settle();
  t.match(await compareFeeds(app), { wrong: 0 }, 'no entry is lost, and none is too many');
  for (const server of servers)
    for (const person of [star, ...readers]) {
      const feed = await expected.feed(app, person.id);
      await t.resolves(
        comparePages('newsfeeds?', 7, feed, async (path) => {
          const { status, body } = await ask(server, 'GET', path, person);
          return { statusCode: status, body: JSON.stringify(body) };
        }),
        'every page of a feed is what the tables say',
      );
    }
  t.same(await miscounted(), [], 'every count is exact');
}

/** Tweets and comments whose columns say other counts than there are rows. */
async function miscounted() {
  const { rows } = await sql`
    SELECT 'tweet', id FROM tweets
    WHERE comments_count <> (SELECT COUNT(*) FROM comments WHERE tweet_id = tweets.id)
      OR likes_count <> (SELECT COUNT(*) FROM likes
        WHERE subject_type = 'tweet' AND subject_id = tweets.id)
    UNION ALL
    SELECT 'comment', id FROM comments
    WHERE likes_count <> (SELECT COUNT(*) FROM likes
      WHERE subject_type = 'comment' AND subject_id = comments.id)
  `.execute(app.db);
  return rows;
}

/**
 * People who post and read so many rounds: answers are right, or 503. Whoever has posted reads it in
 * their own feed.
 */
async function traffic(t: Test, rounds: number, people = [ada, grace]): Promise<number[]> {
  const statuses: number[] = [];
  const wrong: unknown[] = [];
  const send = async (...request: Parameters<typeof ask>) => {
    const answer = await ask(...request);
    statuses.push(answer.status);
    if (answer.status >= 400 && answer.status !== 503) wrong.push([request[2], answer]);
    return answer;
  };
  const live = async (person: Person) => {
    for (let n = 0; n < rounds; n += 1) {
      const posted = await send(api, 'POST', 'tweets', person, { content: 'meanwhile' });
      const read = await send(api, 'GET', 'newsfeeds?limit=50', person);
      if (posted.status === 201 && read.status === 200) {
        const ids = read.body.items.map(({ id }: { id: string }) => id);
        if (!ids.includes(posted.body.id)) wrong.push(['a post is not in its own feed', ids]);
        const sorted = ids.toSorted((a: string, b: string) => Number(b) - Number(a));
        if (ids.join() !== sorted.join()) wrong.push(['a feed is out of order', ids]);
        if (new Set(ids).size < ids.length) wrong.push(['a tweet is in a feed twice', ids]);
        const subject = { subjectType: 'tweet', subjectId: posted.body.id };
        await send(api, 'POST', 'likes', person, subject);
        await send(api, 'POST', 'likes', person, subject);
      }
    }
  };
  await Promise.all(people.map(live));
  t.same(wrong, [], 'meanwhile every answer is right, or an honest 503');
  return statuses;
}

/** The worker is killed where it stands, and others take over. */
async function replaceWorker(): Promise<void> {
  await worker.end('SIGKILL');
  for (const wire of Object.values(wires.worker)) await wire.restore();
  worker = await backend.start('worker', wires.worker);
}

t.test('a worker is killed in the middle of a fan-out', async (t) => {
  await warm();
  const stopped = wires.worker.DATABASE_URL.stopAt(/INSERT IGNORE INTO newsfeeds/, 2);
  await post(star);
  await stopped;
  await replaceWorker();
  await isRight(t);
});

t.test('a worker is killed between what it writes to the table and to the copies', async (t) => {
  await warm();
  const stopped = wires.worker.REDIS_URL.stopAt(new RegExp(`feed of ${ada.id}\\b`));
  const id = await post(star);
  await stopped;
  const entries = await app.db.selectFrom('newsfeeds').where('tweet_id', '=', id).selectAll();
  t.ok((await entries.execute()).length > 1, 'rows are there');
  await replaceWorker();
  await isRight(t);
});

t.test(
  'the API is killed between the commit and the queue',
  { skip: !hasOutbox && 'nothing is written down before there is an outbox' },
  async (t) => {
    await warm();
    wires.api.QUEUE_REDIS_URL.hang();
    const before = await count();
    const lost = post(star).catch(() => 'no answer');
    while ((await count()) === before) await sleep(10);
    await api.end('SIGKILL');
    await lost;
    await wires.api.QUEUE_REDIS_URL.restore();
    api = await backend.start('server', wires.api);
    await isRight(t);
  },
);

async function count(): Promise<number> {
  const tweets = app.db.selectFrom('tweets').select(({ fn }) => fn.countAll<string>().as('n'));
  return Number((await tweets.executeTakeFirstOrThrow()).n);
}

t.test('Redis comes back empty', async (t) => {
  await warm();
  await Promise.all([wires.api.REDIS_URL.cut(), wires.worker.REDIS_URL.cut()]);
  await traffic(t, 3);
  const keys = await app.redis.keys(`${backend.prefix}:*`);
  const copies = keys.filter((key) => !key.startsWith(`${backend.prefix}:queues`));
  if (copies.length > 0) await app.redis.unlink(copies);
  await Promise.all([wires.api.REDIS_URL.restore(), wires.worker.REDIS_URL.restore()]);
  await traffic(t, 3);
  await isRight(t);
});

for (const [service, name] of [
  ['REDIS_URL', 'Redis'],
  ['MEMCACHED_URL', 'Memcached'],
] as const) {
  const both = (what: 'cut' | 'hang' | 'restore') =>
    Promise.all([wires.api[service][what](), wires.worker[service][what]()]);

  t.test(
    `${name} is away while people post and read, and comes back with what it had`,
    async (t) => {
      await warm();
      await both('cut');
      const statuses = await traffic(t, 5);
      t.notOk(statuses.includes(503), 'nobody needs it');
      await both('restore');
      await traffic(t, 2);
      await isRight(t);
    },
  );

  t.test(`${name} does not answer for a while, and is not waited for`, async (t) => {
    await warm();
    await both('hang');
    t.match(await post(ada), /^\d+$/);
    t.equal((await ask(api, 'GET', 'newsfeeds', ada)).status, 200);
    await both('restore');
    await traffic(t, 2);
    await isRight(t);
  });
}

t.test(
  'the Redis of the queue is away while people post',
  { skip: !hasOutbox && 'nothing is written down before there is an outbox' },
  async (t) => {
    await warm();
    const away: Wire[] = [wires.api.QUEUE_REDIS_URL, wires.worker.QUEUE_REDIS_URL];
    await Promise.all(away.map((wire) => wire.cut()));
    const statuses = await traffic(t, 5);
    t.notOk(statuses.includes(503), 'posts do not need it');
    await Promise.all(away.map((wire) => wire.restore()));
    await isRight(t);
  },
);

t.test('MySQL goes away and comes back', async (t) => {
  await warm();
  const away: Wire[] = [wires.api.DATABASE_URL, wires.worker.DATABASE_URL];
  await Promise.all(away.map((wire) => wire.cut()));
  const statuses = await traffic(t, 3);
  t.ok(statuses.includes(503), 'nobody can post');
  await Promise.all(away.map((wire) => wire.restore()));
  const after = await traffic(t, 3);
  t.notOk(after.includes(503), 'at once everything is as it was');
  await isRight(t);
});

t.test('MySQL goes away in the middle of a fan-out', async (t) => {
  await warm();
  const stopped = wires.worker.DATABASE_URL.stopAt(/INSERT IGNORE INTO newsfeeds/, 2);
  await post(star);
  await stopped;
  await wires.worker.DATABASE_URL.restore();
  await isRight(t);
});

t.test('jobs come twice, and the later before the earlier', async (t) => {
  await warm();
  await worker.end('SIGTERM');
  const [kept, gone] = [await post(star), await post(star)];
  await ask(api, 'DELETE', `tweets/${gone}`, star);
  await ask(api, 'POST', `friendships/${star.id}/unfollow`, grace);
  while ((await app.fanOuts.getWaitingCount()) < 3) await sleep(10);
  const jobs = await app.fanOuts.getWaiting();
  t.ok(jobs.some(({ data }) => data.tweetId === kept));
  for (const job of jobs) await job.remove();
  const newest = jobs.toSorted((a, b) => Number(b.data.tweetId) - Number(a.data.tweetId));
  for (const { name, data } of [...newest, ...newest]) await app.fanOuts.add(name, data);
  worker = await backend.start('worker', wires.worker);
  await isRight(t);
});

/** Puts a job into the queue of what is done at night, once there is one. */
const { maintenance } = app as unknown as {
  maintenance?: { add(name: string, data: object): Promise<unknown> };
};

t.test(
  'what has drifted is repaired while people go on',
  { skip: !maintenance && 'nothing is repaired yet' },
  async (t) => {
    await post(readers[2] ?? star);
    await warm();
    await sql`
      UPDATE tweets SET likes_count = likes_count + 7, comments_count = comments_count + 1
    `.execute(app.db);
    await sql`
      INSERT IGNORE INTO newsfeeds SELECT ${ada.id}, id FROM tweets WHERE user_id = ${readers[2]?.id}
    `.execute(app.db);
    t.not((await miscounted()).length, 0);
    const going = traffic(t, 3);
    for (const name of ['tweet counts', 'comment counts', 'feeds'])
      await maintenance?.add(name, {});
    await going;
    await isRight(t);
  },
);

t.test('two APIs and two workers, and everybody posts, likes and follows at once', async (t) => {
  const [other, helper] = await Promise.all([backend.start('server'), backend.start('worker')]);
  const authors = [star, ...readers];
  const both = [api, other];
  await Promise.all(
    authors.flatMap((author, n) =>
      both.map(async (server, m) => {
        for (let i = 0; i < 5; i += 1) {
          const id = await post(author, server);
          const whom = authors[(n + i + 1) % authors.length] ?? star;
          const what = (i + m) % 2 ? 'follow' : 'unfollow';
          if (whom !== author) await ask(server, 'POST', `friendships/${whom.id}/${what}`, author);
          if (i === 2) await ask(server, 'DELETE', `tweets/${id}`, author);
          await ask(server, 'GET', 'newsfeeds', author);
        }
      }),
    ),
  );
  await isRight(t, both);
  await Promise.all([other.end('SIGTERM'), helper.end('SIGTERM')]);
});

t.test('200 like and unlike one tweet at once, over two processes', async (t) => {
  const other = await backend.start('server');
  const fans = Array.from({ length: 100 }, (_, n) => String(1_000_000 + n));
  const rows = fans.map((id) => sql`(${id}, ${`f${id}`}, ${`f${id}`}, '')`);
  await sql`
    INSERT INTO users (id, username, email, password_hash) VALUES ${sql.join(rows)}
  `.execute(app.db);
  const subject = { subjectType: 'tweet', subjectId: await post(ada) };
  const act = async (id: string, n: number, server: Running) => {
    const headers = { authorization: `Bearer ${app.jwt.sign({ sub: id })}` };
    const path = n % 3 === 0 ? 'likes/cancel' : 'likes';
    const { status } = await ask(server, 'POST', path, { id, headers }, subject);
    if (status !== 200) throw new Error(`${path} was answered ${status}`);
  };
  await Promise.all(fans.flatMap((id, n) => [act(id, n, api), act(id, n + (n % 2), other)]));
  const { rows: likes } = await sql`
    SELECT id FROM likes WHERE subject_type = 'tweet' AND subject_id = ${subject.subjectId}
  `.execute(app.db);
  t.ok(likes.length > 30);
  for (const server of [api, other]) {
    const { body } = await ask(server, 'GET', `tweets/${subject.subjectId}`);
    t.equal(body.likesCount, likes.length);
  }
  t.same(await miscounted(), []);
  await other.end('SIGTERM');
});
