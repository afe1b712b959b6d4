import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Course, Step } from '../course.ts';
import { type Blob, readTree, sameBlob, type Tree } from '../merge.ts';

/** What belongs to the course in every workspace, whether or not a step has it yet. */
const ALWAYS = ['src', 'test', 'migrations', 'package.json', 'tsconfig.json'];

/** The sections of package.json that a lesson's tests need before the lesson is done. */
const SECTIONS = ['dependencies', 'devDependencies', 'tap'];

/**
 * The official files of a step as the workspace has them: one folder nearer to the root, and under
 * the workspace's name.
 */
export function officialTree(step: Step | undefined): Tree {
  if (step === undefined) return new Map();
  return new Map(
    [...readTree(step.dir)].map(([path, blob]) => [path, inWorkspaceForm(path, blob)]),
  );
}

function inWorkspaceForm(path: string, blob: Blob): Blob {
  if (path === 'tsconfig.json') return edited(blob, (text) => text.replaceAll('"../../', '"../'));
  if (path !== 'package.json') return blob;
  return edited(blob, (text) =>
    text.replace(/("name"\s*:\s*)"@fanout\/step-[^"]*"/, '$1"@fanout/workspace"'),
  );
}

function edited(blob: Blob, edit: (text: string) => string): Blob {
  return { ...blob, bytes: Buffer.from(edit(blob.bytes.toString())) };
}

/** Tells which paths of the workspace are the course's, given the steps concerned. */
export function managedBy(...steps: (Step | undefined)[]): (path: string) => boolean {
  const tops = new Set(ALWAYS);
  for (const step of steps) {
    for (const path of officialTree(step).keys()) tops.add(topOf(path));
  }
  return (path) => tops.has(topOf(path));
}

function topOf(path: string): string {
  return path.split('/', 1)[0] ?? path;
}

/**
 * What the tests of a step are: the files of test/ that it adds or changes, and the paths of those
 * that it deletes.
 */
export function testsOf(
  previous: Step | undefined,
  step: Step,
): { changed: Tree; deleted: string[] } {
  const before = onlyTests(officialTree(previous));
  const after = onlyTests(officialTree(step));
  return {
    changed: new Map([...after].filter(([path, blob]) => !sameBlob(before.get(path), blob))),
    deleted: [...before.keys()].filter((path) => !after.has(path)),
  };
}

/** The files of test/ in a tree. */
export function onlyTests(tree: Tree): Tree {
  return new Map([...tree].filter(([path]) => path.startsWith('test/')));
}

/**
 * The package.json that a learner begins a step with: that of the step before, with the
 * dependencies and the test settings of the step itself.
 */
export function startingPackage(previous: Step | undefined, step: Step): Blob | undefined {
  const own = officialTree(step).get('package.json');
  const before = officialTree(previous).get('package.json');
  if (before === undefined || own === undefined) return own;
  const from = own.bytes.toString();
  let text = before.bytes.toString();
  for (const section of SECTIONS) {
    const wanted = sectionIn(from, section);
    const present = sectionIn(text, section);
    if (wanted === present) continue;
    // A section that comes or goes as a whole is too rare for an edit by text.
    if (wanted === undefined || present === undefined) return own;
    text = text.replace(present, () => wanted);
  }
  return { ...before, bytes: Buffer.from(text) };
}

/** The text of a top-level section, found by its indentation, which the formatter guarantees. */
function sectionIn(text: string, section: string): string | undefined {
  return new RegExp(`^  "${section}": \\{[\\s\\S]*?^  \\}`, 'm').exec(text)?.[0];
}

/** Runs `work` with an empty folder in `.course/`, and removes the folder afterwards. */
export async function withScratch<T>(
  course: Course,
  work: (dir: string) => Promise<T> | T,
): Promise<T> {
  mkdirSync(course.stateDir, { recursive: true });
  const dir = mkdtempSync(join(course.stateDir, 'scratch-'));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
