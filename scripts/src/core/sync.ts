import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { finalDifferences, manifestDifferences, withEntries } from '../checks/final.ts';
import { packageFolders, readManifest } from '../checks/packages.ts';
import { type Course, hasFinal, listSteps, type Step } from './course.ts';
import {
  countCases,
  courseTable,
  lessonHeader,
  readText,
  type StepFacts,
  TABLE_MARKERS,
  withHeader,
  withTable,
} from './derived.ts';
import { stepSize } from './diff.ts';
import { CourseError, ExitCode } from './errors.ts';
import { loadLesson } from './lesson.ts';

/** One derived file that is not as it should be. */
export interface Outdated {
  /** Relative to the course's root, with forward slashes. */
  path: string;
  /** What differs, for people. */
  reason: string;
  /** Puts it right. */
  mend(): void | Promise<void>;
}

const DEPENDENCY_FIELDS = [
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
] as const;

/**
 * Finds every derived file that differs from what it is derived from, and changes nothing.
 *
 * @throws {CourseError} when a lesson or package.json cannot be read, or COURSE.md has no place for
 * its table.
 */
export function findOutdated(course: Course): Outdated[] {
  const steps = listSteps(course);
  const facts = steps.map((step) => factsOf(course, step));
  return [
    ...outdatedFinal(course, steps.at(-1)),
    ...outdatedLock(course),
    ...outdatedLessons(facts),
    ...outdatedTable(course, facts),
  ];
}

/** Mends every derived file and gives what was mended. */
export async function syncCourse(course: Course): Promise<Outdated[]> {
  const outdated = findOutdated(course);
  for (const file of outdated) await file.mend();
  // A package.json that was mended has outdated the lockfile.
  const lock = outdatedLock(course);
  for (const file of lock) await file.mend();
  return [...outdated, ...lock];
}

function factsOf(course: Course, step: Step): StepFacts {
  const { frontMatter, problems } = loadLesson(step);
  if (frontMatter.title === '' || frontMatter.part === '' || frontMatter.summary === '') {
    throw new CourseError(
      `${problems.join('\n')}\nThe course table needs these fields: mend them and run "npx course sync" again.`,
      ExitCode.fellShort,
    );
  }
  return { step, frontMatter, size: stepSize(course, step), tests: countCases(step) };
}

/** `final/` follows the last step. What is overwritten or removed there is kept aside. */
function outdatedFinal(course: Course, last: Step | undefined): Outdated[] {
  if (last === undefined || !hasFinal(course)) return [];
  const files = finalDifferences(course, last).map(({ path, kind }) => ({
    path: `final/${path}`,
    reason: kind === 'extra' ? `is not in steps/${last.name}` : `is not as in steps/${last.name}`,
    mend() {
      const target = join(course.finalDir, path);
      if (existsSync(target)) keepAside(course, target, `final/${path}`);
      if (kind === 'extra') rmSync(target);
      else copy(join(last.dir, path), target);
    },
  }));
  return [...files, ...outdatedManifest(course, last)];
}

/** `final/package.json` has at least what the last step's has. */
function outdatedManifest(course: Course, last: Step): Outdated[] {
  const entries = manifestDifferences(course, last);
  if (entries.length === 0) return [];
  const names = entries.map(({ name }) => name).join(', ');
  const mend = () => {
    const wanted = withEntries(readManifest(course.finalDir), entries);
    writeFileSync(join(course.finalDir, 'package.json'), `${JSON.stringify(wanted, null, 2)}\n`);
  };
  const reason = `has other entries than steps/${last.name}: ${names}`;
  return [{ path: 'final/package.json', reason, mend }];
}

/** Nobody's work is lost: the former file goes to `.course/replaced/`. */
function keepAside(course: Course, file: string, path: string): void {
  const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  copy(file, join(course.stateDir, 'replaced', time, path));
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
}

function outdatedLessons(facts: StepFacts[]): Outdated[] {
  return facts.flatMap((fact, index) => {
    const { step } = fact;
    const source = readFileSync(step.lessonFile, 'utf8');
    const header = lessonHeader(fact, facts[index - 1]?.step, facts[index + 1]?.step);
    const wanted = withHeader(source, header);
    if (wanted === source) return [];
    return [
      {
        path: `lessons/${step.name}.md`,
        reason: 'has another title or navigation line',
        mend: () => writeFileSync(step.lessonFile, wanted),
      },
    ];
  });
}

function outdatedTable(course: Course, facts: StepFacts[]): Outdated[] {
  const file = join(course.root, 'COURSE.md');
  const source = readText(file);
  const wanted = source === undefined ? undefined : withTable(source, courseTable(facts));
  if (wanted === undefined) {
    throw new CourseError(
      `COURSE.md has no place for the table of the steps: add the lines ${TABLE_MARKERS.join(' and ')} to it.`,
      ExitCode.fellShort,
    );
  }
  if (wanted === source) return [];
  const reason = 'has another table of the steps';
  return [{ path: 'COURSE.md', reason, mend: () => writeFileSync(file, wanted) }];
}

function outdatedLock(course: Course): Outdated[] {
  const reason = lockDisagreement(course);
  if (reason === undefined) return [];
  return [{ path: 'package-lock.json', reason, mend: () => updateLock(course) }];
}

type LockEntry = Record<string, unknown>;

/** In what the lockfile disagrees with the package.json files; undefined when they agree. */
function lockDisagreement(course: Course): string | undefined {
  const text = readText(join(course.root, 'package-lock.json'));
  if (text === undefined) return 'is missing';
  const { packages = {} } = JSON.parse(text) as { packages?: Record<string, LockEntry> };
  const folders = packageFolders(course);
  for (const folder of folders) {
    const entry = packages[folder];
    const manifest = readManifest(join(course.root, folder));
    const place = folder === '' ? 'the root package.json' : folder;
    if (entry === undefined) return `has no entry for ${place}`;
    const isLinked = folder === '' || packages[`node_modules/${manifest.name}`]?.link === true;
    const differs = DEPENDENCY_FIELDS.some((field) => !sameRecord(entry[field], manifest[field]));
    if (!isLinked || differs || (entry.name ?? manifest.name) !== manifest.name) {
      return `does not agree with ${place}`;
    }
  }
  const known = new Set(folders);
  const gone = Object.keys(packages).find(
    (key) => !/(?:^|\/)node_modules\//.test(key) && !known.has(key),
  );
  return gone === undefined ? undefined : `still has ${gone}`;
}

function sameRecord(a: unknown, b: unknown): boolean {
  const sorted = (record: unknown): string =>
    JSON.stringify(Object.entries((record ?? {}) as Record<string, string>).sort());
  return sorted(a) === sorted(b);
}

/**
 * Lets npm bring the lockfile up to date without installing anything.
 *
 * @throws {CourseError} when npm fails.
 */
async function updateLock(course: Course): Promise<void> {
  const words = ['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund'];
  const result = await execa('npm', words, { cwd: course.root, reject: false });
  const reason = result.failed ? result.stderr || result.message : lockDisagreement(course);
  if (reason === undefined) return;
  throw new CourseError(
    `npm could not bring package-lock.json up to date: ${reason}\nRun "npm ${words.join(' ')}" in ${course.root} to see why.`,
    ExitCode.fellShort,
  );
}
