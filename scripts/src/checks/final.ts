import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Course, Step } from '../core/course.ts';
import { listFiles, sameFile } from '../core/diff.ts';
import type { Check, Finding } from './check.ts';

/** The folders of `final/` that are the last step's. */
const SHARED = ['src', 'migrations', 'test'] as const;

/** A file of `final/` that is not as the last step has it. */
export interface FinalDifference {
  /** Relative to `final/` and to the step, with forward slashes. */
  path: string;
  kind: 'differs' | 'missing' | 'extra';
}

/** Rule 8: `final/` has byte for byte the last step's src, migrations and test. */
export const finalCheck: Check = {
  rule: 'rule 8',
  run({ course, steps, selected }) {
    const last = steps.at(-1);
    if (last === undefined || !selected.some(({ number }) => number === last.number)) return [];
    return finalDifferences(course, last).map(({ path, kind }): Finding => {
      const message = {
        differs: `The file differs from steps/${last.name}/${path}: change it there ("npx course sync" copies it here).`,
        missing: `The file of steps/${last.name} is missing here: "npx course sync" copies it.`,
        extra: `The file is not in steps/${last.name}: move it out of src, migrations and test, or remove it ("npx course sync" does).`,
      }[kind];
      return { file: `final/${path}`, message };
    });
  },
};

/** Where `final/` has not byte for byte the last step's src, migrations and test. */
export function finalDifferences(course: Course, last: Step): FinalDifference[] {
  return SHARED.flatMap((folder) => {
    const ours = new Set(listFiles(join(course.finalDir, folder)));
    const theirs = new Set(listFiles(join(last.dir, folder)));
    return [...new Set([...ours, ...theirs])].sort().flatMap((file): FinalDifference[] => {
      const path = `${folder}/${file}`;
      if (!theirs.has(file)) return [{ path, kind: 'extra' }];
      if (!ours.has(file)) return [{ path, kind: 'missing' }];
      const same = sameFile(join(course.finalDir, path), join(last.dir, path));
      return same ? [] : [{ path, kind: 'differs' }];
    });
  });
}

/** Whether the course has a `final/` at all. */
export function hasFinal(course: Course): boolean {
  return existsSync(course.finalDir);
}
