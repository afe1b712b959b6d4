import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Course, Step } from '../core/course.ts';

const LEFT_BEHIND = new Set(['node_modules', '.tap']);

/**
 * Copies a step into `.course/`, as deep below the root as the step itself, so that packages and the
 * root's tsconfig.json are found from there.
 *
 * @param purpose makes the folder's name: `verify-PID-PURPOSE`.
 * @returns the folder; the caller removes it.
 */
export function copyStep(course: Course, step: Step, purpose: string): string {
  mkdirSync(course.stateDir, { recursive: true });
  const dir = join(course.stateDir, `verify-${process.pid}-${purpose}`);
  rmSync(dir, { recursive: true, force: true });
  cpSync(step.dir, dir, {
    recursive: true,
    filter: (source) => source === step.dir || !LEFT_BEHIND.has(basename(source)),
  });
  return dir;
}
