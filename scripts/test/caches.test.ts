// What dropping a database does to the caches: real Redis, Memcached and MySQL.
import t from 'tap';
import { createDatabase, dropDatabase, withDatabase } from '../src/core/app-process.ts';
import { askInLines } from '../src/services/ask.ts';
import { clearCaches, clearMemcached, clearRedis } from '../src/services/caches.ts';
import { servicesUp } from '../src/services/index.ts';
import { askRedis } from '../src/services/redis.ts';

t.setTimeout(60_000);

const { DATABASE_URL, REDIS_URL, QUEUE_REDIS_URL, MEMCACHED_URL } = await servicesUp({
  quiet: true,
});
const NAME = `fanout_test_${process.pid}_caches`;
/** Names that must not be taken for NAME. */
const OTHERS = [`${NAME}_2`, `x_${NAME}`];
const COUNT = 2500;

t.teardown(() => clearCaches([NAME, ...OTHERS]));

/** Stores `value` under the keys in both. */
async function fill(keys: string[]): Promise<void> {
  const redisLines = keys.map((key) => `SET ${key} value`);
  const memcachedLines = keys.flatMap((key) => [`set ${key} 0 600 5`, 'value']);
  await askRedis(REDIS_URL, 10_000, ...redisLines);
  await askInLines(MEMCACHED_URL, 10_000, [...memcachedLines, 'quit']);
}

/** How many of the keys each of the two has. */
async function have(keys: string[]): Promise<{ redis: number; memcached: number }> {
  const lines = keys.map((key) => `get ${key}`);
  const [redis, memcached] = await Promise.all([
    askRedis(REDIS_URL, 10_000, ...lines),
    askInLines(MEMCACHED_URL, 10_000, [...lines, 'quit']),
  ]);
  const count = (reply: string) => [...reply.matchAll(/^value\r$/gm)].length;
  return { redis: count(redis), memcached: count(memcached) };
}

const keysOf = (name: string, count: number) => [
  ...Array.from({ length: count }, (_, id) => `${name}:user:${id}`),
  `${name}:name:häß%3A`,
];

t.test('a database that is dropped takes its keys along, and no others', async (t) => {
  const own = keysOf(NAME, COUNT);
  const others = OTHERS.flatMap((name) => keysOf(name, 3));
  await fill([...own, ...others]);
  t.same(await have(own), { redis: COUNT + 1, memcached: COUNT + 1 });
  const url = withDatabase(DATABASE_URL, NAME);
  await createDatabase(url);
  await dropDatabase(url);
  t.same(await have(own), { redis: 0, memcached: 0 });
  t.same(await have(others), { redis: 8, memcached: 8 });
});

t.test('a database that is dropped takes its jobs along, and no others', async (t) => {
  const job = (name: string) => `${name}:queues:fan-outs:1`;
  const names = [NAME, ...OTHERS];
  const lines = (command: string) => names.map((name) => command.replace('KEY', job(name)));
  t.teardown(() => askRedis(QUEUE_REDIS_URL, 5000, ...lines('DEL KEY')));
  await askRedis(QUEUE_REDIS_URL, 5000, ...lines('HSET KEY data value'));
  await dropDatabase(withDatabase(DATABASE_URL, NAME));
  const left = await askRedis(QUEUE_REDIS_URL, 5000, ...lines('EXISTS KEY'));
  t.match(left, /^:0\r\n:1\r\n:1\r\n/);
});

t.test('several at once do not disturb each other', async (t) => {
  const keys = OTHERS.flatMap((name) => keysOf(name, 3));
  await fill(keys);
  await Promise.all([...OTHERS, NAME, NAME].map((name) => clearCaches([name])));
  t.same(await have(keys), { redis: 0, memcached: 0 });
});

t.test('signs that mean something in a pattern mean themselves', async (t) => {
  const keys = keysOf(NAME, 3);
  await fill(keys);
  const wild = ['?:', '*', '[a-z]:', '"\\:'].map((end) => NAME.slice(0, -1) + end);
  await clearRedis(REDIS_URL, wild);
  await clearMemcached(MEMCACHED_URL, wild);
  t.same(await have(keys), { redis: 4, memcached: 4 });
});

t.test('keys in another database of Redis are found by its address', async (t) => {
  const second = new URL(REDIS_URL);
  second.pathname = '/2';
  await askRedis(second.href, 5000, `SET ${NAME}:user:1 value`);
  await clearRedis(REDIS_URL, [`${NAME}:`]);
  t.match(await askRedis(second.href, 5000, `GET ${NAME}:user:1`), 'value');
  await clearRedis(second.href, [`${NAME}:`]);
  t.notMatch(await askRedis(second.href, 5000, `GET ${NAME}:user:1`), 'value');
});

t.test('a service that is down has nothing to clear', async (t) => {
  const keys = keysOf(NAME, 3);
  await fill(keys);
  const given = process.env.REDIS_URL;
  t.teardown(() => {
    if (given === undefined) delete process.env.REDIS_URL;
    else process.env.REDIS_URL = given;
  });
  process.env.REDIS_URL = 'redis://127.0.0.1:1';
  await clearCaches([NAME]);
  t.same(await have(keys), { redis: 4, memcached: 0 });
});

t.test('a refusal is told in one sentence', async (t) => {
  const wrong = new URL(REDIS_URL);
  wrong.pathname = '/999';
  await t.rejects(clearRedis(wrong.href, ['a:', 'b:']), {
    exitCode: 1,
    message: /^Redis does not delete the keys that begin with a: or b: \(ERR .*\): empty it/,
  });
});
