import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser, freePort } from './helper.ts';

/** What Prometheus reads: each line is a name with its labels, and a number. */
async function scrape(port: number): Promise<Map<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
  const lines = answer?.ok ? (await answer.text()).split('\n') : [];
  const figures = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(figures.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').pop())]));
}

const of = (what: string, route: string, status: number, method = 'GET') =>
  `http_request_duration_seconds_${what}{method="${method}",route="${route}",status="${status}"}`;

t.test('requests are measured by route and not by URL, and nobody outside sees it', async (t) => {
  const METRICS_PORT = await freePort();
  const app = await createApp(t, { METRICS_PORT });
  await createUser(app, 'ada');
  for (const id of ['1', '2', '3']) await app.inject(`/api/tweets/${id}`);
  for (const path of ['/a', '/b', '/metrics']) await app.inject(path);
  const figures = await scrape(METRICS_PORT);
  t.equal(figures.get(of('count', '/api/tweets/:id', 404)), 3);
  t.equal(figures.get(of('count', 'none', 404)), 3);
  t.equal(figures.get(of('count', '/api/accounts/signup', 201, 'POST')), 1);
  t.ok(figures.has('nodejs_eventloop_lag_seconds'), 'and the process itself');
});

t.test('what is refused is measured, too, and how long an answer took', async (t) => {
  const METRICS_PORT = await freePort();
  const limits = { RATE_LIMIT_FACTOR: 0.001, MAX_REQUESTS_UNDER_WAY: 1 };
  const app = await createApp(t, { METRICS_PORT, ...limits });
  const [begun, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  app.get('/slow', async () => {
    begun.resolve();
    await answer.promise;
    return {};
  });
  const slow = app.inject('/slow');
  await begun.promise;
  for (let times = 0; times < 100; times++) await app.inject('/a');
  answer.resolve();
  await slow;
  t.equal((await app.inject('/slow')).statusCode, 429);
  const figures = await scrape(METRICS_PORT);
  t.equal(figures.get(of('count', 'none', 503)), 100);
  t.equal(figures.get(of('count', '/slow', 200)), 1);
  t.equal(figures.get(of('count', '/slow', 429)), 1);
  const seconds = figures.get(of('sum', '/slow', 200)) ?? 0;
  t.ok(seconds > 0 && seconds < 60, 'in seconds');
});

t.test('who hangs up has no answer, and is neither measured nor an error', async (t) => {
  const METRICS_PORT = await freePort();
  const errors: string[] = [];
  const logger = { level: 'error', stream: { write: (line: string) => errors.push(line) } };
  const app = await createApp(t, { METRICS_PORT, logger });
  const { port } = new URL(await app.listen({ port: 0 }));
  const socket = connect(Number(port), '127.0.0.1');
  const head = 'POST /api/accounts/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json';
  socket.write(`${head}\r\ncontent-length: 100\r\n\r\n{"username":`);
  const [, response] = await once(app.server, 'request');
  socket.destroy();
  await once(response, 'close');
  await fetch(`http://127.0.0.1:${port}/healthz`);
  const figures = [...(await scrape(METRICS_PORT)).keys()];
  const routes = figures.filter((name) => name.startsWith('http_request_duration_seconds_count'));
  t.same(routes, [of('count', '/healthz', 200)]);
  t.same(errors, []);
});

t.test('a worker, which has no other port, has figures', async (t) => {
  const port = await freePort();
  const app = await createApp(t, { worker: false });
  const { rows } = await sql<{ name: string }>`SELECT DATABASE() AS name`.execute(app.db);
  const { href } = new URL(rows[0]?.name ?? '', loadConfig(process.env).DATABASE_URL);
  const env = { ...process.env, DATABASE_URL: href, METRICS_PORT: String(port) };
  const worker = spawn(process.execPath, ['src/worker.ts'], { env });
  t.teardown(() => worker.kill('SIGKILL'));
  for await (const chunk of worker.stdout) if (String(chunk).includes('is ready')) break;
  t.ok((await scrape(port)).has('process_cpu_seconds_total'));
  const exit = once(worker, 'exit');
  worker.kill('SIGTERM');
  t.same(await exit, [0, null], 'and leaves all the same');
});
