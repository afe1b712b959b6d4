import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { FastifyInstance, InjectOptions } from 'fastify';
import t, { type Test } from 'tap';
import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { proxyTo } from './proxy.ts';

/** An app with a route that answers when it is let go. */
async function createSlow(t: Test, settings: Record<string, number>) {
  const app = await buildApp({ config: { ...loadConfig(process.env), ...settings } });
  t.teardown(() => app.close());
  const waiting: (() => void)[] = [];
  app.get('/slow', async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return { answered: true };
  });
  const arrived = async (count: number) => {
    for (let tries = 0; tries < 1_000 && waiting.length < count; tries++) await sleep(2);
  };
  return { app, waiting, arrived };
}

/** What is said, and when to come back. */
async function ask(app: FastifyInstance, request: InjectOptions | string) {
  const answer = await app.inject(request);
  const { statusCode, code } = answer.json();
  return { status: answer.statusCode, statusCode, code, after: answer.headers['retry-after'] };
}

const overloaded = { status: 503, statusCode: 503, code: 'OVERLOADED', after: /^[1-5]$/ };

t.test('more requests than can be under way are refused, whatever they wait for', async (t) => {
  const { app, waiting, arrived } = await createSlow(t, { MAX_REQUESTS_UNDER_WAY: 2 });
  const slow = [app.inject('/slow'), app.inject('/slow')];
  await arrived(2);
  t.match(await ask(app, '/nowhere'), overloaded);
  t.match(await ask(app, { url: '/api/newsfeeds' }), overloaded, 'before anybody looks at a token');
  t.equal((await app.inject('/healthz')).statusCode, 200, 'it is alive all the same');
  for (const answer of waiting) answer();
  t.same(
    (await Promise.all(slow)).map(({ statusCode }) => statusCode),
    [200, 200],
  );
  t.match(await ask(app, '/nowhere'), { status: 404 });
});

t.test('who hangs up makes room, and who has not said all takes none', async (t) => {
  const { app, arrived } = await createSlow(t, { MAX_REQUESTS_UNDER_WAY: 1 });
  const begun = new Promise<void>((resolve) => app.addHook('onRequest', async () => resolve()));
  app.get('/large', async () => Buffer.alloc(64 * 1_024 * 1_024));
  await app.listen({ port: 0 });
  const talker = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  talker.write('POST /api/accounts/login HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n');
  await begun;
  t.match(await ask(app, '/nowhere'), { status: 404 }, 'nobody works for it yet');
  talker.destroy();
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
  await arrived(1);
  t.match(await ask(app, '/nowhere'), overloaded);
  socket.destroy();
  await once(socket, 'close');
  let status = 503;
  for (let tries = 0; tries < 1_000 && status === 503; tries++) {
    await sleep(2);
    status = (await ask(app, '/nowhere')).status;
  }
  t.equal(status, 404);
  const reader = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  t.teardown(() => reader.destroy());
  reader.write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(reader, 'readable');
  t.match(await ask(app, '/nowhere'), { status: 404 }, 'and who reads slowly keeps nobody busy');
});

t.test('while the event loop does not keep up, requests are refused', async (t) => {
  const { app } = await createSlow(t, { MAX_EVENT_LOOP_DELAY_MS: 100 });
  await app.ready();
  t.ok(app.hasDecorator('isUnderPressure'), 'it is measured');
  if (!app.hasDecorator('isUnderPressure')) return;
  const block = () => {
    const end = performance.now() + 250;
    while (performance.now() < end);
  };
  let answer = await ask(app, '/nowhere');
  for (; answer.status !== 503; await turn()) {
    block();
    answer = await ask(app, '/nowhere');
  }
  t.match(answer, overloaded);
  t.equal((await app.inject('/readyz')).statusCode, 200, 'to be asked is no work');
  for (; answer.status === 503; await sleep(10)) answer = await ask(app, '/nowhere');
  t.equal(answer.status, 404);
});

t.test('without the queue’s Redis nobody can say how queues are', async (t) => {
  const queue = await proxyTo(t, loadConfig(process.env).QUEUE_REDIS_URL);
  const app = await buildApp({
    config: { ...loadConfig(process.env), QUEUE_REDIS_URL: queue.url },
  });
  t.teardown(() => app.close());
  await queue.cut();
  const headers = { authorization: `Basic ${btoa('ada:for-development-only')}` };
  for (const url of ['/admin/queue-counts', '/admin/queues/api/queues']) {
    const said = await ask(app, { url, headers });
    t.match(said, { status: 503, code: 'UNAVAILABLE', after: '2' }, url);
  }
});
