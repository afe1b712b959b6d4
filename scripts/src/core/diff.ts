import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { devNull, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Course, previousStep, type Step } from './course.ts';
import { CourseError, ExitCode } from './errors.ts';

/** One file in which two folders differ. */
export interface ChangedFile {
  /** Relative to both folders, with forward slashes. */
  path: string;
  status: 'added' | 'changed' | 'deleted';
  /** Lines added and deleted; 0 for a binary file. */
  added: number;
  deleted: number;
  /** Lines added when changes of white space are ignored: what rule 2 counts. */
  size: number;
  /** True when nothing but white space differs. */
  onlySpace: boolean;
  binary: boolean;
}

/** A file of the first folder that the second has under another name. */
export interface RenamedFile {
  from: string;
  to: string;
}

/** What running a step leaves behind, or the system drops: never part of a step. */
const NOT_PART_OF_A_STEP = new Set(['node_modules', '.tap', '.git', '.DS_Store', 'Thumbs.db']);

/** Rule 2 counts these and nothing else. */
const COUNTED = /^(?:package\.json$|migrations\/|src\/|test\/)/;

/** Room for what git prints: a change larger than this is no step. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * The files of a step's folder (or any other), sorted, relative to it, with forward slashes.
 * What running it leaves behind (`node_modules`, `.tap`) is left out. A folder that does not exist
 * has no files.
 */
export function listFiles(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const files: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(dir, folder), { withFileTypes: true })) {
      if (NOT_PART_OF_A_STEP.has(entry.name)) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) files.push(path);
    }
  };
  walk('');
  return files.sort();
}

/**
 * The files in which `dirB` differs from `dirA`, sorted by path. Without `dirA` every file of
 * `dirB` is an added one. A renamed file is one deleted and one added.
 */
export function changedFiles(dirA: string | undefined, dirB: string): ChangedFile[] {
  return withDifferences(dirA, dirB, (scratch, differences) => {
    const lines = numstat(scratch, []);
    const linesWithoutSpace = numstat(scratch, ['--ignore-all-space']);
    return differences.map(({ path, status }) => {
      const counts = lines.get(path) ?? { added: 0, deleted: 0, binary: false };
      const bare = linesWithoutSpace.get(path) ?? { added: 0, deleted: 0 };
      const onlySpace =
        status === 'changed' && !counts.binary && bare.added === 0 && bare.deleted === 0;
      return { path, status, ...counts, size: bare.added, onlySpace };
    });
  });
}

/**
 * The size of a step in lines, as rule 2 counts it: the lines added to its predecessor in
 * package.json, migrations, src and test, changes of white space ignored. Step 01 counts whole.
 */
export function stepSize(course: Course, step: Step): number {
  return countedSize(changedFiles(previousStep(course, step)?.dir, step.dir));
}

/** The sum that rule 2 compares with its limits, of what {@link changedFiles} found. */
export function countedSize(changes: ChangedFile[]): number {
  return changes.reduce((sum, { path, size }) => (COUNTED.test(path) ? sum + size : sum), 0);
}

/**
 * The change from `dirA` to `dirB` as plain text, with paths relative to the folders: `git apply -p1`
 * in a copy of `dirA` makes it equal `dirB`. Empty when they are equal.
 *
 * @param options.binary whether binary files are in it (the default) or only mentioned.
 */
export function patch(
  dirA: string | undefined,
  dirB: string,
  { binary = true }: { binary?: boolean } = {},
): string {
  const options = ['--no-renames', '--no-color', ...(binary ? ['--binary', '--full-index'] : [])];
  return withDifferences(dirA, dirB, (scratch) =>
    git(scratch, options).replace(
      // With --no-index a file that only one side has carries that side's name twice.
      /^diff --git (?:a\/(.*) a\/\1|b\/(.*) b\/\2)$/gm,
      (_line, deleted?: string, added?: string) =>
        `diff --git a/${deleted ?? added} b/${deleted ?? added}`,
    ),
  );
}

/** The files that `dirB` has under another name than `dirA`, at least half of their lines alike. */
export function renamedFiles(dirA: string | undefined, dirB: string): RenamedFile[] {
  return withDifferences(dirA, dirB, (scratch) => {
    const fields = git(scratch, ['--find-renames=50%', '--name-status', '-z']).split('\0');
    const renamed: RenamedFile[] = [];
    for (let at = 0; at < fields.length - 1; ) {
      const isRename = /^[RC]/.test(fields[at] ?? '');
      const [from = '', to = ''] = [fields[at + 1], fields[at + 2]];
      if (isRename) renamed.push({ from: withoutSide(from), to: withoutSide(to) });
      at += isRename ? 3 : 2;
    }
    return renamed;
  });
}

/**
 * Lays the files that differ into `a/` and `b/` of a scratch folder and calls `use` with it, so that
 * git sees the paths of a patch, and nothing that is not part of a step.
 */
function withDifferences<T>(
  dirA: string | undefined,
  dirB: string,
  use: (scratch: string, differences: Difference[]) => T,
): T {
  const differences = compare(dirA, dirB);
  const scratch = mkdtempSync(join(tmpdir(), 'course-diff-'));
  try {
    mkdirSync(join(scratch, 'a'));
    mkdirSync(join(scratch, 'b'));
    for (const { path, status } of differences) {
      if (status !== 'added' && dirA !== undefined) lay(dirA, join(scratch, 'a'), path);
      if (status !== 'deleted') lay(dirB, join(scratch, 'b'), path);
    }
    return use(scratch, differences);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

type Difference = Pick<ChangedFile, 'path' | 'status'>;

function compare(dirA: string | undefined, dirB: string): Difference[] {
  const before = new Set(dirA === undefined ? [] : listFiles(dirA));
  const after = new Set(listFiles(dirB));
  return [...new Set([...before, ...after])].sort().flatMap((path): Difference[] => {
    if (dirA === undefined || !before.has(path)) return [{ path, status: 'added' }];
    if (!after.has(path)) return [{ path, status: 'deleted' }];
    return sameFile(join(dirA, path), join(dirB, path)) ? [] : [{ path, status: 'changed' }];
  });
}

/** Whether two files have the same bytes and are both executable or both not. */
export function sameFile(fileA: string, fileB: string): boolean {
  const [a, b] = [statSync(fileA), statSync(fileB)];
  if (a.size !== b.size || (a.mode & 0o100) !== (b.mode & 0o100)) return false;
  return readFileSync(fileA).equals(readFileSync(fileB));
}

function lay(from: string, to: string, path: string): void {
  const target = join(to, path);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(from, path), target);
}

function numstat(
  scratch: string,
  options: string[],
): Map<string, { added: number; deleted: number; binary: boolean }> {
  const counts = new Map<string, { added: number; deleted: number; binary: boolean }>();
  const fields = git(scratch, ['--numstat', '--no-renames', '-z', ...options]).split('\0');
  for (let at = 0; at < fields.length - 1; ) {
    const [added = '', deleted = '', path = ''] = (fields[at] ?? '').split('\t');
    // Between two folders git gives an empty name here and then both names.
    const names = path === '' ? [fields[at + 1] ?? '', fields[at + 2] ?? ''] : [path];
    at += path === '' ? 3 : 1;
    const name = names.find((side) => side !== '/dev/null') ?? '';
    counts.set(withoutSide(name), {
      added: Number(added) || 0,
      deleted: Number(deleted) || 0,
      binary: added === '-',
    });
  }
  return counts;
}

function withoutSide(path: string): string {
  return path.replace(/^[ab]\//, '');
}

/** Runs `git diff --no-index a b` in the scratch folder, apart from the user's own git settings. */
function git(scratch: string, options: string[]): string {
  const settings = ['-c', 'core.quotePath=false', '-c', 'core.autocrlf=false'];
  const diff = ['diff', '--no-index', '--no-prefix', '--no-ext-diff', '--no-textconv'];
  const result = spawnSync('git', [...settings, ...diff, ...options, '--', 'a', 'b'], {
    cwd: scratch,
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT_BYTES,
    env: { ...withoutGitVariables(), GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: devNull },
  });
  if (result.error !== undefined) {
    throw new CourseError(
      `git could not be started (${result.error.message}): install git and see that "git --version" answers.`,
    );
  }
  // 0: no difference, 1: differences.
  if (result.status !== 0 && result.status !== 1) {
    throw new CourseError(`git diff failed: ${result.stderr.trim()}`, ExitCode.fellShort);
  }
  return result.stdout;
}

/** The environment without what a git hook sets, which would point git at another repository. */
function withoutGitVariables(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^GIT_(?!EXEC_PATH|SSL)/.test(name)),
  );
}
