import type { Command } from 'commander';
import { openCourse, requireStep } from '../core/course.ts';
import { sayRepaired, sayWayBack } from '../core/workspace/say.ts';
import { readState, requireStarted, solveStep } from '../core/workspace.ts';

/** Adds `course solve`. */
export function register(program: Command): void {
  program
    .command('solve')
    .summary("put a step's official code into your workspace")
    .description(
      `Makes workspace/ equal to the course's own code of a step. What you have there is committed first, and the command says how to get it back. Files of yours outside of src/, test/, migrations/ and the other folders of the course stay.`,
    )
    .argument('[step]', 'the number of the step; by default the one you are at')
    .action(run);
}

async function run(number: string | undefined): Promise<void> {
  const course = openCourse();
  await sayRepaired(course);
  const step =
    number === undefined ? requireStarted(course, readState(course)) : requireStep(course, number);
  const before = await solveStep(course, step);
  console.log(`workspace/ has the official code of step ${step.id} now.`);
  sayWayBack(before);
  console.log('\nThe tests:  npx course test');
}
