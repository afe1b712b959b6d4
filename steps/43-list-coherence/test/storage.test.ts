import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp } from './helper.ts';

const UPLOADS_DIR = join(t.testdir(), 'not', 'there', 'yet');
const app = await createApp(t, { UPLOADS_DIR });
const name = `${'a'.repeat(22)}.webp`;
const bytes = Buffer.from('RIFF <script>alert(1)</script>');

t.test('a file that was stored is served as an image that may be kept forever', async (t) => {
  t.match((await app.inject(`/api/media/${name}`)).json(), {
    statusCode: 404,
    code: 'MEDIA_NOT_FOUND',
  });
  await app.storage.put(name, bytes);
  const { statusCode, headers, rawPayload } = await app.inject(`/api/media/${name}`);
  t.equal(statusCode, 200);
  t.same(rawPayload, bytes);
  t.match(headers, {
    'content-type': 'image/webp',
    'x-content-type-options': 'nosniff',
    'content-security-policy': /sandbox/,
    'cache-control': 'public, max-age=31536000, immutable',
  });
  const { paths } = (await app.inject('/docs/json')).json();
  const told = paths['/api/media/{name}']?.get.responses[200].content ?? {};
  t.same(Object.keys(told), ['image/webp'], 'as the page of the API says');
});

t.test('a file that was deleted is gone, and may be deleted again', async (t) => {
  t.ok(app.storage, 'there is a storage');
  const name = `${'b'.repeat(22)}.webp`;
  await app.storage.put(name, bytes);
  await app.storage.delete(name);
  await app.storage.delete(name);
  t.match((await app.inject(`/api/media/${name}`)).json(), { code: 'MEDIA_NOT_FOUND' });
});

t.test('no name leads out of the folder, or to anything else in it', async (t) => {
  t.ok(app.storage, 'there is a storage');
  await writeFile(join(UPLOADS_DIR, '..', name), 'outside');
  await writeFile(join(UPLOADS_DIR, `${name}.part`), 'half of a file');
  const secrets = ['../package.json', `../${name}`, '..', '.', '', `${name}.part`];
  for (const secret of secrets) {
    for (const encode of [String, encodeURIComponent, escapeAll]) {
      const { statusCode } = await app.inject(`/api/media/${encode(secret)}`);
      t.ok(statusCode === 400 || statusCode === 404, `${encode(secret)}: ${statusCode}`);
    }
  }
  await t.rejects(
    app.storage.get(`../${name}`),
    { message: /is no path/ },
    'nor does the driver follow',
  );
});

t.test('a file that cannot be stored leaves nothing behind', async (t) => {
  t.ok(app.storage, 'there is a storage');
  const taken = `${'c'.repeat(22)}.webp`;
  await mkdir(join(UPLOADS_DIR, taken));
  await t.rejects(app.storage.put(taken, bytes));
  t.notOk((await readdir(UPLOADS_DIR)).includes(`${taken}.part`));
});

t.test('production has no default folder', async (t) => {
  t.throws(() => loadConfig({ NODE_ENV: 'production' }), { message: /UPLOADS_DIR/ });
});

function escapeAll(text: string): string {
  return [...text].map((c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
}
