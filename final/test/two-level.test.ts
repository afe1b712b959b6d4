import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser, recordStatements } from './helper.ts';
import { proxyTo } from './proxy.ts';

const config = loadConfig(process.env);
const memcached = await proxyTo(t, config.MEMCACHED_URL);
const redis = await proxyTo(t, config.REDIS_URL);
const writer = await createApp(t);
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(writer.db);
/** Another process, so to speak. What it says to Memcached we count, and Redis we can take away. */
const reader = await createApp(t, {
  DATABASE_URL: new URL(rows[0]?.name ?? '', config.DATABASE_URL).href,
  MEMCACHED_URL: memcached.url,
  REDIS_URL: redis.url,
});
const { id, headers } = await createUser(writer, 'ada');
await writer.db.insertInto('tweets').values({ user_id: id, content: 'hello' }).execute();

const profile = { method: 'PATCH', url: '/api/profiles/me', headers } as const;
const rename = (nickname: string, on = writer) => on.inject({ ...profile, body: { nickname } });

/** The nickname of the tweet's author, as the reader shows it. */
async function shown(): Promise<string | null> {
  return (await reader.inject(`/api/tweets?userId=${id}`)).json().items[0].user.nickname;
}

/** How many bytes `work` has the reader say to Memcached. */
async function said(work: () => Promise<unknown>): Promise<number> {
  const sum = () => [...memcached.sockets].reduce((all, { bytesRead }) => all + bytesRead, 0);
  const before = sum();
  return work().then(() => sum() - before);
}

/** Waits, some seconds at most, until this is so, and returns whether it is. */
async function until(isSo: () => Promise<boolean>, tries = 100): Promise<boolean> {
  if ((await isSo()) || tries === 0) return tries > 0;
  await sleep(20);
  return until(isSo, tries - 1);
}

const isWarm = async () => (await said(shown)) === 0;

t.test('a warm object costs no word with Memcached, and no statement', async (t) => {
  t.ok(await until(isWarm));
  t.notMatch((await recordStatements(shown)).join(), /select \*|nickname/);
});

t.test('what one process changes shows in the others, and in itself at once', async (t) => {
  t.ok(await until(isWarm));
  await rename('new');
  t.ok(await until(async () => (await shown()) === 'new' && isWarm()));
  await rename('own', reader);
  t.equal(await shown(), 'own');
});

t.test('who has read before a change does not keep it', async (t) => {
  const old = { id, username: 'ada', nickname: 'old', avatarUrl: null };
  await reader.cache.forget('user', id);
  await reader.cache.getMany('user', [id], async () => {
    await rename('newest', reader);
    return new Map([[id, old]]);
  });
  t.equal(await shown(), 'newest');
  t.ok(await until(isWarm), 'who reads it now does');
});

t.test('a process that hears nothing keeps nothing, and begins anew', async (t) => {
  await redis.cut();
  await rename('meanwhile');
  t.ok(await until(async () => (await shown()) === 'meanwhile'));
  t.notOk(await isWarm());
  await redis.restore();
  t.ok(await until(isWarm), 'it hears again');
  t.equal(await shown(), 'meanwhile');
});

t.test('it keeps 5,000 objects: what was not used for longest goes', async (t) => {
  const ids = Array.from({ length: 5_200 }, (_, n) => `${n + 1_000}`);
  const load = async (ids: string[]) => new Map(ids.map((id) => [id, { id }]));
  const read = (from: number) => reader.cache.getMany('tweet', ids.slice(from, from + 200), load);
  for (let from = 0; from < ids.length; from += 200) await read(from);
  t.equal(await said(() => read(5_000)), 0);
  t.not(await said(() => read(0)), 0);
});
