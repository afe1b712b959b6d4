import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Step } from '../core/course.ts';
import { type Fence, type Lesson, PATHLESS_LANGUAGES } from '../core/lesson.ts';
import type { Check, Finding } from './check.ts';

const GAP = /^\s*(?:\/\/|#|--) …\s*$/;

/** Lines of a fence that follow each other, between two gaps. */
interface Segment {
  lines: string[];
  /** The line of the lesson on which the segment starts. */
  line: number;
}

/** Rule 5: every fence carries its path and is found in that file of the step, in order. */
export const fenceCheck: Check = {
  rule: 'rule 5',
  run: (context) =>
    context.selected.flatMap((step) => {
      const lesson = context.lesson(step);
      return lesson === undefined ? [] : checkFences(step, lesson);
    }),
};

/** Checks the fences of a lesson against the files of its step. */
export function checkFences(step: Step, lesson: Lesson): Finding[] {
  return lesson.fences
    .filter(({ lang, path }) => path !== undefined || !PATHLESS_LANGUAGES.includes(lang))
    .flatMap((fence) => {
      const problem = fenceProblem(step, fence);
      return problem === undefined ? [] : [{ file: lesson.label, ...problem }];
    });
}

function fenceProblem(step: Step, fence: Fence): Omit<Finding, 'file'> | undefined {
  const { path, lang, line } = fence;
  if (path === undefined) {
    const message = `The fence has no path: write the file after the language ("${lang || 'ts'} src/app.ts"), or make it ${PATHLESS_LANGUAGES.join(', ')}.`;
    return { line, message };
  }
  if (path.startsWith('/') || path.split('/').includes('..')) {
    return { line, message: `The path ${path} leaves the step: write it relative to the step.` };
  }
  const file = join(step.dir, path);
  // A file that is missing is reported by the check of the names.
  if (!existsSync(file) || !statSync(file).isFile()) return undefined;
  const segments = segmentsOf(fence);
  if (segments.length === 0) return { line, message: 'The fence is empty: show lines or drop it.' };
  return findInOrder(path, readFileSync(file, 'utf8').split(/\r?\n/).map(trimEnd), segments);
}

/** Splits a fence at its gap lines; empty lines beside a gap do not count. */
function segmentsOf(fence: Fence): Segment[] {
  const segments: Segment[] = [];
  let current: Segment = { lines: [], line: fence.line + 1 };
  const close = (next: number): void => {
    while (current.lines.at(-1) === '') current.lines.pop();
    if (current.lines.length > 0) segments.push(current);
    current = { lines: [], line: next };
  };
  fence.value.split('\n').forEach((text, index) => {
    const line = fence.line + 1 + index;
    if (GAP.test(text)) close(line + 1);
    else if (current.lines.length === 0 && text.trim() === '') current.line = line + 1;
    else current.lines.push(trimEnd(text));
  });
  close(0);
  return segments;
}

function findInOrder(
  path: string,
  file: string[],
  segments: Segment[],
): Omit<Finding, 'file'> | undefined {
  let from = 0;
  for (const segment of segments) {
    const at = indexOf(file, segment.lines, from);
    if (at < 0) {
      const earlier = indexOf(file, segment.lines, 0);
      if (earlier >= 0) return outOfOrder(path, segment, earlier, from);
      return notFound(path, file, segment);
    }
    from = at + segment.lines.length;
  }
  return undefined;
}

function outOfOrder(
  path: string,
  segment: Segment,
  at: number,
  from: number,
): Omit<Finding, 'file'> {
  return {
    line: segment.line,
    message: `"${shorten(segment.lines[0] ?? '')}" is out of order: it is line ${at + 1} of ${path}, and the lines above it in the fence end at line ${from}. Show them in the file's order.`,
  };
}

/** Names the line at which the best match ends, for that is where the author has to look. */
function notFound(path: string, file: string[], { lines, line }: Segment): Omit<Finding, 'file'> {
  const matches = file.map((_text, at) => {
    const end = lines.findIndex((text, index) => file[at + index] !== text);
    return { at, length: end < 0 ? lines.length : end };
  });
  const best = matches.reduce((a, b) => (b.length > a.length ? b : a), { at: 0, length: 0 });
  const text = `"${shorten(lines[best.length] ?? '')}"`;
  if (best.length === 0) {
    const message = `${text} is not in ${path}: show the line as it is there, indentation too, and put a gap line ("// …") where lines are left out.`;
    return { line, message };
  }
  const there = file[best.at + best.length];
  const instead = there === undefined ? 'the file ends' : `"${shorten(there)}" stands`;
  return {
    line: line + best.length,
    message: `${text} does not follow in ${path}: ${instead} at line ${best.at + best.length + 1}. Show the lines as they are there, or put a gap line ("// …") between.`,
  };
}

function indexOf(file: string[], lines: string[], from: number): number {
  for (let at = from; at + lines.length <= file.length; at += 1) {
    if (lines.every((text, index) => file[at + index] === text)) return at;
  }
  return -1;
}

function trimEnd(text: string): string {
  return text.trimEnd();
}

function shorten(text: string): string {
  const trimmed = text.trim();
  return trimmed.length > 60 ? `${trimmed.slice(0, 59)}…` : trimmed;
}
