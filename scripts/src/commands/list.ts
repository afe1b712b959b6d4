import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { Command } from 'commander';
import { SIZE } from '../checks/size.ts';
import { type Course, listSteps, openCourse, type Step } from '../core/course.ts';
import { stepSize } from '../core/diff.ts';
import { CourseError } from '../core/errors.ts';
import { type FrontMatter, loadLesson } from '../core/lesson.ts';
import { type Progress, readProgress } from '../core/progress.ts';
import { workspaceStatus } from '../core/workspace.ts';

/** Adds `course list`. */
export function register(program: Command): void {
  program
    .command('list')
    .summary('parts, steps, sizes, and your progress')
    .description(
      'Lists the parts and steps of the course, the lines that each step adds, and the steps whose tests were green in your workspace.',
    )
    .action(async () => {
      const course = openCourse();
      const steps = listSteps(course);
      const progress = readProgress(course);
      console.log(table(course, steps, progress));
      const { step, next } = await workspaceStatus(course);
      console.log(closing(steps, progress, step && next));
    });
}

function table(course: Course, steps: Step[], progress: Progress): string {
  const rows = new Table({
    head: ['Step', 'Title', 'Lines', 'Progress'],
    colAligns: ['right', 'left', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  let part: string | undefined;
  for (const step of steps) {
    const lesson = frontMatterOf(step);
    if (lesson !== undefined && lesson.part !== part) {
      part = lesson.part;
      rows.push([{ colSpan: 4, hAlign: 'left', content: styleText('bold', `Part ${part}`) }]);
    }
    rows.push([step.id, lesson?.title ?? step.slug, size(course, step), state(step, progress)]);
  }
  return rows.toString();
}

/** The front matter, or undefined while the lesson is not written. */
function frontMatterOf(step: Step): FrontMatter | undefined {
  try {
    const { frontMatter } = loadLesson(step);
    return frontMatter.title === '' || frontMatter.part === '' ? undefined : frontMatter;
  } catch (error) {
    if (error instanceof CourseError) return undefined;
    throw error;
  }
}

function size(course: Course, step: Step): string {
  const lines = stepSize(course, step);
  const fits = lines >= SIZE.least && lines <= SIZE.most;
  return fits ? String(lines) : styleText('yellow', String(lines));
}

function state(step: Step, progress: Progress): string {
  const time = progress.get(step.number);
  return time === undefined ? '' : styleText('green', `green since ${time.slice(0, 10)}`);
}

/** `here` is what comes next in the workspace, where a step was started. */
function closing(steps: Step[], progress: Progress, here: string | undefined): string {
  const done = steps.filter(({ number }) => progress.has(number)).length;
  const next = steps.find(({ number }) => !progress.has(number));
  const advice =
    here !== undefined
      ? `Next: ${here}`
      : next === undefined
        ? 'You have done them all.'
        : `Next: npx course start ${next.id}, and read lessons/${next.name}.md.`;
  return `${done} of ${steps.length} steps green. ${advice}`;
}
