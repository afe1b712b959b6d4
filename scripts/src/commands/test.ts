import { accessSync, constants, existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { serviceEnvironment } from '../core/app-process.ts';
import { type Course, listSteps, openCourse, requireStep, type Step } from '../core/course.ts';
import { CourseError, ExitCode } from '../core/errors.ts';
import { readTree, type Tree, writeTree } from '../core/merge.ts';
import { markGreen } from '../core/progress.ts';
import { runTests, type TestCase } from '../core/run.ts';
import { withScratch } from '../core/workspace/official.ts';
import { isGreen, printCases } from '../core/workspace/report.ts';
import { sayRepaired } from '../core/workspace/say.ts';
import {
  currentStep,
  readState,
  refuseDuringMerge,
  requireStarted,
  restoreTests,
  testFiles,
  treeForTests,
} from '../core/workspace.ts';

interface Options {
  watch?: boolean;
  solution?: boolean;
}

const DEBOUNCE_MS = 150;

/** Adds `course test`. */
export function register(program: Command): void {
  program
    .command('test')
    .summary("run a lesson's tests against your workspace")
    .description(
      `Runs the tests of a lesson against workspace/: first those that the step adds or changes, then, once these are green, those of the steps before. The services that the step needs are started first. When all are green, the step is marked as done.

The lesson's tests are the judge: where you have changed or deleted one, your version is committed and the official one is put back. Tests of your own in other files are left alone.

The exit code is 0 when all tests pass and 1 when one fails.`,
    )
    .argument('[step]', 'the number of the step; by default the one you have started')
    .option('--watch', 'run again whenever a file in workspace/ changes, until Ctrl-C')
    .option('--solution', "run against the course's own code of the step instead of yours")
    .addHelpText(
      'after',
      '\nExamples:\n  npx course test --watch\n  npx course test 05 --solution\n',
    )
    .action(run);
}

async function run(number: string | undefined, options: Options): Promise<void> {
  const course = openCourse();
  await sayRepaired(course);
  const step = chooseStep(course, number, options);
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    if (options.watch) await testAgainAndAgain(course, step, options, stop.signal);
    else if (!(await testOnce(course, step, options, stop.signal))) process.exitCode = 1;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    console.log('\nStopped.');
    if (!options.watch) process.exitCode = ExitCode.fellShort;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

function chooseStep(course: Course, number: string | undefined, options: Options): Step {
  const state = readState(course);
  if (options.solution) {
    const step = number === undefined ? currentStep(course, state) : requireStep(course, number);
    if (step !== undefined) return step;
    throw new CourseError(
      'Which step\'s solution? Say its number: "npx course test 05 --solution".',
    );
  }
  refuseDuringMerge(state);
  const current = requireStarted(course, state);
  return number === undefined ? current : requireStep(course, number);
}

/** Runs the tests once and prints what came out; true when all are green. */
async function testOnce(
  course: Course,
  step: Step,
  options: Options,
  signal: AbortSignal,
): Promise<boolean> {
  const services = await serviceEnvironment(step.dir);
  const env: Record<string, string> = { ...services };
  if (options.solution) {
    const green = await runInOrder(course, step, step.dir, env, signal);
    console.log(green ? `\nThe course's own step ${step.id} is green.` : '');
    return green;
  }
  const current = currentStep(course, readState(course));
  const green =
    current?.name === step.name
      ? await testWorkspace(course, step, env, signal)
      : await testCopy(course, step, env, signal);
  if (green) sayNext(course, step);
  return green;
}

async function testWorkspace(
  course: Course,
  step: Step,
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<boolean> {
  const { restored, before } = await restoreTests(course, step);
  if (restored.length > 0) {
    console.log(
      styleText(
        'yellow',
        `The lesson's tests were changed or deleted in workspace/; the official ones have been put back: ${restored.join(', ')}.${before === undefined ? '' : ` Your versions are in commit ${before.slice(0, 10)} of workspace/.`}\n`,
      ),
    );
  }
  return runInOrder(course, step, course.workspaceDir, env, signal);
}

/** The tests of another step than the current one: in a copy, because they would replace its tests. */
async function testCopy(
  course: Course,
  step: Step,
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<boolean> {
  return withScratch(course, (dir) => {
    writeTree(dir, treeForTests(course, step));
    return runInOrder(course, step, dir, env, signal);
  });
}

/** The step's own tests first; the earlier ones only when these are green. */
async function runInOrder(
  course: Course,
  step: Step,
  cwd: string,
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<boolean> {
  // tap writes there, and when it may not, it dies with no word to the learner.
  for (const folder of [cwd, join(cwd, '.tap')].filter(existsSync)) {
    accessSync(folder, constants.W_OK);
  }
  const { own, earlier } = testFiles(course, step);
  const cases: TestCase[] = [];
  let green = true;
  for (const files of [own, earlier].filter((list) => list.length > 0)) {
    const result = await runTests({ cwd, files, env, signal });
    printCases(result, cwd);
    cases.push(...result.cases);
    green = isGreen(result);
    if (!green) break;
  }
  const failed = cases.filter(({ ok }) => !ok).length;
  const unrun = !green && earlier.length > 0 && !cases.some(({ file }) => earlier.includes(file));
  if (unrun) console.log('\nThe tests of the earlier steps run once these are green.');
  console.log(
    styleText(green ? 'green' : 'red', `\n${cases.length - failed} passed, ${failed} failed`),
  );
  return green;
}

function sayNext(course: Course, step: Step): void {
  markGreen(course, step);
  const next = listSteps(course)[step.number];
  console.log(
    next === undefined
      ? `\nStep ${step.id} is done, and it is the last one. The finished app: npx course run final`
      : `\nStep ${step.id} is done. Next: npx course start ${next.id}`,
  );
}

/** Runs the tests at every change of a file, until the signal. */
async function testAgainAndAgain(
  course: Course,
  step: Step,
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  const dir = options.solution ? step.dir : course.workspaceDir;
  let tested: string | undefined;
  while (!signal.aborted) {
    const changed = nextChange(dir, signal);
    // Ctrl-C during a run settles it before anybody waits for it.
    changed.catch(() => {});
    if (fingerprint(dir) !== tested) {
      tested = undefined;
      console.log(styleText('dim', `— ${new Date().toLocaleTimeString()} —`));
      await testUnlessBroken(course, step, options, signal);
      tested = fingerprint(dir);
      console.log(styleText('dim', '\nWaiting for a change in the code. Ctrl-C ends it.'));
    }
    await changed;
  }
}

/** A course error (a service that is down) ends a single run, but not the watching. */
async function testUnlessBroken(
  course: Course,
  step: Step,
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  try {
    await testOnce(course, step, options, signal);
  } catch (error) {
    if (!(error instanceof CourseError) || error.exitCode === ExitCode.misused) throw error;
    console.error(error.message);
  }
}

/** What the code is like, so that a change that changes nothing starts no run. */
function fingerprint(dir: string): string {
  const tree: Tree = readTree(dir);
  return [...tree].map(([path, { bytes }]) => `${path}\0${bytes.toString('base64')}`).join('\n');
}

/** Settles a moment after the next change of a file of the code. @throws when the signal comes. */
function nextChange(dir: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(dir, { recursive: true });
    let timer: NodeJS.Timeout | undefined;
    const end = (settle: () => void) => {
      clearTimeout(timer);
      watcher.close();
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const onAbort = () => end(() => reject(new Error('stopped')));
    signal.addEventListener('abort', onAbort);
    watcher.on('change', (_event, name) => {
      if (/(^|[\\/])(\.git|\.tap|node_modules)([\\/]|$)/.test(String(name ?? ''))) return;
      clearTimeout(timer);
      timer = setTimeout(() => end(resolve), DEBOUNCE_MS);
    });
    watcher.on('error', (error) => end(() => reject(error)));
  });
}
