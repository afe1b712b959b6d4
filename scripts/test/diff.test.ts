import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Course } from '../src/core/course.ts';
import { changedFiles, listFiles, patch, renamedFiles, stepSize } from '../src/core/diff.ts';
import { COURSE_BIN, edit, makeCourse, put, runCourse, stepOf } from './fixture.ts';

/** Runs a shell command line in which `course` is the tool. */
function runShell(course: Course, script: string) {
  const setUp = `unset NODE_OPTIONS; course() { '${process.execPath}' '${COURSE_BIN}' "$@"; }`;
  const env = { ...process.env, COURSE_ROOT: course.root, NO_COLOR: '1' };
  return spawnSync('sh', ['-c', `${setUp}; ${script}`], {
    cwd: course.root,
    env,
    encoding: 'utf8',
  });
}

t.test('changed files are told with their status and lines', async (t) => {
  const course = await makeCourse(t);
  const changes = changedFiles(stepOf(course, 3).dir, stepOf(course, 4).dir);
  t.same(
    changes.map(({ path, status, added, deleted }) => [path, status, added, deleted]),
    [
      ['package.json', 'changed', 1, 1],
      ['src/answer.ts', 'changed', 2, 0],
      ['src/mirrors.ts', 'added', 100, 0],
      ['src/notes.ts', 'deleted', 0, 1],
      ['test/mirrors.test.ts', 'added', 10, 0],
    ],
  );
  t.equal(stepSize(course, stepOf(course, 4)), 113);
});

t.test('what running a step leaves behind is no part of it', async (t) => {
  const course = await makeCourse(t);
  const { dir } = stepOf(course, 2);
  const before = listFiles(dir);
  put(course, 'steps/02-sums/node_modules/x/index.js', '');
  put(course, 'steps/02-sums/.tap/results', '');
  t.same(listFiles(dir), before);
  t.same(changedFiles(dir, dir), []);
  t.equal(patch(dir, dir), '');
});

t.test('white space, binary files and moves are recognised', async (t) => {
  const course = await makeCourse(t);
  const [a, b] = [stepOf(course, 1).dir, join(course.root, 'copy')];
  cpSync(a, b, { recursive: true });
  edit(course, 'copy/src/server.ts', (text) => text.replaceAll('  ', '    '));
  put(course, 'copy/src/logo.png', Buffer.from([0, 1, 2, 3]));
  cpSync(join(b, 'src/hello.ts'), join(b, 'src/greeting.ts'));
  rmSync(join(b, 'src/hello.ts'));
  const byPath = new Map(changedFiles(a, b).map((change) => [change.path, change]));
  t.match(byPath.get('src/server.ts'), { onlySpace: true, size: 0, status: 'changed' });
  t.match(byPath.get('src/logo.png'), { binary: true, added: 0, status: 'added' });
  t.same(renamedFiles(a, b), [{ from: 'src/hello.ts', to: 'src/greeting.ts' }]);
});

t.test('whoever reads only the beginning gets it, and no stack', async (t) => {
  if (process.platform === 'win32') return t.comment('no POSIX shell');
  const course = await makeCourse(t);
  for (const words of ['diff 3', 'diff 3 --stat', 'list', '--help']) {
    const { stderr, status } = runShell(course, `course ${words} | true`);
    t.equal(stderr, '', words);
    t.equal(status, 0);
  }
});

t.test('--patch applies with git apply, with new, deleted and binary files', async (t) => {
  const course = await makeCourse(t);
  put(course, 'steps/04-mirrors/src/logo.png', Buffer.from([0, 200, 1, 255, 0]));
  const { stdout, status } = runCourse(course, 'diff', '3', '--patch');
  t.equal(status, 0);
  const copy = mkdtempSync(join(tmpdir(), 'course-apply-'));
  t.teardown(() => rmSync(copy, { recursive: true, force: true }));
  cpSync(stepOf(course, 3).dir, copy, { recursive: true });
  const applied = spawnSync('git', ['apply', '-p1'], { cwd: copy, input: stdout });
  t.equal(applied.status, 0, String(applied.stderr));
  t.same(changedFiles(copy, stepOf(course, 4).dir), []);
});

t.test(
  'a step is compared with the next, with any other, with nothing and with final',
  async (t) => {
    const course = await makeCourse(t);
    t.equal(runCourse(course, 'diff', '3').stdout, runCourse(course, 'diff', '03', '4').stdout);
    t.match(runCourse(course, 'diff', '1', '3').stdout, /\+import \{ shouting \}/);
    t.match(
      runCourse(course, 'diff', '00', '01').stdout,
      /new file mode[\s\S]*\+export function hello/,
    );
    const final = runCourse(course, 'diff', '4', 'final', '--stat').stdout;
    t.match(final, /Dockerfile +\| +1 \+ \(added\)/);
    t.notMatch(final, /answer\.ts/);
  },
);

t.test('piped output has no colours and --stat counts', async (t) => {
  const course = await makeCourse(t);
  t.notOk(runCourse(course, 'diff', '3').stdout.includes('\u001b'));
  const { stdout } = runCourse(course, 'diff', '3', '--stat');
  t.match(stdout, / src\/notes\.ts +\| +1 - \(deleted\)\n/);
  t.match(stdout, /\n 5 files, 113 lines added, 2 deleted\n$/);
});

t.test('on a terminal the diff has colours', async (t) => {
  const course = await makeCourse(t);
  const bin = fileURLToPath(new URL('../course.js', import.meta.url));
  const { stdout } = spawnSync(process.execPath, [bin, 'diff', '3'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, COURSE_ROOT: course.root, FORCE_COLOR: '1' },
  });
  t.ok(stdout.includes('\u001b[32m+export function mirrors'));
});

t.test('--html writes a page that stands alone', async (t) => {
  const course = await makeCourse(t);
  const file = join(course.root, 'page.html');
  const { status, stdout } = runCourse(course, 'diff', '3', '--html', file);
  t.equal(status, 0);
  t.match(stdout, /shows the change from steps\/03-shouting to steps\/04-mirrors/);
  const page = readFileSync(file, 'utf8');
  t.match(page, '<h1>Step 04 · Mirrors</h1>');
  t.match(page, 'The server answers mirrors.');
  const table = (path: string) =>
    page.slice(page.lastIndexOf(`>${path}<`)).match(/<colgroup>(.*?)<\/colgroup>/)?.[1];
  const side = '<col class="number"><col>';
  t.equal(table('src/answer.ts'), side + side, 'a changed file stands side by side');
  t.equal(table('src/mirrors.ts'), side, 'a new file has the whole width');
  t.notMatch(page, /<(?:script|link|img)|url\((?!data:)|https?:\/\/(?!www\.w3\.org)/);
});

t.test('wrong uses end with 2 and say what to do', async (t) => {
  const course = await makeCourse(t);
  const cases: [string[], RegExp][] = [
    [['4'], /No step comes after 04: name both sides, such as "diff 04 final"/],
    [['9'], /There is no step 9/],
    [['final'], /No step comes after final/],
    [['1', '00'], /Nothing comes before step 01/],
    [['1', '--stat', '--patch'], /Choose one of/],
    [['1', '--html', join(course.root, 'none', 'page.html')], /The page could not be written/],
    [[], /missing required argument/],
  ];
  for (const [args, message] of cases) {
    const { status, stderr, stdout } = runCourse(course, 'diff', ...args);
    t.match(stderr, message);
    t.equal(stdout, '');
    t.equal(status, 2, args.join(' '));
  }
  rmSync(course.finalDir, { recursive: true });
  t.match(runCourse(course, 'diff', '1', 'final').stderr, /There is no folder final\//);
});

t.test("the user's own git settings change nothing", async (t) => {
  const course = await makeCourse(t);
  const config = join(course.root, 'gitconfig');
  writeFileSync(config, '[diff]\n\tnoprefix = true\n\texternal = false\n[color]\n\tui = always\n');
  const before = patch(stepOf(course, 1).dir, stepOf(course, 2).dir);
  process.env.GIT_CONFIG_GLOBAL = config;
  t.teardown(() => delete process.env.GIT_CONFIG_GLOBAL);
  t.equal(patch(stepOf(course, 1).dir, stepOf(course, 2).dir), before);
  t.ok(existsSync(config));
});
