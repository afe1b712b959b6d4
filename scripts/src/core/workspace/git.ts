import { existsSync, mkdirSync, readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { execa, type Options } from 'execa';
import type { Course } from '../course.ts';
import { CourseError, ExitCode } from '../errors.ts';
import { statsOf } from './files.ts';

// The learner's settings must not change what the tool commits: no hooks, no signing, no rewriting
// of line ends, nobody's global ignore file, and a name even where none is configured.
const SETTINGS = [
  'user.name=Fanout course',
  'user.email=course@localhost',
  'commit.gpgSign=false',
  'tag.gpgSign=false',
  'core.hooksPath=/dev/null',
  'core.autocrlf=false',
  'core.safecrlf=false',
  'core.fsmonitor=false',
  'core.excludesFile=',
  'core.quotePath=false',
  'safe.directory=*',
  'gc.auto=0',
].flatMap((setting) => ['-c', setting]);

const EXCLUDED = 'node_modules/\n.tap/\n.DS_Store\n';

/**
 * Runs git on the workspace's own repository, never on the one around it.
 *
 * @returns what git printed, without the last line break.
 * @throws {CourseError} when git is missing or refuses.
 */
export async function git(
  course: Course,
  args: string[],
  { workTree = course.workspaceDir, env = {} }: { workTree?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const gitDir = join(course.workspaceDir, '.git');
  return runGit([`--git-dir=${gitDir}`, `--work-tree=${workTree}`, ...args], {
    cwd: workTree,
    env,
  });
}

/** Runs git anywhere, with the tool's settings. */
export async function runGit(
  args: string[],
  { cwd, env = {}, input }: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<string> {
  const options: Options = {
    extendEnv: false,
    env: { ...cleanEnvironment(), ...env },
    reject: false,
    // When the tool is stopped, git finishes what it is at and leaves no lock behind.
    cleanup: false,
    ...(cwd === undefined ? {} : { cwd }),
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
  };
  const result = await execa('git', [...SETTINGS, ...args], options);
  if (!result.failed) return String(result.stdout);
  throw refusal(result.code, String(result.stderr ?? ''), args, cwd);
}

function refusal(
  code: string | undefined,
  stderr: string,
  args: string[],
  cwd = process.cwd(),
): CourseError {
  if (code === 'ENOENT') {
    return new CourseError(
      'git was not found, and the workspace is kept in it: install git (https://git-scm.com/downloads) and run the command again.',
    );
  }
  if (/index\.lock'?: File exists/.test(stderr)) {
    return new CourseError(
      'workspace/.git/index.lock is there: a git command is at work in the workspace, or one was interrupted. When none is running, delete that file and run the command again.',
      ExitCode.fellShort,
    );
  }
  const what = args.find((arg) => /^[a-z-]+$/.test(arg) && !arg.startsWith('-')) ?? '';
  const reason = stderr.trim().replace(/\.$/, '') || 'it gave no reason';
  // Git does not always say why it could not write.
  const full = isDiskFull(cwd) ? ' The disk is full: make room and run the command again.' : '';
  return new CourseError(
    `git ${what} did not work in workspace/: ${reason}.${full}`,
    ExitCode.fellShort,
  );
}

function isDiskFull(dir: string): boolean {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize < 256 * 1024;
}

/** The environment without variables that would point git at another repository. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('GIT_') || name === 'GIT_EXEC_PATH',
  );
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}

/**
 * Makes sure that the workspace is a folder and a git repository in which everything can be
 * committed. An existing folder that is none becomes one; its files stay as they are.
 *
 * @throws {CourseError} when something stands in the way.
 */
export async function ensureRepository(course: Course): Promise<void> {
  const dir = course.workspaceDir;
  const stats = statsOf(dir);
  if (stats?.isSymbolicLink()) {
    throw new CourseError(
      'workspace is a symbolic link: the workspace has to be a folder in the course, where its code finds the packages. Rename the link and run the command again.',
    );
  }
  if (stats !== undefined && !stats.isDirectory()) {
    throw new CourseError(
      'workspace is a file, but the course keeps your code in a folder of that name: rename the file and run the command again.',
    );
  }
  mkdirSync(dir, { recursive: true });
  if (!(await isRepository(course))) await makeRepository(course);
  const info = join(await git(course, ['rev-parse', '--absolute-git-dir']), 'info');
  if (!existsSync(join(info, 'exclude'))) {
    mkdirSync(info, { recursive: true });
    writeFileSync(join(info, 'exclude'), EXCLUDED);
  }
  await refuseWhatCannotBeCommitted(course);
}

/** Makes the workspace a repository; where `.git` is there but damaged, git mends what it can. */
async function makeRepository(course: Course): Promise<void> {
  const init = ['-c', 'init.defaultBranch=main', 'init', '--quiet', '--template='];
  try {
    await runGit([...init, course.workspaceDir]);
  } catch (error) {
    if (!existsSync(join(course.workspaceDir, '.git'))) throw error;
  }
  if (await isRepository(course)) return;
  throw new CourseError(
    'workspace/.git is not a git repository and cannot be made one: move it away and run the command again.',
  );
}

async function isRepository(course: Course): Promise<boolean> {
  if (!existsSync(join(course.workspaceDir, '.git'))) return false;
  try {
    await git(course, ['rev-parse', '--git-dir']);
    return true;
  } catch (error) {
    if (error instanceof CourseError && error.exitCode === ExitCode.misused) throw error;
    return false;
  }
}

async function refuseWhatCannotBeCommitted(course: Course): Promise<void> {
  const gitDir = await git(course, ['rev-parse', '--absolute-git-dir']);
  const underWay = [
    'MERGE_HEAD',
    'CHERRY_PICK_HEAD',
    'REVERT_HEAD',
    'rebase-merge',
    'rebase-apply',
  ];
  if (underWay.some((name) => existsSync(join(gitDir, name)))) {
    throw new CourseError(
      'A merge or rebase of your own is under way in workspace/: finish it or give it up with git ("git -C workspace status" says how), then run the command again.',
    );
  }
  const nested = findNested(course.workspaceDir, course.workspaceDir);
  if (nested !== undefined) {
    throw new CourseError(
      `workspace/${nested} is a git repository of its own, so its files cannot be committed with the workspace: delete or move away workspace/${nested}/.git and run the command again.`,
    );
  }
}

/** The first folder below `dir` that has a `.git`, as a path in the workspace. */
function findNested(root: string, dir: string): string | undefined {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (!entry.isDirectory() || ['node_modules', '.git', '.tap'].includes(entry.name)) continue;
    const path = join(dir, entry.name);
    if (existsSync(join(path, '.git'))) return relative(root, path).replaceAll('\\', '/');
    const deeper = findNested(root, path);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

/** The commit that the workspace stands on, or undefined before the first. */
export async function headCommit(course: Course): Promise<string | undefined> {
  try {
    return await git(course, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']);
  } catch (error) {
    if (error instanceof CourseError && error.exitCode === ExitCode.misused) throw error;
    return undefined;
  }
}

/**
 * Commits everything that is in the workspace, those ignored files too that are named in `forced`.
 *
 * @returns the commit that has it, or undefined when the workspace never had a file.
 */
export async function commitAll(
  course: Course,
  message: string,
  forced: string[] = [],
): Promise<string | undefined> {
  await git(course, ['add', '--all']);
  const there = forced.filter((path) => isOwnFile(course.workspaceDir, path));
  if (there.length > 0)
    await git(course, ['--literal-pathspecs', 'add', '--force', '--', ...there]);
  const staged = await git(course, ['status', '--porcelain', '--untracked-files=no']);
  if (staged !== '') {
    await git(course, ['commit', '--quiet', '--no-verify', '--message', message]);
    await keepReachable(course);
  }
  return headCommit(course);
}

/** Whether a path is a file that no folder above it reaches through a link. */
function isOwnFile(root: string, path: string): boolean {
  const parts = path.split('/');
  const folders = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/'));
  return (
    folders.every((folder) => statsOf(join(root, folder))?.isDirectory()) &&
    statsOf(join(root, path))?.isDirectory() === false
  );
}

/** A commit made while no branch is checked out gets a branch, so that git never discards it. */
async function keepReachable(course: Course): Promise<void> {
  const branch = await git(course, ['rev-parse', '--abbrev-ref', 'HEAD']);
  if (branch !== 'HEAD') return;
  const id = await git(course, ['rev-parse', '--short', 'HEAD']);
  await git(course, ['branch', '--force', `course-kept-${id}`, 'HEAD']);
}

/** The paths that git keeps in the workspace, and those it would take up with the next commit. */
export async function knownPaths(course: Course): Promise<string[]> {
  const list = await git(course, ['ls-files', '-z', '--cached', '--others', '--exclude-standard']);
  return [...new Set(list.split('\0').filter((path) => path !== ''))];
}

/** The paths that differ from the last commit. */
export async function uncommittedPaths(course: Course): Promise<string[]> {
  const list = await git(course, [
    'status',
    '--porcelain',
    '-z',
    '--no-renames',
    '--untracked-files=all',
  ]);
  return list
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => line.slice(3));
}
