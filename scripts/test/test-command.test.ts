import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readProgress } from '../src/core/progress.ts';
import { Learner, put } from './workspace-fixture.ts';

t.setTimeout(180_000);
t.jobs = 2;

t.test(
  'red says what failed and marks nothing; green marks and says what comes next',
  async (t) => {
    const learner = new Learner(t);
    await learner.run(['start', '02']);
    const red = await learner.run(['test']);
    t.equal(red.code, 1);
    t.match(red.text, /✖/);
    t.match(red.text, /\d+ passed, 1 failed/);
    t.match(red.text, 'The tests of the earlier steps run once these are green');
    t.notOk(readProgress(learner.course).has(2));

    learner.write('src/more.ts', "export const more = () => 'more';\n");
    const green = await learner.run(['test']);
    t.equal(green.code, 0, green.text);
    t.match(green.text, '2 passed, 0 failed');
    t.match(green.text, 'Next: npx course start 03');
    t.ok(readProgress(learner.course).has(2));

    learner.write('src/app.ts', "export const hello = () => 'broken';\n");
    const earlier = await learner.run(['test']);
    t.equal(earlier.code, 1, 'an earlier test that fails is red too');
    t.match(earlier.text, /expected|broken|\+/);
  },
);

t.test("a changed or deleted lesson's test is put back, and the learner's is kept", async (t) => {
  const learner = new Learner(t);
  await learner.run(['solve', '02']);
  learner.write('test/more.test.ts', '// I made it pass\n');
  rmSync(learner.path('test/app.test.ts'));
  learner.write('test/mine.test.ts', '// my own test\n');
  const { code, text } = await learner.run(['test']);
  t.equal(code, 0, text);
  t.match(text, /put back: .*test\/app.test.ts.*test\/more.test.ts/);
  t.match(text, /commit [0-9a-f]{10}/);
  t.match(learner.read('test/more.test.ts'), 'says more');
  t.equal(learner.read('test/mine.test.ts'), '// my own test\n');
  t.ok(learner.hasLine('I made it pass'));
});

t.test('another step is tested in a copy, the solution in its own folder', async (t) => {
  const learner = new Learner(t);
  await learner.run(['solve', '03']);
  const before = learner.files();
  const older = await learner.run(['test', '02']);
  t.equal(older.code, 1, '03 is not 02');
  t.same(learner.files(), before, 'the workspace is not touched');
  const solution = await learner.run(['test', '02', '--solution']);
  t.equal(solution.code, 0, solution.text);
  t.notOk(readProgress(learner.course).has(2), "the course's code is no progress of the learner");
  const bare = new Learner(t);
  t.equal((await bare.run(['test'])).code, 2, 'no step is started');
  t.equal((await bare.run(['test', '--solution'])).code, 2);
  t.equal((await bare.run(['test', '1', '--solution'])).code, 0);
});

t.test('--watch runs again at a change and ends on Ctrl-C', async (t) => {
  const learner = new Learner(t);
  await learner.run(['start', '01']);
  const child = learner.spawn(['test', '--watch']);
  let seen = '';
  child.all.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
  });
  const until = async (pattern: RegExp) => {
    const deadline = Date.now() + 20_000;
    while (!pattern.test(seen) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    t.match(seen, pattern);
    seen = '';
  };
  await until(/1 failed[\s\S]*Waiting for a change/);
  put(learner.path('src/app.ts'), "export const hello = () => 'one';\n");
  await until(/1 passed, 0 failed[\s\S]*Waiting for a change/);
  put(join(learner.course.workspaceDir, 'src/deeper/new.ts'), '// new\n');
  await until(/1 passed, 0 failed[\s\S]*Waiting for a change/);
  child.kill('SIGINT');
  const { exitCode, signal } = await child;
  t.equal(exitCode, 0);
  t.equal(signal, undefined);
});
