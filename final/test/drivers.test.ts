import { readdir } from 'node:fs/promises';
import { sql } from 'kysely';
import sharp from 'sharp';
import t, { type Test } from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser } from './helper.ts';
import { startS3 } from './s3.ts';

const create = { width: 20, height: 20, channels: 3, background: 'red' } as const;
const image = new File([new Uint8Array(await sharp({ create }).png().toBuffer())], 'image');

const UPLOADS_DIR = t.testdir();
const s3 = await startS3(t);
const drivers = [
  await open('disk', { UPLOADS_DIR }, () => readdir(UPLOADS_DIR)),
  await open('s3', s3.settings, s3.list),
];

/** The app over a driver, and a look into where that keeps its files. */
async function open(name: string, settings: object, list: () => Promise<unknown[]>) {
  const app = await createApp(t, settings);
  const { headers } = await createUser(app, 'ada');
  const send = (method: 'PUT' | 'POST' | 'DELETE', url: string, form = new FormData()) =>
    app.inject({ method, url, headers, ...(method !== 'DELETE' && { body: form }) });
  return { name, app, list, send };
}
type Driver = Awaited<ReturnType<typeof open>>;

/** One case for all drivers: what holds for one holds for each. */
function onEach(behaviour: string, check: (t: Test, driver: Driver) => Promise<void>) {
  t.test(`on disk and on S3: ${behaviour}`, async (t) => {
    for (const driver of drivers) await t.test(driver.name, (t) => check(t, driver));
  });
}

function formOf(fields: [string, string | File][]) {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value as File);
  return form;
}

onEach('an avatar is kept there, served, and replaced', async (t, { app, list, send }) => {
  t.equal((await app.inject(`/api/media/${'x'.repeat(22)}.webp`)).statusCode, 404);
  await app.storage.delete('x');
  for (const turn of ['first', 'second']) {
    const form = formOf([['file', image]]);
    const { avatarUrl = '' } = (await send('PUT', '/api/profiles/me/avatar', form)).json();
    t.same(await list(), [avatarUrl.split('/').at(-1)], `the ${turn} is the only one there`);
    const { statusCode, headers, rawPayload } = await app.inject(avatarUrl);
    t.match({ statusCode, type: headers['content-type'] }, { statusCode: 200, type: 'image/webp' });
    t.match(await sharp(rawPayload).metadata(), { format: 'webp', width: 400 });
  }
});

onEach('photos come and go with their tweet, all or nothing', async (t, driver) => {
  const { app, list, send } = driver;
  const before = await list();
  const form = () =>
    formOf([['content', 'hi'], ...[1, 2, 3].map(() => ['photos', image] as [string, File])]);
  const posted = await send('POST', '/api/tweets', form());
  t.equal((await list()).length, before.length + 3);
  await send('DELETE', `/api/tweets/${posted.json().id}`);
  t.same(await list(), before);
  await sql`CREATE TRIGGER broken BEFORE INSERT ON newsfeeds
    FOR EACH ROW SIGNAL SQLSTATE '45000'`.execute(app.db);
  t.equal((await send('POST', '/api/tweets', form())).statusCode, 500);
  t.same(await list(), before);
});

t.test('a bucket is all that production needs, and its keys have no default', async (t) => {
  const env = {
    NODE_ENV: 'production',
    MEMCACHED_URL: 'memcached://127.0.0.1:11211',
    REDIS_URL: 'redis://127.0.0.1:6379',
    QUEUE_REDIS_URL: 'redis://127.0.0.1:6380',
    DATABASE_URL: 'mysql://db/fanout',
    JWT_SECRET: 'x'.repeat(32),
    S3_BUCKET: 'photos',
  };
  t.doesNotThrow(() => loadConfig(env));
  t.throws(() => loadConfig({ ...env, QUEUE_REDIS_URL: '' }), 'the queue has its own');
  t.notOk(Object.keys(loadConfig({})).some((name) => /^S3_.*KEY/.test(name)));
});

t.test('a storage that is away fails the upload, and changes nothing', async (t) => {
  const [, { app, send }] = drivers as [Driver, Driver];
  const before = await app.db.selectFrom('profiles').selectAll().execute();
  await s3.stop();
  const form = formOf([['file', image]]);
  t.equal((await send('PUT', '/api/profiles/me/avatar', form)).statusCode, 503);
  t.same(await app.db.selectFrom('profiles').selectAll().execute(), before);
});
