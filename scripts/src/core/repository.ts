import { lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import type { Course } from './course.ts';
import { CourseError, ExitCode } from './errors.ts';
import { readTree, type Tree } from './merge.ts';

// The git repository that the course itself is kept in. (The learner's workspace has its own.)

/** Runs git in `cwd`. A failure is in `exitCode`, 0 being success. */
function git(
  cwd: string,
  args: string[],
  env: Record<string, string> = {},
): { text: string; exitCode: number; error: string } {
  const result = execaSync('git', ['--no-optional-locks', '-c', 'core.quotePath=false', ...args], {
    cwd,
    env,
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
  });
  if (result.code === 'ENOENT') {
    throw new CourseError('git was not found: install git, which this command needs.');
  }
  return { text: result.stdout, exitCode: result.exitCode ?? 255, error: result.stderr.trim() };
}

function gitOrFail(cwd: string, args: string[], env: Record<string, string> = {}): string {
  const { text, exitCode, error } = git(cwd, args, env);
  if (exitCode === 0) return text;
  throw new CourseError(`git ${args[0]} failed: ${error}`, ExitCode.fellShort);
}

/**
 * The commit that a revision names.
 *
 * @throws {CourseError} when the course is in no repository, or there is no such commit.
 */
export function commitOf(course: Course, revision: string): string {
  if (git(course.root, ['rev-parse', '--git-dir']).exitCode !== 0) {
    throw new CourseError(
      'The course is not in a git repository, and git is what says what has changed in a step: run "git init", commit everything, then edit the step.',
    );
  }
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  const { text, exitCode } = git(course.root, args);
  if (exitCode === 0) return text.trim();
  throw new CourseError(
    revision === 'HEAD'
      ? 'The repository has no commit yet, so nothing says what has changed: commit the course as it was, then edit the step.'
      : `There is no commit ${revision}: "git log --oneline" shows those there are.`,
  );
}

/**
 * The files of a folder as a commit has them, read the way git would check them out; undefined
 * when the commit does not have the folder.
 *
 * @param folder relative to the course's root, with forward slashes.
 */
export function treeAt(course: Course, commit: string, folder: string): Tree | undefined {
  const named = git(course.root, ['rev-parse', '--verify', '--quiet', `${commit}:./${folder}`]);
  if (named.exitCode !== 0) return undefined;
  const top = gitOrFail(course.root, ['rev-parse', '--show-toplevel']).trim();
  const scratch = mkdtempSync(join(tmpdir(), 'course-revision-'));
  try {
    const env = { GIT_INDEX_FILE: join(scratch, 'index') };
    gitOrFail(top, ['read-tree', named.text.trim()], env);
    gitOrFail(top, ['checkout-index', '--all', `--prefix=${join(scratch, 'tree')}/`], env);
    return readTree(join(scratch, 'tree'));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The files of a folder in the working tree, without those that git ignores. */
export function workingTree(dir: string): Tree {
  const known = gitOrFail(dir, ['ls-files', '-z', '--cached', '--others', '--exclude-standard']);
  const paths = new Set(known.split('\0'));
  return readTree(dir, (path) => paths.has(path));
}

/** The files below some folders that differ from HEAD or are not in it, relative to the root. */
export function uncommitted(course: Course, folders: string[]): string[] {
  const args = ['status', '--porcelain', '-z', '--no-renames', '--untracked-files=all', '--'];
  const prefix = gitOrFail(course.root, ['rev-parse', '--show-prefix']).trim();
  return gitOrFail(course.root, [...args, ...folders])
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => line.slice(3 + prefix.length));
}

/** The files of the course that git knows or would take up; undefined outside a repository. */
export function courseFiles(course: Course): string[] | undefined {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { text, exitCode } = git(course.root, args);
  if (exitCode !== 0) return undefined;
  return [...new Set(text.split('\0'))].filter((path) => path !== '' && isFile(course, path));
}

function isFile(course: Course, path: string): boolean {
  return lstatSync(join(course.root, path), { throwIfNoEntry: false })?.isFile() === true;
}

/** The text of a file, or undefined when it is binary. */
export function textOf(file: string): string | undefined {
  const bytes = readFileSync(file);
  return bytes.subarray(0, 8000).includes(0) ? undefined : bytes.toString();
}
