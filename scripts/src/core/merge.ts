import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { execaSync } from 'execa';
import { renamedFiles } from './diff.ts';
import { CourseError } from './errors.ts';
import { mergeJson } from './merge-json.ts';

/** What is never part of a tree: installed packages, tap's own files, git's own files. */
const IGNORED = new Set(['node_modules', '.tap', '.git', '.DS_Store']);

/** The ending of the file that holds the other version of a binary file in conflict. */
export const THEIRS_SUFFIX = '.theirs';

/** The lines of a conflict that nothing else in a course looks like; `=======` alone may be text. */
const MARKER = /^(<{7}|\|{7}|>{7}) /;

/** One file of a tree: its bytes (of a link: where it points) and its kind. */
export interface Blob {
  bytes: Buffer;
  mode: 'file' | 'executable' | 'link';
}

/** The files of a folder: path below it, with `/`, to its content. */
export type Tree = Map<string, Blob>;

/** How the three sides are called in conflict markers. */
export interface MergeLabels {
  ours: string;
  base: string;
  theirs: string;
}

/** What `mergeTrees` merges. */
export interface MergeOptions {
  /** The folder that both sides come from. */
  base: string;
  /** The folder with the change that is carried over. */
  theirs: string;
  /** The folder that the change is carried to. */
  ours: string;
  /**
   * The folder that is made equal to the result; it may be `ours` itself. Without it nothing is
   * written, and the result says what would be.
   */
  into?: string;
  labels: MergeLabels;
  /** Limits the merge to some paths; files outside are neither read nor written. */
  only?: (path: string) => boolean;
}

/**
 * What became of one file:
 * - `unchanged`: it is as in ours.
 * - `taken`: ours had it as in base, so it is now theirs.
 * - `added`, `deleted`: theirs added or deleted it.
 * - `merged`: both sides had changed it, or one had renamed it, and the changes go together.
 * - `conflict`: they do not go together; `reason` says why.
 */
export type MergeStatus = 'unchanged' | 'taken' | 'added' | 'deleted' | 'merged' | 'conflict';

/** One file of a merge. */
export interface MergedFile {
  /** The path below the folder, with `/`. */
  path: string;
  status: MergeStatus;
  /** The file's path in ours when the merge moves it. */
  renamedFrom?: string;
  binary: boolean;
  /** Why it is a conflict: a phrase such as `both sides changed the same lines`. */
  reason?: string;
  /** Of a binary conflict: the file beside it with the version of theirs (empty when deleted). */
  theirsFile?: string;
}

/** The outcome of a merge, in the order of the paths. */
export interface MergeResult {
  files: MergedFile[];
  /** Those of `files` that are not `unchanged`. */
  changed: MergedFile[];
  /** Those of `files` that are in conflict. */
  conflicts: MergedFile[];
}

/** A place where a person still has to decide. */
export interface ConflictLeft {
  path: string;
  line: number;
}

/** One of the three folders with its files. */
interface Side {
  dir: string;
  tree: Tree;
}

/** A file of the plan: what is reported and what is written. */
interface Planned {
  file: MergedFile;
  blobs: [path: string, blob: Blob][];
}

/**
 * Merges three folders: what changed from `base` to `theirs` is carried over to `ours`.
 *
 * Text is merged by `git merge-file` with diff3 markers, binary files as a whole, `package.json`
 * and `tsconfig.json` by key where their lines do not merge, and a `name` in package.json is always
 * that of ours. Renames on either side are followed and file modes kept. node_modules, .tap and
 * .git are left alone. A text conflict is written with markers; of a binary conflict ours stays
 * and theirs is written beside it as `NAME.theirs`.
 *
 * @throws {CourseError} when git is missing, or a file would have to be where a folder is.
 */
export function mergeTrees(options: MergeOptions): MergeResult {
  const { labels, only } = options;
  const side = (dir: string): Side => ({ dir, tree: readTree(dir, only) });
  const [base, theirs, ours] = [side(options.base), side(options.theirs), side(options.ours)];
  adoptName(base.tree, ours.tree);
  adoptName(theirs.tree, ours.tree);
  const plan = planMerge(base, theirs, ours, labels);
  const merged: Tree = new Map(plan.flatMap(({ blobs }) => blobs));
  refuseFileUnderFile(merged);
  if (options.into !== undefined) writeTree(options.into, merged, only);
  const files = plan.map(({ file }) => file).sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    files,
    changed: files.filter(({ status }) => status !== 'unchanged'),
    conflicts: files.filter(({ status }) => status === 'conflict'),
  };
}

/**
 * Where conflicts are left in a folder: the first line of each block of markers, and the
 * `NAME.theirs` files of binary conflicts.
 *
 * @param theirsFiles the `.theirs` files that a merge wrote; others are no conflict.
 */
export function conflictsLeft(dir: string, theirsFiles: string[] = []): ConflictLeft[] {
  const left: ConflictLeft[] = [];
  for (const [path, blob] of readTree(dir)) {
    if (theirsFiles.includes(path)) left.push({ path, line: 1 });
    if (blob.mode === 'link' || isBinary(blob)) continue;
    const text = blob.bytes.toString();
    if (!/^[<|>]{7} /m.test(text)) continue;
    const line = text.split('\n').findIndex((one) => MARKER.test(one));
    if (line !== -1) left.push({ path, line: line + 1 });
  }
  return left.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Reads the files of a folder; a folder that is not there has none. */
export function readTree(dir: string, only: (path: string) => boolean = () => true): Tree {
  const tree: Tree = new Map();
  const visit = (folder: string, prefix: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (IGNORED.has(entry.name)) continue;
      const path = prefix + entry.name;
      if (entry.isDirectory()) visit(join(folder, entry.name), `${path}/`);
      else if ((entry.isFile() || entry.isSymbolicLink()) && only(path)) {
        tree.set(path, readBlob(join(folder, entry.name)));
      }
    }
  };
  if (existsSync(dir)) visit(dir, '');
  return tree;
}

/** Makes a folder equal to a tree: writes what differs, deletes what is not in it. */
export function writeTree(dir: string, tree: Tree, only?: (path: string) => boolean): void {
  const current = readTree(dir, only);
  for (const path of current.keys()) {
    if (tree.has(path)) continue;
    rmSync(join(dir, path));
    pruneEmptyFolders(dir, dirname(path));
  }
  for (const [path, blob] of tree) {
    if (!sameBlob(current.get(path), blob)) writeBlob(join(dir, path), blob);
  }
}

/** Whether two files are the same, in bytes and mode; two missing files are. */
export function sameBlob(a: Blob | undefined, b: Blob | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.mode === b.mode && a.bytes.equals(b.bytes);
}

/** Whether git would call it binary: a zero byte among the first 8,000. */
export function isBinary(blob: Blob): boolean {
  return blob.bytes.subarray(0, 8000).includes(0);
}

function readBlob(file: string): Blob {
  const stat = lstatSync(file);
  if (stat.isSymbolicLink()) return { bytes: Buffer.from(readlinkSync(file)), mode: 'link' };
  const executable = process.platform !== 'win32' && (stat.mode & 0o100) !== 0;
  return { bytes: readFileSync(file), mode: executable ? 'executable' : 'file' };
}

/** Writes one file, over whatever is there, and makes its folder. */
export function writeBlob(file: string, { bytes, mode }: Blob): void {
  mkdirSync(dirname(file), { recursive: true });
  if (mode === 'link') {
    rmSync(file, { force: true });
    symlinkSync(bytes.toString(), file);
    return;
  }
  if (existsSync(file) && lstatSync(file).isSymbolicLink()) rmSync(file);
  writeFileSync(file, bytes);
  const bits = lstatSync(file).mode & 0o777;
  chmodSync(file, mode === 'executable' ? bits | 0o111 : bits & 0o666);
}

/** Deletes the folder `from` below `root`, and those above it, as far as they are empty. */
export function pruneEmptyFolders(root: string, from: string): void {
  for (let folder = from; folder !== '.'; folder = dirname(folder)) {
    if (readdirSync(join(root, folder)).length > 0) return;
    rmdirSync(join(root, folder));
  }
}

/** The name in package.json is the folder's own: it takes no part in the merge. */
function adoptName(tree: Tree, ours: Tree): void {
  const mine = tree.get('package.json');
  const name = packageName(ours.get('package.json'));
  const current = packageName(mine);
  if (mine === undefined || name === undefined || current === undefined) return;
  const text = mine.bytes
    .toString()
    .replace(/("name"\s*:\s*)("(?:[^"\\]|\\.)*")/, (whole, key: string, value: string) =>
      value === JSON.stringify(current) ? key + JSON.stringify(name) : whole,
    );
  tree.set('package.json', { ...mine, bytes: Buffer.from(text) });
}

function packageName(blob: Blob | undefined): string | undefined {
  try {
    const name: unknown = JSON.parse(blob?.bytes.toString() ?? '').name;
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined; // Not JSON, or none: then there is no name to keep apart.
  }
}

function planMerge(base: Side, theirs: Side, ours: Side, labels: MergeLabels): Planned[] {
  const movedByTheirs = findRenames(base, theirs, ours);
  const movedByOurs = findRenames(base, ours, theirs);
  const seenInTheirs = new Set(movedByTheirs.values());
  const seenInOurs = new Set(movedByOurs.values());
  const plan: Planned[] = [];
  for (const [path, blob] of base.tree) {
    const theirPath = movedByTheirs.get(path) ?? path;
    const ourPath = movedByOurs.get(path) ?? path;
    seenInTheirs.add(theirPath);
    seenInOurs.add(ourPath);
    // When both moved it, to different places, it stays where this side has put it.
    const target = ourPath === path ? theirPath : ourPath;
    const [their, our] = [theirs.tree.get(theirPath), ours.tree.get(ourPath)];
    plan.push(mergeFile(target, ourPath, blob, their, our, labels));
  }
  for (const path of new Set([...theirs.tree.keys(), ...ours.tree.keys()])) {
    const their = seenInTheirs.has(path) ? undefined : theirs.tree.get(path);
    const our = seenInOurs.has(path) ? undefined : ours.tree.get(path);
    if (their === undefined && our === undefined) continue;
    plan.push(mergeFile(path, path, undefined, their, our, labels));
  }
  return plan;
}

/**
 * The files of `base` that `side` has under another path. A file whose new path the other side
 * uses for a file of its own counts as deleted and added.
 */
function findRenames(base: Side, side: Side, other: Side): Map<string, string> {
  const gone = [...base.tree.keys()].some((path) => !side.tree.has(path));
  const come = [...side.tree.keys()].some((path) => !base.tree.has(path));
  if (!gone || !come) return new Map();
  return new Map(
    renamedFiles(base.dir, side.dir)
      .filter(({ from, to }) => base.tree.has(from) && side.tree.has(to))
      .filter(({ from, to }) => !other.tree.has(to) || !other.tree.has(from))
      .map(({ from, to }) => [from, to]),
  );
}

/** Merges one file. `target` is where the result goes, `ourPath` where ours has it now. */
function mergeFile(
  target: string,
  ourPath: string,
  base: Blob | undefined,
  their: Blob | undefined,
  our: Blob | undefined,
  labels: MergeLabels,
): Planned {
  const binary = [base, their, our].some((blob) => blob !== undefined && isBinary(blob));
  const moved = target !== ourPath && our !== undefined;
  const done = (status: MergeStatus, blob: Blob | undefined): Planned => ({
    file: { path: target, status, binary, ...(moved && { renamedFrom: ourPath }) },
    blobs: blob === undefined ? [] : [[target, blob]],
  });
  if (sameBlob(base, their) || sameBlob(their, our)) {
    return done(moved ? 'merged' : 'unchanged', our);
  }
  if (sameBlob(base, our)) {
    if (their === undefined) return done('deleted', undefined);
    return done(our === undefined ? 'added' : moved ? 'merged' : 'taken', their);
  }
  if (base !== undefined && their !== undefined && our !== undefined) {
    const mode = their.mode === base.mode ? our.mode : their.mode;
    if (their.bytes.equals(base.bytes)) return done('merged', { bytes: our.bytes, mode });
    if (our.bytes.equals(base.bytes)) return done('merged', { bytes: their.bytes, mode });
  }
  const whole = binary || [base, their, our].some((blob) => blob?.mode === 'link');
  return whole
    ? conflictOfWholes(target, base, their, our)
    : mergeText(done, target, base, their, our, labels);
}

function mergeText(
  done: (status: MergeStatus, blob: Blob | undefined) => Planned,
  path: string,
  base: Blob | undefined,
  their: Blob | undefined,
  our: Blob | undefined,
  labels: MergeLabels,
): Planned {
  const mode = (their?.mode === base?.mode ? our?.mode : their?.mode) ?? our?.mode ?? 'file';
  const { text, clean } = mergeLines(base, their, our, {
    ours: our === undefined ? `${labels.ours} (deleted there)` : labels.ours,
    base: labels.base,
    theirs: their === undefined ? `${labels.theirs} (deleted there)` : labels.theirs,
  });
  const asJson = ['package.json', 'tsconfig.json'].includes(basename(path));
  if (clean && (!asJson || isJson(text))) return done('merged', { bytes: text, mode });
  if (asJson && base && their && our) {
    const json = mergeJson(base.bytes.toString(), their.bytes.toString(), our.bytes.toString());
    if (json !== undefined) return done('merged', { bytes: Buffer.from(json), mode });
  }
  const planned = done('conflict', { bytes: text, mode });
  return { ...planned, file: { ...planned.file, reason: reasonOf(base, their, our) } };
}

function isJson(text: Buffer): boolean {
  try {
    JSON.parse(text.toString());
    return true;
  } catch {
    return false;
  }
}

function reasonOf(base: Blob | undefined, their: Blob | undefined, our: Blob | undefined): string {
  if (their === undefined) return 'the change deletes it, and it is changed here';
  if (our === undefined) return 'the change edits it, and it is deleted here';
  if (base === undefined) return 'both sides add it, and they differ';
  return 'both sides change the same lines';
}

/** Keeps ours and puts theirs beside it: there are no lines to mark. */
function conflictOfWholes(
  path: string,
  base: Blob | undefined,
  their: Blob | undefined,
  our: Blob | undefined,
): Planned {
  const theirsFile = path + THEIRS_SUFFIX;
  const reason =
    base && their && our
      ? 'both sides change a file that has no lines'
      : reasonOf(base, their, our);
  const blobs: [string, Blob][] = our === undefined ? [] : [[path, our]];
  blobs.push([theirsFile, their ?? { bytes: Buffer.alloc(0), mode: 'file' }]);
  return { file: { path, status: 'conflict', binary: true, reason, theirsFile }, blobs };
}

function mergeLines(
  base: Blob | undefined,
  their: Blob | undefined,
  our: Blob | undefined,
  labels: MergeLabels,
): { text: Buffer; clean: boolean } {
  const scratch = mkdtempSync(join(tmpdir(), 'course-merge-'));
  try {
    for (const [name, blob] of Object.entries({ ours: our, base, theirs: their })) {
      writeFileSync(join(scratch, name), blob?.bytes ?? '');
    }
    const names = [labels.ours, labels.base, labels.theirs].flatMap((label) => ['-L', label]);
    const run = (style: string) =>
      runGit(['merge-file', '-p', style, ...names, 'ours', 'base', 'theirs'], scratch);
    let result = run('--zdiff3');
    if (result.exitCode === 129) result = run('--diff3'); // git before 2.35 has no zdiff3
    if (result.exitCode > 127) throw new CourseError(`git merge-file failed: ${result.stderr}`, 1);
    return { text: result.stdout, clean: result.exitCode === 0 };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs git without the user's settings, which could change what it prints. */
function runGit(args: string[], cwd: string): { stdout: Buffer; stderr: string; exitCode: number } {
  const { stdout, stderr, exitCode, code } = execaSync('git', args, {
    cwd,
    reject: false,
    encoding: 'buffer',
    stripFinalNewline: false,
    env: { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '', GIT_DIR: join(cwd, 'no-repository') },
  });
  if (code === 'ENOENT') {
    throw new CourseError('git was not found: install git, which this command needs to merge.');
  }
  return {
    stdout: Buffer.from(stdout),
    stderr: Buffer.from(stderr).toString().trim(),
    exitCode: exitCode ?? 255,
  };
}

/** A path can't be a file and a folder: that is too rare to mark, so it is refused. */
function refuseFileUnderFile(tree: Tree): void {
  for (const path of tree.keys()) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
      if (!tree.has(folder)) continue;
      throw new CourseError(
        `${folder} is a file on one side and a folder on the other (${path}): rename one of them first.`,
        1,
      );
    }
  }
}
