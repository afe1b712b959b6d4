import { PassThrough } from 'node:stream';
import t from 'tap';
import { buildApp } from '../src/app.ts';

t.test('GET /healthz says that the process is alive', async (t) => {
  const app = await buildApp();
  const response = await app.inject('/healthz');
  t.equal(response.statusCode, 200);
  t.same(response.json(), { status: 'ok' });
});

t.test('every answer carries a request id, the caller’s own if it is sane', async (t) => {
  const app = await buildApp();
  const idFor = async (headers: Record<string, string>) =>
    (await app.inject({ url: '/healthz', headers })).headers['x-request-id'];
  t.match(await idFor({}), /^[0-9a-f-]{36}$/);
  t.equal(await idFor({ 'x-request-id': 'from-the-proxy_42' }), 'from-the-proxy_42');
  t.match(await idFor({ 'x-request-id': 'a\tforged\tline' }), /^[0-9a-f-]{36}$/);
  t.match(await idFor({ 'x-request-id': 'x'.repeat(65) }), /^[0-9a-f-]{36}$/);
});

t.test('every log line of a request is JSON and carries its id', async (t) => {
  const stream = new PassThrough();
  const app = await buildApp({ logger: { level: 'info', stream } });
  await app.inject({ url: '/healthz', headers: { 'x-request-id': 'request-0001' } });
  const lines = String(stream.read()).trim().split('\n');
  t.match(
    lines.map((line) => JSON.parse(line)),
    [
      { reqId: 'request-0001', req: { method: 'GET', url: '/healthz' } },
      { reqId: 'request-0001', res: { statusCode: 200 } },
    ],
  );
});
