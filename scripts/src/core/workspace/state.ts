import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Course, listSteps, type Step } from '../course.ts';
import { CourseError, ExitCode } from '../errors.ts';
import { explain, hasCode, writeWhole } from './files.ts';

/** What the tool remembers of the learner's workspace, kept in `.course/workspace.json`. */
export interface WorkspaceState {
  /** The step the learner is at: `'13-push-newsfeed'`. */
  step?: string;
  /** How many hints were shown, by the step's name. */
  hints?: Record<string, number>;
  /** A merge that `advance` began and that waits for the learner. */
  merge?: MergeState;
}

/** A merge under way. */
export interface MergeState {
  /** The step that the workspace was at. */
  from: string;
  to: string;
  /** The commit that has the workspace as it was before. */
  before: string;
  /** The files that need a decision, with the reason in words. */
  conflicts: { path: string; reason: string; theirsFile?: string }[];
}

/** The file with the workspace's state. */
export function stateFile(course: Course): string {
  return join(course.stateDir, 'workspace.json');
}

/** Reads the state; an empty one when nothing was started yet. */
export function readState(course: Course): WorkspaceState {
  let text: string;
  try {
    text = readFileSync(stateFile(course), 'utf8');
  } catch (error) {
    if (hasCode(error) && ['ENOENT', 'ENOTDIR'].includes(error.code)) return {};
    throw error;
  }
  try {
    const state: WorkspaceState = JSON.parse(text);
    return state;
  } catch {
    throw new CourseError(
      '.course/workspace.json cannot be read: delete it and say "npx course start NN" with the number of your step. Your code in workspace/ is kept.',
    );
  }
}

/** Writes the state. */
export function writeState(course: Course, state: WorkspaceState): void {
  writeWhole(stateFile(course), `${JSON.stringify(state, null, 2)}\n`);
}

/**
 * The step the learner is at, or undefined when none was started. A step that was renumbered since
 * is found by its slug.
 */
export function currentStep(course: Course, state: WorkspaceState): Step | undefined {
  return state.step === undefined ? undefined : stepNamed(course, state.step);
}

/** The step that the name stood for when it was written down. */
export function stepNamed(course: Course, name: string): Step | undefined {
  const slug = name.replace(/^\d+-/, '');
  return listSteps(course).find((step) => step.slug === slug);
}

/**
 * Runs `work` while no other command may change the workspace.
 *
 * @throws {CourseError} when another one is at it.
 */
export async function withLock<T>(course: Course, work: () => Promise<T>): Promise<T> {
  const file = join(course.stateDir, 'lock');
  try {
    takeLock(course, file);
  } catch (error) {
    throw explain(error, 'Nothing in workspace/ was changed.');
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function takeLock(course: Course, file: string): void {
  mkdirSync(course.stateDir, { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: 'wx' });
      return;
    } catch (error) {
      if (!hasCode(error) || error.code !== 'EEXIST' || attempt > 2) throw error;
    }
    const holder = Number.parseInt(readFileSync(file, 'utf8'), 10);
    if (isRunning(holder)) {
      throw new CourseError(
        `Another course command (process ${holder}) is changing the workspace: wait until it has ended and run the command again. When there is none, delete .course/lock.`,
        ExitCode.fellShort,
      );
    }
    // Left behind by a command that was killed.
    rmSync(file, { force: true });
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error) && error.code === 'EPERM';
  }
}
