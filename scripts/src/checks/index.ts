import type { Course, Step } from '../core/course.ts';
import { type Check, createContext, type Finding } from './check.ts';
import { fenceCheck } from './fences.ts';
import { finalCheck } from './final.ts';
import { lessonCheck } from './lesson-format.ts';
import { linkCheck } from './links.ts';
import { packageCheck } from './packages.ts';
import { sizeCheck } from './size.ts';
import { toldCheck } from './told.ts';

/** All rules that need neither services nor a running step, in the order of their findings. */
export const CHECKS: readonly Check[] = [
  sizeCheck,
  toldCheck,
  fenceCheck,
  packageCheck,
  finalCheck,
  lessonCheck,
  linkCheck,
];

/** A finding with the rule that it breaks. */
export type RuleFinding = Finding & { rule: string };

/** Checks the selected steps and gives every finding, sorted by file and line. */
export function runChecks(course: Course, selected: Step[], checks = CHECKS): RuleFinding[] {
  const context = createContext(course, selected);
  return checks
    .flatMap((check) => check.run(context).map((found) => ({ ...found, rule: check.rule })))
    .sort((a, b) => compare(a.file, b.file) || (a.line ?? 0) - (b.line ?? 0));
}

/** A finding as a line of text: `lessons/13-x.md:42  rule 5  what is wrong and what to do`. */
export function formatFinding({ file, line, rule, message }: RuleFinding): string {
  return `${file}${line === undefined ? '' : `:${line}`}  ${rule}  ${message}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
