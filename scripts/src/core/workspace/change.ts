import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Course } from '../course.ts';
import { CourseError, ExitCode } from '../errors.ts';
import { readTree, sameBlob, type Tree, writeBlob } from '../merge.ts';
import { explain, hasCode, statsOf, writeWhole } from './files.ts';
import { commitAll, ensureRepository, knownPaths } from './git.ts';
import { type WorkspaceState, withLock, writeState } from './state.ts';

// How the workspace is changed without ever losing a line:
//
// 1. Everything in it is committed.
// 2. The new files are written to .course/staging/. A full disk shows here, with the workspace as
//    it was.
// 3. The journal .course/pending.json says what is to be done.
// 4. The staged files are moved into place one by one, which needs no room and cannot leave half a
//    file; then the result is committed and the journal deleted.
//
// Interrupted before 3, nothing has changed. Interrupted after 3, the next command commits what it
// finds and goes on with 4: each part of it can be done again. The folder itself is never replaced,
// because editors and shells are open in it.

/** A change of the workspace, planned. */
export interface Change {
  /** What is done, in words: "start step 13". */
  title: string;
  /** The files as they are to be, by path. Those not named are left alone. */
  write: Tree;
  /** The files to be deleted. */
  remove: string[];
  /** The message of the commit of what was there before. */
  before: string;
  /** The message of the commit of the result; without it the result is left uncommitted. */
  after?: string;
  /** The state of the workspace after the change; `before` is the commit made first. */
  state: (before: string | undefined) => WorkspaceState;
  /** Folders that are to exist even when they are empty. */
  folders?: string[];
}

interface Journal {
  title: string;
  write: string[];
  remove: string[];
  folders: string[];
  after?: string;
  state: WorkspaceState;
}

const journalFile = (course: Course) => join(course.stateDir, 'pending.json');
const stagingDir = (course: Course) => join(course.stateDir, 'staging');

/**
 * Plans and carries out a change of the workspace while no other command can.
 *
 * @param plan is called once everything in the workspace can be committed.
 * @returns the commit that has the workspace as it was; undefined when it was empty.
 * @throws {CourseError} when it cannot be done; it says what became of the workspace.
 */
export async function changeWorkspace(
  course: Course,
  plan: () => Promise<Change> | Change,
): Promise<string | undefined> {
  return withLock(course, async () => {
    const { before, journal } = await untouched(() => prepare(course, plan));
    await finish(course, journal);
    return before;
  });
}

/** The steps 1 to 3. */
async function prepare(course: Course, plan: () => Promise<Change> | Change) {
  await ensureRepository(course);
  const change = await plan();
  const before = await commitAll(course, change.before, [...change.write.keys(), ...change.remove]);
  refuseUnwritable(course, [...change.write.keys(), ...change.remove]);
  rmSync(stagingDir(course), { recursive: true, force: true });
  for (const [path, blob] of change.write) writeBlob(join(stagingDir(course), path), blob);
  const journal: Journal = {
    title: change.title,
    write: [...change.write.keys()],
    remove: change.remove,
    folders: change.folders ?? [],
    ...(change.after === undefined ? {} : { after: change.after }),
    state: change.state(before),
  };
  writeWhole(journalFile(course), JSON.stringify(journal));
  return { before, journal };
}

/** Says of every error that comes out of `work` that the workspace is as it was. */
async function untouched<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explain(error, 'Nothing in workspace/ was changed.');
  }
}

/** Step 4. It may be done again from the start after any interruption. */
async function finish(course: Course, journal: Journal): Promise<void> {
  try {
    for (const path of journal.remove) removeFile(course, path);
    for (const path of journal.write) moveIntoPlace(course, path);
    for (const path of journal.folders) {
      mkdirSync(join(course.workspaceDir, path), { recursive: true });
    }
    if (journal.after !== undefined) await commitAll(course, journal.after);
    writeState(course, journal.state);
    rmSync(journalFile(course), { force: true });
    rmSync(stagingDir(course), { recursive: true, force: true });
  } catch (error) {
    const rest = `What was in workspace/ is committed, but "${journal.title}" is only half done: the next course command finishes it.`;
    const explained = explain(error, rest);
    if (!(error instanceof CourseError)) throw explained;
    throw new CourseError(`${error.message} ${rest}`, ExitCode.fellShort);
  }
}

/**
 * Finishes a change that an earlier command could not finish.
 *
 * @returns a sentence that says so, or undefined when there was none.
 */
export async function repair(course: Course): Promise<string | undefined> {
  if (!existsSync(journalFile(course))) return undefined;
  return withLock(course, async () => {
    const journal = readJournal(course);
    await ensureRepository(course);
    await commitAll(course, `What was found after "${journal.title}" was interrupted`, [
      ...journal.write,
      ...journal.remove,
    ]);
    await finish(course, journal);
    return `An earlier command ("${journal.title}") was interrupted; it has been finished now.`;
  });
}

function readJournal(course: Course): Journal {
  try {
    const journal: Journal = JSON.parse(readFileSync(journalFile(course), 'utf8'));
    return journal;
  } catch {
    throw new CourseError(
      '.course/pending.json, the note of an interrupted command, cannot be read: delete it, look at "git -C workspace log", which has everything that was there, and say "npx course start NN" with the number of your step.',
    );
  }
}

/**
 * The part of a change that makes the workspace's course files equal to `target`: the learner's
 * other files stay.
 */
export async function replacement(
  course: Course,
  target: Tree,
  managed: (path: string) => boolean,
): Promise<Pick<Change, 'write' | 'remove'>> {
  const known = await knownPaths(course);
  return {
    write: differing(course, target),
    remove: known.filter(
      (path) =>
        managed(path) &&
        !target.has(path) &&
        statsOf(join(course.workspaceDir, path)) !== undefined,
    ),
  };
}

/** Those files of `target` that the workspace does not have like this. */
export function differing(course: Course, target: Tree): Tree {
  const current = readTree(course.workspaceDir, (path) => target.has(path));
  return new Map([...target].filter(([path, blob]) => !sameBlob(current.get(path), blob)));
}

function removeFile(course: Course, path: string): void {
  const file = join(course.workspaceDir, path);
  const stats = statsOf(file);
  if (stats === undefined || stats.isDirectory()) return;
  rmSync(file, { force: true });
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    try {
      rmdirSync(join(course.workspaceDir, folder));
    } catch {
      return; // It has other files.
    }
  }
}

function moveIntoPlace(course: Course, path: string): void {
  const staged = join(stagingDir(course), path);
  if (statsOf(staged) === undefined) return; // Moved before an interruption.
  makeWay(course, path);
  const file = join(course.workspaceDir, path);
  mkdirSync(dirname(file), { recursive: true });
  try {
    renameSync(staged, file);
  } catch (error) {
    if (!hasCode(error) || error.code !== 'EXDEV') throw error;
    // The workspace is on another disk: a copy beside the file, then the same move.
    copyFileSync(staged, `${file}.course-tmp`);
    renameSync(`${file}.course-tmp`, file);
    rmSync(staged);
  }
}

/**
 * Moves aside what git does not keep and what stands where a file is to be: a folder of that name,
 * or a file or link where one of its folders has to be. It goes to `.course/rescued/`.
 */
function makeWay(course: Course, path: string): void {
  const parts = path.split('/');
  parts.forEach((_, index) => {
    const part = parts.slice(0, index + 1).join('/');
    const isFolder = index < parts.length - 1;
    const stats = statsOf(join(course.workspaceDir, part));
    if (stats === undefined || stats.isDirectory() === isFolder) return;
    const rescued = join(course.stateDir, 'rescued', new Date().toISOString().replaceAll(':', '.'));
    mkdirSync(dirname(join(rescued, part)), { recursive: true });
    renameSync(join(course.workspaceDir, part), join(rescued, part));
  });
}

/** Finds out before anything is changed whether every folder concerned can be written to. */
function refuseUnwritable(course: Course, paths: string[]): void {
  const folders = new Set(paths.map((path) => existingFolder(course, path)));
  for (const folder of folders) accessSync(folder, constants.W_OK | constants.X_OK);
}

function existingFolder(course: Course, path: string): string {
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    const stats = statsOf(join(course.workspaceDir, folder));
    if (stats?.isDirectory()) return join(course.workspaceDir, folder);
  }
  return course.workspaceDir;
}
