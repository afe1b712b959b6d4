import { PassThrough } from 'node:stream';
import t from 'tap';
import { buildApp } from '../src/app.ts';

t.test('an unknown route is a 404 in the one error shape, without its query', async (t) => {
  const app = await buildApp();
  const response = await app.inject('/nowhere?secret=1');
  t.equal(response.statusCode, 404);
  t.same(response.json(), {
    statusCode: 404,
    code: 'ROUTE_NOT_FOUND',
    error: 'Not Found',
    message: 'There is no GET /nowhere',
  });
});

t.test('an unexpected error is a 500 that hides its cause, and the log has it', async (t) => {
  const stream = new PassThrough();
  const app = await buildApp({ logger: { level: 'error', stream } });
  app.get('/broken', async () => {
    throw new Error('connect ECONNREFUSED db-7.internal');
  });
  app.get('/liar', async () => {
    throw Object.assign(new Error('not really an error status'), { statusCode: 200 });
  });
  app.get('/nothing', async () => {
    throw null;
  });
  const response = await app.inject('/broken');
  t.equal(response.statusCode, 500);
  t.match(response.json(), { statusCode: 500, code: 'INTERNAL_ERROR' });
  t.notMatch(response.body, 'db-7');
  t.match(JSON.parse(String(stream.read())), { err: { message: /db-7/ } });
  t.equal((await app.inject('/liar')).statusCode, 500);
  t.match((await app.inject('/nothing')).json(), { code: 'INTERNAL_ERROR' });
});

t.test('a body that is not JSON is the client’s error', async (t) => {
  const app = await buildApp();
  app.post('/echo', async ({ body }) => body);
  const headers = { 'content-type': 'application/json' };
  const response = await app.inject({ method: 'POST', url: '/echo', headers, payload: '{' });
  t.equal(response.statusCode, 400);
  t.same(Object.keys(response.json()), ['statusCode', 'code', 'error', 'message']);
});

t.test('secrets do not reach the log', async (t) => {
  const stream = new PassThrough();
  const app = await buildApp({ logger: { level: 'info', stream } });
  app.log.info({ body: { password: 'hunter2' }, req2: { headers: { authorization: 'hunter2' } } });
  t.notMatch(String(stream.read()), 'hunter2');
});
