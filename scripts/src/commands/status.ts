import { relative } from 'node:path';
import type { Command } from 'commander';
import { listSteps, openCourse } from '../core/course.ts';
import { sayRepaired } from '../core/workspace/say.ts';
import { openConflicts, workspaceStatus } from '../core/workspace.ts';

/** Adds `course status`. */
export function register(program: Command): void {
  program
    .command('status')
    .summary('where you are, and what comes next')
    .description(
      'Says which step is in workspace/, which steps are green, what is not committed, whether a merge is under way, and which command comes next.',
    )
    .action(run);
}

async function run(): Promise<void> {
  const course = openCourse();
  await sayRepaired(course);
  const { step, green, uncommitted, merge, next } = await workspaceStatus(course);
  const total = listSteps(course).length;
  if (step === undefined) console.log('No step has been started.');
  else {
    console.log(`Step:         ${step.name}${green.includes(step.number) ? ' (green)' : ''}`);
    console.log(`Lesson:       ${relative(process.cwd(), step.lessonFile)}`);
  }
  console.log(
    `Green:        ${green.length} of ${total}${green.length ? `: ${ranges(green)}` : ''}`,
  );
  if (uncommitted.length > 0) {
    const [first = ''] = uncommitted;
    const rest = uncommitted.length > 1 ? ` and ${uncommitted.length - 1} more` : '';
    console.log(`Uncommitted:  ${first}${rest} in workspace/`);
  }
  if (merge !== undefined) {
    console.log(`Merge:        ${merge.from} → ${merge.to}, under way`);
    for (const { path, line } of openConflicts(course, merge)) {
      console.log(`  conflict in workspace/${path}:${line}`);
    }
  }
  console.log(`Next:         ${next}`);
}

/** Numbers as people write them: `01–04, 07`. */
function ranges(numbers: number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  const name = (number: number) => String(number).padStart(2, '0');
  return runs
    .map(([first, last]) => (first === last ? name(first) : `${name(first)}–${name(last)}`))
    .join(', ');
}
