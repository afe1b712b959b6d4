import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { type Config, loadConfig } from '../src/config.ts';
import { createApp, createUser, type TestUser } from './helper.ts';
import { proxyTo } from './proxy.ts';

/** A hundredth: in ten seconds two requests of a user, and ten of an address. */
const limited = { RATE_LIMIT_FACTOR: 0.01 };
const config = loadConfig(process.env);

/** An app with limits, on a database with two users who have signed up somewhere else. */
async function createLimited(t: Test, settings: Partial<Config> = {}) {
  const open = await createApp(t);
  const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(open.db);
  const DATABASE_URL = new URL(rows[0]?.name ?? '', config.DATABASE_URL).href;
  const [ada, grace] = [await createUser(open, 'ada'), await createUser(open, 'grace')];
  const app = await createApp(t, { ...limited, DATABASE_URL, ...settings });
  const keysOf = (client: string) => open.redis.keys(`${rows[0]?.name}:limits:*${client}`);
  return { app, ada, grace, DATABASE_URL, keysOf };
}

async function me(app: FastifyInstance, { headers }: Pick<TestUser, 'headers'>): Promise<number> {
  return (await app.inject({ url: '/api/accounts/me', headers })).statusCode;
}

/** What a stranger hears who asks at once as often as said. */
async function ask(app: FastifyInstance, remoteAddress: string, times = 1, headers = {}) {
  const request = { url: '/api/tweets/1', remoteAddress, headers };
  const answers = await Promise.all(Array.from({ length: times }, () => app.inject(request)));
  return answers.map(({ statusCode }) => statusCode).sort();
}

t.test('a user is counted, with whatever token, and over all processes', async (t) => {
  const { app: one, ada, grace, DATABASE_URL } = await createLimited(t);
  const two = await createApp(t, { ...limited, DATABASE_URL });
  const token = one.jwt.sign({ sub: ada.id }, { jti: 'another' });
  const again = { headers: { authorization: `Bearer ${token}` } };
  t.same([await me(one, ada), await me(two, again)], [200, 200]);
  t.same([await me(one, ada), await me(two, ada), await me(two, again)], [429, 429, 429]);
  t.equal(await me(two, grace), 200, 'on the same address');
});

t.test('whoever is refused reads when to come back, and may then', async (t) => {
  const { app, ada, keysOf } = await createLimited(t);
  await Promise.all([me(app, ada), me(app, ada)]);
  const refused = await app.inject({ url: '/api/accounts/me', headers: ada.headers });
  const seconds = Number(refused.headers['retry-after']);
  t.ok(seconds >= 1 && seconds <= 10, `Retry-After: ${seconds}`);
  t.match(refused.json(), { statusCode: 429, code: 'TOO_MANY_REQUESTS' });
  const [key = ''] = await keysOf(`user ${ada.id}`);
  t.ok((await app.redis.pttl(key)) > 0, 'it goes by itself');
  await app.redis.pexpire(key, 0);
  t.same([await me(app, ada), await me(app, ada), await me(app, ada)], [200, 200, 429]);
});

t.test('a stranger is counted by address, of IPv6 by its network', async (t) => {
  const app = await createApp(t, limited);
  const ten = Array(10).fill(404);
  t.same(await ask(app, '192.0.2.1', 11), [...ten, 429]);
  t.same(await ask(app, '::ffff:192.0.2.1'), [429], 'the same in another form');
  t.same(await ask(app, '192.0.2.2'), [404]);
  t.same(await ask(app, '2001:db8:0:1::1', 10), ten);
  t.same(await ask(app, '2001:db8:0:1:ffff::2'), [429]);
  t.same(await ask(app, '2001:db8:0:2::1'), [404]);
  const authorization = `Bearer ${app.jwt.sign({ sub: '1' }, { key: 'another key' })}`;
  t.same(await ask(app, '192.0.2.1', 1, { authorization }), [401], 'nobody is let in');
  const outside = await app.inject({ url: '/nowhere', remoteAddress: '192.0.2.1' });
  t.equal(outside.statusCode, 429, 'what is not there is counted, too');
  t.equal((await app.inject({ url: '/healthz', remoteAddress: '192.0.2.1' })).statusCode, 200);
});

t.test('only a proxy that we know may say for whom it asks', async (t) => {
  const open = await createApp(t, limited);
  const as = (address: string) => ({ 'x-forwarded-for': address });
  await ask(open, '10.0.0.1', 10, as('192.0.2.1'));
  t.same(await ask(open, '10.0.0.1', 1, as('192.0.2.2')), [429]);
  const app = await createApp(t, { ...limited, TRUST_PROXY: '10.0.0.0/8' });
  await ask(app, '10.0.0.1', 10, as('192.0.2.1'));
  t.same(await ask(app, '10.0.0.1', 1, as('192.0.2.2')), [404]);
  t.same(await ask(app, '10.0.0.1', 1, as('192.0.2.3, 192.0.2.1')), [429], 'made up');
});

t.test('without Redis, or while it hangs, each process counts for itself', async (t) => {
  const redis = await proxyTo(t, config.REDIS_URL);
  const { app, ada, grace, keysOf } = await createLimited(t, { REDIS_URL: redis.url });
  redis.hang();
  t.same([await me(app, ada), await me(app, ada), await me(app, ada)], [200, 200, 429]);
  await redis.cut();
  t.same([await me(app, grace), await me(app, grace), await me(app, grace)], [200, 200, 429]);
  await redis.restore();
  await app.redis.connect().catch(() => 'it does by itself');
  while (app.redis.status !== 'ready') await sleep(5);
  for (const key of await keysOf('')) await app.redis.del(key);
  let tries = 0;
  for (; tries < 300 && (await keysOf('')).length === 0; tries++) {
    await app.inject('/api/tweets/1');
    await sleep(10);
  }
  t.ok(tries < 300, 'it is asked again');
});
