import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import {
  type Course,
  hasFinal,
  listSteps,
  openCourse,
  requireStep,
  type Step,
} from '../core/course.ts';
import { type ChangedFile, changedFiles, patch } from '../core/diff.ts';
import { diffPage } from '../core/diff-page.ts';
import { CourseError } from '../core/errors.ts';
import { loadLesson } from '../core/lesson.ts';

interface Options {
  stat?: true;
  patch?: true;
  html?: string;
  pager: boolean;
}

/** One side of a comparison. */
interface Side {
  /** `steps/07-openapi`, `final`, or `nothing`. */
  label: string;
  /** Undefined for nothing, which comes before step 01. */
  dir: string | undefined;
  step?: Step;
}

/** Adds `course diff`. */
export function register(program: Command): void {
  program
    .command('diff')
    .summary('show the change between two steps')
    .description(
      'Shows what changes from one step to another: in colours on a terminal, as a summary, as a patch, or as a page for the projector.',
    )
    .argument('<A>', 'a step such as 12 or 12-pull-newsfeed, "00" for nothing, or "final"')
    .argument('[B]', 'the same; without it, the step after A')
    .option('--stat', 'only the files and the number of lines')
    .option('--patch', 'plain text that "git apply -p1" applies in a copy of A')
    .option('--html <file>', 'write a page that stands alone, side by side, in large type')
    .option('--no-pager', 'print to the terminal without a pager')
    .addHelpText(
      'after',
      `
Examples:
  npx course diff 12                      from step 12 to step 13
  npx course diff 00 01                   all of step 01
  npx course diff 12 14 --stat
  npx course diff 12 13 --html feed.html
  npx course diff 12 13 --patch | (cd my-copy-of-12 && git apply -p1)`,
    )
    .action((nameA: string, nameB: string | undefined, options: Options) => {
      const course = openCourse();
      const from = sideOf(course, nameA);
      const to = nameB === undefined ? sideAfter(course, from) : sideOf(course, nameB);
      show(from, to, options);
    });
}

function show(from: Side, to: Side, options: Options): void {
  if ([options.stat, options.patch, options.html].filter(Boolean).length > 1) {
    throw new CourseError('Choose one of --stat, --patch and --html.');
  }
  if (to.dir === undefined) {
    throw new CourseError('Nothing comes before step 01: name 00 first, as in "diff 00 01".');
  }
  if (options.html !== undefined) writePage(options.html, from, to, to.dir);
  else if (options.patch) process.stdout.write(patch(from.dir, to.dir));
  else if (options.stat) print(statText(changedFiles(from.dir, to.dir)), false);
  else print(colour(patch(from.dir, to.dir, { binary: false })), options.pager);
}

function sideOf(course: Course, name: string): Side {
  if (/^0+$/.test(name)) return { label: 'nothing', dir: undefined };
  if (name !== 'final') {
    const step = requireStep(course, name);
    return { label: `steps/${step.name}`, dir: step.dir, step };
  }
  if (hasFinal(course)) return { label: 'final', dir: course.finalDir };
  throw new CourseError(`There is no folder final/ in ${course.root}: name a step instead.`);
}

function sideAfter(course: Course, { dir, step }: Side): Side {
  const steps = listSteps(course);
  const next = steps[dir === undefined ? 0 : step === undefined ? steps.length : step.number];
  if (next !== undefined) return sideOf(course, next.name);
  const last = steps.at(-1)?.id ?? '00';
  throw new CourseError(
    `No step comes after ${step?.id ?? 'final'}: name both sides, such as "diff ${step?.id ?? last} final".`,
  );
}

function writePage(file: string, from: Side, to: Side, dir: string): void {
  const lesson = lessonText(to);
  const size = changedFiles(from.dir, dir).reduce(
    (sum, { added, deleted }) => ({ added: sum.added + added, deleted: sum.deleted + deleted }),
    { added: 0, deleted: 0 },
  );
  const page = diffPage(patch(from.dir, dir, { binary: false }), {
    title: lesson.title,
    summary: lesson.summary,
    subtitle: `${from.label} → ${to.label}: ${size.added} lines added, ${size.deleted} deleted`,
  });
  try {
    writeFileSync(resolve(file), page);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CourseError(`The page could not be written (${reason}): name another file.`);
  }
  console.log(`${file} shows the change from ${from.label} to ${to.label}: open it in a browser.`);
}

/** Title and summary of the lesson; a step may be shown before its lesson is written. */
function lessonText({ step, label }: Side): { title: string; summary: string } {
  if (step === undefined) return { title: label, summary: '' };
  if (!existsSync(step.lessonFile)) return { title: `Step ${step.id} · ${step.slug}`, summary: '' };
  const { frontMatter } = loadLesson(step);
  return { title: `Step ${step.id} · ${frontMatter.title}`, summary: frontMatter.summary };
}

/** The list of files with their lines, and a bar of at most 40 signs for the largest. */
function statText(changes: ChangedFile[]): string {
  const width = Math.max(0, ...changes.map(({ path }) => path.length));
  const most = Math.max(1, ...changes.map(({ added, deleted }) => added + deleted));
  const scale = Math.min(1, 40 / most);
  const bar = (sign: string, count: number): string =>
    sign.repeat(count === 0 ? 0 : Math.max(1, Math.round(count * scale)));
  const lines = changes.map(({ path, added, deleted, binary, status }) => {
    const note = status === 'changed' ? '' : ` (${status})`;
    const bars = `${styleText('green', bar('+', added))}${styleText('red', bar('-', deleted))}`;
    const count = binary ? ' bin' : String(added + deleted).padStart(4);
    return ` ${path.padEnd(width)} | ${count} ${bars}${note}`;
  });
  const sum = (count: (change: ChangedFile) => number): number =>
    changes.reduce((total, change) => total + count(change), 0);
  const total = ` ${changes.length} ${changes.length === 1 ? 'file' : 'files'}, ${sum(({ added }) => added)} lines added, ${sum(({ deleted }) => deleted)} deleted`;
  return `${[...lines, total].join('\n')}\n`;
}

/** Colours a patch as git does; `styleText` leaves the colours out when the output is no terminal. */
function colour(text: string): string {
  return text
    .split('\n')
    .map((line) => {
      if (/^(?:diff --git|index|new file|deleted file|old mode|new mode|---|\+\+\+) ?/.test(line)) {
        return styleText('bold', line);
      }
      if (line.startsWith('@@')) return styleText('cyan', line);
      if (line.startsWith('+')) return styleText('green', line);
      return line.startsWith('-') ? styleText('red', line) : line;
    })
    .join('\n');
}

/** Prints through git's pager where the reader is at a terminal, and plainly everywhere else. */
function print(text: string, usePager: boolean): void {
  const pager = usePager && process.stdout.isTTY ? gitPager() : '';
  if (pager !== '' && pager !== 'cat') {
    const result = spawnSync(pager, {
      shell: true,
      input: text,
      stdio: ['pipe', 'inherit', 'inherit'],
      env: { LESS: 'FRX', LV: '-c', ...process.env },
    });
    if (result.error === undefined && result.status === 0) return;
  }
  process.stdout.write(text);
}

function gitPager(): string {
  const { stdout, status } = spawnSync('git', ['var', 'GIT_PAGER'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : '';
}
