import t from 'tap';
import { readTree } from '../src/core/merge.ts';
import { Learner } from './workspace-fixture.ts';

t.setTimeout(180_000);

t.test('the workspace becomes the official step, and the way back is printed', async (t) => {
  const learner = new Learner(t);
  await learner.run(['start', '02']);
  learner.write('src/app.ts', '// mine\n');
  learner.write('src/stray.ts', '// stray\n');
  learner.write('notes.md', 'notes\n');
  const { code, text } = await learner.run(['solve', '02']);
  t.equal(code, 0, text);
  const official = [...readTree(`${learner.course.stepsDir}/02-second`).keys()];
  t.same(Object.keys(learner.files()).sort(), [...official, 'notes.md'].sort());
  t.match(learner.read('src/app.ts'), 'second');
  t.equal(learner.git('status', '--porcelain'), '');
  const back = /git -C workspace (restore .*)/.exec(text)?.[1] ?? '';
  learner.git(...back.split(' '));
  t.equal(learner.read('src/app.ts'), '// mine\n');
  t.equal(learner.read('src/stray.ts'), '// stray\n');
});

t.test('without a number it is the current step; on an empty workspace it needs one', async (t) => {
  const learner = new Learner(t);
  const early = await learner.run(['solve']);
  t.equal(early.code, 2);
  t.match(early.text, 'There is no step in the workspace yet');
  const { code, text } = await learner.run(['solve', '3']);
  t.equal(code, 0, text);
  t.notMatch(text, 'To get it back', 'there is nothing to get back');
  t.match(learner.read('src/extra/most.ts'), 'most');
  t.equal((await learner.run(['solve'])).code, 0);
  t.match((await learner.run(['status'])).text, '03-third');
});
