// An interrupted command leaves the old workspace or the new one, and never loses a line.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { Learner } from './workspace-fixture.ts';

t.setTimeout(180_000);

/** A learner at step 02 with work that is not committed. */
async function withWork(t: Test): Promise<Learner> {
  const learner = new Learner(t);
  await learner.run(['start', '02']);
  learner.write('src/app.ts', 'const mine = 4711;\n');
  return learner;
}

t.test(
  'the tool is killed before the commit of what is there, and before that of the result',
  async (t) => {
    for (const [command, time, finished] of [
      ['add', 1, false],
      ['commit', 1, false],
      ['add', 3, true],
      ['commit', 2, true],
    ] as const) {
      const learner = await withWork(t);
      const PATH = learner.gitThatKills(command, time);
      const { code } = await learner.run(['solve', '02'], { PATH });
      t.not(code, 0, 'it was killed');
      t.ok(learner.hasLine('mine = 4711'), `nothing is lost at ${command} ${time}`);
      learner.write('src/more.ts', '// written after the crash\n');
      const { text } = await learner.run(['status']);
      t.equal(/was interrupted; it has been finished now/.test(text), finished, text);
      t.ok(learner.hasLine('written after the crash'));
      t.notOk(existsSync(join(learner.course.stateDir, 'staging')) && finished);
      const again = await learner.run(['solve', '02']);
      t.equal(again.code, 0, again.text);
      t.match(learner.read('src/app.ts'), 'second');
      t.ok(learner.hasLine('mine = 4711'));
      t.ok(learner.hasLine('written after the crash'));
    }
  },
);

t.test('the tool is killed or interrupted at any moment', async (t) => {
  const learner = await withWork(t);
  let killed = 0;
  for (let round = 1; round <= 8; round += 1) {
    const line = `const round = ${round * 7919};`;
    learner.write('src/app.ts', `${line}\n`);
    const child = learner.spawn(round % 2 === 0 ? ['solve', '02'] : ['start', '03', '--fresh']);
    // The lock shows that it has begun; from then on it is stopped a little later each time.
    const lock = join(learner.course.stateDir, 'lock');
    const deadline = Date.now() + 5000;
    while (!existsSync(lock) && Date.now() < deadline) await sleep(2);
    await sleep(round * 45);
    child.kill(round % 3 === 0 ? 'SIGINT' : 'SIGKILL');
    const result = await child;
    if (result.exitCode !== 0) killed += 1;
    // A git that the tool had started may still be at work for a moment.
    await sleep(100);
    rmSync(learner.path('.git/index.lock'), { force: true });
    t.ok(learner.hasLine(line), `round ${round}: the line is there`);
    const { code, text } = await learner.run(['status']);
    t.equal(code, 0, text);
    t.ok(learner.hasLine(line), `round ${round}: and still after the repair`);
    const app = learner.read('src/app.ts') ?? '';
    t.ok(app === `${line}\n` || /^\/\/ The app\./.test(app), `round ${round}: old or new`);
  }
  t.comment(`${killed} of 8 were stopped in time`);
  t.equal((await learner.run(['solve', '03'])).code, 0);
  t.same(
    readdirSync(learner.course.stateDir).filter((name) => /staging|pending|lock/.test(name)),
    [],
    'nothing is left lying about',
  );
});
