import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { checkFences } from '../checks/fences.ts';
import { type Course, listSteps, requireStep, type Step } from './course.ts';
import { changedFiles, listFiles } from './diff.ts';
import { CourseError, ExitCode } from './errors.ts';
import { loadLesson } from './lesson.ts';
import {
  type Blob,
  conflictsLeft,
  type MergedFile,
  mergeTrees,
  pruneEmptyFolders,
  readTree,
  sameBlob,
  type Tree,
  writeBlob,
  writeTree,
} from './merge.ts';
import { commitOf, treeAt, uncommitted, workingTree } from './repository.ts';
import { writeWhole } from './workspace/files.ts';

// How a propagation works and why nothing is lost:
//
// Everything is computed in .course/propagate/ first. `base/` has the edited step as git has it,
// `old/NAME/` each folder as it was before, `new/NAME/` as it is to be. The course's own folders
// are written when all is computed, or a conflict needs a person, and only after state.json says
// so. Each phase can be done again from these copies, so an interrupted command can be continued
// or undone from wherever it was. A file that somebody edited meanwhile is copied to
// .course/set-aside/ before it is written over.

/** The name of the finished app in the queue, beside the names of steps. */
const FINAL = 'final';

/** The part of `final/` that follows the last step: equal by rule 8, and the two manifests. */
const FOLLOWED_BY_FINAL = /^(?:src|migrations|test)\/|^(?:package|tsconfig)\.json$/;
const EQUAL_IN_FINAL = /^(?:src|migrations|test)\//;

/** Where a propagation stands. */
interface State {
  /** The edited step's name. */
  step: string;
  /** HEAD when it began. */
  head: string;
  /** The folders that the change goes to, in order: later steps' names, then `final`. */
  queue: string[];
  /** How many of the queue have their final content in `new/`. */
  done: number;
  /** How many of the queue may have been written in the course. */
  touched: number;
  phase: 'merging' | 'writing' | 'conflict' | 'aborting';
  /** The files in conflict, of the folder `queue[done]`. */
  conflicts: MergedFile[];
  /** Said to the user at the end: what was special about this run. */
  notes: string[];
}

/** What became of one folder. */
export interface PropagatedFolder {
  /** `final` or a step's name. */
  name: string;
  /** Relative to the folder. */
  files: string[];
  added: number;
  deleted: number;
  /** Whether dependencies changed, so that the lockfile has to follow. */
  dependencies: boolean;
}

/** What a propagation came to. */
export interface Propagated {
  step: Step;
  folders: PropagatedFolder[];
  /** The folder that does not merge, and its files in conflict. */
  stopped?: { name: string; conflicts: MergedFile[] };
  /** Lessons whose fences the code no longer has: `lessons/13-x.md:42  what is wrong`. */
  lessons: string[];
  notes: string[];
}

/** The places of one propagation's files. */
class Store {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  at(side: 'base' | 'old' | 'new', name = ''): string {
    return join(this.root, side, name);
  }

  /** The state, or undefined when no propagation is under way here. */
  read(): State | undefined {
    const file = join(this.root, 'state.json');
    if (!existsSync(file)) return undefined;
    const state: State = JSON.parse(readFileSync(file, 'utf8'));
    return state;
  }

  write(state: State): void {
    writeWhole(join(this.root, 'state.json'), `${JSON.stringify(state, null, 2)}\n`);
  }
}

const storeOf = (course: Course) => new Store(join(course.stateDir, 'propagate'));
/** A folder of this run's own: what an earlier run set aside is not written over. */
const startedAt = new Date().toISOString().replace(/\..*$/, '').replaceAll(':', '-');
const setAsideDir = (course: Course) => join(course.stateDir, 'set-aside', startedAt);

/** What `.course/propagated/NAME/changes.json` remembers of a propagation that is done. */
interface Memo {
  head: string;
  /** Every file it changed, from the root, with the digest of what it had before (`''`: no file). */
  changes: { path: string; before: string }[];
}

/**
 * Carries the working-tree change of a step to every later step and to `final/`.
 *
 * @param options `since`: the revision that the step is compared with (default: HEAD, or what was
 * last propagated from this step since HEAD). `dryRun`: computes everything and writes nothing.
 * @throws {CourseError} when there is nothing to carry, or something stands in the way.
 */
export function propagate(
  course: Course,
  name: string,
  options: { since?: string; dryRun?: boolean } = {},
): Propagated {
  refuseWhileUnderWay(course);
  const step = requireStep(course, name);
  if (!options.dryRun) return start(course, step, storeOf(course), options);
  const scratch = mkdtempSync(join(tmpdir(), 'course-propagate-'));
  try {
    return start(course, step, new Store(join(scratch, 'propagate')), options);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * Goes on with the propagation that stopped at a conflict or was interrupted.
 *
 * @throws {CourseError} when there is none, or conflicts are left.
 */
export function continuePropagation(course: Course): Propagated {
  const store = storeOf(course);
  const state = requireState(store);
  if (state.phase === 'aborting') {
    throw new CourseError(
      'The propagation was being undone when it was interrupted: "npx course propagate --abort" finishes that.',
    );
  }
  if (state.phase === 'writing') return publish(course, store, state);
  if (state.phase === 'conflict') takeResolved(course, store, state);
  refreshPending(course, store, state);
  return mergeOn(course, store, state);
}

/**
 * Undoes the propagation that stopped or was interrupted: every folder that it wrote is as before
 * it. What was edited there meanwhile is set aside first.
 *
 * @returns the edited step, and the folder with what was set aside, if anything was.
 * @throws {CourseError} when none is under way.
 */
export function abortPropagation(course: Course): { step: Step; setAside: string | undefined } {
  const store = storeOf(course);
  const state = requireState(store);
  store.write({ ...state, phase: 'aborting' });
  for (const name of state.queue.slice(0, state.touched)) {
    const old = readTree(store.at('old', name));
    replaceFiles(course, name, readTree(store.at('new', name)), old);
    const conflict = state.conflicts.length > 0 && name === state.queue[state.done];
    if (conflict) restoreAfterConflict(course, name, old);
  }
  remove(store);
  const setAside = existsSync(setAsideDir(course)) ? setAsideDir(course) : undefined;
  return { step: requireStep(course, state.step), setAside };
}

function start(
  course: Course,
  step: Step,
  store: Store,
  { since, dryRun = false }: { since?: string; dryRun?: boolean },
): Propagated {
  const commit = commitOf(course, since ?? 'HEAD');
  const { base, notes } = baseOf(course, step, commit, since);
  const edited = workingTree(step.dir);
  refuseUnchanged(course, step, base, edited, notes.length > 0, since);
  const later = listSteps(course).slice(step.number);
  const withFinal = existsSync(join(course.finalDir, 'package.json'));
  const queue = [...later.map((one) => one.name), ...(withFinal ? [FINAL] : [])];
  if (queue.length === 0) {
    throw new CourseError(
      `Step ${step.id} is the last one and there is no final/ yet: there is nothing to carry the change to.`,
    );
  }
  refuseMarkers(course, [step.name, ...queue]);
  if (withFinal) refuseEditsInFinal(course, [step, ...later].at(-1) ?? step, base, step);

  const draft = new Store(`${store.root}.new`);
  rmSync(draft.root, { recursive: true, force: true });
  writeTree(draft.at('base', step.name), base);
  writeTree(draft.at('new', step.name), edited);
  for (const name of queue) writeTree(draft.at('old', name), currentTree(course, name));
  const state: State = {
    step: step.name,
    head: commitOf(course, 'HEAD'),
    queue,
    done: 0,
    touched: 0,
    phase: 'merging',
    conflicts: [],
    notes,
  };
  draft.write(state);
  renameSync(draft.root, store.root);
  return mergeOn(course, store, state, dryRun);
}

/**
 * What the step is compared with: the commit; but when the step was propagated since that commit,
 * what was propagated then, so that only what is new is carried.
 */
function baseOf(
  course: Course,
  step: Step,
  commit: string,
  since: string | undefined,
): { base: Tree; notes: string[] } {
  const base = treeAt(course, commit, `steps/${step.name}`);
  if (base === undefined) {
    throw new CourseError(
      `steps/${step.name} is not in ${since ?? 'HEAD'}, so nothing says what has changed in it: commit it as it was first.`,
    );
  }
  const folder = memoDir(course, step.name);
  if (since !== undefined) return { base, notes: [] };
  const memo = readMemo(folder);
  const undone = memo.changes.some(
    ({ path, before }) => digest(readFileOf(course, path)) === before,
  );
  if (memo.head !== commit || undone) return { base, notes: [] };
  const note = `Step ${step.id} was propagated before since HEAD, so only what has changed since then was carried ("--since HEAD" carries everything).`;
  return { base: readTree(join(folder, 'tree')), notes: [note] };
}

function refuseUnchanged(
  course: Course,
  step: Step,
  base: Tree,
  edited: Tree,
  propagatedBefore: boolean,
  since: string | undefined,
): void {
  const paths = new Set([...base.keys(), ...edited.keys()]);
  if ([...paths].some((path) => !sameBlob(base.get(path), edited.get(path)))) return;
  const sentences = [
    propagatedBefore
      ? `Nothing has changed in steps/${step.name} since it was last propagated.`
      : `Nothing has changed in steps/${step.name}: it is as in ${since ?? 'HEAD'}.`,
    since === undefined && !propagatedBefore
      ? 'Edit it first; when the change is committed already, name the commit before it with --since REV.'
      : 'Edit it first.',
  ];
  const elsewhere = listSteps(course).find(
    ({ name }) => name !== step.name && uncommitted(course, [`steps/${name}`]).length > 0,
  );
  if (elsewhere !== undefined) sentences.push(`(Step ${elsewhere.id} has uncommitted changes.)`);
  throw new CourseError(sentences.join(' '));
}

/**
 * Refuses to go on while a propagation is under way.
 *
 * @throws {CourseError} when one is.
 */
export function refuseWhileUnderWay(course: Course): void {
  const state = storeOf(course).read();
  if (state === undefined) return;
  const id = idOf(state.step);
  const at = state.queue[state.done];
  const where =
    state.phase === 'conflict' && at !== undefined
      ? `A propagation of step ${id} is under way and waits for you to resolve ${place(at)}`
      : `A propagation of step ${id} was interrupted`;
  throw new CourseError(
    `${where}: "npx course propagate --continue" goes on with it, "npx course propagate --abort" puts back what was there before.`,
  );
}

function refuseMarkers(course: Course, names: string[]): void {
  const places = names.flatMap((name) => markersIn(course, name));
  if (places.length === 0) return;
  throw new CourseError(
    `There are conflict markers in ${places.join(', ')}: resolve them first, then propagate.`,
  );
}

/** The places in a folder where a conflict is left: `steps/13-x/src/app.ts:42`. */
function markersIn(course: Course, name: string, theirsFiles: string[] = []): string[] {
  return conflictsLeft(folderOf(course, name), theirsFiles)
    .filter(({ path }) => name !== FINAL || FOLLOWED_BY_FINAL.test(path))
    .map(({ path, line }) => `${folderLabel(name)}/${path}:${line}`);
}

/** `final/` is made equal to the last step (rule 8), so an edit made only there would be lost. */
function refuseEditsInFinal(course: Course, last: Step, base: Tree, edited: Step): void {
  const final = currentTree(course, FINAL);
  const step = workingTree(last.dir);
  const before = last.name === edited.name ? base : step;
  const folders = ['src', 'migrations', 'test'].map((folder) => `final/${folder}`);
  const lost = uncommitted(course, folders).filter((file) => {
    const path = file.slice('final/'.length);
    const there = final.get(path);
    return !sameBlob(there, step.get(path)) && !sameBlob(there, before.get(path));
  });
  if (lost.length === 0) return;
  throw new CourseError(
    `${lost.join(', ')}: uncommitted, and not as in step ${last.id}, which final/ has to equal (rule 8). Make the edit in the step that introduces the line, and bring these files back (git restore) or commit them.`,
  );
}

/** Merges the rest of the queue, up to its end or a conflict, and writes what came out. */
function mergeOn(course: Course, store: Store, state: State, dryRun = false): Propagated {
  for (; state.done < state.queue.length; state.done += 1) {
    const name = state.queue[state.done] ?? FINAL;
    state.conflicts = mergeFolder(store, state, name);
    if (state.conflicts.length > 0) break;
    if (!dryRun) store.write({ ...state, done: state.done + 1, phase: 'merging' });
  }
  if (dryRun) return outcome(course, store, state);
  state.touched = Math.min(state.done + 1, state.queue.length);
  state.phase = 'writing';
  store.write(state);
  return publish(course, store, state);
}

/** Merges the change of the folder before into `name`; gives the conflicts. */
function mergeFolder(store: Store, state: State, name: string): MergedFile[] {
  const before = state.queue[state.queue.indexOf(name) - 1] ?? state.step;
  const base = before === state.step ? store.at('base', before) : store.at('old', before);
  const called = place(before);
  const ours = name === FINAL ? equalised(store, base) : store.at('old', name);
  rmSync(store.at('new', name), { recursive: true, force: true });
  const { conflicts } = mergeTrees({
    base,
    theirs: store.at('new', before),
    ours,
    into: store.at('new', name),
    labels: {
      ours: place(name),
      base: `${called} before the change`,
      theirs: `${called} with the change`,
    },
    ...(name === FINAL && { only: (path: string) => FOLLOWED_BY_FINAL.test(path) }),
  });
  return conflicts;
}

/** `final/` with the last step's src, migrations and test, which it has to equal (rule 8). */
function equalised(store: Store, lastStep: string): string {
  const folder = join(store.root, 'final-equalised');
  const own = [...readTree(store.at('old', FINAL))].filter(([path]) => !EQUAL_IN_FINAL.test(path));
  const steps = [...readTree(lastStep)].filter(([path]) => EQUAL_IN_FINAL.test(path));
  writeTree(folder, new Map([...own, ...steps]));
  return folder;
}

/** Writes what is computed into the course. It can be done again after an interruption. */
function publish(course: Course, store: Store, state: State): Propagated {
  for (const name of state.queue.slice(0, state.touched)) {
    const isDone = name !== state.queue[state.done];
    // A folder that was written before the stop is the user's again; it is left as it is.
    if (isDone && existsSync(join(store.at('new', name), '..', `.written-${name}`))) continue;
    replaceFiles(course, name, readTree(store.at('old', name)), readTree(store.at('new', name)));
    if (isDone) writeWhole(join(store.at('new'), `.written-${name}`), '');
  }
  const result = outcome(course, store, state);
  if (state.conflicts.length > 0) {
    state.phase = 'conflict';
    store.write(state);
    return result;
  }
  remember(course, store, state);
  remove(store);
  return result;
}

/** Takes the folder in conflict as the user has left it for its result. */
function takeResolved(course: Course, store: Store, state: State): void {
  const name = state.queue[state.done] ?? FINAL;
  const theirsFiles = state.conflicts.flatMap(({ theirsFile }) => theirsFile ?? []);
  const left = markersIn(course, name, theirsFiles);
  if (left.length > 0) {
    throw new CourseError(
      `Conflicts are left in ${place(name)}:\n  ${left.join('\n  ')}\nEdit the files until no markers are in them (of a binary file: keep the version you want and delete NAME.theirs), then say --continue again.`,
      ExitCode.fellShort,
    );
  }
  rmSync(store.at('new', name), { recursive: true, force: true });
  writeTree(store.at('new', name), currentTree(course, name));
  writeWhole(join(store.at('new'), `.written-${name}`), '');
  state.done += 1;
  state.conflicts = [];
  state.phase = 'merging';
  store.write(state);
}

/** Folders that were not written yet may have been edited since: they are read and merged again. */
function refreshPending(course: Course, store: Store, state: State): void {
  state.done = state.touched;
  for (const name of state.queue.slice(state.touched)) {
    writeTree(store.at('old', name), currentTree(course, name));
  }
}

function outcome(course: Course, store: Store, state: State): Propagated {
  const names = state.queue.slice(0, state.done);
  const stoppedAt = state.conflicts.length > 0 ? state.queue[state.done] : undefined;
  const result: Propagated = {
    step: requireStep(course, state.step),
    folders: names.map((name) => summarise(store, name)),
    lessons: [state.step, ...names].flatMap((name) => brokenFences(course, store, state, name)),
    notes: [...state.notes, ...asideNote(course)],
  };
  if (stoppedAt === undefined) return result;
  return { ...result, stopped: { name: stoppedAt, conflicts: state.conflicts } };
}

function summarise(store: Store, name: string): PropagatedFolder {
  const changes = changedFiles(store.at('old', name), store.at('new', name));
  const dependencies = (side: 'old' | 'new') => {
    const text = readTree(store.at(side, name), (path) => path === 'package.json')
      .get('package.json')
      ?.bytes.toString();
    return text === undefined ? '' : dependenciesIn(text);
  };
  return {
    name,
    files: changes.map(({ path }) => path),
    added: changes.reduce((sum, { added }) => sum + added, 0),
    deleted: changes.reduce((sum, { deleted }) => sum + deleted, 0),
    dependencies: dependencies('old') !== dependencies('new'),
  };
}

/** The dependencies of a package.json, to be compared; all of the text when it is no JSON. */
function dependenciesIn(text: string): string {
  try {
    const { dependencies, devDependencies } = JSON.parse(text);
    return JSON.stringify([dependencies, devDependencies]);
  } catch {
    return text;
  }
}

/** The fences of a step's lesson that its code had before and has no longer. */
function brokenFences(course: Course, store: Store, state: State, name: string): string[] {
  const step = listSteps(course).find((one) => one.name === name);
  if (step === undefined || !existsSync(step.lessonFile)) return [];
  try {
    const lesson = loadLesson(step);
    const before = name === state.step ? store.at('base', name) : store.at('old', name);
    const after = store.at('new', name);
    const known = new Set(
      checkFences({ ...step, dir: before }, lesson).map(
        ({ line, message }) => `${line} ${message}`,
      ),
    );
    const changed = checkFences({ ...step, dir: after }, lesson).filter(
      ({ line, message }) => !known.has(`${line} ${message}`),
    );
    const there = new Set(listFiles(after));
    const gone = lesson.fences.filter(
      ({ path }) => path !== undefined && existsSync(join(before, path)) && !there.has(path),
    );
    return [
      ...changed.map(({ line, message }) => `${lesson.label}:${line}  ${message}`),
      ...gone.map(({ path, line }) => `${lesson.label}:${line}  ${path} is no longer in the step.`),
    ];
  } catch (error) {
    // A lesson that cannot be read is for "course check" to report.
    if (error instanceof CourseError) return [];
    throw error;
  }
}

/** Remembers what was carried, so that the next propagation of this step carries only the rest. */
function remember(course: Course, store: Store, state: State): void {
  const folder = memoDir(course, state.step);
  const earlier = readMemo(folder);
  rmSync(folder, { recursive: true, force: true });
  cpSync(store.at('new', state.step), join(folder, 'tree'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const changes = state.queue.flatMap((name) => {
    const [old, now] = [readTree(store.at('old', name)), readTree(store.at('new', name))];
    return changedPaths(old, now).map((path) => ({
      path: `${folderLabel(name)}/${path}`,
      before: digest(old.get(path)),
    }));
  });
  if (earlier.head === state.head) changes.push(...earlier.changes);
  const memo: Memo = { head: state.head, changes };
  writeWhole(join(folder, 'changes.json'), `${JSON.stringify(memo, null, 2)}\n`);
}

/** What is remembered of the last propagation; of none, a memo that fits no commit. */
function readMemo(folder: string): Memo {
  const file = join(folder, 'changes.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { head: '', changes: [] };
}

/**
 * Brings a folder of the course from one set of files to another. A file that is as in neither was
 * edited meanwhile: it is set aside first.
 */
function replaceFiles(course: Course, name: string, from: Tree, to: Tree): void {
  const dir = folderOf(course, name);
  const current = readTree(dir);
  for (const path of changedPaths(from, to)) {
    const [here, wanted] = [current.get(path), to.get(path)];
    if (sameBlob(here, wanted)) continue;
    if (!sameBlob(here, from.get(path))) setAside(course, name, path, here);
    if (wanted === undefined) {
      rmSync(join(dir, path), { force: true });
      pruneEmptyFolders(dir, dirname(path));
    }
  }
  for (const path of changedPaths(from, to)) {
    const wanted = to.get(path);
    if (wanted && !sameBlob(current.get(path), wanted)) writeBlob(join(dir, path), wanted);
  }
}

/** While resolving, the user may have changed any file of the folder: all are brought back. */
function restoreAfterConflict(course: Course, name: string, old: Tree): void {
  const current = currentTree(course, name);
  for (const path of changedPaths(current, old)) setAside(course, name, path, current.get(path));
  replaceFiles(course, name, current, old);
}

function setAside(course: Course, name: string, path: string, blob: Blob | undefined): void {
  if (blob !== undefined) writeBlob(join(setAsideDir(course), folderLabel(name), path), blob);
}

function asideNote(course: Course): string[] {
  const folder = setAsideDir(course);
  if (!existsSync(folder)) return [];
  return [
    `Files that were edited meanwhile are kept in ${relative(course.root, folder).replaceAll('\\', '/')}.`,
  ];
}

/** The state of a propagation is gone at once, not file by file. */
function remove(store: Store): void {
  const gone = `${store.root}.gone`;
  rmSync(gone, { recursive: true, force: true });
  renameSync(store.root, gone);
  rmSync(gone, { recursive: true, force: true });
}

function requireState(store: Store): State {
  const state = store.read();
  if (state !== undefined) return state;
  throw new CourseError(
    'No propagation is under way. "npx course propagate NN" begins one, after an edit in step NN.',
  );
}

function currentTree(course: Course, name: string): Tree {
  const tree = workingTree(folderOf(course, name));
  if (name !== FINAL) return tree;
  return new Map([...tree].filter(([path]) => FOLLOWED_BY_FINAL.test(path)));
}

function changedPaths(a: Tree, b: Tree): string[] {
  const paths = [...new Set([...a.keys(), ...b.keys()])];
  return paths.filter((path) => !sameBlob(a.get(path), b.get(path))).sort();
}

function readFileOf(course: Course, path: string): Blob | undefined {
  const file = join(course.root, path);
  const [name = ''] = path.split('/').slice(-1);
  return readTree(dirname(file), (one) => one === name).get(name);
}

function digest(blob: Blob | undefined): string {
  if (blob === undefined) return '';
  return createHash('sha256').update(blob.mode).update(blob.bytes).digest('hex');
}

function memoDir(course: Course, name: string): string {
  return join(course.stateDir, 'propagated', name);
}

function folderOf(course: Course, name: string): string {
  return name === FINAL ? course.finalDir : join(course.stepsDir, name);
}

/** The folder from the course's root: `final` or `steps/13-push-newsfeed`. */
export function folderLabel(name: string): string {
  return name === FINAL ? FINAL : `steps/${name}`;
}

/** How people call the folder: `final` or `step 13`. */
export function place(name: string): string {
  return name === FINAL ? FINAL : `step ${idOf(name)}`;
}

function idOf(name: string): string {
  return name.split('-')[0] ?? name;
}
