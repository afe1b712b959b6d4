import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Course, listSteps, previousStep, type Step } from './course.ts';
import { CourseError, ExitCode } from './errors.ts';
import { conflictsLeft, mergeTrees, readTree, type Tree, writeTree } from './merge.ts';
import { readProgress } from './progress.ts';
import { type Change, changeWorkspace, differing, replacement } from './workspace/change.ts';
import { commitAll, ensureRepository, git, uncommittedPaths } from './workspace/git.ts';
import {
  managedBy,
  officialTree,
  onlyTests,
  startingPackage,
  testsOf,
  withScratch,
} from './workspace/official.ts';
import {
  currentStep,
  type MergeState,
  readState,
  stepNamed,
  type WorkspaceState,
  withLock,
  writeState,
} from './workspace/state.ts';

export { repair } from './workspace/change.ts';
export { currentStep, readState, writeState } from './workspace/state.ts';

/** What `startStep` did. */
export interface Started {
  /**
   * `own`: the learner's code of the step before was kept. `official`: the official code of the
   * step before was put there. `already`: the step had been started, and nothing was changed.
   */
  kind: 'own' | 'official' | 'already';
  /** The commit that has what was in the workspace before; undefined when it was empty. */
  before: string | undefined;
  /** What was put into test/. */
  tests: string[];
  /** Whether their code gave way because the tests of the step before have not been green in it. */
  unfinished: boolean;
}

/**
 * Fills the workspace for a step: with the code of the step before and the step's own tests.
 *
 * @param options `fresh` takes the official code even where the learner's own is finished; `keep`
 *   keeps what is in the workspace even where it is not.
 * @throws {CourseError} when a merge is under way, or the workspace cannot be changed.
 */
export async function startStep(
  course: Course,
  step: Step,
  options: { fresh?: boolean; keep?: boolean } = {},
): Promise<Started> {
  const state = readState(course);
  refuseDuringMerge(state);
  const previous = previousStep(course, step);
  const at = hasCode(course) ? currentStep(course, state) : undefined;
  if (at?.name === step.name && !options.fresh && !options.keep) {
    return { kind: 'already', before: undefined, tests: [], unfinished: false };
  }
  const finished = previous !== undefined && readProgress(course).has(previous.number);
  const own = options.keep
    ? previous !== undefined && hasCode(course)
    : !options.fresh && finished && at?.name === previous.name;
  const { changed } = testsOf(previous, step);
  const before = await changeWorkspace(course, async () => ({
    ...(own && previous !== undefined
      ? await keepOwn(course, previous, step)
      : await replacement(course, startingTree(previous, step), managedBy(previous, step))),
    title: `start ${step.id}`,
    before: `Before starting step ${step.id}: what was in the workspace`,
    after: own
      ? `Step ${step.id} started: its tests, on your own code`
      : `Step ${step.id} started: ${previous === undefined ? 'its tests' : `the official step ${previous.id} and the tests of ${step.id}`}`,
    state: () => ({ ...withoutMerge(state), step: step.name }),
    folders: ['src', 'test'],
  }));
  const unfinished = !own && !options.fresh && at !== undefined && at.name === previous?.name;
  return { kind: own ? 'own' : 'official', before, tests: [...changed.keys()], unfinished };
}

/** The official code that a learner begins a step with. */
function startingTree(previous: Step | undefined, step: Step): Tree {
  const own = officialTree(step);
  const tree: Tree = new Map(officialTree(previous));
  for (const path of onlyTests(tree).keys()) tree.delete(path);
  for (const [path, blob] of onlyTests(own)) tree.set(path, blob);
  const tsconfig = own.get('tsconfig.json');
  if (tsconfig !== undefined) tree.set('tsconfig.json', tsconfig);
  const manifest = startingPackage(previous, step);
  if (manifest !== undefined) tree.set('package.json', manifest);
  return tree;
}

/** The learner's own code stays; the step's tests and dependencies come. */
async function keepOwn(
  course: Course,
  previous: Step,
  step: Step,
): Promise<Pick<Change, 'write' | 'remove'>> {
  const { changed, deleted } = testsOf(previous, step);
  const target: Tree = new Map(changed);
  const manifest = await mergedPackage(course, previous, step);
  for (const [path, blob] of manifest) target.set(path, blob);
  const mine = readTree(course.workspaceDir, (path) => deleted.includes(path));
  return { write: differing(course, target), remove: [...mine.keys()] };
}

/** The learner's package.json with the step's dependencies; the official one where they clash. */
function mergedPackage(course: Course, previous: Step, step: Step): Promise<Tree> {
  const only = (path: string) => path === 'package.json';
  const starting = startingPackage(previous, step);
  const theirs: Tree = new Map(starting === undefined ? [] : [['package.json', starting]]);
  return withScratch(course, (dir) => {
    writeTree(join(dir, 'base'), officialTree(previous), only);
    writeTree(join(dir, 'theirs'), theirs, only);
    const { conflicts } = mergeTrees({
      base: join(dir, 'base'),
      theirs: join(dir, 'theirs'),
      ours: course.workspaceDir,
      into: join(dir, 'merged'),
      labels: labelsFor(step),
      only,
    });
    return conflicts.length > 0 ? theirs : readTree(join(dir, 'merged'));
  });
}

/** How the sides are called in conflict markers. */
function labelsFor(step: Step) {
  return {
    ours: 'your code',
    base: 'the official step before',
    theirs: `the official step ${step.id}`,
  };
}

/**
 * Makes the workspace equal to the official code of a step. The learner's files outside of the
 * course's folders stay.
 *
 * @returns the commit that has what was there before; undefined when it was empty.
 */
export async function solveStep(course: Course, step: Step): Promise<string | undefined> {
  const state = readState(course);
  refuseDuringMerge(state);
  const managed = managedBy(...listSteps(course));
  return changeWorkspace(course, async () => ({
    ...(await replacement(course, officialTree(step), managed)),
    title: `solve ${step.id}`,
    before: `Before the official step ${step.id}: what was in the workspace`,
    after: `The official step ${step.id}`,
    state: () => ({ ...withoutMerge(state), step: step.name }),
  }));
}

/** What `advance` did. */
export interface Advanced {
  from: Step;
  to: Step;
  before: string | undefined;
  /** How many files the official change touched. */
  changed: number;
  conflicts: MergeState['conflicts'];
}

/**
 * Merges the official change from the learner's step to the next onto the learner's own code.
 *
 * @throws {CourseError} when there is nothing to advance from or to.
 */
export async function advance(course: Course): Promise<Advanced> {
  const state = readState(course);
  refuseDuringMerge(state);
  const from = requireStarted(course, state);
  const to = listSteps(course)[from.number];
  if (to === undefined) {
    throw new CourseError(`Step ${from.id} is the last one: there is nothing to advance to.`);
  }
  let conflicts: MergeState['conflicts'] = [];
  let changed = 0;
  const before = await changeWorkspace(course, async () => {
    const merge = await mergeOfficial(course, from, to);
    conflicts = merge.conflicts;
    changed = merge.changed;
    return {
      write: merge.write,
      remove: merge.remove,
      title: `advance to ${to.id}`,
      before: `Before advancing to step ${to.id}: what was in the workspace`,
      ...(conflicts.length > 0
        ? {}
        : { after: `The official change to step ${to.id}, merged onto your code` }),
      state: (commit) =>
        conflicts.length === 0 || commit === undefined
          ? { ...withoutMerge(state), step: to.name }
          : { ...state, merge: { from: from.name, to: to.name, before: commit, conflicts } },
    };
  });
  return { from, to, before, changed, conflicts };
}

async function mergeOfficial(course: Course, from: Step, to: Step) {
  const only = managedBy(from, to);
  return withScratch(course, (dir) => {
    writeTree(join(dir, 'base'), officialTree(from));
    writeTree(join(dir, 'theirs'), officialTree(to));
    const result = mergeTrees({
      base: join(dir, 'base'),
      theirs: join(dir, 'theirs'),
      ours: course.workspaceDir,
      into: join(dir, 'merged'),
      labels: { ...labelsFor(to), base: `the official step ${from.id}` },
      only,
    });
    const merged = readTree(join(dir, 'merged'));
    const current = readTree(course.workspaceDir, only);
    return {
      write: differing(course, merged),
      remove: [...current.keys()].filter((path) => !merged.has(path)),
      changed: result.changed.length,
      conflicts: result.conflicts.map(({ path, reason, theirsFile }) => ({
        path,
        reason: `${reason ?? 'both sides changed it'}${theirsFile === undefined ? '' : `; the official one is beside it as ${theirsFile}`}`,
        ...(theirsFile === undefined ? {} : { theirsFile }),
      })),
    };
  });
}

/** The places where a merge under way still waits for a decision. */
export function openConflicts(course: Course, merge: MergeState): { path: string; line: number }[] {
  const beside = merge.conflicts.flatMap(({ theirsFile }) => theirsFile ?? []);
  return conflictsLeft(course.workspaceDir, beside);
}

/**
 * Closes a merge that `advance` began, once no conflict is left.
 *
 * @returns the step that the workspace is at now.
 */
export async function continueAdvance(course: Course): Promise<Step> {
  const state = readState(course);
  const merge = requireMerge(state);
  const left = openConflicts(course, merge);
  if (left.length > 0) {
    const places = left.map(({ path, line }) => `  workspace/${path}:${line}`).join('\n');
    throw new CourseError(
      `There are conflicts left:\n${places}\nEdit these files until they are as you want them, with no line of <<<<<<<, ||||||| or >>>>>>> (and delete every NAME.theirs), then say "npx course advance --continue". "npx course advance --abort" brings back what was there before.`,
      ExitCode.fellShort,
    );
  }
  const to = requireStepNamed(course, merge.to);
  await withLock(course, async () => {
    await ensureRepository(course);
    await commitAll(course, `The official change to step ${to.id}, merged onto your code`);
    writeState(course, { ...withoutMerge(state), step: to.name });
  });
  return to;
}

/**
 * Gives up a merge that `advance` began: the course's files in the workspace are again exactly as
 * they were.
 *
 * @returns the commit that has what was there until now.
 */
export async function abortAdvance(course: Course): Promise<string | undefined> {
  const state = readState(course);
  const merge = requireMerge(state);
  const [from, to] = [stepNamed(course, merge.from), requireStepNamed(course, merge.to)];
  return changeWorkspace(course, async () => ({
    ...(await replacement(course, await treeOfCommit(course, merge.before), managedBy(from, to))),
    title: 'advance --abort',
    before: `The merge of step ${to.id}, given up: what was in the workspace`,
    after: `As before advancing to step ${to.id}`,
    state: () => withoutMerge(state),
  }));
}

/** The files of a commit of the workspace. */
async function treeOfCommit(course: Course, commit: string): Promise<Tree> {
  return withScratch(course, async (dir) => {
    const env = { GIT_INDEX_FILE: join(dir, 'index') };
    const workTree = join(dir, 'tree');
    writeTree(workTree, new Map([['.keep', { bytes: Buffer.alloc(0), mode: 'file' }]]));
    await git(course, ['read-tree', commit], { workTree, env });
    await git(course, ['checkout-index', '--all', '--force'], { workTree, env });
    const tree = readTree(workTree);
    tree.delete('.keep');
    return tree;
  });
}

/**
 * Puts a lesson's official tests back where the learner changed or deleted them; what was there is
 * committed first.
 *
 * @returns the paths put back, and the commit that has the learner's versions.
 */
export async function restoreTests(
  course: Course,
  step: Step,
): Promise<{ restored: string[]; before: string | undefined }> {
  const tests = onlyTests(officialTree(step));
  const restored = [...differing(course, tests).keys()];
  if (restored.length === 0) return { restored, before: undefined };
  const before = await changeWorkspace(course, () => ({
    write: differing(course, tests),
    remove: [],
    title: `put back the tests of step ${step.id}`,
    before: `Before putting back the tests of step ${step.id}: what was in the workspace`,
    after: `The official tests of step ${step.id}`,
    state: () => readState(course),
  }));
  return { restored, before };
}

/** The learner's code with the official tests of another step, to be run in a scratch folder. */
export function treeForTests(course: Course, step: Step): Tree {
  const tree = readTree(course.workspaceDir, managedBy(step));
  for (const path of onlyTests(tree).keys()) tree.delete(path);
  for (const [path, blob] of onlyTests(officialTree(step))) tree.set(path, blob);
  return tree;
}

/** The test files of a step: first those that it adds or changes, then the others. */
export function testFiles(course: Course, step: Step): { own: string[]; earlier: string[] } {
  const isTest = (path: string) => /\.test\.ts$/.test(path);
  const all = [...onlyTests(officialTree(step)).keys()].filter(isTest);
  const { changed } = testsOf(previousStep(course, step), step);
  return {
    own: all.filter((path) => changed.has(path)),
    earlier: all.filter((path) => !changed.has(path)),
  };
}

/** What `status` tells. */
export interface WorkspaceStatus {
  step: Step | undefined;
  green: number[];
  uncommitted: string[];
  merge: MergeState | undefined;
  /** What to type next. */
  next: string;
}

/** The workspace at a glance. */
export async function workspaceStatus(course: Course): Promise<WorkspaceStatus> {
  const state = readState(course);
  const step = currentStep(course, state);
  const green = [...readProgress(course).keys()].sort((a, b) => a - b);
  const there = existsSync(join(course.workspaceDir, '.git'));
  return {
    step,
    green,
    uncommitted: there ? await uncommittedPaths(course) : [],
    merge: state.merge,
    next: nextCommand(course, step, state.merge, green),
  };
}

function nextCommand(
  course: Course,
  step: Step | undefined,
  merge: MergeState | undefined,
  green: number[],
): string {
  if (merge !== undefined) {
    const done = openConflicts(course, merge).length === 0;
    return `npx course advance --continue${done ? '' : '   (after resolving the conflicts)'}`;
  }
  const steps = listSteps(course);
  if (step === undefined || !hasCode(course)) {
    const first = steps.find(({ number }) => !green.includes(number)) ?? steps[0];
    return `npx course start ${step?.id ?? first?.id ?? '01'}`;
  }
  if (!green.includes(step.number)) return 'npx course test';
  const next = steps[step.number];
  return next === undefined ? 'npx course run final' : `npx course start ${next.id}`;
}

/** Whether the workspace has anything of the course in it. */
export function hasCode(course: Course): boolean {
  return existsSync(join(course.workspaceDir, 'package.json'));
}

/** The step the learner is at. @throws {CourseError} when none was started. */
export function requireStarted(course: Course, state: WorkspaceState): Step {
  const step = currentStep(course, state);
  if (step !== undefined && hasCode(course)) return step;
  throw new CourseError(
    'There is no step in the workspace yet: say "npx course start 01", or the number you want to begin with.',
  );
}

/** @throws {CourseError} when a merge is under way. */
export function refuseDuringMerge(state: WorkspaceState): void {
  if (state.merge === undefined) return;
  const id = state.merge.to.split('-', 1)[0];
  throw new CourseError(
    `A merge of step ${id} is under way in workspace/: resolve the conflicts and say "npx course advance --continue", or give it up with "npx course advance --abort".`,
    ExitCode.fellShort,
  );
}

function requireMerge(state: WorkspaceState): MergeState {
  if (state.merge !== undefined) return state.merge;
  throw new CourseError(
    'No merge is under way: "npx course advance" begins one, "npx course status" says where you are.',
  );
}

function requireStepNamed(course: Course, name: string): Step {
  const step = stepNamed(course, name);
  if (step !== undefined) return step;
  throw new CourseError(
    `The merge under way is for ${name}, which is no longer a step of the course: give it up by deleting "merge" in .course/workspace.json; your code before it is in "git -C workspace log".`,
  );
}

function withoutMerge(state: WorkspaceState): WorkspaceState {
  const { merge: _, ...rest } = state;
  return rest;
}
