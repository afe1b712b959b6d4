import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runChecks } from '../src/checks/index.ts';
import { type Course, courseAt, listSteps } from '../src/core/course.ts';
import { CourseError } from '../src/core/errors.ts';
import { loadLesson } from '../src/core/lesson.ts';
import { readProgress } from '../src/core/progress.ts';
import { carryOut, planInsert } from '../src/core/renumber.ts';
import { renumberDocument, shiftAfter } from '../src/core/renumber-text.ts';
import { findOutdated } from '../src/core/sync.ts';
import { edit, makeCourse, put, runCourse, stepOf } from './fixture.ts';
import { git, has, makeRepository, read, snapshot } from './git-fixture.ts';

t.setTimeout(180_000);

/** A course of 14 steps whose names are all that matters. */
function shift14(after: number) {
  const course = courseAt('/course');
  const steps = Array.from({ length: 14 }, (_, index) => {
    const id = String(index + 1).padStart(2, '0');
    const [slug, name] = [`topic-${index + 1}`, `${id}-topic-${index + 1}`];
    return { number: index + 1, id, slug, name, dir: '', lessonFile: '' };
  });
  const step = steps[after - 1];
  if (step === undefined) throw new Error(`no step ${after} in ${course.root}`);
  return shiftAfter(steps, step);
}

const document = (text: string, after = 12) => renumberDocument(text, shift14(after), true);

t.test('what can only mean a step is renumbered', async (t) => {
  for (const [before, after] of [
    ['[the next](13-topic-13.md)', '[the next](14-topic-13.md)'],
    ['[13 · Push](../lessons/13-topic-13.md#goal)', '[14 · Push](../lessons/14-topic-13.md#goal)'],
    ['see `steps/14-topic-14/src/app.ts`', 'see `steps/15-topic-14/src/app.ts`'],
    ['cd steps/13-… && npm test', 'cd steps/14-… && npm test'],
    ['[a](12-topic-12.md), [b](13-topic-13.md)', '[a](12-topic-12.md), [b](14-topic-13.md)'],
    ['`npx course start 13`', '`npx course start 14`'],
    ['npx course diff 12 13 --stat', 'npx course diff 12 14 --stat'],
    ['npx course run 13 --port 14', 'npx course run 14 --port 14'],
    ['npx course sql --step 13 "SELECT 14"', 'npx course sql --step 14 "SELECT 14"'],
    ['npx course new x --after 13', 'npx course new x --after 14'],
    ['course hint 13', 'course hint 13'],
    ['git diff step-12 step-13', 'git diff step-12 step-14'],
    ['the package @fanout/step-13', 'the package @fanout/step-14'],
    ['the database fanout_step_13', 'the database fanout_step_14'],
    ['In step 13 and in Step 14.', 'In step 14 and in Step 15.'],
    ['steps 12 and 13', 'steps 12 and 14'],
    ['steps 04–14; lessons 11, 12 and 13', 'steps 04–15; lessons 11, 12 and 14'],
    ['# Step 13 · Push', '# Step 14 · Push'],
    ['not before the cache (13), and *not* there', 'not before the cache (14), and *not* there'],
    ['(12, 13). `lockAuthor` (14) does', '(12, 14). `lockAuthor` (15) does'],
    ['`text VARCHAR(13)` and `rows (13)`', '`text VARCHAR(13)` and `rows (13)`'],
    ['13 people on 2026-11-13 at 13:13', '13 people on 2026-11-13 at 13:13'],
    ['step 13.5 and steps 13% of', 'step 13.5 and steps 13% of'],
    ['step 05 and step 12', 'step 05 and step 12'],
  ] as const) {
    t.equal(document(before).text, after);
    t.strictSame(document(before).mentions, [], before);
  }
});

t.test('what may mean something else is left, and named with its line', async (t) => {
  const text =
    'first\nas in step 3 above\nsteps 2 and 13\nin step 16\nfew (10, unless told)\n`f(12)` or (2)\n';
  const { text: after, mentions } = document(text, 2);
  t.equal(after, text);
  t.strictSame(
    mentions.map(({ line }) => line),
    [2, 3, 4, 5],
  );
});

t.test('in a fence with code only names change; in a console only commands', async (t) => {
  const { text, mentions } = document(
    [
      '```ts src/app.ts',
      '// step 13 does it',
      "import x from '@fanout/step-13';",
      '```',
      '```console',
      '$ npx course test 13',
      'step 13: 2 passed',
      '```',
      '```mermaid',
      'a --> |step 13| b',
      '```',
      'step 13',
    ].join('\n'),
  );
  t.equal(
    text,
    [
      '```ts src/app.ts',
      '// step 13 does it',
      "import x from '@fanout/step-14';",
      '```',
      '```console',
      '$ npx course test 14',
      'step 13: 2 passed',
      '```',
      '```mermaid',
      'a --> |step 14| b',
      '```',
      'step 14',
    ].join('\n'),
  );
  t.strictSame(
    mentions.map(({ line }) => line),
    [2, 7],
  );
});

/** Texts that speak of the fixture's steps. */
function addTexts(course: Course): void {
  edit(course, 'lessons/02-sums.md', (text) =>
    text.replace(
      '## Exercises\n',
      '## Exercises\n\nSee [shouting](03-shouting.md) and [its code](../steps/03-shouting/src/shouting.ts): `npx course start 03`. Step 04 deletes the notes; as in step 3 above.\n',
    ),
  );
  put(course, 'CONTRIBUTING.md', '# How\n\n[Mirrors](lessons/04-mirrors.md), step 04.\n');
  put(course, 'scripts/bench/feed.ts', "export const steps = ['02-sums', '03-shouting'];\n");
}

t.test('a step is inserted in the middle and all that follows is renumbered', async (t) => {
  const course = await makeRepository(t);
  addTexts(course);
  put(
    course,
    '.course/progress',
    '02 green 2026-01-01T00:00:00.000Z\n03 green 2026-01-02T00:00:00.000Z\n',
  );
  put(course, '.course/workspace.json', '{ "step": "03-shouting" }\n');
  put(course, 'steps/02-sums/node_modules/x.js', '1\n');
  put(course, 'steps/03-shouting/node_modules/x.js', '1\n');
  const third = read(course, 'steps/03-shouting/src/answer.ts');

  const { status, stdout, stderr } = runCourse(course, 'new', 'rate-limits', '--after', '2');
  t.equal(status, 0, stderr);
  t.strictSame(
    listSteps(course).map(({ name }) => name),
    ['01-hello', '02-sums', '03-rate-limits', '04-shouting', '05-mirrors'],
  );
  for (const { name, id } of listSteps(course)) {
    t.match(read(course, `steps/${name}/package.json`), `"name": "@fanout/step-${id}"`);
  }
  t.equal(read(course, 'steps/04-shouting/src/answer.ts'), third);
  t.equal(
    read(course, 'steps/03-rate-limits/src/answer.ts'),
    read(course, 'steps/02-sums/src/answer.ts'),
  );
  t.notOk(has(course, 'steps/03-rate-limits/node_modules'));
  t.ok(has(course, 'steps/04-shouting/node_modules/x.js'), 'a folder moves as it is');
  t.notOk(has(course, 'lessons/03-shouting.md'));

  const lesson = read(course, 'lessons/02-sums.md');
  t.match(lesson, '[shouting](04-shouting.md)');
  t.match(lesson, '[its code](../steps/04-shouting/src/shouting.ts)');
  t.match(lesson, '`npx course start 04`');
  t.match(lesson, 'Step 05 deletes the notes; as in step 3 above.');
  t.match(lesson, '[next](03-rate-limits.md)');
  t.match(read(course, 'lessons/05-mirrors.md'), '# Step 05 · Mirrors');
  t.match(read(course, 'CONTRIBUTING.md'), '[Mirrors](lessons/05-mirrors.md), step 05.');
  t.match(read(course, 'COURSE.md'), 'steps/03-rate-limits');
  t.match(
    stdout,
    /lessons\/02-sums\.md:\d+ {2}….*as in step 3 above/,
    'the doubtful "step 3" is named',
  );
  t.match(stdout, 'scripts/bench/feed.ts:1');

  const skeleton = loadLesson(stepOf(course, 3));
  t.strictSame(skeleton.problems, []);
  t.equal(skeleton.frontMatter.title, 'Rate limits');
  t.equal(skeleton.frontMatter.part, '1 · Words');
  t.strictSame([...readProgress(course).keys()], [2, 4]);
  t.match(read(course, '.course/workspace.json'), '04-shouting');
  t.strictSame(findOutdated(course), [], 'lockfile, lessons, table and final/ are up to date');
  t.strictSame(
    runChecks(course, listSteps(course)).filter(({ file }) => !/03-rate-limits/.test(file)),
    [],
    'only the step that is to be written has findings',
  );
  git(course, 'add', '--all');
  t.match(git(course, 'status', '--short'), 'R  steps/03-shouting/src/shouting.ts -> steps/04-');
});

t.test('after the last step nothing is renumbered; without git it works too', async (t) => {
  const course = await makeCourse(t);
  const { status, stderr } = runCourse(course, 'new', 'last', '--after', '04-mirrors');
  t.equal(status, 0, stderr);
  t.equal(listSteps(course).at(-1)?.name, '05-last');
  t.match(read(course, 'lessons/04-mirrors.md'), '[next](05-last.md)');
});

t.test('the 100th step gets three digits', async (t) => {
  const course = await makeCourse(t, { steps: 1 });
  for (let number = 2; number <= 99; number += 1) {
    const id = String(number).padStart(2, '0');
    put(course, `steps/${id}-s${number}/package.json`, `{ "name": "@fanout/step-${id}" }\n`);
  }
  put(course, 'CONTRIBUTING.md', 'step 99, `steps/99-s99`\n');
  carryOut(course, planInsert(course, 'more', '98'));
  t.equal(listSteps(course).length, 100);
  t.equal(read(course, 'CONTRIBUTING.md'), 'step 100, `steps/100-s99`\n');
  t.match(read(course, 'steps/100-s99/package.json'), '@fanout/step-100');
});

t.test('--dry-run writes nothing', async (t) => {
  const course = await makeCourse(t);
  const before = snapshot(course);
  const { status, stdout } = runCourse(course, 'new', 'rate-limits', '--after', '01', '--dry-run');
  t.equal(status, 0);
  t.match(stdout, 'steps/02-sums -> steps/03-sums');
  t.strictSame(snapshot(course), before);
});

t.test('when a part fails, everything is put back', async (t) => {
  const course = await makeRepository(t);
  addTexts(course);
  const before = snapshot(course);
  const plan = planInsert(course, 'rate-limits', '02');
  // A text whose folder would have to be where a file is: the last write fails.
  plan.writes.set('README.md/impossible.md', 'x');
  t.throws(() => carryOut(course, plan), /everything is as it was before/);
  t.strictSame(snapshot(course), before);

  const second = planInsert(course, 'rate-limits', '02');
  second.renames.push({ from: 'steps/99-not-there', to: 'steps/98-not-there' });
  t.throws(() => carryOut(course, second), CourseError);
  t.strictSame(snapshot(course), before);
});

t.test('it refuses in a clear sentence', async (t) => {
  const course = await makeRepository(t);
  const before = snapshot(course);
  const refused = (slug: string, after: string, message: RegExp) =>
    t.throws(() => planInsert(course, slug, after), { message, exitCode: 2 });
  refused('Rate-Limits', '02', /is not a slug/);
  refused('../x', '02', /is not a slug/);
  refused('a--b', '02', /is not a slug/);
  refused('', '02', /is not a slug/);
  refused('sums', '01', /Step 02 has the slug sums already/);
  refused('new-one', '17', /There is no step 17/);
  refused('new-one', '0', /There is no step 0/);
  put(course, 'lessons/03-new-one.md', 'mine\n');
  refused('new-one', '02', /lessons\/03-new-one\.md is there already/);
  t.equal(runCourse(course, 'new', 'x').status, 2);
  mkdirSync(join(course.stateDir, 'propagate'), { recursive: true });
  const state = { step: '01-hello', queue: ['02-sums'], done: 0, phase: 'merging' };
  writeFileSync(join(course.stateDir, 'propagate/state.json'), JSON.stringify(state));
  refused('other', '02', /A propagation of step 01 was interrupted/);
  t.strictSame(
    { ...snapshot(course), 'lessons/03-new-one.md': '' },
    { ...before, 'lessons/03-new-one.md': '' },
  );
});
