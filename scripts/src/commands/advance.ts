import { relative } from 'node:path';
import type { Command } from 'commander';
import { openCourse } from '../core/course.ts';
import { CourseError, ExitCode } from '../core/errors.ts';
import { readProgress } from '../core/progress.ts';
import { sayRepaired, sayWayBack } from '../core/workspace/say.ts';
import { abortAdvance, advance, continueAdvance } from '../core/workspace.ts';

interface Options {
  continue?: boolean;
  abort?: boolean;
}

/** Adds `course advance`. */
export function register(program: Command): void {
  program
    .command('advance')
    .summary('merge the official next step onto your own code')
    .description(
      `Takes the official change from your step to the next one and merges it onto your own code, so that you can go on without writing that step yourself.

Where your code and the change do not go together, both versions stand between conflict markers in the file: edit it, then say --continue. --abort brings back exactly what was there before.`,
    )
    .option('--continue', 'close the merge, once no conflict is left')
    .option('--abort', 'give the merge up and restore what was there before')
    .action(run);
}

async function run(options: Options): Promise<void> {
  const course = openCourse();
  await sayRepaired(course);
  if (options.continue && options.abort) {
    throw new CourseError('Choose one: --continue closes the merge, --abort gives it up.');
  }
  if (options.continue) {
    const to = await continueAdvance(course);
    console.log(`workspace/ is at step ${to.id} now.\n\nThe tests:  npx course test`);
    return;
  }
  if (options.abort) {
    const left = await abortAdvance(course);
    console.log('The merge is given up: workspace/ is as it was before.');
    sayWayBack(left);
    return;
  }
  const { from, to, before, changed, conflicts } = await advance(course);
  const what = `the official change from step ${from.id} to ${to.id} (${changed} ${changed === 1 ? 'file' : 'files'})`;
  if (conflicts.length > 0) {
    console.log(`${what[0]?.toUpperCase()}${what.slice(1)} is merged but for these conflicts:`);
    for (const { path, reason } of conflicts) console.log(`  workspace/${path}: ${reason}`);
    console.log(
      '\nEdit these files, then say "npx course advance --continue". "npx course advance --abort" brings back what was there before.',
    );
    if (!readProgress(course).has(from.number)) {
      console.log(
        `The tests of step ${from.id} have not been green in your workspace yet, which may be why. To begin with its official code: "npx course advance --abort", "npx course solve ${from.id}", "npx course advance".`,
      );
    }
    process.exitCode = ExitCode.fellShort;
    return;
  }
  console.log(`workspace/ is at step ${to.id} now: your code with ${what}.`);
  sayWayBack(before);
  console.log(`\nThe lesson:  ${relative(process.cwd(), to.lessonFile)}`);
  console.log('The tests:   npx course test');
}
