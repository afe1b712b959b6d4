import { once } from 'node:events';
import { connect } from 'node:net';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
const prefix = rows[0]?.name;

async function post({ headers }: TestUser, content = 'x'): Promise<string> {
  const request = { method: 'POST', url: '/api/tweets', headers, body: { content } } as const;
  return (await app.inject(request)).json().id;
}

/** The status of the answer, and how often the table of tweets was asked. */
async function look(url: string) {
  let status = 0;
  const statements = await recordStatements(async () => {
    status = (await app.inject(url)).statusCode;
  });
  return {
    status,
    asked: statements.filter((each) => each.includes('select * from `tweets`')).length,
  };
}

/** How long Memcached will keep this, in seconds; undefined if it does not have it. */
async function lifeOf(key: string): Promise<number | undefined> {
  const { hostname, port } = new URL(loadConfig(process.env).MEMCACHED_URL);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  socket.write(`mg ${key} t\r\n`);
  const [answer] = await once(socket, 'data');
  socket.destroy();
  const [, life] = /^HD t(\d+)/.exec(answer) ?? [];
  return life === undefined ? undefined : Number(life);
}

t.test('who asks again and again for what is not there does not reach the table', async (t) => {
  t.same(await look('/api/tweets/999999'), { status: 404, asked: 1 });
  for (let n = 0; n < 5; n += 1)
    t.same(await look('/api/tweets/999999'), { status: 404, asked: 0 });
  const life = (await lifeOf(`${prefix}:tweet:999999`)) ?? Number.POSITIVE_INFINITY;
  t.ok(life <= 72, 'what is nowhere is kept for a shorter time: there is no end of it');
});

t.test('what was asked for too early is there as soon as it is', async (t) => {
  const next = String(BigInt(await post(ada)) + 1n);
  t.equal((await look(`/api/tweets/${next}`)).status, 404);
  await look(`/api/tweets/${next}`);
  const id = await post(ada, 'new');
  t.equal(id, next);
  t.same(await look(`/api/tweets/${next}`), { status: 200, asked: 0 }, 'kept when it is posted');
  const { items } = (await app.inject(`/api/tweets?userId=${ada.id}`)).json();
  t.match(items[0], { id, content: 'new' });
});

t.test('what went is nothing, and is known to be', async (t) => {
  const id = await post(ada);
  const request = { method: 'DELETE', url: `/api/tweets/${id}`, headers: ada.headers } as const;
  await app.inject(request);
  t.equal((await look(`/api/tweets/${id}`)).status, 404);
  t.match(await app.inject(request).then((again) => again.json()), { code: 'TWEET_NOT_FOUND' });
});

t.test('what is kept at the same time is not lost at the same time', async (t) => {
  const grace = await createUser(app, 'grace');
  const values = Array.from({ length: 60 }, () => ({ user_id: grace.id, content: 'x' }));
  await app.db.insertInto('tweets').values(values).execute();
  const { items } = (await app.inject(`/api/tweets?userId=${grace.id}&limit=60`)).json();
  const keys = items.map(({ id }: { id: string }) => `${prefix}:tweet:${id}`);
  const lives: number[] = await Promise.all(keys.map(lifeOf));
  t.ok(Math.min(...lives) > 470 && Math.max(...lives) <= 720, `${lives}`);
  t.ok(Math.max(...lives) - Math.min(...lives) > 60, `${lives}`);
});
