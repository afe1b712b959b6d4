import type { Company } from '../core/company/company.ts';
import type { Course, Step } from '../core/course.ts';
import type { Lesson } from '../core/lesson.ts';

/** The columns of the matrix, in its order. */
export const CHECKS = [
  'types',
  'starts',
  'own tests',
  'red',
  'no regression',
  'shown output',
] as const;

/** One column of the matrix. */
export type Check = (typeof CHECKS)[number];

/** Something that a step falls short of, as whole sentences that say what to do. */
export interface Finding {
  step: Step;
  check: Check;
  text: string;
}

/** What the checks need to know about a step. */
export interface StepContext {
  course: Course;
  step: Step;
  previous: Step | undefined;
  /** Undefined when the lesson cannot be read, which is a finding of its own. */
  lesson: Lesson | undefined;
  /** Addresses of the services, for everything that is run. */
  env: Record<string, string>;
  /** Runs test files in each other's company, where that is enough. */
  company: Company;
  /** How many test files one run of tap may run at once. */
  tapJobs: number;
  /** Set when the user interrupts. */
  signal: AbortSignal;
}

/** What one check came to. */
export interface Outcome {
  /** How many test cases and single checks are good. */
  passed: number;
  findings: string[];
  /** What the table's cell shows when there are no findings; a tick by default. */
  note?: string;
}
