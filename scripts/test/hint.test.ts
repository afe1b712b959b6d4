import { readFileSync } from 'node:fs';
import t from 'tap';
import { stateFile } from '../src/core/workspace/state.ts';
import { Learner, put } from './workspace-fixture.ts';

t.setTimeout(180_000);

t.test('hints come one at a time and are remembered', async (t) => {
  const learner = new Learner(t);
  await learner.run(['start', '01']);
  t.match((await learner.run(['hint'])).text, /Hint 1 of 3[\s\S]*Think of it/);
  t.match((await learner.run(['hint'])).text, /Hint 2 of 3[\s\S]*Look at/);
  t.match((await learner.run(['hint', '1'])).text, /Think of it/, 'one by its number');
  t.match((await learner.run(['hint'])).text, /Hint 3 of 3/, 'looking back does not set it back');
  t.match(readFileSync(stateFile(learner.course), 'utf8'), '"01-first": 3', 'in plain text');
  const end = await learner.run(['hint']);
  t.equal(end.code, 0);
  t.match(end.text, 'You have seen all 3 hints of step 01');
  t.match(end.text, 'npx course solve 01');
});

t.test('a hint that is not there, a lesson without hints, no step started', async (t) => {
  const learner = new Learner(t);
  const early = await learner.run(['hint']);
  t.equal(early.code, 2);
  t.match(early.text, 'npx course start');
  await learner.run(['start', '01']);
  for (const number of ['4', '0', 'x', '1.5']) {
    const { code, text } = await learner.run(['hint', number]);
    t.equal(code, 2, number);
    t.match(text, `There is no hint ${number}: this step has the hints 1 to 3.`);
  }
  await learner.run(['start', '03']);
  t.match((await learner.run(['hint'])).text, 'has no hints');
});

t.test('a state that cannot be read is one sentence', async (t) => {
  const learner = new Learner(t);
  await learner.run(['start', '01']);
  put(stateFile(learner.course), '{ broken');
  const { code, text } = await learner.run(['hint']);
  t.equal(code, 2);
  t.match(text, '.course/workspace.json cannot be read');
});
