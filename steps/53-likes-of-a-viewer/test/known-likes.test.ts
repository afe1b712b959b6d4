import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser, recordStatements } from './helper.ts';
import { proxyTo } from './proxy.ts';

const { DATABASE_URL, REDIS_URL } = loadConfig(process.env);
const app = await createApp(t);
const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
const name = rows[0]?.name ?? '';
/** Another process, so to speak, from which we can take Redis. */
const redis = await proxyTo(t, REDIS_URL);
const other = await createApp(t, {
  DATABASE_URL: new URL(name, DATABASE_URL).href,
  REDIS_URL: redis.url,
});
const { id: userId, headers } = await createUser(app, 'ada');
const values = [1, 2, 3].map((n) => ({ user_id: userId, content: `${n}` }));
await app.db.insertInto('tweets').values(values).execute();

function send(what: 'likes' | 'likes/cancel', subjectId: string, on = app) {
  const body = { subjectType: 'tweet', subjectId };
  return on.inject({ method: 'POST', url: `/api/${what}`, headers, body });
}

/** The tweets that ada likes, as her page shows it, and how often the table of likes was asked. */
async function look(on = app) {
  let liked: string[] = [];
  const statements = await recordStatements(async () => {
    const { items } = (await on.inject({ url: `/api/tweets?userId=${userId}`, headers })).json();
    const shown = items.filter((item: { hasLiked: boolean }) => item.hasLiked);
    liked = shown.map(({ id }: { id: string }) => id);
  });
  return { liked, asked: statements.filter((each) => each.includes('from `likes`')).length };
}

t.test('what the viewer likes is asked once, what they do not like too', async (t) => {
  await send('likes', '2');
  t.same(await look(), { liked: ['2'], asked: 1 });
  t.same(await look(), { liked: ['2'], asked: 0 });
  t.same(await look(other), { liked: ['2'], asked: 0 }, 'in whatever process');
});

t.test('a like and its end show at once, and only they are asked for', async (t) => {
  for (const [what, liked] of [
    ['likes', ['3', '2']],
    ['likes/cancel', ['2']],
  ] as const) {
    await send(what, '3');
    const statements = (await recordStatements(() => look(other))).join('\n');
    t.match(statements, /from `likes` .*`subject_id` in \('3'\)/, 'one id');
    t.same(await look(), { liked, asked: 0 });
  }
});

for (const [what, ends] of [
  ['a like', false],
  ['a like, and before the end of the hash,', true],
] as const)
  t.test(`who has read before ${what} does not keep it`, async (t) => {
    const end = async () => ends && app.redis.unlink(`${name}:likes of ${userId}`);
    await end();
    await send('likes/cancel', '1');
    const { eval: original } = app.redis;
    // The page has been read from the table. Before it is kept, ada likes one of its tweets.
    app.redis.eval = (async (...args: Parameters<typeof original>) => {
      app.redis.eval = original;
      await end();
      await send('likes', '1', other);
      return original.apply(app.redis, args);
    }) as typeof original;
    t.same(await look(), { liked: ['2'], asked: 1 });
    t.same(await look(), { liked: ['2', '1'], asked: 1 });
    t.same(await look(), { liked: ['2', '1'], asked: 0 });
  });

t.test('what changes while Redis is away is right, and is told when it is back', async (t) => {
  await redis.cut();
  t.equal((await send('likes/cancel', '1', other)).json().changed, true);
  t.same((await look(other)).liked, ['2'], 'from the table');
  await redis.restore();
  let seen = await look(other);
  for (let n = 0; n < 100 && seen.asked > 0; n += 1) seen = await sleep(50).then(() => look(other));
  t.same(seen, { liked: ['2'], asked: 0 });
  t.same(await look(), { liked: ['2'], asked: 0 });
});
