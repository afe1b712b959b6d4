import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, recordStatements } from './helper.ts';

const app = await createApp(t);
const ids = Array.from({ length: 200 }, (_, n) => String(n + 1));
const users = ids.map((id) => ({ id, username: id, email: id, password_hash: '' }));
await app.db.insertInto('users').values(users).execute();

/** A second process, so to speak: it has the same data, and a wire to Redis that we hold. */
const { DATABASE_URL, REDIS_URL } = loadConfig(process.env);
let held = Promise.resolve();
/** Called when something is held up. */
let whenHeld = () => {};
const wires = new Set<Socket>();
const proxy = createServer((socket) => {
  const { hostname, port } = new URL(REDIS_URL);
  const wire = connect(Number(port), hostname);
  wires.add(socket.on('error', () => {}).on('close', () => wire.destroy()));
  wire.on('error', () => {}).pipe(socket);
  // What it writes to Redis can be held up; what it reads comes at once.
  socket.on('data', async (bytes) => {
    if (/(eval|set).*:counts:/s.test(String(bytes))) {
      whenHeld();
      await held;
    }
    wire.write(bytes);
  });
}).listen(0, '127.0.0.1');
await once(proxy, 'listening');
t.teardown(() => proxy.close());
const { port } = proxy.address() as AddressInfo;
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
const other = await createApp(t, {
  DATABASE_URL: new URL(rows[0]?.name ?? '', DATABASE_URL).href,
  REDIS_URL: `redis://127.0.0.1:${port}`,
});

function post(path: string, body: object, by = '1', on = app) {
  const headers = { authorization: `Bearer ${app.jwt.sign({ sub: by })}` };
  return on.inject({ method: 'POST', url: `/api/${path}`, headers, body });
}

async function newTweet() {
  const row = { user_id: '1', content: 'hello' };
  const { insertId } = await app.db.insertInto('tweets').values(row).executeTakeFirstOrThrow();
  return { subjectType: 'tweet', subjectId: String(insertId) };
}

async function likesOf({ subjectId }: { subjectId: string }, on = app): Promise<number> {
  return (await on.inject(`/api/tweets/${subjectId}`)).json().likesCount;
}

t.test('200 people who like and unlike at once leave Redis as exact as MySQL', async (t) => {
  const tweet = await newTweet();
  await Promise.all(ids.slice(0, 100).map((id) => post('likes', tweet, id)));
  const act = (id: string, n: number) => post(n < 50 ? 'likes/cancel' : 'likes', tweet, id);
  await Promise.all(ids.map(act));
  const { id } = (await post('comments', { tweetId: tweet.subjectId, content: 'hi' })).json();
  await post('likes', { subjectType: 'comment', subjectId: id });
  const statements = await recordStatements(async () => {
    const page = (await app.inject(`/api/tweets/${tweet.subjectId}`)).json();
    t.match(page, { likesCount: 150, commentsCount: 1, comments: [{ likesCount: 1 }] });
  });
  t.notMatch(statements.join('\n'), /likes_count/, 'it was in Redis when the last was answered');
});

t.test('who fills in late does not bring back what was', async (t) => {
  const tweet = await newTweet();
  const gate = Promise.withResolvers<void>();
  held = gate.promise;
  const isHeld = new Promise<void>((resolve) => {
    whenHeld = resolve;
  });
  const late = likesOf(tweet, other);
  await isHeld;
  await post('likes', tweet);
  gate.resolve();
  t.equal(await late, 0, 'read before the like');
  t.equal(await likesOf(tweet), 1);
});

t.test('what changes while Redis is away is right when it is back', async (t) => {
  const tweet = await newTweet();
  t.equal(await likesOf(tweet), 0);
  const closed = once(proxy.close(), 'close');
  for (const wire of wires) wire.destroy();
  await closed;
  t.equal((await post('likes', tweet, '1', other)).json().changed, true);
  t.equal(await likesOf(tweet, other), 1, 'from MySQL');
  t.equal(await likesOf(tweet), 0, 'whoever has Redis cannot know it yet');
  await once(proxy.listen(port, '127.0.0.1'), 'listening');
  for (let n = 0; n < 50 && (await likesOf(tweet)) === 0; n++) await setTimeout(100);
  t.equal(await likesOf(tweet), 1);
});
