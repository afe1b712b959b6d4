import { readFileSync, rmSync } from 'node:fs';
import t from 'tap';
import { markGreen, progressFile, readProgress } from '../src/core/progress.ts';
import { makeCourse, put, runCourse, stepOf } from './fixture.ts';
import { Learner } from './workspace-fixture.ts';

t.setTimeout(180_000);

t.test('lists parts, steps and sizes, and what to do next', async (t) => {
  const course = await makeCourse(t);
  const { status, stdout } = runCourse(course, 'list');
  t.equal(status, 0);
  t.match(
    stdout,
    /│ Part 1 · Words[\s\S]*01 │ Hello[\s\S]*│ Part 2 · Letters[\s\S]*04 │ Mirrors +│ +113 │/,
  );
  t.match(
    stdout,
    /\n0 of 4 steps green\. Next: npx course start 01, and read lessons\/01-hello\.md\.\n$/,
  );
});

t.test('a command used wrongly says where it is explained', async (t) => {
  const course = await makeCourse(t);
  for (const [words, where] of [
    [['diff'], '"npx course diff --help"'],
    [['new', 'x'], '"npx course new --help"'],
    [['nonsense'], '"npx course --help" lists the commands'],
  ] as const) {
    const { status, stderr } = runCourse(course, ...words);
    t.equal(status, 2);
    t.match(stderr, where);
  }
});

t.test('shows the progress of this learner', async (t) => {
  const course = await makeCourse(t);
  put(course, '.course/progress', '01 green 2026-11-21T10:00:00.000Z\n# a remark\n');
  const { stdout } = runCourse(course, 'list');
  t.match(stdout, /Hello +│ +157 │ green since 2026-11-21/);
  t.match(stdout, /\n1 of 4 steps green\. Next: npx course start 02/);
});

t.test('whoever began in the middle is told what is next there, as by status', async (t) => {
  const learner = new Learner(t);
  await learner.run(['start', '03']);
  const { text } = await learner.run(['list']);
  t.match(text, /0 of 4 steps green\. Next: npx course test\s*$/);
});

t.test('the progress file keeps the first time, in the order of the steps', async (t) => {
  const course = await makeCourse(t);
  t.same(readProgress(course), new Map());
  markGreen(course, stepOf(course, 3), new Date('2026-11-22T10:00:00Z'));
  markGreen(course, stepOf(course, 1), new Date('2026-11-21T10:00:00Z'));
  markGreen(course, stepOf(course, 3), new Date('2026-11-23T10:00:00Z'));
  t.equal(
    readFileSync(progressFile(course), 'utf8'),
    '01 green 2026-11-21T10:00:00.000Z\n03 green 2026-11-22T10:00:00.000Z\n',
  );
});

t.test('a step without a lesson is listed by its slug', async (t) => {
  const course = await makeCourse(t);
  rmSync(stepOf(course, 2).lessonFile);
  t.match(runCourse(course, 'list').stdout, /02 │ sums/);
});
