import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import t, { type Test } from 'tap';
import { isFree } from '../src/services/ports.ts';
import { askRedis } from '../src/services/redis.ts';

// Real servers, each test in a place of its own, started by the tool's own command line.

const course = fileURLToPath(new URL('../course.js', import.meta.url));

interface Tool {
  dir: string;
  env: Record<string, string>;
  run(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  addresses(): Promise<{ mysql: URL; redis: URL; queue: URL; memcached: URL }>;
  state(): Record<string, { port: number; pid?: number }>;
}

/** The tool with its services in `dir`, and no services of the machine in sight. */
function toolAt(t: Test, dir: string, extra: Record<string, string> = {}): Tool {
  const env = {
    FANOUT_SERVICES_DIR: dir,
    FANOUT_SERVICES: 'local',
    DATABASE_URL: '',
    REDIS_URL: '',
    QUEUE_REDIS_URL: '',
    MEMCACHED_URL: '',
    ...extra,
  };
  const run: Tool['run'] = async (...args) => {
    const result = await execa(process.execPath, [course, 'services', ...args], {
      env,
      reject: false,
      stdin: 'ignore',
    });
    return { exitCode: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
  };
  t.teardown(() => run('down'));
  return {
    dir,
    env,
    run,
    async addresses() {
      const { stdout } = await run('status', '--env');
      const at = (name: string) =>
        new URL(new RegExp(`^export ${name}='(.*)'$`, 'm').exec(stdout)?.[1] ?? '');
      return {
        mysql: at('DATABASE_URL'),
        redis: at('REDIS_URL'),
        queue: at('QUEUE_REDIS_URL'),
        memcached: at('MEMCACHED_URL'),
      };
    },
    state: () => JSON.parse(readFileSync(join(dir, 'state.json'), 'utf8')),
  };
}

/** An empty folder, removed in the end, after what stands in it is stopped. */
function newDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'fanout-services-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Runs one statement and returns its first row. */
async function query(url: URL | string, sql: string): Promise<RowDataPacket | undefined> {
  const connection = await createConnection(String(url));
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return Array.isArray(rows) ? rows[0] : undefined;
  } finally {
    await connection.end();
  }
}

/** Listens on the port, so that it is taken by something that is not ours. */
async function occupy(t: Test, port: number): Promise<void> {
  if (!(await isFree(port))) return;
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
}

// Servers that start on a busy machine take their time.
t.setTimeout(180_000);
t.jobs = 2;

t.test('services start once, are reused, and keep their data over a stop', async (t) => {
  await occupy(t, 13306);
  await occupy(t, 16379);
  const tool = toolAt(t, newDir(t));
  t.equal((await tool.run('status')).exitCode, 1, 'nothing runs yet');

  const first = await tool.run('up');
  t.equal(first.exitCode, 0, first.stderr);
  t.match(first.stderr, /Starting MySQL/);
  t.match(first.stdout, /Redis.*own process/);
  t.match(first.stdout, /Memcached.*own process/);
  const { mysql, redis } = await tool.addresses();
  t.not(mysql.port, '13306', 'a port that is taken is left to whoever has it');
  t.not(redis.port, '16379');
  await query(mysql, 'CREATE TABLE kept (id INT)');
  await query(`mysql://root:fanout@localhost:${mysql.port}/fanout`, 'SELECT 1');

  const before = tool.state();
  const second = await tool.run('up');
  t.equal(second.stderr, '', 'says nothing when all is up');
  t.same(tool.state(), before, 'the same processes');

  const settings = await query(
    mysql,
    'SELECT @@max_connections AS connections, @@sql_mode AS mode, @@tx_isolation AS isolation, @@log_bin AS binlog, @@character_set_server AS charset',
  );
  t.match(settings, { isolation: 'REPEATABLE-READ', binlog: 0, charset: 'utf8mb4' });
  t.ok(settings?.connections >= 500);
  t.match(settings?.mode, /STRICT_TRANS_TABLES/);

  const down = await tool.run('down');
  t.equal(down.exitCode, 0, down.stderr);
  t.ok(await isFree(Number(mysql.port)), 'down waits until the server is gone');
  t.ok(await isFree(Number(redis.port)));
  t.equal((await tool.run('status')).exitCode, 1);

  await tool.run('up');
  t.equal((await tool.addresses()).mysql.port, mysql.port, 'the port is remembered');
  await query(mysql, 'SELECT * FROM kept');

  const refused = await tool.run('reset');
  t.equal(refused.exitCode, 2, 'a reset that nobody confirms does nothing');
  await query(mysql, 'SELECT * FROM kept');
  t.equal((await tool.run('reset', '--yes')).exitCode, 0);
  const after = (await tool.addresses()).mysql;
  await t.rejects(query(after, 'SELECT * FROM kept'), { code: 'ER_NO_SUCH_TABLE' });
});

t.test('the queue has a Redis of its own, which forgets nothing', async (t) => {
  const tool = toolAt(t, newDir(t));
  const up = await tool.run('up');
  t.match(up.stdout, /Redis \(queue\) .*own process/);
  const { redis, queue } = await tool.addresses();
  const ask = (url: URL, ...commands: string[]) => askRedis(url.href, 5000, ...commands);
  t.match(await ask(redis, 'CONFIG GET maxmemory-policy'), 'allkeys-lru');
  t.match(await ask(queue, 'CONFIG GET maxmemory-policy'), 'noeviction');
  await ask(redis, 'SET place cache');
  t.match(await ask(queue, 'GET place'), '$-1', 'it is another server');
  await ask(queue, 'SET place queue');
  await tool.run('down');
  t.ok(await isFree(Number(queue.port)));
  await tool.run('up');
  t.same((await tool.addresses()).queue, queue, 'the port is remembered');
  t.match(await ask(queue, 'GET place'), 'queue', 'jobs are there after a restart');
  t.match(await ask(redis, 'GET place'), '$-1', 'what is cached can be made again');
  await tool.run('reset', '--yes');
  t.match(await ask((await tool.addresses()).queue, 'GET place'), '$-1');
});

t.test('commands that start services at once do not collide', async (t) => {
  const tool = toolAt(t, newDir(t));
  const results = await Promise.all([tool.run('up'), tool.run('up'), tool.run('up')]);
  t.same(
    results.map(({ exitCode }) => exitCode),
    [0, 0, 0],
    results.map((r) => r.stderr).join(),
  );
  const starts = results.filter(({ stderr }) => stderr.includes('Starting MySQL'));
  t.equal(starts.length, 1, 'one of them started the servers');
  t.notOk(existsSync(join(tool.dir, 'lock')));
});

t.test('crashed servers, stale files and a lost memory are made good', async (t) => {
  const tool = toolAt(t, newDir(t));
  writeFileSync(join(tool.dir, 'lock'), '4194304'); // The id of no process.
  mkdirSync(join(tool.dir, 'mysql', 'data'), { recursive: true });
  writeFileSync(join(tool.dir, 'mysql', 'data', 'ibdata1'), 'half of an initialisation');
  t.equal((await tool.run('up')).exitCode, 0, 'a half-made data folder is made again');

  for (const { pid } of Object.values(tool.state())) process.kill(pid ?? 0, 'SIGKILL');
  const again = await tool.run('up');
  t.equal(again.exitCode, 0, again.stderr);
  t.match(again.stderr, /Starting Redis/);

  // The process id now belongs to a program that is none of ours.
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  t.teardown(() => stranger.kill());
  for (const { pid } of Object.values(tool.state())) process.kill(pid ?? 0, 'SIGKILL');
  const state = tool.state();
  for (const one of Object.values(state)) one.pid = stranger.pid ?? 0;
  writeFileSync(join(tool.dir, 'state.json'), JSON.stringify(state));
  t.equal((await tool.run('up')).exitCode, 0);
  t.equal(stranger.exitCode ?? stranger.signalCode, null, 'it is left alone');

  const before = tool.state();
  rmSync(join(tool.dir, 'state.json'));
  const adopted = await tool.run('up');
  t.equal(adopted.exitCode, 0, adopted.stderr);
  t.equal(tool.state().mysql?.port, before.mysql?.port, 'running servers are found again');
});

t.test('a hung server is replaced', async (t) => {
  const tool = toolAt(t, newDir(t));
  await tool.run('up');
  const { pid = 0 } = tool.state().redis ?? {};
  process.kill(pid, 'SIGSTOP');
  t.teardown(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {}
  });
  const started = Date.now();
  const timer = setInterval(() => {
    if (!isToldToEnd(pid, started)) return;
    clearInterval(timer);
    process.kill(pid, 'SIGCONT');
  }, 100);
  t.teardown(() => clearInterval(timer));
  const up = await tool.run('up');
  t.equal(up.exitCode, 0, up.stderr);
  t.not(tool.state().redis?.pid, pid);
});

/** Whether SIGTERM waits for a stopped process: Linux says so, and elsewhere 9 seconds will do. */
function isToldToEnd(pid: number, since: number): boolean {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return Date.now() - since > 9_000;
  const pending = /^ShdPnd:\s*([0-9a-f]+)/m.exec(readFileSync(status, 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${pending}`) & (1n << 14n)) !== 0n;
}

t.test('a path too long for a Unix socket does not matter', async (t) => {
  const dir = join(newDir(t), 'x'.repeat(60), 'y'.repeat(60));
  const up = await toolAt(t, dir).run('up');
  t.equal(up.exitCode, 0, up.stderr);
});

t.test('data of another kind of server is not touched', async (t) => {
  const tool = toolAt(t, newDir(t));
  mkdirSync(join(tool.dir, 'mysql', 'data'), { recursive: true });
  writeFileSync(join(tool.dir, 'mysql', 'ready'), 'Oracle\n');
  const up = await tool.run('up');
  t.equal(up.exitCode, 1);
  t.match(up.stderr, /is of Oracle, and this machine now has (MariaDB|MySQL): .*services reset/);
});

t.test('a server that cannot start shows the end of its log', async (t) => {
  const dir = newDir(t);
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'redis-server'), '#!/bin/sh\necho out of luck\nexit 3\n', {
    mode: 0o755,
  });
  const real = (
    await execa('sh', ['-c', 'command -v mariadbd || command -v mysqld'], {
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
    })
  ).stdout;
  const tool = toolAt(t, dir, { FANOUT_PROGRAMS: `${bin}:${join(real, '..')}:/usr/bin` });
  const up = await tool.run('up');
  t.equal(up.exitCode, 1);
  t.match(up.stderr, /Redis did not start: read .*redis\.log.*\n {2}out of luck/s);
});

t.test('addresses in the environment go first, and must answer', async (t) => {
  const own = toolAt(t, newDir(t));
  await own.run('up');
  const { mysql, redis, queue, memcached } = await own.addresses();
  const urls = {
    DATABASE_URL: mysql.href,
    REDIS_URL: redis.href,
    QUEUE_REDIS_URL: queue.href,
    MEMCACHED_URL: memcached.href,
  };
  const given = { FANOUT_SERVICES: '', ...urls };

  const guest = toolAt(t, newDir(t), given);
  const up = await guest.run('up');
  t.equal(up.exitCode, 0, up.stderr);
  t.match(up.stdout, /MySQL.*environment.*root:\*\*\*@/);
  t.notOk(existsSync(join(guest.dir, 'state.json')), 'nothing was started');
  t.equal((await guest.run('reset', '--yes')).exitCode, 2, 'data of others is not deleted');

  const wrong = toolAt(t, newDir(t), { ...given, REDIS_URL: 'redis://127.0.0.1:1' });
  const failed = await wrong.run('up');
  t.equal(failed.exitCode, 1);
  t.match(
    failed.stderr,
    /^REDIS_URL in the environment is redis:\/\/127\.0\.0\.1:1, and no Redis answers there .*$/,
  );

  const incomplete = toolAt(t, newDir(t), { ...given, REDIS_URL: '', FANOUT_SERVICES: 'env' });
  t.match((await incomplete.run('up')).stderr, /does not give REDIS_URL: set it/);
  const noQueue = toolAt(t, newDir(t), { ...given, QUEUE_REDIS_URL: '', FANOUT_SERVICES: 'env' });
  t.match((await noQueue.run('up')).stderr, /does not give QUEUE_REDIS_URL: set it/);
});

t.test('where nothing works, one sentence names the choices', async (t) => {
  const nothing = { FANOUT_SERVICES: '', FANOUT_PROGRAMS: '/nowhere', PATH: '/nowhere' };
  const none = await toolAt(t, newDir(t), nothing).run('up');
  t.equal(none.exitCode, 1);
  t.match(
    none.stderr,
    /needs MySQL, Redis, and Memcached,.*start Docker, or install them.*REDIS_URL, QUEUE_REDIS_URL, and MEMCACHED_URL/,
  );
  t.equal(none.stderr.trim().split('\n').length, 1);

  const docker = await toolAt(t, newDir(t), { ...nothing, FANOUT_SERVICES: 'docker' }).run('up');
  t.match(docker.stderr, /FANOUT_SERVICES is "docker", and no Docker engine/);
  const typo = await toolAt(t, newDir(t), { FANOUT_SERVICES: 'podman' }).run('up');
  t.equal(typo.exitCode, 2);
  t.match(typo.stderr, /set it to docker, local or env/);
});

t.test('a place that cannot be written ends in one sentence', async (t) => {
  const dir = newDir(t);
  writeFileSync(join(dir, 'file'), '');
  const file = await toolAt(t, join(dir, 'file')).run('up');
  t.equal(file.exitCode, 1);
  t.match(file.stderr, /a file is where a folder should be: remove it/);
  t.equal(file.stderr.trim().split('\n').length, 1);

  // As root everything can be written, so the tool runs as somebody else, who must reach it.
  const asRoot = process.getuid?.() === 0;
  const other = asRoot ? { uid: 65534 } : {};
  const reach = await execa('test', ['-r', course], { ...other, reject: false });
  if (reach.exitCode !== 0) return;
  chmodSync(dir, 0o555);
  const closed = toolAt(t, join(dir, 'services'));
  const result = await execa(process.execPath, [course, 'services', 'up'], {
    env: closed.env,
    reject: false,
    ...other,
  });
  t.equal(result.exitCode, 1);
  t.match(result.stderr, /^The services keep their data in .*, and you may not write there/);
});
