import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { sql } from 'kysely';
import t from 'tap';
import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { migrate } from '../src/migrate.ts';
import { createApp } from './helper.ts';

const app = await createApp(t);

t.test('GET /readyz is 503 while the database is away, 200 once it is back', async (t) => {
  const config = loadConfig(process.env);
  const { hostname, port } = new URL(config.DATABASE_URL);
  let wire = new Socket();
  const proxy = createServer((socket) => {
    wire = socket;
    pipeline(socket, connect(Number(port), hostname), socket, () => {});
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port: proxyPort } = proxy.address() as AddressInfo;
  const DATABASE_URL = config.DATABASE_URL.replace(`${hostname}:${port}`, `127.0.0.1:${proxyPort}`);
  const app = await buildApp({ config: { ...config, DATABASE_URL } });

  t.equal((await app.inject('/readyz')).statusCode, 200);
  wire.destroy();
  await once(proxy.close(), 'close');
  t.equal((await app.inject('/readyz')).statusCode, 503);
  t.equal((await app.inject('/healthz')).statusCode, 200, 'alive all the same');
  await once(proxy.listen(proxyPort, '127.0.0.1'), 'listening');
  t.equal((await app.inject('/readyz')).statusCode, 200);
  await app.close();
  proxy.close();
});

t.test('a BIGINT beyond 2^53 comes back digit by digit, a time as UTC', async (t) => {
  const query = sql<{
    big: string;
    time: Date;
  }>`SELECT 9007199254740993 AS big, TIMESTAMP('2026-01-02 03:04:05') AS time`;
  const { rows } = await query.execute(app.db);
  t.equal(rows[0]?.big, '9007199254740993');
  t.equal(rows[0]?.time.toISOString(), '2026-01-02T03:04:05.000Z');
});

t.test('a new table keeps Chinese and emoji untouched', async (t) => {
  await sql`CREATE TABLE notes (content VARCHAR(100))`.execute(app.db);
  await sql`INSERT INTO notes VALUES (${'好想念超风 🦅'})`.execute(app.db);
  const { rows } = await sql`SELECT content FROM notes`.execute(app.db);
  t.same(rows, [{ content: '好想念超风 🦅' }]);
});

t.test('every migration goes up once, down, and up again', async (t) => {
  const { db } = await createApp(t);
  t.same(await migrate(db), [], 'the helper has brought it up');
  while ((await migrate(db, 'down')).length > 0);
  t.equal((await migrate(db))[0], 'Up 0001-utf8mb4: Success');
});

t.test('production has no default database', async (t) => {
  t.throws(() => loadConfig({ NODE_ENV: 'production' }), { message: /DATABASE_URL/ });
  t.throws(() => loadConfig({ DATABASE_URL: 'mysql://db' }), { message: /DATABASE_URL/ });
});
