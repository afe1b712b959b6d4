import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CourseError } from './errors.ts';

/** Where the parts of a course are. All paths are absolute. */
export interface Course {
  root: string;
  stepsDir: string;
  lessonsDir: string;
  finalDir: string;
  /** The learner's own folder, a git repository of its own. */
  workspaceDir: string;
  /** The tool's own state and scratch space (`.course/`), ignored by git. */
  stateDir: string;
}

/** One step of the course: a folder `steps/NN-slug` and its lesson `lessons/NN-slug.md`. */
export interface Step {
  number: number;
  /** The number with its leading zero: `'07'`. */
  id: string;
  slug: string;
  /** `'07-openapi'`. */
  name: string;
  dir: string;
  lessonFile: string;
}

const STEP_NAME = /^(\d{2,3})-([a-z0-9]+(?:-[a-z0-9]+)*)$/;

/**
 * Opens the course that contains `from` (by default: `COURSE_ROOT`, else the working directory,
 * else the repository that this tool is part of).
 *
 * @throws {CourseError} when there is none.
 */
export function openCourse(from = process.env.COURSE_ROOT): Course {
  const tool = fileURLToPath(new URL('../../..', import.meta.url));
  const starts = from === undefined ? [process.cwd(), tool] : [from];
  for (const start of starts) {
    const root = findRoot(resolve(start));
    if (root !== undefined) return courseAt(root);
  }
  throw new CourseError(
    `No course was found at or above ${starts[0]}: a course has the folders steps/ and lessons/.`,
  );
}

/** The course whose root is `root`, without looking whether it is there. */
export function courseAt(root: string): Course {
  return {
    root,
    stepsDir: join(root, 'steps'),
    lessonsDir: join(root, 'lessons'),
    finalDir: join(root, 'final'),
    workspaceDir: join(root, 'workspace'),
    stateDir: join(root, '.course'),
  };
}

/**
 * The steps in order.
 *
 * @throws {CourseError} when a folder under `steps/` is misnamed, or a number is missing or twice.
 */
export function listSteps(course: Course): Step[] {
  const steps = readdirSync(course.stepsDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => toStep(course, entry.name))
    .sort((a, b) => a.number - b.number);
  steps.forEach((step, index) => {
    if (step.number !== index + 1) {
      throw new CourseError(
        `steps/${step.name} should be number ${index + 1}: the steps are numbered from 01 without gaps. Rename the folder, or use "course new" to insert one.`,
        1,
      );
    }
  });
  return steps;
}

/**
 * The step that `text` names: `7`, `07` or `07-openapi`.
 *
 * @throws {CourseError} when there is no such step; it names those there are.
 */
export function requireStep(course: Course, text: string): Step {
  const steps = listSteps(course);
  const step = steps.find(({ name, number }) => text === name || Number(text) === number);
  if (step !== undefined) return step;
  throw new CourseError(
    `There is no step ${text}: the steps are 01 to ${steps.at(-1)?.id ?? '00'}. "npx course list" shows them.`,
  );
}

/** The step before `step`, or undefined for the first. */
export function previousStep(course: Course, step: Step): Step | undefined {
  return listSteps(course)[step.number - 2];
}

/** Whether the course has a `final/` at all. */
export function hasFinal(course: Course): boolean {
  return existsSync(course.finalDir);
}

/** Turns the name of a folder below `steps/` into a step. */
function toStep(course: Course, name: string): Step {
  const [, id, slug] = STEP_NAME.exec(name) ?? [];
  if (id === undefined || slug === undefined) {
    throw new CourseError(
      `steps/${name} is not a step's name: rename it to two digits, a dash and a slug, such as 07-openapi.`,
      1,
    );
  }
  return {
    number: Number(id),
    id,
    slug,
    name,
    dir: join(course.stepsDir, name),
    lessonFile: join(course.lessonsDir, `${name}.md`),
  };
}

function findRoot(start: string): string | undefined {
  for (let dir = start; ; dir = dirname(dir)) {
    if (existsSync(join(dir, 'steps')) && existsSync(join(dir, 'lessons'))) return dir;
    if (dirname(dir) === dir) return undefined;
  }
}
