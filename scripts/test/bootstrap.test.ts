import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import t, { type Test } from 'tap';

const here = fileURLToPath(new URL('..', import.meta.url));
const repository = join(here, '..');

t.setTimeout(120_000);
t.jobs = 2;

interface Clone {
  root: string;
  write(file: string, content: unknown): void;
  run(options?: object, ...args: string[]): Promise<{ exitCode?: number; stderr: string }>;
}

/**
 * A repository with nothing but the bootstrap, a package.json, and a lockfile that names one
 * package which is not installed. No registry can be reached from it.
 */
function clone(t: Test): Clone {
  const root = mkdtempSync(join(tmpdir(), 'fanout-bootstrap-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  chmodSync(root, 0o755);
  const write: Clone['write'] = (file, content) => {
    mkdirSync(join(root, file, '..'), { recursive: true });
    writeFileSync(
      join(root, file),
      typeof content === 'string' ? content : JSON.stringify(content, null, 2),
    );
  };
  mkdirSync(join(root, 'scripts'));
  for (const file of ['bootstrap.js', 'build-tap.js']) {
    copyFileSync(join(here, file), join(root, 'scripts', file));
  }
  const manifest = {
    name: 'clone',
    version: '1.0.0',
    type: 'module',
    dependencies: { absent: '1.0.0' },
  };
  write('package.json', manifest);
  write('package-lock.json', {
    name: 'clone',
    version: '1.0.0',
    lockfileVersion: 3,
    packages: {
      '': manifest,
      'node_modules/absent': { version: '1.0.0', resolved: 'http://127.0.0.1:1/absent-1.0.0.tgz' },
    },
  });
  const env = {
    npm_config_registry: 'http://127.0.0.1:1/',
    npm_config_fetch_retries: '0',
    npm_config_cache: join(root, '.npm'),
  };
  const run: Clone['run'] = (options = {}, ...args) =>
    execa(process.execPath, [...args, join(root, 'scripts', 'bootstrap.js'), 'start'], {
      cwd: root,
      env,
      reject: false,
      stdin: 'ignore',
      ...options,
    });
  return { root, write, run };
}

/** Asserts that the run failed and that the last line it printed is this sentence. */
function failsWith(t: Test, result: { exitCode?: number; stderr: string }, sentence: RegExp): void {
  t.equal(result.exitCode, 1);
  t.match(result.stderr.trimEnd().split('\n').at(-1), sentence);
}

t.test('no network', async (t) => {
  failsWith(
    t,
    await clone(t).run(),
    /^npm could not reach its package registry: check the network/,
  );
});

t.test('a Node that is too old', async (t) => {
  const old = `data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'16.20.0'}})`;
  const result = await clone(t).run({}, '--import', old);
  failsWith(t, result, /^This is Node 16\.20\.0, and the set-up needs 18 or later: install/);
});

t.test('a lockfile out of step', async (t) => {
  const { root, write, run } = clone(t);
  write('final/package.json', { name: 'final', dependencies: { fastify: '5.0.0' } });
  failsWith(
    t,
    await run(),
    /^package-lock\.json does not fit final\/package\.json: run "npm install"/,
  );
  rmSync(join(root, 'final'), { recursive: true });
  write('package-lock.json', 'half a');
  failsWith(t, await run(), /package-lock\.json cannot be read .*: restore it with "git checkout/);
});

t.test('no npm', async (t) => {
  const result = await clone(t).run({ env: { PATH: '/nowhere' } });
  failsWith(t, result, /^npm is not in PATH: install Node with its npm/);
});

t.test('a file where node_modules should be', async (t) => {
  const { write, run } = clone(t);
  write('node_modules', 'a file');
  write('package-lock.json', {
    lockfileVersion: 3,
    packages: { '': { dependencies: { absent: '1.0.0' } } },
  });
  const { exitCode, stderr } = await run();
  t.equal(exitCode, 1);
  t.match(stderr, /try again\.$/);
});

t.test('a folder that may not be written', async (t) => {
  const { root, run } = clone(t);
  const asRoot = process.getuid?.() === 0;
  const other = asRoot ? { uid: 65534, gid: 65534 } : {};
  const reach = await execa(process.execPath, ['-e', ''], { ...other, reject: false });
  if (reach.exitCode !== 0) return;
  chmodSync(root, 0o555);
  const cache = mkdtempSync(join(tmpdir(), 'fanout-npm-'));
  chmodSync(cache, 0o777);
  t.teardown(() => rmSync(cache, { recursive: true, force: true }));
  const result = await run({
    ...other,
    env: { npm_config_cache: cache, npm_config_fetch_retries: '0' },
  });
  t.equal(result.exitCode, 1);
  t.match(
    result.stderr,
    /^\S+ cannot be written \(EACCES\): change its owner .* try again there\.$/m,
  );
});

t.test(
  'an installed repository is handed over at once, with arguments and exit code',
  async (t) => {
    const { root, write, run } = clone(t);
    write('package.json', { name: 'clone', type: 'module' });
    write('package-lock.json', { lockfileVersion: 3, packages: { '': { name: 'clone' } } });
    write('node_modules/.package-lock.json', { packages: {} });
    write('node_modules/@tapjs/test/test-built/.fanout-built', '');
    mkdirSync(join(root, 'node_modules', 'node', 'bin'), { recursive: true });
    symlinkSync(process.execPath, join(root, 'node_modules', 'node', 'bin', 'node'));
    write(
      'scripts/course.js',
      "console.error('tool:', ...process.argv.slice(2)); process.exit(7);",
    );
    const result = await run();
    t.equal(result.exitCode, 7);
    t.equal(result.stderr, 'tool: up');
  },
);

/** A tap that takes its time, and writes down how often it was built. */
const SLOW_TAP = `import { appendFileSync } from 'node:fs';
appendFileSync('../builds', process.argv.slice(2).join(' ') + '\\n');
await new Promise((done) => setTimeout(done, 400));
if (process.env.BREAK) { console.error('tsc says no'); process.exit(1); }
`;

t.test('tap is built once, however many ask at once, and again when it is replaced', async (t) => {
  const { root, write } = clone(t);
  write('node_modules/tap/dist/esm/run.mjs', SLOW_TAP);
  write('node_modules/@tapjs/test/test-built/package.json', {});
  // What a process that was killed has left.
  write('node_modules/.fanout-building', '999999999');
  const build = () => execa(process.execPath, [join(root, 'scripts', 'build-tap.js')]);
  const builds = () => readFileSync(join(root, 'builds'), 'utf8').trim().split('\n');
  await Promise.all(Array.from({ length: 4 }, build));
  t.same(builds(), ['build']);
  t.notOk(existsSync(join(root, 'node_modules', '.fanout-building')));
  rmSync(join(root, 'node_modules', '@tapjs'), { recursive: true });
  write('node_modules/@tapjs/test/test-built/package.json', {});
  await build();
  t.equal(builds().length, 2);
});

t.test('a tap that cannot be built fails no install, and says why when it is needed', async (t) => {
  const { root, write, run } = clone(t);
  const script = join(root, 'scripts', 'build-tap.js');
  const none = await execa(process.execPath, [script]);
  t.equal(none.stderr, '', 'nothing to build without the packages of development');
  write('node_modules/tap/dist/esm/run.mjs', SLOW_TAP);
  const failed = await execa(process.execPath, [script], { env: { BREAK: '1' } });
  t.match(failed.stderr, /tsc says no\nThe test runner could not be built .* try again\.$/);
  write('package-lock.json', { lockfileVersion: 3, packages: { '': { name: 'clone' } } });
  write('package.json', { name: 'clone', type: 'module' });
  write('node_modules/.package-lock.json', { packages: {} });
  mkdirSync(join(root, 'node_modules', 'node', 'bin'), { recursive: true });
  symlinkSync(process.execPath, join(root, 'node_modules', 'node', 'bin', 'node'));
  const result = await run({ env: { BREAK: '1' } });
  t.equal(result.exitCode, 1);
  t.match(result.stderr, /tsc says no\nThe test runner could not be built/);
});

t.test('Ctrl-C waits for the tool, which drains', async (t) => {
  const { root, write } = clone(t);
  write('package.json', { name: 'clone', type: 'module' });
  write('package-lock.json', { lockfileVersion: 3, packages: { '': { name: 'clone' } } });
  write('node_modules/.package-lock.json', { packages: {} });
  write('node_modules/@tapjs/test/test-built/.fanout-built', '');
  mkdirSync(join(root, 'node_modules', 'node', 'bin'), { recursive: true });
  symlinkSync(process.execPath, join(root, 'node_modules', 'node', 'bin', 'node'));
  write(
    'scripts/course.js',
    `import { writeFileSync } from 'node:fs';
     writeFileSync('started', '');
     setInterval(() => {}, 1000);
     process.on('SIGINT', () => setTimeout(() => { writeFileSync('drained', ''); process.exit(0); }, 300));`,
  );
  const running = execa(process.execPath, [join(root, 'scripts', 'bootstrap.js'), 'start'], {
    cwd: root,
    detached: true,
    reject: false,
    stdin: 'ignore',
  });
  while (!existsSync(join(root, 'started'))) await sleep(20);
  process.kill(-(running.pid ?? 0), 'SIGINT'); // As a terminal does: to the whole group.
  t.equal((await running).exitCode, 0);
  t.ok(existsSync(join(root, 'drained')));
});

t.test('a taken port', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const result = await execa(process.execPath, [join(here, 'course.js'), 'up'], {
    cwd: repository,
    env: { PORT: String(port) },
    reject: false,
  });
  failsWith(t, result, new RegExp(`^Port ${port} is taken .*"PORT=${port + 1} npm start"\\.$`));
  const wrong = await execa(process.execPath, [join(here, 'course.js'), 'up'], {
    cwd: repository,
    env: { PORT: 'http' },
    reject: false,
  });
  t.equal(wrong.exitCode, 2);
  t.match(wrong.stderr, /^PORT is "http": give a number/);
});
