import { join } from 'node:path';
import type { Course, Step } from '../core/course.ts';
import { listFiles, sameFile } from '../core/diff.ts';
import type { Check, Finding } from './check.ts';
import { type Manifest, readManifest } from './packages.ts';

/** The folders of `final/` that are the last step's. */
const SHARED = ['src', 'migrations', 'test'] as const;

/** The parts of a package.json of which `final/` has all that the last step has. */
const FIELDS = ['scripts', 'dependencies', 'devDependencies'] as const;

/** A file of `final/` that is not as the last step has it. */
export interface FinalDifference {
  /** Relative to `final/` and to the step, with forward slashes. */
  path: string;
  kind: 'differs' | 'missing' | 'extra';
}

/** Rule 8: `final/` has byte for byte the last step's src, migrations and test, and its packages. */
export const finalCheck: Check = {
  rule: 'rule 8',
  run({ course, steps, selected }) {
    const last = steps.at(-1);
    if (last === undefined || !selected.some(({ number }) => number === last.number)) return [];
    const files = finalDifferences(course, last).map(({ path, kind }): Finding => {
      const message = {
        differs: `The file differs from steps/${last.name}/${path}: change it there ("npx course sync" copies it here).`,
        missing: `The file of steps/${last.name} is missing here: "npx course sync" copies it.`,
        extra: `The file is not in steps/${last.name}: move it out of src, migrations and test, or remove it ("npx course sync" does).`,
      }[kind];
      return { file: `final/${path}`, message };
    });
    const entries = manifestDifferences(course, last).map(({ field, name, value }): Finding => {
      const message = `"${name}" of the ${field} is "${value}" in steps/${last.name}: "npx course sync" copies it.`;
      return { file: 'final/package.json', message };
    });
    return [...files, ...entries];
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

/** A script or dependency of the last step that `final/package.json` has not, or has otherwise. */
export interface ManifestDifference {
  field: (typeof FIELDS)[number];
  name: string;
  /** What the last step has. */
  value: string;
}

/** What `final/package.json` lacks of the last step's. It may have more: `final/` has more. */
export function manifestDifferences(course: Course, last: Step): ManifestDifference[] {
  const [ours, theirs] = [readManifest(course.finalDir), readManifest(last.dir)];
  return FIELDS.flatMap((field) =>
    Object.entries(theirs[field] ?? {})
      .filter(([name, value]) => ours[field]?.[name] !== value)
      .map(([name, value]) => ({ field, name, value })),
  );
}

/** The manifest with these entries, its dependencies in the order of their names. */
export function withEntries(manifest: Manifest, entries: ManifestDifference[]): Manifest {
  const result = structuredClone(manifest);
  for (const { field, name, value } of entries) {
    const all = { ...result[field], [name]: value };
    const names = Object.keys(all);
    if (field !== 'scripts') names.sort();
    result[field] = Object.fromEntries(names.map((key) => [key, all[key] ?? '']));
  }
  return result;
}
