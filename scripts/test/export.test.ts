import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { Course } from '../src/core/course.ts';
import { changedFiles, patch } from '../src/core/diff.ts';
import { edit, makeCourse, put, runCourse, runNode, stepOf } from './fixture.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

t.test('a commit and a tag a step, with the message of the lesson', async (t) => {
  const course = await makeCourse(t);
  const dir = exported(t, course);
  t.equal(git(dir, 'tag'), 'step-01\nstep-02\nstep-03\nstep-04\n');
  t.equal(git(dir, 'rev-list', '--count', 'main'), '4\n');
  t.equal(git(dir, 'status', '--porcelain'), '');
  t.equal(
    git(dir, 'log', '-1', '--format=%B', 'step-03').trim(),
    'Step 03 · Shouting\n\nThe server answers shouting.\n\nPart 2 · Letters',
  );
});

t.test('the difference of two tags is the difference of the folders', async (t) => {
  const course = await makeCourse(t);
  put(course, 'steps/04-mirrors/src/logo.png', Buffer.from([0, 200, 1, 255, 0]));
  const dir = exported(t, course);
  for (const number of [2, 3, 4]) {
    const [a, b] = [stepOf(course, number - 1), stepOf(course, number)];
    const tags = [`step-${a.id}`, `step-${b.id}`];
    const there = git(dir, 'diff', '--no-renames', '--name-status', ...tags);
    const letters = { added: 'A', changed: 'M', deleted: 'D' };
    const here = changedFiles(a.dir, b.dir).map(
      ({ path, status }) => `${letters[status]}\t${path}\n`,
    );
    t.equal(there, here.join(''));
    t.same(
      changedLines(git(dir, 'diff', '--no-renames', '--binary', ...tags)),
      changedLines(patch(a.dir, b.dir)),
    );
  }
});

t.test('the same course gives the same commits', async (t) => {
  const course = await makeCourse(t);
  const first = git(exported(t, course), 'rev-parse', 'main');
  t.equal(git(exported(t, course), 'rev-parse', 'main'), first);
  edit(course, 'steps/01-hello/src/hello.ts', (text) => `${text}// More.\n`);
  t.not(git(exported(t, course), 'rev-parse', 'main'), first);
});

t.test('a step of the exported repository type-checks and passes its tests alone', async (t) => {
  const course = await makeCourse(t);
  const dir = exported(t, course);
  symlinkSync(join(REPOSITORY, 'node_modules'), join(dir, 'node_modules'), 'junction');
  git(dir, 'checkout', '--quiet', 'step-02');
  t.equal(git(dir, 'status', '--porcelain'), '', 'what an install makes is ignored');
  const { devDependencies } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  t.match(devDependencies, { typescript: /^\d/, '@types/node': /^\d/, tap: /^\d/ });
  const compiler = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc');
  const checked = runNode([compiler], dir);
  t.equal(checked.status, 0, checked.stdout + checked.stderr);
  const tested = runNode(['test/sums.test.ts'], dir, { TAP: '1' });
  t.equal(tested.status, 0, tested.stdout);
  t.match(tested.stdout, /ok 1 - sums answers/);
});

t.test('refuses a bad target and leaves it as it was', async (t) => {
  const course = await makeCourse(t);
  const base = scratch(t);
  writeFileSync(join(base, 'file'), 'mine');
  const cases: [string, RegExp][] = [
    [base, /is not empty: choose an empty folder/],
    [join(base, 'file'), /is a file/],
    [join(base, 'file', 'below'), /No folder can be made/],
    [course.root, /is inside the course/],
    [join(course.root, 'steps', 'history'), /is inside the course/],
    [join(course.root, 'history'), /is inside the course/],
  ];
  for (const [dir, message] of cases) {
    const { status, stderr } = runCourse(course, 'export', dir);
    t.match(stderr, message);
    t.equal(status, 2);
  }
  t.same(readdirSync(base), ['file']);
  t.notOk(existsSync(join(course.root, 'history')));
});

t.test('a folder inside the course is refused behind a link, too', async (t) => {
  const course = await makeCourse(t);
  const base = scratch(t);
  symlinkSync(course.stepsDir, join(base, 'link'), 'junction');
  t.match(runCourse(course, 'export', join(base, 'link', 'x')).stderr, /is inside the course/);
});

t.test('an empty folder is filled', async (t) => {
  const course = await makeCourse(t);
  const dir = join(scratch(t), 'empty');
  mkdirSync(dir);
  t.equal(runCourse(course, 'export', dir).status, 0);
  t.ok(existsSync(join(dir, 'src', 'mirrors.ts')));
});

t.test('a failure leaves nothing behind', async (t) => {
  const course = await makeCourse(t);
  const base = scratch(t);
  const target = join(base, 'new', 'history');
  rmSync(stepOf(course, 3).lessonFile);
  const unread = runCourse(course, 'export', target);
  t.match(unread.stderr, /lessons\/03-shouting\.md is missing/);
  t.equal(unread.status, 1);
  t.same(readdirSync(base), []);
});

t.test(
  'git failing half way leaves nothing behind',
  { skip: process.platform === 'win32' && 'a shell script stands for git' },
  async (t) => {
    const course = await makeCourse(t);
    const base = scratch(t);
    const real = spawnSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).stdout.trim();
    const bin = join(base, 'bin');
    mkdirSync(bin);
    const script = `#!/bin/sh\ncase "$*" in *step-03*) echo "no space left" >&2; exit 1;; esac\nexec ${real} "$@"\n`;
    writeFileSync(join(bin, 'git'), script, { mode: 0o755 });
    const path = process.env.PATH;
    process.env.PATH = `${bin}:${path}`;
    t.teardown(() => {
      process.env.PATH = path;
    });
    const { status, stderr } = runCourse(course, 'export', join(base, 'new', 'history'));
    t.match(stderr, /The export failed and left nothing behind/);
    t.equal(status, 1);
    t.same(readdirSync(base), ['bin']);
  },
);

/** The lines that a patch adds and deletes, by file. */
function changedLines(text: string): Record<string, string[]> {
  const files: Record<string, string[]> = {};
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const [, path] = /^diff --git a\/(.*) b\/\1$/.exec(line) ?? [];
    if (path !== undefined) {
      current = [];
      files[path] = current;
    } else if (/^[+-]/.test(line) || /^literal /.test(line)) current.push(line);
  }
  return files;
}

function exported(t: Test, course: Course): string {
  const dir = join(scratch(t), 'history');
  const { status, stderr } = runCourse(course, 'export', dir);
  t.equal(status, 0, stderr);
  return dir;
}

function scratch(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'course-export-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function git(cwd: string, ...args: string[]): string {
  const { stdout, stderr, status } = spawnSync('git', args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}
