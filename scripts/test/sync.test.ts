import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Course } from '../src/core/course.ts';
import { changedFiles } from '../src/core/diff.ts';
import { edit, makeCourse, put, runCourse } from './fixture.ts';

t.test('nothing to do in a course that is up to date', async (t) => {
  const course = await makeCourse(t);
  for (const args of [['sync'], ['sync', '--check']]) {
    const { status, stdout } = runCourse(course, ...args);
    t.equal(stdout, 'Everything derived is up to date.\n');
    t.equal(status, 0);
  }
});

t.test('title, navigation and table follow from front matter and code', async (t) => {
  const course = await makeCourse(t);
  t.match(
    read(course, 'lessons/03-shouting.md'),
    '\n# Step 03 · Shouting\n\n> Part 2 · Letters · adds 114 lines · [code](../steps/03-shouting) · [previous](02-sums.md) · [next](04-mirrors.md)\n\n## Goal\n',
  );
  edit(course, 'lessons/03-shouting.md', (text) =>
    text
      .replace('title: Shouting', 'title: Shouting aloud')
      .replace('summary: The server', 'summary: The | server'),
  );
  edit(
    course,
    'steps/04-mirrors/test/mirrors.test.ts',
    (text) => `${text}\nt.test('x', async () => {});\n`,
  );
  const { stdout } = runCourse(course, 'sync');
  t.equal(
    stdout,
    [
      'final/test/mirrors.test.ts  rewritten',
      'lessons/03-shouting.md  rewritten',
      'lessons/04-mirrors.md  rewritten',
      'COURSE.md  rewritten',
      '',
    ].join('\n'),
  );
  t.match(read(course, 'lessons/03-shouting.md'), '# Step 03 · Shouting aloud\n');
  t.match(read(course, 'lessons/04-mirrors.md'), 'adds 115 lines');
  t.match(
    read(course, 'COURSE.md'),
    '| **2 · Letters** | [03 Shouting aloud](lessons/03-shouting.md) · [code](steps/03-shouting) | The \\| server answers shouting. | 114 | 6 |\n',
  );
  t.match(
    read(course, 'COURSE.md'),
    /\(steps\/04-mirrors\) \| .* \| 115 \| 9 \|\n[\s\S]*\nThe end\.\n$/,
  );
  t.equal(runCourse(course, 'sync', '--check').status, 0);
});

t.test('--check changes nothing, lists what differs and leaves with 1', async (t) => {
  const course = await makeCourse(t);
  edit(course, 'lessons/01-hello.md', (text) => text.replace('title: Hello', 'title: Hallo'));
  edit(course, 'final/src/hello.ts', (text) => `${text}// Here.\n`);
  const before = join(course.root, '..', `${course.root}-before`);
  cpSync(course.root, before, { recursive: true });
  t.teardown(() => rmSync(before, { recursive: true, force: true }));
  const { status, stdout } = runCourse(course, 'sync', '--check');
  t.equal(status, 1);
  t.equal(
    stdout,
    [
      'final/src/hello.ts  is not as in steps/04-mirrors',
      'lessons/01-hello.md  has another title or navigation line',
      'COURSE.md  has another table of the steps',
      'Run "npx course sync" and commit what it changes.',
      '',
    ].join('\n'),
  );
  t.same(changedFiles(before, course.root), []);
});

t.test('final follows the last step, and what it had is kept aside', async (t) => {
  const course = await makeCourse(t);
  edit(course, 'final/src/hello.ts', (text) => `${text}// Mine.\n`);
  put(course, 'final/src/extra.ts', 'export const mine = 1;\n');
  rmSync(join(course.finalDir, 'test/sums.test.ts'));
  t.equal(runCourse(course, 'sync').status, 0);
  t.equal(read(course, 'final/src/hello.ts'), read(course, 'steps/04-mirrors/src/hello.ts'));
  t.notOk(existsSync(join(course.finalDir, 'src/extra.ts')));
  t.ok(existsSync(join(course.finalDir, 'test/sums.test.ts')));
  t.ok(existsSync(join(course.finalDir, 'Dockerfile')), 'what is only in final stays');
  const [time = ''] = readdirSync(join(course.stateDir, 'replaced'));
  t.equal(read(course, `.course/replaced/${time}/final/src/extra.ts`), 'export const mine = 1;\n');
  t.match(read(course, `.course/replaced/${time}/final/src/hello.ts`), '// Mine.');
});

t.test('final gets what package.json of the last step has, and the lockfile follows', async (t) => {
  const course = await makeCourse(t);
  const manifest = () => JSON.parse(read(course, 'final/package.json'));
  const wanted = manifest();
  const { 'close-with-grace': gone, ...dependencies } = wanted.dependencies;
  t.ok(gone);
  const less = { ...wanted, scripts: { ...wanted.scripts, seed: 'node seed.ts' }, dependencies };
  put(course, 'final/package.json', JSON.stringify(less));
  t.match(runCourse(course, 'sync', '--check').stdout, /final\/package\.json .*close-with-grace/);
  t.equal(runCourse(course, 'sync').status, 0);
  t.same(manifest(), { ...wanted, scripts: less.scripts });
  const lock = JSON.parse(read(course, 'package-lock.json'));
  t.same(lock.packages.final.dependencies, wanted.dependencies);
  t.equal(runCourse(course, 'sync', '--check').status, 0);
});

t.test('a lockfile that disagrees with a package.json is found', async (t) => {
  const cases: [string, (course: Course) => void, RegExp][] = [
    [
      'another version',
      (course) =>
        edit(course, 'steps/02-sums/package.json', (text) => text.replace('2.5.0', '2.4.0')),
      /package-lock\.json {2}does not agree with steps\/02-sums/,
    ],
    [
      'a new dependency of the root',
      (course) =>
        edit(course, 'package.json', (text) =>
          text.replace('"typescript"', '"tap": "21.8.0",\n    "typescript"'),
        ),
      /package-lock\.json {2}does not agree with the root package\.json/,
    ],
    [
      'a step that the lockfile does not know',
      (course) =>
        edit(course, 'package-lock.json', (text) =>
          text.replaceAll('steps/04-mirrors', 'steps/05-mirrors'),
        ),
      /package-lock\.json {2}has no entry for steps\/04-mirrors/,
    ],
    [
      'a step that is gone',
      (course) =>
        edit(course, 'package-lock.json', (text) =>
          text.replace('"steps/04-mirrors": {', '"steps/05-gone": {},\n    "steps/04-mirrors": {'),
        ),
      /package-lock\.json {2}still has steps\/05-gone/,
    ],
    [
      'no lockfile',
      (course) => rmSync(join(course.root, 'package-lock.json')),
      /package-lock\.json {2}is missing/,
    ],
  ];
  for (const [what, breakIt, message] of cases) {
    const course = await makeCourse(t);
    breakIt(course);
    const { status, stdout } = runCourse(course, 'sync', '--check');
    t.match(stdout, message, what);
    t.equal(status, 1, what);
  }
});

t.test(
  'npm brings the lockfile up to date, without a network where nothing has to be fetched',
  async (t) => {
    const course = await makeCourse(t);
    for (const dir of [
      '',
      'steps/01-hello/',
      'steps/02-sums/',
      'steps/03-shouting/',
      'steps/04-mirrors/',
      'final/',
    ]) {
      edit(course, `${dir}package.json`, (text) => {
        const { dependencies, devDependencies, ...rest } = JSON.parse(text);
        return `${JSON.stringify(rest, null, 2)}\n`;
      });
    }
    rmSync(join(course.root, 'package-lock.json'));
    const { status, stdout, stderr } = runCourse(course, 'sync');
    t.equal(status, 0, stderr);
    t.match(stdout, 'package-lock.json  rewritten');
    t.match(read(course, 'package-lock.json'), '"node_modules/@fanout/step-04"');
    t.equal(runCourse(course, 'sync', '--check').status, 0);
  },
);

t.test('an error says what to mend', async (t) => {
  const course = await makeCourse(t);
  edit(course, 'lessons/02-sums.md', (text) => text.replace(/^summary:.*\n/m, ''));
  const unread = runCourse(course, 'sync');
  t.match(unread.stderr, /lessons\/02-sums\.md:1 {2}"summary" is missing/);
  t.equal(unread.status, 1);
  const other = await makeCourse(t);
  edit(other, 'COURSE.md', (text) => text.replace('<!-- course:table -->', ''));
  const unmarked = runCourse(other, 'sync');
  t.match(unmarked.stderr, /COURSE\.md has no place for the table/);
  t.equal(unmarked.status, 1);
});

function read(course: Course, path: string): string {
  return readFileSync(join(course.root, path), 'utf8');
}
