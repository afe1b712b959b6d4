import { lstatSync, rmSync } from 'node:fs';
import t, { type Test } from 'tap';
import { Learner } from './workspace-fixture.ts';

t.setTimeout(180_000);

t.test('the official change is merged onto own code', async (t) => {
  const learner = new Learner(t);
  await learner.run(['solve', '02']);
  const mine = (learner.read('src/app.ts') ?? '').replace('version = 1', 'version = 42');
  learner.write('src/app.ts', mine);
  learner.write('src/helpers.ts', '// my helper\n');
  const { code, text } = await learner.run(['advance']);
  t.equal(code, 0, text);
  t.match(learner.read('src/app.ts'), "return 'three'", "the course's change");
  t.match(learner.read('src/app.ts'), 'version = 42', 'and mine');
  t.match(learner.read('src/helpers.ts'), 'my helper');
  t.match(learner.read('src/extra/most.ts'), 'most', 'added');
  t.notOk(learner.read('src/more.ts'), 'deleted');
  t.equal(learner.read('src/logo.bin'), '\x00\x09\x09\x09', 'binary');
  t.match(learner.read('package.json'), /@fanout\/workspace[\s\S]*"ms"/);
  t.equal(learner.git('status', '--porcelain'), '');
  t.match((await learner.run(['status'])).text, '03-third');
  t.equal((await learner.run(['test'])).code, 0, 'and its tests are green');
});

/** A learner whose code clashes with the change to step 03, after `advance`. */
async function inConflict(t: Test) {
  const learner = new Learner(t);
  await learner.run(['solve', '02']);
  const app = (learner.read('src/app.ts') ?? '').replace("return 'one'", "return 'my own'");
  learner.write('src/app.ts', app);
  learner.write('src/more.ts', `${learner.read('src/more.ts')}// my line\n`);
  learner.write('src/logo.bin', Buffer.from([0, 7]));
  learner.write('src/new.ts', '// uncommitted\n');
  const before = learner.files();
  const { code, text } = await learner.run(['advance']);
  t.equal(code, 1, text);
  return { learner, before, text };
}

t.test('a conflict is marked, named, and closed by --continue', async (t) => {
  const { learner, text } = await inConflict(t);
  t.match(text, /step 02 have not been green.*--abort.*course solve 02/s, 'why, and a way around');
  for (const path of ['src/app.ts', 'src/more.ts', 'src/logo.bin']) {
    t.match(text, `workspace/${path}: `, path);
  }
  t.match(
    learner.read('src/app.ts'),
    /<{7} your code[\s\S]*my own[\s\S]*three[\s\S]*>{7} the official step 03/,
  );
  const early = await learner.run(['advance', '--continue']);
  t.equal(early.code, 1);
  t.match(early.text, /There are conflicts left:\n {2}workspace\/src\/app.ts:\d+/);
  t.match(early.text, 'src/logo.bin.theirs');

  for (const args of [['start', '04'], ['solve', '03'], ['advance'], ['test']]) {
    const { code, text } = await learner.run(args);
    t.equal(code, 1, args.join(' '));
    t.match(text, /merge of step 03 is under way.*--continue.*--abort/s);
  }
  t.match((await learner.run(['status'])).text, /Merge: .*conflict in workspace[\s\S]*--continue/s);

  learner.write('src/app.ts', "export function hello(): string {\n  return 'three';\n}\n");
  learner.git('rm', '-q', '-f', 'src/more.ts');
  learner.git('clean', '-q', '-f', 'src/logo.bin.theirs');
  const done = await learner.run(['advance', '--continue']);
  t.equal(done.code, 0, done.text);
  t.equal(learner.git('status', '--porcelain'), '');
  t.equal((await learner.run(['test'])).code, 0);
});

t.test('--abort restores exactly, and keeps the half-done work in git', async (t) => {
  const { learner, before } = await inConflict(t);
  learner.write('src/app.ts', '// half resolved\n');
  learner.write('src/found-while-merging.ts', '// later file\n');
  const { code, text } = await learner.run(['advance', '--abort']);
  t.equal(code, 0, text);
  t.same(learner.files(), before);
  t.ok(lstatSync(learner.path('src/logo.bin')).isFile());
  t.ok(learner.hasLine('half resolved'));
  t.ok(learner.hasLine('later file'));
  t.match((await learner.run(['status'])).text, '02-second', 'it is at the step before again');
  t.equal((await learner.run(['advance', '--abort'])).code, 2, 'a second time there is none');
});

t.test('there is nothing to advance from, to, or to continue', async (t) => {
  const learner = new Learner(t);
  t.match((await learner.run(['advance'])).text, 'There is no step in the workspace yet');
  await learner.run(['solve', '02']);
  rmSync(learner.course.workspaceDir, { recursive: true });
  const gone = await learner.run(['advance']);
  t.match(gone.text, /^There is no step in the workspace/, 'and nothing of what it would have met');
  const none = await learner.run(['advance', '--continue']);
  t.equal(none.code, 2);
  t.match(none.text, 'No merge is under way');
  t.equal((await learner.run(['advance', '--continue', '--abort'])).code, 2);
  await learner.run(['solve', '04']);
  const last = await learner.run(['advance']);
  t.equal(last.code, 2);
  t.match(last.text, 'Step 04 is the last one');
});
