import { relative } from 'node:path';
import type { Command } from 'commander';
import { openCourse, previousStep, requireStep } from '../core/course.ts';
import { CourseError } from '../core/errors.ts';
import { sayRepaired, sayWayBack } from '../core/workspace/say.ts';
import { startStep } from '../core/workspace.ts';

/** Adds `course start`. */
export function register(program: Command): void {
  program
    .command('start')
    .summary('begin a step in your workspace')
    .description(
      `Fills workspace/ for a step: with the code of the step before it and the step's own tests, which fail until you have written the step.

When you have finished the step before in workspace/ (its tests were green), your own code is kept, and only the tests and the packages of the new step are added. Whatever is in workspace/ is committed to its own git repository first, so nothing is ever lost.`,
    )
    .argument('<step>', 'the number of the step, such as 13')
    .option('--fresh', 'take the official code of the step before, even where you have your own')
    .option(
      '--keep',
      'keep the code that is in workspace/, even where it is not the finished step before',
    )
    .addHelpText('after', '\nExample:\n  npx course start 05\n')
    .action(run);
}

async function run(number: string, options: { fresh?: boolean; keep?: boolean }): Promise<void> {
  if (options.fresh && options.keep) {
    throw new CourseError('Choose one: --fresh takes the official code, --keep keeps yours.');
  }
  const course = openCourse();
  await sayRepaired(course);
  const step = requireStep(course, number);
  const previous = previousStep(course, step);
  const { kind, before, tests, unfinished } = await startStep(course, step, options);
  if (kind === 'already') {
    console.log(
      `Step ${step.id} is already started in workspace/, and nothing was changed. "npx course start ${step.id} --fresh" begins it again.`,
    );
  } else {
    const base =
      previous === undefined
        ? 'package.json, the tests, and an empty src/'
        : kind === 'own'
          ? 'your own code'
          : `the official step ${previous.id}`;
    console.log(
      `workspace/ is ready for step ${step.id}: ${base}, with these tests of ${step.id}:`,
    );
    for (const path of tests) console.log(`  workspace/${path}`);
    if (kind === 'official') sayWayBack(before);
    if (unfinished && before !== undefined && previous !== undefined) {
      console.log(
        `The tests of step ${previous.id} have not been green there. To go on with your own code all the same, get it back, and then say "npx course start ${step.id} --keep".`,
      );
    }
  }
  console.log(`\nThe lesson:  ${relative(process.cwd(), step.lessonFile)}`);
  console.log('The tests:   npx course test');
}
