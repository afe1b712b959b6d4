import { readdir } from 'node:fs/promises';
import { sql } from 'kysely';
import sharp from 'sharp';
import t from 'tap';
import { createApp, createUser } from './helper.ts';

const UPLOADS_DIR = t.testdir();
const app = await createApp(t, { UPLOADS_DIR });
const { id: adaId, headers } = await createUser(app, 'ada');

/** Photos that can be told from one another by their width. */
async function photo(width: number): Promise<Buffer> {
  const create = { width, height: 20, channels: 3, background: 'red' } as const;
  return sharp({ create }).jpeg().toBuffer();
}
const ten = await Promise.all([10, 11, 12, 13, 14, 15, 16, 17, 18, 4096].map(photo));
const [one = Buffer.of()] = ten;

function post(content: string | undefined, files: Buffer[]) {
  const body = new FormData();
  for (const file of files) body.append('photos', new File([new Uint8Array(file)], 'photo'));
  if (content !== undefined) body.append('content', content);
  return app.inject({ method: 'POST', url: '/api/tweets', headers, body });
}

async function get(url: string) {
  return (await app.inject({ url, headers })).json();
}

async function state() {
  const tweets = await app.db.selectFrom('tweets').select('id').execute();
  return [tweets.length, (await readdir(UPLOADS_DIR)).sort()];
}

t.test('a tweet shows its photos in the order in which they were sent, everywhere', async (t) => {
  const posted = await post('九张', ten.slice(1).reverse());
  t.equal(posted.statusCode, 201);
  const { id, photos } = posted.json();
  const widths = photos.map(async ({ url }: { url: string }) => {
    return (await sharp((await app.inject(url)).rawPayload).metadata()).width;
  });
  t.same(await Promise.all(widths), [2048, 18, 17, 16, 15, 14, 13, 12, 11], 'and not too large');
  t.match(await get(`/api/tweets/${id}`), { photos });
  t.match((await get(`/api/tweets?userId=${adaId}`)).items[0], { photos });
  t.match((await get('/api/newsfeeds')).items[0], { photos });
});

t.test('text alone comes as JSON, which brings no photos, or as a form', async (t) => {
  t.same((await post('no photo', [])).json().photos, []);
  const request = { method: 'POST', url: '/api/tweets', headers } as const;
  const body = { content: 'JSON', photos: ['../x'] };
  t.same((await app.inject({ ...request, body })).json().photos, []);
  t.equal((await app.inject({ ...request, body: 'text' })).statusCode, 415);
  t.equal((await app.inject(request)).statusCode, 415, 'and nothing at all');
});

t.test('of a tweet that is refused nothing is kept', async (t) => {
  const before = await state();
  t.equal((await post('ten', ten)).statusCode, 413);
  t.equal((await post('one is broken', [one, one.subarray(0, -9)])).statusCode, 400);
  for (const text of ['x'.repeat(281), `x${'\u0301'.repeat(2800)}`, undefined])
    t.equal((await post(text, [one])).statusCode, 400);
  await sql`CREATE TRIGGER broken BEFORE INSERT ON newsfeeds
    FOR EACH ROW SIGNAL SQLSTATE '45000'`.execute(app.db);
  t.equal((await post('no feed takes it', [one, one])).statusCode, 500);
  await sql`DROP TRIGGER broken`.execute(app.db);
  t.same(await state(), before);
});

t.test('a tweet’s photos go with it', async (t) => {
  const before = await state();
  const { id, photos = [] } = (await post('short-lived', [one, one])).json();
  t.equal(photos.length, 2);
  const deleted = await app.inject({ method: 'DELETE', url: `/api/tweets/${id}`, headers });
  t.equal(deleted.statusCode, 204);
  t.same(await state(), before);
});
