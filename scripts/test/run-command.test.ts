// `course run` and `course sql`, and startApp under them: real processes, ports and databases.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { dropDatabase, neededServices, startApp, withDatabase } from '../src/core/app-process.ts';
import { CourseError } from '../src/core/errors.ts';
import { servicesUp } from '../src/services/index.ts';
import { Learner, put } from './workspace-fixture.ts';

t.setTimeout(180_000);

/** Starts `course run` and waits until it says where the app is. */
async function running(t: Test, learner: Learner, args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = learner.spawn(['run', ...args], env);
  t.teardown(() => void child.kill('SIGKILL'));
  let text = '';
  child.all.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const url = await until(() => /The app is at (http\S+)\./.exec(text)?.[1]);
  if (url === undefined) throw new Error(`it did not start: ${text}`);
  return { child, url, text: () => text };
}

async function until<T>(
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
  for (let round = 0; round < 400; round += 1) {
    const found = await probe();
    if (found !== undefined) return found;
    await sleep(50);
  }
  return undefined;
}

const refused = (url: string) =>
  until(async () => ((await fetch(url).catch(() => undefined)) === undefined ? true : undefined));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(
    `a step runs until ${signal}, which it gets once and may answer by draining`,
    async (t) => {
      const learner = new Learner(t);
      const { child, url, text } = await running(t, learner, ['04', '--port', '0']);
      t.equal(await (await fetch(url)).text(), 'hello');
      child.kill(signal);
      const { exitCode } = await child;
      t.equal(exitCode, 0, text());
      t.match(text(), `drained after ${signal}`);
      t.ok(await refused(url), 'no process is left');
    },
  );
}

t.test('when the tool is killed, the app ends as well', async (t) => {
  const learner = new Learner(t);
  const { child, url } = await running(t, learner, ['04', '--port', '0']);
  child.kill('SIGKILL');
  await child;
  t.ok(await refused(url));
});

const WORKER = `process.once('SIGTERM', (signal) => {
  clearInterval(alive);
  console.log('worker drained after', signal);
});
console.log('getting there');
setTimeout(() => console.error('The worker is ready'), 300);
const alive = setInterval(() => {}, 60_000);
`;

t.test('a worker runs beside the server, its lines are marked, and both drain', async (t) => {
  const learner = new Learner(t);
  put(join(learner.course.stepsDir, '04-fourth/src/worker.ts'), WORKER);
  const { child, url, text } = await running(t, learner, ['04', '--port', '0']);
  t.match(text(), /^\[worker\] getting there$/m);
  t.match(text(), /^\[worker\] The worker is ready$/m, 'the app is there when the worker is ready');
  child.kill('SIGTERM');
  const { exitCode } = await child;
  t.equal(exitCode, 0, text());
  t.match(text(), /^\[worker\] worker drained after SIGTERM$/m);
  t.match(text(), /^drained after SIGTERM$/m);
  t.ok(await refused(url), 'no process is left');
});

t.test(
  "a step that has the queue's package needs its Redis, and no step before it does",
  async (t) => {
    const needed = (dependencies: Record<string, string>) => {
      const dir = t.testdir({ 'package.json': JSON.stringify({ dependencies }) });
      return neededServices(dir);
    };
    t.same(needed({ fastify: '5.0.0' }), []);
    t.same(needed({ mysql2: '3.0.0', ioredis: '6.0.0' }), ['mysql', 'redis']);
    t.same(needed({ ioredis: '6.0.0', bullmq: '6.0.0', memcache: '1.0.0' }), [
      'redis',
      'redis-queue',
      'memcached',
    ]);
  },
);

t.test('a worker that is to be kept is started again, and not without end', async (t) => {
  const learner = new Learner(t);
  const dir = join(learner.course.stepsDir, '04-fourth');
  put(join(dir, 'src/worker.ts'), `console.log('ready', process.pid);\n${WORKER}`);
  const app = await startApp({ dir, databaseName: 'none', quiet: true, keepWorker: true });
  t.teardown(() => app.stop());
  const workers = () => [...app.output().matchAll(/^\[worker\] ready (\d+)$/gm)];
  for (let ends = 1; ends <= 6; ends += 1) {
    const pid = await until(() => workers()[ends - 1]?.[1]);
    process.kill(Number(pid), 'SIGKILL');
  }
  t.match(await app.exited, { name: 'worker', signal: 'SIGKILL' });
  t.equal(workers().length, 6);
});

t.test('a worker has the flags that its script has', async (t) => {
  const learner = new Learner(t);
  const step = join(learner.course.stepsDir, '04-fourth');
  const manifest = JSON.parse(readFileSync(join(step, 'package.json'), 'utf8'));
  const worker = 'node --max-old-space-size=99 --no-warnings src/worker.ts';
  put(
    join(step, 'package.json'),
    JSON.stringify({ ...manifest, scripts: { ...manifest.scripts, worker } }),
  );
  put(join(step, 'src/worker.ts'), 'console.log(process.execArgv);\n');
  const { text } = await learner.run(['run', '04', '--port', '0']);
  t.match(text, /^\[worker\].*'--max-old-space-size=99'/m);
});

t.test('a worker is started with the server, and when one ends, so does the other', async (t) => {
  const learner = new Learner(t);
  const src = join(learner.course.stepsDir, '04-fourth/src');
  put(join(src, 'worker.ts'), "console.log('working');\nsetTimeout(() => process.exit(3), 500);\n");
  const result = await learner.run(['run', '04', '--port', '0']);
  t.equal(result.code, 1);
  t.match(result.text, '[worker] working');
  t.match(result.text, 'drained after SIGTERM');
  t.match(result.text, 'The worker ended by itself (exit code 3).');
});

t.test('the workspace runs, and without one it says what to do', async (t) => {
  const learner = new Learner(t);
  const none = await learner.run(['run']);
  t.equal(none.code, 2);
  t.match(none.text, 'npx course start 01');
  await learner.run(['solve', '04']);
  const { child, url } = await running(t, learner, ['--port', '0']);
  t.equal(await (await fetch(url)).text(), 'hello');
  child.kill('SIGTERM');
  await child;
  const step = await learner.run(['run', '01', '--port', '0']);
  t.equal(step.code, 2);
  t.match(step.text, 'There is no src/server.ts');
  t.match((await learner.run(['run', 'final'])).text, 'There is no final/');
});

t.test('a port that is taken, or none, is one sentence', async (t) => {
  const learner = new Learner(t);
  const other = createServer((_, response) => response.end('other')).listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await until(() => other.address() ?? undefined);
  const { port } = other.address() as AddressInfo;
  const taken = await learner.run(['run', '04', '--port', String(port)]);
  t.equal(taken.code, 2);
  t.equal(
    taken.text,
    `Port ${port} is taken by another program: stop that program, or choose another port with --port.`,
  );
  for (const bad of ['x', '70000', '-1', '1.5']) {
    t.equal((await learner.run(['run', '04', `--port=${bad}`])).code, 2, bad);
  }
});

t.test('an app that crashes while starting shows why', async (t) => {
  const learner = new Learner(t);
  put(
    join(learner.course.stepsDir, '04-fourth/src/server.ts'),
    "throw new Error('no good configuration');\n",
  );
  const { code, text } = await learner.run(['run', '04', '--port', '0']);
  t.equal(code, 1);
  t.match(text, 'no good configuration');
  t.match(text, 'The server ended before it listened.');
});

const MIGRATE = `import { createConnection } from 'mysql2/promise';
if (process.env.BREAK) throw new Error('broken migration');
const db = await createConnection(process.env.DATABASE_URL ?? '');
await db.query('CREATE TABLE IF NOT EXISTS words (id BIGINT PRIMARY KEY, word VARCHAR(20), at DATETIME(6))');
await db.query("INSERT IGNORE INTO words VALUES (9007199254740993, 'häß', '2030-01-02 03:04:05.123456'), (2, NULL, NULL)");
await db.end();
`;

t.test('with a database', async (t) => {
  const { DATABASE_URL } = await servicesUp({ need: ['mysql'], quiet: true });
  const learner = new Learner(t);
  const dir = join(learner.course.stepsDir, '04-fourth');
  put(join(dir, 'src/migrate.ts'), MIGRATE);
  put(
    join(dir, 'package.json'),
    '{ "name": "@fanout/step-04", "type": "module", "dependencies": { "mysql2": "3.24.5" } }\n',
  );
  const databaseName = `fanout_test_run_${process.pid}`;
  const url = withDatabase(DATABASE_URL, databaseName);
  t.teardown(() => dropDatabase(url));
  const sql = (statement: string, ...options: string[]) =>
    learner.run(['sql', statement, ...options], { DATABASE_URL: url });

  await t.test('startApp creates and migrates it, and stop drops it when asked', async (t) => {
    const options = { dir, databaseName, quiet: true, env: { EXTRA: '1' } };
    const app = await startApp({ ...options, fresh: true });
    t.equal(app.databaseUrl, url);
    t.equal(await (await fetch(app.url)).text(), 'hello');
    await app.stop();
    await app.stop();
    t.match(app.output(), 'drained');
    await t.rejects(
      startApp({ ...options, env: { BREAK: '1' } }),
      new CourseError(`The migrations of ${dir} failed (exit code 1):`, 1),
    );
  });

  await t.test('sql prints as the mysql client does', async (t) => {
    const { code, text } = await sql('SELECT id, word, at FROM words ORDER BY id;');
    t.equal(code, 0, text);
    t.equal(
      text,
      `
+------------------+------+----------------------------+
|               id | word | at                         |
+------------------+------+----------------------------+
|                2 | NULL | NULL                       |
| 9007199254740993 | häß  | 2030-01-02 03:04:05.123456 |
+------------------+------+----------------------------+
2 rows in set`.trim(),
    );
    t.match((await sql('EXPLAIN SELECT word FROM words WHERE id = 2')).text, /\| PRIMARY \|/);
    t.match((await sql('SELECT 1 AS one')).text, '1 row in set');
    t.equal((await sql('SELECT 1 FROM words WHERE id = 3')).text, 'Empty set');
    t.match((await sql('SHOW CREATE TABLE words')).text, /^\*\*\* row 1 \*\*\*\nTable: words/);
    t.match((await sql('EXPLAIN FORMAT=JSON SELECT 1')).text, /^\{\n {2}"query_block"/);
    t.match(
      (await sql("UPDATE words SET word = 'x' WHERE id = 2")).text,
      'Query OK, 1 row affected',
    );
  });

  await t.test('sql finds the database by its options, and errors are one sentence', async (t) => {
    t.match((await sql('SELECT DATABASE() d', '--database', 'mysql')).text, '| mysql |');
    const bad = await sql('SELEC 1');
    t.equal(bad.code, 1);
    t.match(bad.text, /^The database \w+ refuses the statement: .*\(ER_PARSE_ERROR\)\.$/);
    const none = await sql('SELECT 1', '--database', 'fanout_test_absent');
    t.equal(none.code, 1);
    t.match(none.text, 'There is no database fanout_test_absent yet');
    t.equal((await sql('SELECT 1', '--step', '99')).code, 2);
    t.equal((await sql('SELECT 1', '--step', '04', '--database', 'x')).code, 2);
    const away = await learner.run(['sql', 'SELECT 1'], {
      DATABASE_URL: 'mysql://root:x@127.0.0.1:1/x',
    });
    t.equal(away.code, 1);
    t.match(away.text, /^No database server answers at 127\.0\.0\.1:1/);
  });
  t.notOk(existsSync(learner.course.workspaceDir), 'and no workspace is needed');
});
