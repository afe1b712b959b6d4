import { readdir } from 'node:fs/promises';
import { sql } from 'kysely';
import sharp from 'sharp';
import t from 'tap';
import { createApp, createUser } from './helper.ts';

const UPLOADS_DIR = t.testdir();
const app = await createApp(t, { UPLOADS_DIR });
const ada = await createUser(app, 'ada');

function image(width: number, height = width) {
  const create = { width, height, channels: 3, background: 'red' } as const;
  return sharp({ create, limitInputPixels: false });
}

const jpeg = await image(50).jpeg().toBuffer();
const png = await image(50).png().toBuffer();
const webp = await image(50).webp().toBuffer();
const html = Buffer.from('<html><script>alert(1)</script>');

function put(body: FormData | string | object, headers: Record<string, string> = {}) {
  headers = { ...ada.headers, ...headers };
  return app.inject({ method: 'PUT', url: '/api/profiles/me/avatar', headers, body });
}

function form(...fields: [name: string, value: Buffer | string][]) {
  const body = new FormData();
  for (const [name, value] of fields) {
    const file = typeof value === 'string' ? value : new File([new Uint8Array(value)], 'cat.jpg');
    body.append(name, file as File);
  }
  return body;
}

async function state() {
  const { avatarUrl } = (await app.inject({ url: '/api/accounts/me', ...ada })).json();
  return { avatarUrl, files: await readdir(UPLOADS_DIR) };
}

t.test('what is no image, or not only one, is refused and leaves nothing', async (t) => {
  const before = await state();
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  const hostile: Record<string, [Buffer, string]> = {
    'an SVG': [svg, 'UNSUPPORTED_IMAGE'],
    'a GIF that is a script': [Buffer.from('GIF89a/*\0\0\0*/=alert(1)'), 'UNSUPPORTED_IMAGE'],
    'a page before an image': [Buffer.concat([html, jpeg]), 'UNSUPPORTED_IMAGE'],
    'a page after a JPEG': [Buffer.concat([jpeg, html]), 'IMAGE_AND_MORE'],
    'a page after a PNG': [Buffer.concat([png, html]), 'IMAGE_AND_MORE'],
    'a page after a WebP': [Buffer.concat([webp, html]), 'IMAGE_AND_MORE'],
    'a PNG cut off': [png.subarray(0, -13), 'BROKEN_IMAGE'],
    'a bomb': [await image(6_000).jpeg({ progressive: true }).toBuffer(), 'TOO_MANY_PIXELS'],
    'a little too many pixels': [await image(5000, 5001).jpeg().toBuffer(), 'TOO_MANY_PIXELS'],
  };
  for (const [name, [bytes, code]] of Object.entries(hostile)) {
    t.match((await put(form(['file', bytes]))).json(), { statusCode: /^4/, code }, name);
  }
  t.same(await state(), before);
  t.equal((await put(form(['file', await image(5000).jpeg().toBuffer()]))).statusCode, 200);
});

t.test('a form with anything but one file is refused, also if it is broken', async (t) => {
  const before = await state();
  const multipart = { 'content-type': 'multipart/form-data; boundary=x' };
  const cut = '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc';
  t.equal((await put(form())).statusCode, 400, 'nothing');
  t.equal((await put(form(['file', 'text']))).statusCode, 400, 'a text');
  t.equal((await put(form(['avatar', jpeg]))).statusCode, 400, 'another field');
  t.equal((await put(form(['file', jpeg], ['file', jpeg]))).statusCode, 413, 'two files');
  t.equal((await put(cut, multipart)).statusCode, 400, 'a form that breaks off');
  t.equal((await put({ file: {} })).statusCode, 415, 'JSON');
  t.same(await state(), before);
});

t.test('the avatar before is removed, also if two come at once', async (t) => {
  const both = await Promise.all([put(form(['file', png])), put(form(['file', png]))]);
  t.same([both[0].statusCode, both[1].statusCode], [200, 200]);
  const { avatarUrl, files } = await state();
  t.same(files, [avatarUrl.split('/').at(-1)]);
});

t.test('an upload that fails in the database leaves no file', async (t) => {
  const before = await state();
  const gone = await createUser(app, 'gone');
  await app.db.deleteFrom('users').where('id', '=', gone.id).execute();
  t.match((await put(form(['file', png]), gone.headers)).json(), { code: 'ACCOUNT_GONE' });
  await sql`CREATE TRIGGER broken BEFORE UPDATE ON profiles
    FOR EACH ROW SIGNAL SQLSTATE '45000'`.execute(app.db);
  t.equal((await put(form(['file', png]))).statusCode, 500);
  t.same(await state(), before);
});
