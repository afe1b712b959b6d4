import { chmodSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runChecks } from '../src/checks/index.ts';
import { type Course, listSteps } from '../src/core/course.ts';
import { CourseError } from '../src/core/errors.ts';
import { readTree } from '../src/core/merge.ts';
import {
  abortPropagation,
  continuePropagation,
  folderLabel,
  propagate,
} from '../src/core/propagate.ts';
import { syncCourse } from '../src/core/sync.ts';
import { edit, put, runCourse } from './fixture.ts';
import {
  commit,
  drop,
  git,
  has,
  makeRepository,
  read,
  runKilledAt,
  snapshot,
} from './git-fixture.ts';

t.setTimeout(300_000);

const LATER = ['steps/03-shouting', 'steps/04-mirrors', 'final'];
const SUMS = 'steps/02-sums/src/sums.ts';

/** An edit of step 02 that merges everywhere. */
function mend(course: Course): void {
  edit(course, SUMS, (text) => text.replace("'sums 50'", "'number * 2'"));
}

/** An edit of step 01 in a line beside which step 02 has a line of its own. */
function editAnswer(course: Course): void {
  edit(course, 'steps/01-hello/src/answer.ts', (text) =>
    text.replace("  return 'not found';", "  if (path === '') return 'nothing';\n  return '404';"),
  );
}

t.test('an edit of step 02 reaches the later steps and final/, and no other file', async (t) => {
  const course = await makeRepository(t);
  const before = snapshot(course);
  mend(course);
  const { status, stdout, stderr } = runCourse(course, 'propagate', '2');
  t.equal(status, 0, stderr);
  for (const folder of LATER) t.match(read(course, `${folder}/src/sums.ts`), 'number * 2');
  const changed = Object.entries(snapshot(course)).filter(([path, text]) => before[path] !== text);
  t.strictSame(
    changed.map(([path]) => path).sort(),
    ['steps/02-sums', ...LATER].map((folder) => `${folder}/src/sums.ts`).sort(),
  );
  t.match(stdout, /steps\/03-shouting +│ 1 +│ \+1 -1 +│ src\/sums\.ts/);
  t.match(stdout, 'npx course verify 02 03 04');
  t.notMatch(stdout, 'npm install');
  t.notOk(has(course, '.course/propagate'));
  t.strictSame(runChecks(course, listSteps(course)), []);
});

t.test('edits of the later steps themselves stay, committed or not', async (t) => {
  const course = await makeRepository(t);
  edit(course, 'steps/03-shouting/src/sums.ts', (text) => text.replace("'sums 3'", "'three'"));
  edit(course, 'steps/04-mirrors/src/sums.ts', (text) => text.replace("'sums 9'", "'nine'"));
  mend(course);
  t.equal(runCourse(course, 'propagate', '02').status, 0);
  const [third, fourth] = LATER.map((folder) => read(course, `${folder}/src/sums.ts`));
  t.match(third, "'three'");
  t.match(third, 'number * 2');
  t.match(fourth, "'nine'");
  t.match(fourth, 'number * 2');
  t.notMatch(fourth, "'three'", 'an edit of step 03 is not carried on by the way');
});

t.test('new, deleted, renamed and binary files, modes and dependencies follow', async (t) => {
  const course = await makeRepository(t);
  put(course, 'steps/01-hello/src/logo.bin', Buffer.from([0, 1, 2]));
  put(course, 'steps/01-hello/src/run.sh', 'echo one\necho two\necho three\n');
  for (const step of ['02-sums', '03-shouting', '04-mirrors']) {
    for (const file of ['logo.bin', 'run.sh']) {
      cpSync(
        join(course.root, `steps/01-hello/src/${file}`),
        join(course.stepsDir, step, 'src', file),
      );
    }
  }
  edit(course, 'steps/03-shouting/src/hello.ts', (text) => text.replace("'hello 5'", "'five'"));
  await syncCourse(course);
  commit(course);

  const step = (path: string) => join('steps/01-hello', path);
  put(course, step('src/logo.bin'), Buffer.from([0, 9, 9]));
  put(course, step('src/greetings/new.ts'), 'export const fresh = 1;\n');
  put(course, step('.env'), 'SECRET=1\n');
  put(course, step('node_modules/x/index.js'), '1\n');
  drop(course, step('test/hello.test.ts'));
  chmodSync(join(course.root, step('src/run.sh')), 0o755);
  put(course, step('src/greet.ts'), read(course, step('src/hello.ts')));
  drop(course, step('src/hello.ts'));
  edit(course, step('package.json'), (text) => text.replace('"2.5.0"', '"2.6.0"'));
  edit(course, 'final/package.json', (text) =>
    text.replace('"test": "tap"', '"seed": "x",\n    "test": "tap"'),
  );

  const { status, stdout, stderr } = runCourse(course, 'propagate', '01');
  t.equal(status, 0, stderr);
  for (const folder of ['steps/02-sums', ...LATER]) {
    const tree = readTree(join(course.root, folder));
    t.strictSame(tree.get('src/logo.bin')?.bytes, Buffer.from([0, 9, 9]), folder);
    t.ok(tree.has('src/greetings/new.ts'), folder);
    t.notOk(tree.has('.env'), 'what git ignores stays where it is');
    t.notOk(has(course, `${folder}/node_modules`));
    t.notOk(tree.has('test/hello.test.ts'), folder);
    t.notOk(tree.has('src/hello.ts'), folder);
    if (process.platform !== 'win32') t.equal(tree.get('src/run.sh')?.mode, 'executable', folder);
    t.match(tree.get('package.json')?.bytes.toString(), '"close-with-grace": "2.6.0"');
  }
  t.match(
    read(course, 'steps/03-shouting/src/greet.ts'),
    "'five'",
    'the renamed file kept the edit',
  );
  t.match(read(course, 'steps/04-mirrors/package.json'), '"name": "@fanout/step-04"');
  t.match(read(course, 'final/package.json'), '"name": "@fanout/final"');
  t.match(read(course, 'final/package.json'), '"seed": "x"');
  t.match(stdout, 'npm install');
  t.match(stdout, /lessons\/01-hello\.md:\d+ {2}src\/hello\.ts is no longer in the step\./);
});

t.test('lessons whose fences the code no longer has are named, with their line', async (t) => {
  const course = await makeRepository(t);
  edit(course, SUMS, (text) =>
    text.replace(/ {2}return String\((.*)\);/, '  const all = $1;\n  return String(all);'),
  );
  const { status, stdout } = runCourse(course, 'propagate', '02');
  t.equal(status, 0);
  t.match(stdout, /lessons\/02-sums\.md:\d+ {2}"return String\(numbers/);
  t.notMatch(stdout, 'lessons/03-shouting.md');
});

/** Step 01 and step 02 edit the same lines of answer.ts: it stops at step 02. */
async function stopped(t: Parameters<typeof makeRepository>[0]) {
  const course = await makeRepository(t);
  edit(course, 'steps/03-shouting/src/notes.ts', (text) => `${text}// my own, not committed\n`);
  const before = snapshot(course);
  editAnswer(course);
  const edited = snapshot(course);
  const ran = runCourse(course, 'propagate', '01');
  return { course, before, edited, ran };
}

const ANSWER = 'steps/02-sums/src/answer.ts';

/** Resolves the conflict in the fixture's answer.ts. */
function resolve(course: Course, file: string): void {
  edit(course, file, (text) =>
    text.replace(/<{7}[\s\S]*>{7} .*\n/, (block) => {
      const [ours = '', , theirs = ''] = block
        .split(/^(?:<{7} .*|\|{7} .*|={7}|>{7} .*)\n/m)
        .slice(1);
      const own = ours
        .split('\n')
        .filter((line) => /startsWith/.test(line) && !theirs.includes(line));
      return [...own, theirs].join('\n');
    }),
  );
}

/** Goes on to the end, resolving what else stops it. */
function resolveAll(course: Course): void {
  for (let stops = 0; stops < 4; stops += 1) {
    const { stopped } = continuePropagation(course);
    if (stopped === undefined) return;
    resolve(course, `${folderLabel(stopped.name)}/src/answer.ts`);
  }
  throw new Error('it does not end');
}

t.test('a conflict stops with labelled markers, and --continue goes on', async (t) => {
  const { course, edited, ran } = await stopped(t);
  t.equal(ran.status, 1);
  t.match(ran.stdout, 'Stopped at step 02: one file needs a decision.');
  t.match(ran.stdout, `${ANSWER}: both sides change the same lines`);
  t.match(ran.stdout, 'npx course propagate --continue');
  t.match(read(course, ANSWER), '<<<<<<< step 02\n');
  t.match(read(course, ANSWER), '||||||| step 01 before the change\n');
  t.match(read(course, ANSWER), '>>>>>>> step 01 with the change\n');
  t.strictSame({ ...snapshot(course), [ANSWER]: '' }, { ...edited, [ANSWER]: '' });

  const again = runCourse(course, 'propagate', '01');
  t.equal(again.status, 2);
  t.match(
    again.stderr,
    'A propagation of step 01 is under way and waits for you to resolve step 02',
  );
  const early = runCourse(course, 'propagate', '--continue');
  t.equal(early.status, 1);
  t.match(early.stderr, new RegExp(`${ANSWER}:\\d+`));

  resolve(course, ANSWER);
  resolveAll(course);
  for (const folder of ['steps/02-sums', ...LATER]) {
    const text = read(course, `${folder}/src/answer.ts`);
    t.match(text, "if (path === '') return 'nothing';\n  return '404';", folder);
    t.match(text, "startsWith('/sums/')", folder);
    t.notMatch(text, '<<<<<<<');
  }
  t.match(read(course, 'final/src/answer.ts'), "startsWith('/mirrors/')");
  t.match(read(course, 'steps/03-shouting/src/notes.ts'), 'my own, not committed');
  t.strictSame(
    runChecks(course, listSteps(course)).filter(({ rule }) => rule === 'rule 8'),
    [],
  );
});

t.test('--abort puts everything back but the edit itself', async (t) => {
  const { course, edited } = await stopped(t);
  const { status, stdout } = runCourse(course, 'propagate', '--abort');
  t.equal(status, 0);
  t.match(stdout, 'Your edit in steps/01-hello is still there.');
  t.strictSame(snapshot(course), edited);
  t.notOk(has(course, '.course/propagate'));
});

t.test('--abort after work on the conflict sets that work aside', async (t) => {
  const { course, edited } = await stopped(t);
  edit(course, ANSWER, () => 'half resolved\n');
  put(course, 'steps/02-sums/src/extra.ts', 'export const extra = 1;\n');
  const { stdout } = runCourse(course, 'propagate', '--abort');
  t.strictSame(snapshot(course), edited);
  const [, folder = ''] = /is kept in (\S+)\.\n/.exec(stdout) ?? [];
  t.equal(read(course, `${folder}/${ANSWER}`), 'half resolved\n');
  t.ok(has(course, `${folder}/steps/02-sums/src/extra.ts`));
});

t.test('steps not yet reached can be edited during a stop', async (t) => {
  const { course } = await stopped(t);
  put(course, 'steps/04-mirrors/src/meanwhile.ts', 'export const meanwhile = 1;\n');
  put(course, 'final/src/meanwhile.ts', 'export const meanwhile = 1;\n');
  resolve(course, ANSWER);
  resolveAll(course);
  t.ok(has(course, 'steps/04-mirrors/src/meanwhile.ts'));
  t.ok(has(course, 'final/src/meanwhile.ts'));
  t.match(read(course, 'steps/04-mirrors/src/answer.ts'), "'404'");
});

t.test('a binary conflict and a deleted file', async (t) => {
  const course = await makeRepository(t);
  put(course, 'steps/02-sums/src/logo.bin', Buffer.from([0, 1]));
  put(course, 'steps/03-shouting/src/logo.bin', Buffer.from([0, 2]));
  put(course, 'steps/04-mirrors/src/logo.bin', Buffer.from([0, 2]));
  await syncCourse(course);
  commit(course);
  put(course, 'steps/02-sums/src/logo.bin', Buffer.from([0, 3]));
  edit(course, 'steps/02-sums/src/notes.ts', (text) => text.replace('exact', 'exact enough'));
  const first = runCourse(course, 'propagate', '02');
  t.equal(first.status, 1);
  t.match(first.stdout, 'logo.bin.theirs beside it');
  t.equal(runCourse(course, 'propagate', '--continue').status, 1, 'it waits for .theirs to go');
  const theirs = 'steps/03-shouting/src/logo.bin.theirs';
  put(course, 'steps/03-shouting/src/logo.bin', Buffer.from([0, 3]));
  drop(course, theirs);
  const second = runCourse(course, 'propagate', '--continue');
  t.equal(second.status, 1, second.stderr);
  t.match(second.stdout, 'src/notes.ts: the change edits it, and it is deleted here');
  drop(course, 'steps/04-mirrors/src/notes.ts');
  const third = runCourse(course, 'propagate', '--continue');
  t.equal(third.status, 0, third.stderr);
  t.strictSame(readTree(course.finalDir).get('src/logo.bin')?.bytes, Buffer.from([0, 3]));
  t.notOk(has(course, 'final/src/notes.ts'));
});

t.test('a second edit of the same line, before a commit, follows too', async (t) => {
  const course = await makeRepository(t);
  mend(course);
  t.equal(runCourse(course, 'propagate', '02').status, 0);
  const nothing = runCourse(course, 'propagate', '02');
  t.equal(nothing.status, 2);
  t.match(nothing.stderr, 'since it was last propagated');
  edit(course, SUMS, (text) => text.replace('number * 2', 'number * 3'));
  const { status, stdout } = runCourse(course, 'propagate', '02');
  t.equal(status, 0, stdout);
  t.match(stdout, 'only what has changed since then was carried');
  t.match(read(course, 'final/src/sums.ts'), 'number * 3');

  git(course, 'restore', 'steps/03-shouting', 'steps/04-mirrors', 'final');
  t.equal(runCourse(course, 'propagate', '02').status, 0, 'what was thrown away is carried again');
  t.match(read(course, 'final/src/sums.ts'), 'number * 3');
});

t.test('--since takes an edit that is committed; the last step reaches final/', async (t) => {
  const course = await makeRepository(t);
  edit(course, 'steps/04-mirrors/src/mirrors.ts', (text) => text.replace("'mirrors 4'", "'four'"));
  commit(course);
  const without = runCourse(course, 'propagate', '04');
  t.equal(without.status, 2);
  t.match(without.stderr, '--since REV');
  t.equal(runCourse(course, 'propagate', '04', '--since', 'HEAD~1').status, 0);
  t.match(read(course, 'final/src/mirrors.ts'), "'four'");
});

t.test('--dry-run writes nothing, with and without a conflict', async (t) => {
  const course = await makeRepository(t);
  mend(course);
  const before = snapshot(course);
  const dry = runCourse(course, 'propagate', '02', '--dry-run');
  t.equal(dry.status, 0);
  t.match(dry.stdout, /final +│ 1/);
  t.match(dry.stdout, 'nothing was written');
  editAnswer(course);
  const edited = snapshot(course);
  const conflict = runCourse(course, 'propagate', '01', '--dry-run');
  t.equal(conflict.status, 1);
  t.match(conflict.stdout, 'The change would stop at step 02');
  t.strictSame(snapshot(course), edited);
  t.not(before, edited);
  t.notOk(has(course, '.course/propagate'));
});

t.test('it refuses in a clear sentence', async (t) => {
  const course = await makeRepository(t);
  const refusal = (step: string, since?: string): string => {
    try {
      propagate(course, step, since === undefined ? {} : { since });
    } catch (error) {
      if (error instanceof CourseError && error.exitCode === 2) return error.message;
      throw error;
    }
    return 'it did not refuse';
  };
  t.match(refusal('03'), 'Nothing has changed in steps/03-shouting: it is as in HEAD.');
  t.match(refusal('17'), 'There is no step 17');
  t.throws(() => continuePropagation(course), /No propagation is under way/);
  t.throws(() => abortPropagation(course), /No propagation is under way/);
  for (const [args, message] of [
    [[], 'Name the step that you have edited'],
    [['--continue', '--abort'], 'Choose one'],
    [['03', '--abort'], 'give them alone'],
  ] as const) {
    const { status, stderr } = runCourse(course, 'propagate', ...args);
    t.equal(status, 2);
    t.match(stderr, message);
  }
  mend(course);
  t.match(refusal('03'), 'Step 02 has uncommitted changes');
  t.match(refusal('02', 'nowhere'), 'There is no commit nowhere');
  t.match(refusal('02', '--all'), 'There is no commit --all');
  put(course, 'final/src/only-here.ts', 'export {};\n');
  t.match(refusal('02'), /final\/src\/only-here\.ts: uncommitted, and not as in step 04/);
  drop(course, 'final/src/only-here.ts');
  put(course, 'steps/04-mirrors/src/x.ts', 'a\n<<<<<<< here\n');
  t.match(refusal('02'), 'There are conflict markers in steps/04-mirrors/src/x.ts:2');
  drop(course, 'steps/04-mirrors/src/x.ts');
  rmSync(join(course.root, '.git'), { recursive: true });
  t.match(refusal('02'), 'not in a git repository');
  git(course, 'init', '--quiet');
  t.match(refusal('02'), 'no commit yet');
});

t.test('killed at any moment it can be continued or aborted, and nothing is lost', async (t) => {
  const course = await makeRepository(t);
  mend(course);
  const edited = snapshot(course);
  t.ok(runKilledAt(course, 5, 'propagate.new', 'propagate', '02'), 'killed while it prepares');
  t.strictSame(snapshot(course), edited);
  t.equal(propagate(course, '02').stopped, undefined, 'nothing was begun, so it begins');

  for (const [round, time] of [4, 6, 9, 14, 30, 45, 50, 55].entries()) {
    git(course, 'restore', ...LATER);
    rmSync(course.stateDir, { recursive: true });
    t.ok(runKilledAt(course, time, 'propagate.new/state.json', 'propagate', '02'), `at ${time}`);
    if (!has(course, '.course/propagate/state.json')) {
      t.ok(time > 40, 'killed when all was done');
    } else if (round % 2 === 0) {
      t.throws(() => propagate(course, '02'), /A propagation of step 02 was interrupted/);
      if (round === 2) runKilledAt(course, 3, 'state.json', 'propagate', '--abort');
      abortPropagation(course);
      t.strictSame(snapshot(course), edited, `aborted at ${time}`);
      continue;
    } else {
      if (round === 3) runKilledAt(course, 8, 'state.json', 'propagate', '--continue');
      continuePropagation(course);
    }
    for (const folder of LATER) {
      t.match(read(course, `${folder}/src/sums.ts`), 'number * 2', `${folder} at ${time}`);
    }
  }
});
