import { readdir } from 'node:fs/promises';
import sharp from 'sharp';
import t from 'tap';
import { createApp, createUser } from './helper.ts';

const UPLOADS_DIR = t.testdir();
const app = await createApp(t, { UPLOADS_DIR });
const ada = await createUser(app, 'ada');

/** 600 × 300 pixels, red on the left and blue on the right. */
const create = { width: 300, height: 300, channels: 3, background: 'red' } as const;
const picture = sharp({ create }).extend({ right: 300, background: 'blue' });

function upload(bytes: Buffer, headers: Record<string, string> = ada.headers) {
  const body = new FormData();
  body.append('file', new File([new Uint8Array(bytes)], 'cat.gif', { type: 'image/gif' }));
  return app.inject({ method: 'PUT', url: '/api/profiles/me/avatar', headers, body });
}

async function me() {
  return (await app.inject({ url: '/api/accounts/me', headers: ada.headers })).json();
}

t.test('an avatar is made of a JPEG, a PNG or a WebP, whatever it is called', async (t) => {
  t.equal((await me()).avatarUrl, null);
  for (const format of ['jpeg', 'png', 'webp'] as const) {
    const response = await upload(await picture.toFormat(format).toBuffer());
    t.equal(response.statusCode, 200, format);
    const { avatarUrl = '' } = response.json();
    t.match(avatarUrl, /^\/api\/media\/[\w-]{22}\.webp$/);
    const { rawPayload } = await app.inject(avatarUrl);
    t.match(await sharp(rawPayload).metadata(), { format: 'webp', width: 400, height: 400 });
    t.equal((await me()).avatarUrl, avatarUrl);
  }
  const tweet = { method: 'POST', url: '/api/tweets', body: { content: 'hi' } } as const;
  const posted = await app.inject({ ...tweet, headers: ada.headers });
  t.equal(posted.json().user.avatarUrl, (await me()).avatarUrl, 'and shown with its user');
});

t.test('nothing of a photo is kept but the picture, upright', async (t) => {
  const exif = { IFD0: { Artist: 'SECRET' }, IFD3: { GPSLatitude: '41/1 53/1 23/1' } };
  const photo = await picture.jpeg().withExif(exif).withMetadata({ orientation: 6 }).toBuffer();
  const response = await upload(photo);
  t.equal(response.statusCode, 200);
  const { rawPayload } = await app.inject(response.json().avatarUrl);
  t.notOk('exif' in (await sharp(rawPayload).metadata()) || rawPayload.includes('SECRET'));
  const pixels = await sharp(rawPayload).raw().toBuffer();
  t.ok(pixels.readUInt8(3 * 399) > 200, 'what was on the left is above, up to the right corner');
});

t.test(
  'what is none of the three, broken or over 5 MB is refused and leaves nothing',
  async (t) => {
    const before = [await me(), await readdir(UPLOADS_DIR)];
    const jpeg = await picture.jpeg().toBuffer();
    for (const [bytes, statusCode, code] of [
      [await picture.gif().toBuffer(), 415, 'UNSUPPORTED_IMAGE'],
      [Buffer.alloc(5 * 2 ** 20), 415, 'UNSUPPORTED_IMAGE'],
      [Buffer.alloc(5 * 2 ** 20 + 1), 413, 'FST_REQ_FILE_TOO_LARGE'],
      [jpeg.subarray(0, -500), 400, 'BROKEN_IMAGE'],
      [Buffer.alloc(0), 400, 'BROKEN_IMAGE'],
    ] as const) {
      t.match((await upload(bytes)).json(), { statusCode, code });
    }
    t.match((await upload(jpeg, {})).json(), { statusCode: 401 });
    t.same([await me(), await readdir(UPLOADS_DIR)], before);
  },
);
