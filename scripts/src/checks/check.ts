import { existsSync, readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { type Course, listSteps, type Step } from '../core/course.ts';
import { type ChangedFile, changedFiles } from '../core/diff.ts';
import { CourseError } from '../core/errors.ts';
import { type Lesson, loadLesson } from '../core/lesson.ts';

/** One thing that is not as the rules want it. */
export interface Finding {
  /** Relative to the course's root, with forward slashes. */
  file: string;
  /** From 1; left out where the whole file is meant. */
  line?: number;
  /** What is wrong and what to do, in whole sentences. */
  message: string;
}

/** One rule that can be checked without running anything. */
export interface Check {
  /** As printed: `rule 2` or `lesson`. */
  rule: string;
  run(context: CheckContext): Finding[];
}

/** What the checks look at. Each lesson is parsed, and each step compared, only once. */
export interface CheckContext {
  course: Course;
  /** All steps of the course. */
  steps: Step[];
  /** The steps to check. */
  selected: Step[];
  /** True when the whole course is checked, and not only some steps. */
  whole: boolean;
  previous(step: Step): Step | undefined;
  changes(step: Step): ChangedFile[];
  /** The lesson, or undefined when it cannot be read, which the lesson check reports. */
  lesson(step: Step): Lesson | undefined;
  /** Why the lesson cannot be read, if it cannot. */
  lessonError(step: Step): string | undefined;
  /** The path relative to the course's root, with forward slashes, for findings. */
  label(path: string): string;
}

/** Prepares what the checks look at; nothing is read before a check asks for it. */
export function createContext(course: Course, selected: Step[], steps = listSteps(course)) {
  const lessons = remember((step: Step): Lesson | CourseError => {
    try {
      return loadLesson(step);
    } catch (error) {
      if (error instanceof CourseError) return error;
      throw error;
    }
  });
  const previous = (step: Step): Step | undefined => steps[step.number - 2];
  return {
    course,
    steps,
    selected,
    whole: selected.length === steps.length,
    previous,
    changes: remember((step: Step) => changedFiles(previous(step)?.dir, step.dir)),
    lesson(step: Step) {
      const lesson = lessons(step);
      return lesson instanceof CourseError ? undefined : lesson;
    },
    lessonError(step: Step) {
      const lesson = lessons(step);
      return lesson instanceof CourseError ? lesson.message : undefined;
    },
    label: (path: string) => relative(course.root, path).split(sep).join('/'),
  } satisfies CheckContext;
}

/** The line, from 1, on which `text` first stands in a file; undefined when it is not there. */
export function lineWith(file: string, text: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const index = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text));
  return index < 0 ? undefined : index + 1;
}

/** A finding with its line, where there is one. */
export function finding(file: string, line: number | undefined, message: string): Finding {
  return { file, message, ...(line !== undefined && { line }) };
}

function remember<T>(compute: (step: Step) => T): (step: Step) => T {
  const results = new Map<number, T>();
  return (step) => {
    const known = results.get(step.number);
    if (known !== undefined) return known;
    const result = compute(step);
    results.set(step.number, result);
    return result;
  };
}
