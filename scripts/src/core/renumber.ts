import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Course, listSteps, requireStep, type Step } from './course.ts';
import { CourseError, ExitCode } from './errors.ts';
import { HEADINGS, loadLesson } from './lesson.ts';
import { readTree, type Tree, writeTree } from './merge.ts';
import { refuseWhileUnderWay } from './propagate.ts';
import {
  findMentions,
  nameOf,
  renumberDocument,
  renumberNames,
  type Shift,
  shiftAfter,
} from './renumber-text.ts';
import { courseFiles, textOf, workingTree } from './repository.ts';

/** More steps than this have no place in a name of three digits. */
const MOST_STEPS = 999;

/** Everything that inserting a step does, computed before anything is done. */
export interface InsertPlan {
  /** The new step. */
  step: Step;
  /** The step that it is a copy of. */
  origin: Step;
  /** Paths from the root, in the order in which they are to be renamed. */
  renames: { from: string; to: string }[];
  /** Paths from the root, after the renames, to their new text. */
  writes: Map<string, string>;
  /** The files of the new step's folder. */
  files: Tree;
  /** Places that a person has to look at, after the renames: `lessons/14-x.md:42  the line`. */
  mentions: string[];
}

/**
 * Plans a new step after another: a copy of it with the next number, a skeleton of a lesson, and
 * the steps that follow renumbered. Nothing is written.
 *
 * @throws {CourseError} when the slug is bad or taken, or there is no such step.
 */
export function planInsert(course: Course, slug: string, after: string): InsertPlan {
  refuseWhileUnderWay(course);
  const steps = listSteps(course);
  refuseSlug(steps, slug);
  const origin = requireStep(course, after);
  if (steps.length >= MOST_STEPS) {
    throw new CourseError(`A course has at most ${MOST_STEPS} steps, and this one has them.`);
  }
  const shift = shiftAfter(steps, origin);
  const name = nameOf(origin.number + 1, slug);
  const plan: InsertPlan = {
    step: stepNamed(course, name, slug, origin.number + 1),
    origin,
    renames: planRenames(steps.slice(origin.number), shift),
    writes: new Map(),
    files: copyOf(origin, name),
    mentions: [],
  };
  refuseOccupied(course, plan);
  planDocuments(course, plan, shift);
  planLock(course, plan, shift);
  planState(course, plan, shift);
  plan.writes.set(`lessons/${name}.md`, skeleton(plan.step, origin));
  plan.mentions.sort();
  return plan;
}

/**
 * Carries a plan out, wholly or not at all: when a part fails, the parts done are undone.
 *
 * @throws {CourseError} when the file system refuses; then everything is as before.
 */
export function carryOut(course: Course, plan: InsertPlan): void {
  const undo: (() => void)[] = [];
  // Ctrl-C between two renames would leave half a course: it is heard when all is done.
  const ignore = (): void => {};
  process.on('SIGINT', ignore);
  process.on('SIGTERM', ignore);
  try {
    for (const { from, to } of plan.renames) rename(course, from, to, undo);
    for (const [path, text] of plan.writes) write(course, path, text, undo);
    undo.push(() => rmSync(plan.step.dir, { recursive: true, force: true }));
    writeTree(plan.step.dir, plan.files);
  } catch (error) {
    const failed = undo.toReversed().flatMap(attempt);
    throw new CourseError(
      failed.length === 0
        ? `The step could not be inserted, and everything is as it was before: ${messageOf(error)}`
        : `The step could not be inserted (${messageOf(error)}), and this could not be put back: ${failed.join('; ')}. "git status" shows what is left to restore.`,
      ExitCode.fellShort,
    );
  } finally {
    process.off('SIGINT', ignore);
    process.off('SIGTERM', ignore);
  }
  // What was propagated is remembered by names that are no longer true.
  rmSync(join(course.stateDir, 'propagated'), { recursive: true, force: true });
}

/** Does one part of an undoing; gives why it failed, for the other parts have to be done too. */
function attempt(part: () => void): string[] {
  try {
    part();
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function rename(course: Course, from: string, to: string, undo: (() => void)[]): void {
  renameSync(join(course.root, from), join(course.root, to));
  undo.push(() => renameSync(join(course.root, to), join(course.root, from)));
}

function write(course: Course, path: string, text: string, undo: (() => void)[]): void {
  const file = join(course.root, path);
  const before = existsSync(file) ? readFileSync(file) : undefined;
  mkdirSync(dirname(file), { recursive: true });
  undo.push(() => {
    if (before !== undefined) writeFileSync(file, before);
    else rmSync(file, { force: true });
  });
  writeFileSync(file, text);
}

function refuseSlug(steps: Step[], slug: string): void {
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(slug)) {
    throw new CourseError(
      `"${slug}" is not a slug: use small letters, digits and single dashes, and begin with a letter, such as push-newsfeed.`,
    );
  }
  const taken = steps.find((step) => step.slug === slug);
  if (taken === undefined) return;
  throw new CourseError(`Step ${taken.id} has the slug ${slug} already: choose another.`);
}

/** The folder and the lesson of each step that moves, the last one first. */
function planRenames(moved: Step[], shift: Shift): InsertPlan['renames'] {
  return moved.toReversed().flatMap(({ name, lessonFile }) => {
    const to = shift.names.get(name) ?? name;
    const folder = { from: `steps/${name}`, to: `steps/${to}` };
    const lesson = { from: `lessons/${name}.md`, to: `lessons/${to}.md` };
    return existsSync(lessonFile) ? [folder, lesson] : [folder];
  });
}

function refuseOccupied(course: Course, { step, renames }: InsertPlan): void {
  const leaving = new Set(renames.map(({ from }) => from));
  const wanted = [...renames.map(({ to }) => to), `steps/${step.name}`, `lessons/${step.name}.md`];
  for (const path of wanted) {
    const isThere = lstatSync(join(course.root, path), { throwIfNoEntry: false }) !== undefined;
    if (!isThere || leaving.has(path)) continue;
    throw new CourseError(`${path} is there already: rename or delete it first.`);
  }
}

function stepNamed(course: Course, name: string, slug: string, number: number): Step {
  return {
    number,
    id: name.split('-')[0] ?? '',
    slug,
    name,
    dir: join(course.stepsDir, name),
    lessonFile: join(course.lessonsDir, `${name}.md`),
  };
}

/** The files of a step, with the package name of its copy. */
function copyOf(origin: Step, name: string): Tree {
  const files: Tree = new Map(filesOf(origin.dir));
  const manifest = files.get('package.json');
  if (manifest !== undefined) {
    const id = name.split('-')[0];
    const text = manifest.bytes
      .toString()
      .replace(/("name"\s*:\s*"[^"]*step-)\d+(")/, (_, start, end) => start + id + end);
    files.set('package.json', { ...manifest, bytes: Buffer.from(text) });
  }
  return files;
}

/** The files of a folder; those that git ignores are left out where there is git. */
function filesOf(dir: string): Tree {
  try {
    return workingTree(dir);
  } catch (error) {
    if (error instanceof CourseError) return readTree(dir);
    throw error;
  }
}

/** Renumbers every text of the course, or notes where a person has to. */
function planDocuments(course: Course, plan: InsertPlan, shift: Shift): void {
  const files = courseFiles(course) ?? [...readTree(course.root).keys()];
  for (const path of files) {
    if (/^(?:package-lock\.json$|workspace\/|\.course\/|\.services\/)/.test(path)) continue;
    const text = textOf(join(course.root, path));
    if (text === undefined) continue;
    const now = movedPath(path, plan);
    const note = ({ line, text: line_ }: { line: number; text: string }): void => {
      plan.mentions.push(`${now}:${line}  ${line_.slice(0, 90)}`);
    };
    if (/^(?:lessons\/)?[^/]+\.md$/.test(path)) {
      const renumbered = renumberDocument(text, shift, path.startsWith('lessons/'));
      if (renumbered.text !== text) plan.writes.set(now, renumbered.text);
      renumbered.mentions.forEach(note);
    } else if (/^(?:steps|final)\//.test(path)) {
      const renumbered = renumberNames(text, shift);
      if (renumbered !== text) plan.writes.set(now, renumbered);
      findMentions(renumbered, shift).forEach(note);
    } else if (!path.startsWith('scripts/test/')) {
      // The tool, the benchmarks, CI: what a number means there, only their author knows.
      const lines = text.split('\n');
      lines.forEach((line, index) => {
        const isComment = /^\s*(?:\/?\*|\/\/)/.test(line);
        if (!isComment && renumberNames(line, shift) !== line)
          note({ line: index + 1, text: line.trim() });
      });
    }
  }
}

function movedPath(path: string, { renames }: InsertPlan): string {
  const rule = renames.find(({ from }) => path === from || path.startsWith(`${from}/`));
  return rule === undefined ? path : rule.to + path.slice(rule.from.length);
}

/** The lockfile's entries of the workspaces get their new names, and the copy its own. */
function planLock(course: Course, plan: InsertPlan, shift: Shift): void {
  const file = join(course.root, 'package-lock.json');
  if (!existsSync(file)) return;
  const source = readFileSync(file, 'utf8');
  const lock: { packages?: Record<string, unknown> } = JSON.parse(source);
  if (lock.packages === undefined) return;
  const { origin, step } = plan;
  const copied = (text: string): string =>
    text
      .replaceAll(`steps/${origin.name}`, `steps/${step.name}`)
      .replace(new RegExp(`(/step-)${origin.id}(?!\\d)`, 'g'), `$1${step.id}`);
  const entries = Object.entries(lock.packages).flatMap(([key, value]): [string, unknown][] => {
    const isOwn = isAbout(key, value);
    const text = JSON.stringify(value);
    const kept: [string, unknown] = isOwn
      ? [renumberNames(key, shift), JSON.parse(renumberNames(text, shift))]
      : [key, value];
    const isOfOrigin = copied(key) !== key && isOwn;
    return isOfOrigin ? [kept, [copied(key), JSON.parse(copied(text))]] : [kept];
  });
  // The order in which npm writes them.
  entries.sort(([a], [b]) => a.localeCompare(b, 'en'));
  const text = JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, null, 2);
  plan.writes.set('package-lock.json', `${text}\n`);
}

/** Whether an entry of the lockfile is a step's own, or the link to it. */
function isAbout(key: string, value: unknown): boolean {
  if (key.startsWith('steps/')) return true;
  const isLink = typeof value === 'object' && value !== null && 'link' in value;
  return isLink && 'resolved' in value && String(value.resolved).startsWith('steps/');
}

/** The learner's own progress, in this checkout, follows. */
function planState(course: Course, plan: InsertPlan, shift: Shift): void {
  const progress = join(course.stateDir, 'progress');
  if (existsSync(progress)) {
    const text = readFileSync(progress, 'utf8').replace(/^\d+(?= )/gm, (id) => {
      const number = Number(id);
      return String(number > shift.after ? number + 1 : number).padStart(2, '0');
    });
    plan.writes.set('.course/progress', text);
  }
  const workspace = join(course.stateDir, 'workspace.json');
  if (!existsSync(workspace)) return;
  plan.writes.set('.course/workspace.json', renumberNames(readFileSync(workspace, 'utf8'), shift));
}

/** A lesson with everything that the author has to fill in. */
function skeleton(step: Step, origin: Step): string {
  const title = step.slug.replaceAll('-', ' ').replace(/^./, (letter) => letter.toUpperCase());
  const sections = HEADINGS.map((heading) => `## ${heading}\n\n${PROMPTS[heading]}\n`);
  return `---
title: ${title}
part: ${JSON.stringify(partOf(origin))}
summary: Say in one sentence what the step adds.
concepts: [first concept, second concept]
hints:
  - A nudge, such as which file to read.
  - The idea.
  - Almost the code.
---

# Step ${step.id} · ${title}

${sections.join('\n')}`;
}

function partOf(origin: Step): string {
  try {
    return loadLesson(origin).frontMatter.part || '1 · Part';
  } catch (error) {
    if (error instanceof CourseError) return '1 · Part';
    throw error;
  }
}

const PROMPTS: Record<(typeof HEADINGS)[number], string> = {
  Goal: 'Write the contract: endpoints, statuses, invariants, and what is out of scope.',
  Predict:
    'Ask one or two questions to be answered before the code is written.\n\n<details><summary>The answer</summary>\n\nWrite the answer.\n\n</details>',
  Background: 'Give the idea and its trade-offs, argued for a decision.',
  'Build it': '1. Name the files of the task, then show the lines that matter.',
  'Try it': 'Show commands with their real answers, in a console fence.',
  'Test it': 'Say what the tests assert, and why those cases.',
  'In the interview / in production':
    'Give the questions that are asked about this, with real answers, and what goes wrong at scale.',
  Exercises: '1. Set two or three exercises, one of them a trap in this very code.',
};
