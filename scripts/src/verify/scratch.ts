import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Course, Step } from '../core/course.ts';

const LEFT_BEHIND = new Set(['node_modules', '.tap']);

/**
 * Copies a step into `.course/`, as deep below the root as the step itself, so that packages and the
 * root's tsconfig.json are found from there.
 *
 * @param purpose makes the folder's name: `verify-PURPOSE`. Always the same, it lets Node's compile
 *   cache, which knows files by their paths, find again what it has and not grow with every run.
 * @returns the folder; the caller removes it.
 */
export function copyStep(course: Course, step: Step, purpose: string): string {
  mkdirSync(course.stateDir, { recursive: true });
  let dir = join(course.stateDir, `verify-${purpose}`);
  try {
    mkdirSync(dir);
  } catch {
    // Another run is at it, or was killed.
    dir = join(course.stateDir, `verify-${process.pid}-${purpose}`);
    rmSync(dir, { recursive: true, force: true });
  }
  cpSync(step.dir, dir, {
    recursive: true,
    filter: (source) => source === step.dir || !LEFT_BEHIND.has(basename(source)),
  });
  return dir;
}
