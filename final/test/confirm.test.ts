import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import t from 'tap';
import { createApp, createUser } from './helper.ts';
import { startS3 } from './s3.ts';

const s3 = await startS3(t);
const app = await createApp(t, s3.settings);
const ada = await createUser(app, 'ada');

const create = { width: 20, height: 20, channels: 3, background: 'red' } as const;
const png = await sharp({ create }).png().toBuffer();

function open(size = png.length, { headers } = ada, type = 'image/png') {
  return app.inject({ method: 'POST', url: '/api/uploads', headers, body: { type, size } });
}

/** Sends a form as a browser does: to the storage, not to the app. */
async function send(upload: { url: string; fields: object }, bytes = png) {
  const body = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) body.append(name, value);
  body.append('file', new File([new Uint8Array(bytes)], 'image'));
  return (await fetch(upload.url, { method: 'POST', body })).status;
}

function confirm(id: string, { headers } = ada) {
  return app.inject({ method: 'POST', url: `/api/uploads/${id}/confirm`, headers });
}

async function avatarUrl() {
  return (await app.inject({ url: '/api/accounts/me', headers: ada.headers })).json().avatarUrl;
}

t.test('an image goes past the app to the storage, and is an avatar once confirmed', async (t) => {
  const opened = await open();
  t.equal(opened.statusCode, 201);
  t.match(await confirm(opened.json().id), { statusCode: 409 }, 'not yet');
  t.equal(await send(opened.json()), 204);
  const confirmed = await confirm(opened.json().id);
  t.equal(confirmed.statusCode, 200);
  const { rawPayload } = await app.inject(confirmed.json().avatarUrl);
  t.match(await sharp(rawPayload).metadata(), { format: 'webp', width: 400 });
  t.same(await s3.list(), [(await avatarUrl()).split('/').at(-1)], 'the original is gone');
  t.equal((await confirm(opened.json().id)).statusCode, 409, 'once');
});

t.test('what was really uploaded decides: the client may have sent anything', async (t) => {
  const before = [await avatarUrl(), await s3.list()];
  const html = Buffer.from('<html><script>alert(1)</script>');
  for (const [size, bytes, code] of [
    [html.length, html, 'UNSUPPORTED_IMAGE'],
    [png.length, Buffer.concat([png, html]), 'WRONG_SIZE'],
    [png.length + 1, png, 'WRONG_SIZE'],
    [100, Buffer.alloc(20 * 2 ** 20), 'WRONG_SIZE'],
    [png.length - 20, png.subarray(0, -20), 'BROKEN_IMAGE'],
  ] as const) {
    const upload = (await open(size)).json();
    t.equal(upload.statusCode, undefined);
    // This server takes what the policy forbids; S3 itself refuses the wrong sizes, not the page.
    t.equal(await send(upload, bytes), 204);
    t.match((await confirm(upload.id)).json(), { code }, code);
  }
  t.same([await avatarUrl(), await s3.list()], before);
});

t.test('an upload is confirmed by whom it was opened for, in time', async (t) => {
  const opened = await open();
  t.equal(opened.statusCode, 201);
  const { id } = opened.json();
  await send(opened.json());
  const grace = await createUser(app, 'grace');
  t.match((await confirm(id, grace)).json(), { code: 'UPLOAD_NOT_FOUND' });
  t.match((await confirm('x'.repeat(22))).json(), { code: 'UPLOAD_NOT_FOUND' });
  const expires_at = new Date(Date.now() - 3_600_001);
  await app.db.updateTable('uploads').set({ expires_at }).where('id', '=', id).execute();
  t.match((await confirm(id)).json(), { code: 'UPLOAD_NOT_FOUND' });
  t.ok((await s3.list()).includes(`${id}.upload`));
  const sweep = await app.maintenance?.add('expired uploads', {});
  while (sweep && !(await sweep.isCompleted()) && !(await sweep.isFailed())) await sleep(1);
  t.notOk((await s3.list()).includes(`${id}.upload`), 'the sweep clears it away');
  const rows = await app.db.selectFrom('uploads').select('id').where('id', '=', id).execute();
  t.same(rows, []);
});
