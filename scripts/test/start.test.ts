import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Learner } from './workspace-fixture.ts';

t.setTimeout(180_000);

t.test('step 01 begins with the package, the tests and an empty src', async (t) => {
  const learner = new Learner(t);
  const { code, text } = await learner.run(['start', '1']);
  t.equal(code, 0, text);
  t.same(Object.keys(learner.files()).sort(), [
    'package.json',
    'test/app.test.ts',
    'test/reporter.ts',
    'tsconfig.json',
  ]);
  t.same(readdirSync(learner.path('src')), []);
  t.match(text, 'lessons/01-first.md');
  t.match(text, 'npx course test');
  t.match(learner.read('package.json'), '"name": "@fanout/workspace"');
  t.match(learner.read('tsconfig.json'), '"extends": "../tsconfig.json"');
  t.equal(learner.git('status', '--porcelain'), '', 'everything is committed');
});

t.test('a later step begins with the official one before it and its own tests', async (t) => {
  const learner = new Learner(t);
  const { code, text } = await learner.run(['start', '03']);
  t.equal(code, 0, text);
  t.match(learner.read('src/app.ts'), "return 'one'", 'the code is that of 02');
  t.ok(learner.read('src/more.ts'));
  t.match(learner.read('test/app.test.ts'), "'three'", 'the tests are those of 03');
  t.ok(learner.read('test/most.test.ts'));
  t.notOk(learner.read('test/more.test.ts'), 'a test that 03 deletes is gone');
  t.match(learner.read('package.json'), '"ms": "2.1.3"', 'with the packages of 03');
});

t.test("the learner's own finished step is kept", async (t) => {
  const learner = new Learner(t);
  await learner.finishFirst();
  learner.write('package.json', (learner.read('package.json') ?? '').replace('1.0.0', '7.7.7'));
  learner.write('src/helpers.ts', '// my helper\n');
  const { code, text } = await learner.run(['start', '02']);
  t.equal(code, 0, text);
  t.match(text, 'your own code');
  t.match(learner.read('src/app.ts'), 'My own app');
  t.match(learner.read('src/helpers.ts'), 'my helper');
  t.ok(learner.read('test/more.test.ts'));
  t.match(learner.read('package.json'), '"kysely"');
  t.match(learner.read('package.json'), '7.7.7', 'and so is what they changed in package.json');
});

t.test('an unfinished step gives way to the official one, and --fresh always does', async (t) => {
  const learner = new Learner(t);
  await learner.run(['start', '01']);
  learner.write('src/app.ts', '// unfinished work\n');
  const first = await learner.run(['start', '02']);
  t.match(first.text, 'the official step 01');
  t.notMatch(learner.read('src/app.ts'), 'unfinished work');
  t.ok(learner.hasLine('unfinished work'), 'but it is committed');
  const back = /git -C workspace (restore .*)/.exec(first.text)?.[1] ?? '';
  learner.git(...back.split(' '));
  t.match(learner.read('src/app.ts'), 'unfinished work', 'and the command printed brings it back');
  t.match(first.text, /tests of step 01 have not been green.*"npx course start 02 --keep"/s);
  const kept = await learner.run(['start', '02', '--keep']);
  t.match(kept.text, 'your own code', kept.text);
  t.match(learner.read('src/app.ts'), 'unfinished work');
  t.ok(learner.read('test/more.test.ts'), 'with the tests of 02');
  t.match(learner.read('package.json'), '"kysely"', 'and its packages');
  t.equal((await learner.run(['start', '02', '--keep'])).code, 0, 'also a second time');

  const other = new Learner(t);
  await other.finishFirst();
  await other.run(['start', '02', '--fresh']);
  t.notMatch(other.read('src/app.ts'), 'My own app');
  t.ok(other.hasLine('My own app'));
});

t.test('--keep keeps unfinished work', async (t) => {
  const learner = new Learner(t);
  await learner.run(['start', '01']);
  learner.write('src/app.ts', '// unfinished work\n');
  await learner.run(['start', '02', '--keep']);
  t.match(learner.read('src/app.ts'), 'unfinished work');
  t.ok(learner.read('test/more.test.ts'));
});

t.test('a step that is already started is left alone', async (t) => {
  const learner = new Learner(t);
  await learner.run(['start', '02']);
  learner.write('src/app.ts', '// my work\n');
  const { code, text } = await learner.run(['start', '02']);
  t.equal(code, 0);
  t.match(text, 'already started');
  t.equal(learner.read('src/app.ts'), '// my work\n');
});

t.test("the learner's other files stay", async (t) => {
  const learner = new Learner(t);
  await learner.run(['start', '01']);
  learner.write('notes.md', 'my notes\n');
  await learner.run(['start', '03']);
  t.equal(learner.read('notes.md'), 'my notes\n');
});

t.test('an unknown step is named and nothing is made', async (t) => {
  const learner = new Learner(t);
  const { code, text } = await learner.run(['start', '99']);
  t.equal(code, 2);
  t.match(text, 'There is no step 99');
  t.notOk(existsSync(join(learner.course.root, 'workspace')));
  t.equal((await learner.run(['start'])).code, 2, 'the number is required');
});
