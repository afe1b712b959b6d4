import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import sharp from 'sharp';
import t from 'tap';
import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser } from './helper.ts';
import { proxyTo } from './proxy.ts';

const SHAPE = ['statusCode', 'code', 'error', 'message'];

/** What the server says to these bytes before it ends the connection. */
async function send(app: FastifyInstance, bytes: string) {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  const answer = await text(socket);
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), json: JSON.parse(body) };
}

t.test('no answer may become a page, but for the one that is', async (t) => {
  const app = await buildApp();
  for (const url of ['/healthz', '/nowhere', '/api/newsfeeds']) {
    t.match((await app.inject(url)).headers, {
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'strict-transport-security': /max-age=\d+/,
      'cross-origin-resource-policy': 'same-origin',
    });
  }
  const page = await app.inject('/docs');
  t.match(page.headers['content-security-policy'], /script-src 'self'/);
  t.notMatch(page.headers['content-security-policy'], /unsafe-inline|upgrade/);
  const authorization = `Basic ${btoa('ada:for-development-only')}`;
  const board = await app.inject({ url: '/admin/queues', headers: { authorization } });
  t.match(board.headers['content-security-policy'], "default-src 'self';");
});

t.test('pages elsewhere may show our images, and still take them for nothing else', async (t) => {
  const app = await createApp(t);
  const ada = await createUser(app, 'ada');
  const create = { width: 8, height: 8, channels: 3, background: 'red' } as const;
  const body = new FormData();
  body.append(
    'file',
    new Blob([new Uint8Array(await sharp({ create }).png().toBuffer())]),
    'a.png',
  );
  const request = { method: 'PUT', url: '/api/profiles/me/avatar', headers: ada.headers } as const;
  const { avatarUrl } = (await app.inject({ ...request, payload: body })).json();
  t.match((await app.inject(avatarUrl)).headers, {
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-resource-policy': 'cross-origin',
  });
});

t.test('a body of more than 64 KiB is not read', async (t) => {
  const app = await buildApp();
  const body = { username: 'ada', password: 'x'.repeat(65_536) };
  const answer = await app.inject({ method: 'POST', url: '/api/accounts/login', body });
  t.match(answer.json(), { statusCode: 413, code: 'FST_ERR_CTP_BODY_TOO_LARGE' });
  t.same(Object.keys(answer.json()), SHAPE);
});

t.test('what is no request is answered in the one error shape, too', async (t) => {
  const app = await buildApp();
  t.teardown(() => app.close());
  await app.listen({ port: 0 });
  // A connection of HTTP/1.0 ends with its first answer, so that a wrong one is seen at once.
  const long = await send(app, `GET / HTTP/1.0\r\nx: ${'x'.repeat(8_192)}\r\n\r\n`);
  t.match(long, { status: 431, json: { statusCode: 431, code: 'HEADERS_TOO_LARGE' } });
  const broken = await send(app, 'once upon a time\r\n\r\n');
  t.match(broken, { status: 400, json: { statusCode: 400, code: 'MALFORMED_REQUEST' } });
  t.same([Object.keys(long.json), Object.keys(broken.json)], [SHAPE, SHAPE]);
  t.match(app.server, { headersTimeout: 10_000, requestTimeout: 120_000 }, 'nobody is waited for');
});

t.test('who comes while the server closes is sent elsewhere', async (t) => {
  const app = await buildApp();
  let goOn = () => {};
  const closing = new Promise<void>((resolve) => {
    app.addHook('preClose', async () => {
      resolve();
      await new Promise<void>((done) => {
        goOn = done;
      });
    });
  });
  const address = await app.listen({ port: 0 });
  const closed = app.close();
  await closing;
  const answer = await fetch(`${address}/healthz`);
  t.equal(answer.status, 503);
  t.match(await answer.json(), { statusCode: 503, code: 'CLOSING', error: 'Service Unavailable' });
  t.equal(answer.headers.get('connection'), 'close');
  t.equal(answer.headers.get('retry-after'), '1');
  goOn();
  await closed;
});

t.test('while the database is away, that is said, and nothing of where it is', async (t) => {
  const { db } = await createApp(t, { worker: false });
  const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(db);
  const url = new URL(rows[0]?.name ?? '', loadConfig(process.env).DATABASE_URL);
  const mysql = await proxyTo(t, url.href);
  url.host = new URL(mysql.url).host;
  const app = await createApp(t, { worker: false, DATABASE_URL: url.href });
  const login = { method: 'POST', url: '/api/accounts/login' } as const;
  const logIn = () => app.inject({ ...login, body: { username: 'ada', password: 'wrong' } });
  mysql.hang();
  const begun = logIn();
  await mysql.cut();
  const said = /UNAVAILABLE.*away for now"}$/;
  const away = { statusCode: 503, headers: { 'retry-after': '2' }, body: said };
  t.match([await begun, await logIn()], [away, away]);
  await mysql.restore();
  t.equal((await logIn()).statusCode, 401);
});
