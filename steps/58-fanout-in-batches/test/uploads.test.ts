import t from 'tap';
import { createApp, createUser } from './helper.ts';
import { startS3 } from './s3.ts';

const s3 = await startS3(t);
const app = await createApp(t, s3.settings);
const ada = await createUser(app, 'ada');

const png = Buffer.from('not looked at yet');

function open(size: number | string = png.length, { headers } = ada, type = 'image/png') {
  return app.inject({ method: 'POST', url: '/api/uploads', headers, body: { type, size } });
}

/** Sends a form as a browser does: to the storage, not to the app. */
async function send(upload: { url: string; fields: object }, bytes = png) {
  const body = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) body.append(name, value);
  body.append('file', new File([new Uint8Array(bytes)], 'image'));
  return (await fetch(upload.url, { method: 'POST', body })).status;
}

t.test('an image goes past the app to the storage', async (t) => {
  const opened = await open();
  t.equal(opened.statusCode, 201);
  const { id, expiresAt } = opened.json();
  t.equal(await send(opened.json()), 204);
  t.same(await s3.list(), [`${id}.upload`]);
  t.equal((await app.inject(`/api/media/${id}.upload`)).statusCode, 400, 'and is not served');
  const uploads = await app.db.selectFrom('uploads').selectAll().execute();
  t.match(uploads, [{ id, user_id: ada.id, size: png.length, expires_at: new Date(expiresAt) }]);
});

t.test('the form fixes key, size, type and time', async (t) => {
  const opened = await open(1234);
  t.equal(opened.statusCode, 201);
  const { id, fields, expiresAt } = opened.json();
  const policy = JSON.parse(Buffer.from(fields.Policy, 'base64').toString());
  t.match(policy.conditions, [
    ['content-length-range', 1234, 1234],
    { 'Content-Type': 'image/png' },
    { bucket: 'photos' },
  ]);
  t.ok(policy.conditions.some(({ key }: { key?: string }) => key === `${id}.upload`));
  t.ok(Math.abs(Date.parse(policy.expiration) - Date.parse(expiresAt)) < 5_000);
});

t.test('what cannot be uploaded is refused before', async (t) => {
  t.equal((await open(5 * 2 ** 20)).statusCode, 201);
  for (const size of [0, -1, 1.5, 5 * 2 ** 20 + 1, 'Infinity'])
    t.equal((await open(size)).statusCode, 400);
  t.equal((await open(1, ada, 'image/svg+xml')).statusCode, 400);
  t.equal((await open(1, { ...ada, headers: { authorization: '' } })).statusCode, 401);
  const disk = await createApp(t);
  const { headers } = await createUser(disk, 'ada');
  const request = { method: 'POST', url: '/api/uploads', headers } as const;
  const refused = await disk.inject({ ...request, body: { type: 'image/png', size: 1 } });
  t.match(refused.json(), { statusCode: 409, code: 'NO_DIRECT_UPLOADS' });
});
