import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp } from './helper.ts';
import { proxyTo } from './proxy.ts';

const config = loadConfig(process.env);
const redis = await proxyTo(t, config.REDIS_URL);
const open = await createApp(t);
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(open.db);
const name = rows[0]?.name ?? '';
const DATABASE_URL = new URL(name, config.DATABASE_URL).href;
const app = await createApp(t, { RATE_LIMIT_FACTOR: 1, DATABASE_URL, REDIS_URL: redis.url });

let strangers = 0;
/** An address that nobody has used before. */
const elsewhere = () => `192.0.2.${++strangers}`;

async function logIn(username: string, password: string, remoteAddress = elsewhere()) {
  // What an address may do in a second is another matter.
  for (const key of await open.redis.keys(`${name}:limits:* 1s address *`)) open.redis.del(key);
  const body = { username, password };
  return app.inject({ method: 'POST', url: '/api/accounts/login', body, remoteAddress });
}

/** Many try the wrong password at once, each from another address. */
async function guess(username: string, times: number): Promise<number[]> {
  const guesses = Array.from({ length: times }, () => logIn(username, 'not the password'));
  return (await Promise.all(guesses)).map(({ statusCode }) => statusCode).sort();
}

const ten = Array(10).fill(401);

async function statusOf(username: string, address?: string): Promise<number> {
  return (await logIn(username, `${username} has a password`, address)).statusCode;
}

/** Somebody new, who has not logged in from anywhere. */
async function signUp(username: string) {
  const password = `${username} has a password`;
  const body = { username, email: `${username}@example.org`, password };
  await open.inject({ method: 'POST', url: '/api/accounts/signup', body });
}

t.test('an account can be tried ten times, from wherever, and by no other name', async (t) => {
  await signUp('ada');
  t.same(await guess('ada', 12), [...ten, 429, 429]);
  const right = await logIn('ADA', 'ada has a password', '192.0.2.1');
  t.match(right.json(), { statusCode: 429, code: 'TOO_MANY_REQUESTS' }, 'whether right or wrong');
  const seconds = Number(right.headers['retry-after']);
  t.ok(seconds > 60 && seconds <= 900, `Retry-After: ${seconds}`);
  await signUp('grace');
  t.equal(await statusOf('grace'), 200, 'others are not concerned');
});

t.test('an account that there is not says the same', async (t) => {
  t.same(await guess('nobody', 11), [...ten, 429]);
  const [nobody, ada] = [await logIn('nobody', 'x'), await logIn('ada', 'x')];
  t.same(Object.keys(nobody.json()), Object.keys(ada.json()));
  t.same([nobody.statusCode, ada.statusCode], [429, 429]);
});

t.test('where its owner has logged in before, strangers do not lock an account', async (t) => {
  await signUp('hopper');
  t.equal(await statusOf('hopper', '2001:db8:7::1'), 200);
  t.same((await guess('hopper', 10)).pop(), 429, 'the first was a stranger, too');
  t.equal(await statusOf('hopper', '2001:db8:7::2'), 200, 'at home');
  t.equal(await statusOf('hopper'), 429, 'elsewhere');
  for (let more = 0; more < 9; more++) await logIn('hopper', 'wrong', '2001:db8:7::3');
  t.equal(await statusOf('hopper', '2001:db8:7::1'), 429, 'a home has ten, too');
});

t.test('after a quarter of an hour, or a session that lasts, it goes on', async (t) => {
  await signUp('lovelace');
  const login = await logIn('lovelace', 'lovelace has a password', '192.0.2.250');
  const { refreshToken } = login.json();
  await guess('lovelace', 10);
  t.equal(await statusOf('lovelace'), 429);
  const request = { method: 'POST', url: '/api/accounts/refresh', body: { refreshToken } } as const;
  t.equal((await app.inject(request)).statusCode, 200);
  const [key = ''] = await open.redis.keys(`${name}:limits:*lovelace elsewhere`);
  t.ok((await open.redis.pttl(key)) > 0, 'it ends by itself');
  await open.redis.pexpire(key, 0);
  t.equal(await statusOf('lovelace'), 200);
});

t.test('an address can try five admin passwords a minute', async (t) => {
  const ask = async (password: string, remoteAddress: string) => {
    const headers = { authorization: `Basic ${btoa(`ada:${password}`)}` };
    return (await app.inject({ url: '/admin/queue-counts', headers, remoteAddress })).statusCode;
  };
  for (let n = 0; n < 5; n++) t.equal(await ask(`guess ${n}`, '2001:db8:9::1'), 401);
  t.equal(await ask(config.ADMIN_PASSWORD ?? '', '2001:db8:9::2'), 429, 'whether right or wrong');
  t.equal(await ask(config.ADMIN_PASSWORD ?? '', elsewhere()), 200);
});

t.test('without Redis each process counts what is tried', async (t) => {
  await redis.cut();
  t.same(await guess('turing', 11), [...ten, 429]);
});
