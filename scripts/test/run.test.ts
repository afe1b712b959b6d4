import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { Company } from '../src/core/company/company.ts';
import { runTests, type TestRun, WHOLE_FILE } from '../src/core/run.ts';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
const MANIFEST = {
  name: 'tests-of-tests',
  type: 'module',
  tap: {
    plugin: ['!@tapjs/typescript'],
    include: ['test/**/*.test.ts'],
    'disable-coverage': true,
    'allow-empty-coverage': true,
  },
};

/** A package in a folder of its own with these test files; the bodies come after the import of tap. */
function packageWith(t: Test, files: Record<string, string>): string {
  const dir = t.testdir({});
  mkdirSync(join(dir, 'test'));
  symlinkSync(MODULES, join(dir, 'node_modules'), 'junction');
  writeFileSync(join(dir, 'package.json'), JSON.stringify(MANIFEST));
  for (const [name, body] of Object.entries(files)) {
    writeFileSync(join(dir, 'test', name), `import t from 'tap';\n${body}\n`);
  }
  return dir;
}

t.test('cases are read with the reason of each failure', async (t) => {
  const cwd = packageWith(t, {
    'kinds.test.ts': `
      import assert from 'node:assert/strict';
      t.test('good # with a \\\\ sign', async (t) => { t.ok(true); });
      t.test('asserts', async (t) => { t.equal(1, 2); });
      t.test('asserts, then throws', async (t) => { t.equal(1, 2); throw new Error('later'); });
      t.test('asserts below', async (t) => { t.test('deep', async (t) => { t.same([1], [2]); }); });
      t.test('asserts with node', async () => { assert.equal(1, 2); });
      t.test('throws', async () => { JSON.parse('<html>'); });
      t.test('throws outside', async () => {
        setTimeout(() => { throw new Error('outside'); }, 1);
        await new Promise((done) => setTimeout(done, 50));
      });
      t.test('imports', async () => { await import('./not-there.ts'); });
      t.test('skipped', { skip: true }, async () => {});`,
  });
  const run = await runTests({ cwd, env: {} });
  t.equal(run.exitCode, 1);
  t.same(
    run.cases.map(({ name, ok, failure = '', cause = '' }) => [name, ok, failure, cause].join('|')),
    [
      'good # with a \\ sign|true||',
      'asserts|false|assertion|',
      'asserts, then throws|false|assertion|',
      'asserts below|false|assertion|',
      'asserts with node|false|assertion|',
      'throws|false|error|',
      'throws outside|false|error|',
      'imports|false|error|import',
      'skipped|true||',
    ],
  );
  t.equal(run.cases[1]?.text, 'should be equal\n-2\n+1\nat test/kinds.test.ts:5');
  t.match(run.cases[5]?.text, /^SyntaxError: Unexpected token/);
  t.equal(run.cases[8]?.skipped, true);
});

t.test(
  'a case that does not come to its end fails by error, and so do those behind it',
  async (t) => {
    const cwd = packageWith(t, {
      'slow.test.ts': `
      t.test('too slow', { timeout: 50 }, async () => { await new Promise((done) => setTimeout(done, 200)); });
      t.test('next', async (t) => { t.ok(true); });`,
      'stuck.test.ts': `
      t.test('never ends', async () => { await new Promise(() => {}); });
      t.test('not reached', async (t) => { t.ok(true); });`,
      'exit.test.ts': `
      t.test('leaves', async (t) => { t.ok(true); process.exit(0); });`,
    });
    const { cases } = await runTests({ cwd, env: {} });
    const of = (file: string) =>
      cases
        .filter((entry) => entry.file === `test/${file}.test.ts`)
        .map(({ name, ok, failure = '', cause = '' }) => [name, ok, failure, cause].join('|'));
    t.same(of('slow'), ['too slow|false|error|timeout', 'next|true||']);
    t.same(of('stuck'), ['never ends|false|error|', 'not reached|false|error|']);
    t.same(of('exit'), ['leaves|false|error|']);
  },
);

t.test('a file that hangs is ended and told, and the others run', async (t) => {
  const cwd = packageWith(t, {
    'hangs.test.ts': `
      t.test('hangs', async () => { await new Promise((done) => setTimeout(done, 30_000)); });`,
    'loops.test.ts': `
      t.test('loops', async () => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
      });`,
    'good.test.ts': `t.test('good', async (t) => { t.ok(true); });`,
  });
  const told = ({ cases, exitCode }: TestRun) => [
    exitCode,
    ...cases
      .map(({ file, name, cause = 'none' }) => [file.slice(5, -8), name, cause].join())
      .sort(),
  ];
  const files = ['test/good.test.ts', 'test/hangs.test.ts'];
  // No less: on a busy machine a process needs seconds to start.
  const alone = runTests({
    cwd,
    files: [...files, 'test/loops.test.ts'],
    jobs: 3,
    fileSeconds: 12,
    env: {},
  });
  const company = companyOf(t);
  const together = runTests({ cwd, files, company, fileSeconds: 1, env: {} });
  const same = [1, 'good,good,none', 'hangs,hangs,timeout'];
  t.same(told(await together), same);
  t.same(told(await alone), [...same, `loops,${WHOLE_FILE},timeout`]);
});

t.test('a file that fails outside its cases is a case of its own', async (t) => {
  const cwd = packageWith(t, {
    'absent.test.ts': `import { x } from '../src/x.ts';\nt.test('a', async (t) => { t.ok(x); });`,
    'unnamed.test.ts': `import { x } from 'node:fs';\nt.test('a', async (t) => { t.ok(x); });`,
    'crash.test.ts': `throw new Error('before any case');`,
    'good.test.ts': `t.test('good', async (t) => { t.ok(true); });`,
  });
  const { cases, exitCode } = await runTests({ cwd, env: {} });
  const of = (file: string) => cases.filter((entry) => entry.file === `test/${file}.test.ts`);
  t.equal(exitCode, 1);
  t.match(of('absent'), [
    { name: WHOLE_FILE, ok: false, failure: 'error', cause: 'import', text: /src\/x\.ts/ },
  ]);
  t.match(of('unnamed'), [{ name: WHOLE_FILE, cause: 'import', text: /named 'x'/ }]);
  t.match(of('crash'), [{ name: WHOLE_FILE, failure: 'error', text: /before any case/ }]);
  t.notOk(of('crash')[0]?.cause);
  t.match(of('good'), [{ name: 'good', ok: true }]);
  t.equal(cases.length, 4);
});

function companyOf(t: Test): Company {
  const company = new Company();
  t.teardown(() => company.close());
  return company;
}

t.test('only the files that are asked for run, in the environment that is given', async (t) => {
  const cwd = packageWith(t, {
    'a.test.ts': `t.test('env', async (t) => { t.equal(process.env.DATABASE_URL, 'mysql://x'); });`,
    'b.test.ts': `t.test('b', async (t) => { t.fail('is not to run'); });`,
  });
  const env = { DATABASE_URL: 'mysql://x' };
  const { cases, exitCode } = await runTests({ cwd, files: ['test/a.test.ts'], env });
  t.match(cases, [{ file: 'test/a.test.ts', name: 'env', ok: true, text: '' }]);
  t.equal(exitCode, 0);
});

t.test('together, files share a process and have a tap of their own', async (t) => {
  const cwd = packageWith(t, {
    'a.test.ts': `
      import { writeFileSync } from 'node:fs';
      t.teardown(() => writeFileSync('closed', String(process.pid)));
      t.test('a', async (t) => { t.ok(true); });
      await new Promise((done) => setTimeout(done, 5));
      t.test('b # 2', async (t) => { t.equal(1, 2); });`,
    'b.test.ts': `
      import { readFileSync } from 'node:fs';
      import { test } from 'tap';
      test('c', async (t) => { t.equal(readFileSync('closed', 'utf8'), String(process.pid)); });`,
    'c.test.ts': `import '../src/x.ts';`,
    'd.test.ts': `t.test('d', async (t) => { t.notMatch(t.testdir({}), 'a.test.ts'); });`,
  });
  const files = ['a', 'b', 'c', 'd'].map((name) => `test/${name}.test.ts`);
  const { cases, exitCode } = await runTests({ cwd, files, company: companyOf(t), env: {} });
  t.equal(exitCode, 1);
  t.match(cases, [
    { file: 'test/a.test.ts', name: 'a', ok: true },
    { file: 'test/a.test.ts', name: 'b # 2', ok: false, failure: 'assertion' },
    { file: 'test/b.test.ts', name: 'c', ok: true },
    { file: 'test/c.test.ts', ok: false },
    { file: 'test/d.test.ts', name: 'd', ok: true },
  ]);
});

t.test('an aborted run ends at once and leaves no process behind', async (t) => {
  const cwd = packageWith(t, {
    'slow.test.ts': `
      import { writeFileSync } from 'node:fs';
      t.test('slow', async () => {
        writeFileSync('pid', String(process.pid));
        await new Promise((done) => setTimeout(done, 20_000));
      });`,
  });
  const controller = new AbortController();
  const run = runTests({ cwd, env: {}, signal: controller.signal });
  const pid = await eventually(() => readPid(join(cwd, 'pid')));
  controller.abort(new Error('enough'));
  await t.rejects(run, { message: 'enough' });
  await eventually(() => !isAlive(pid) || undefined);
});

function readPid(file: string): number | undefined {
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) || undefined : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Asks until there is an answer, for at most 15 seconds. */
async function eventually<T>(ask: () => T | undefined): Promise<T> {
  for (let round = 0; round < 300; round += 1) {
    const answer = ask();
    if (answer !== undefined) return answer;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('There was no answer within 15 seconds.');
}
