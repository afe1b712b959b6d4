import { type Command, InvalidArgumentError, Option } from 'commander';
import { listSteps, openCourse, requireStep } from '../core/course.ts';
import { CourseError, ExitCode } from '../core/errors.ts';
import { JOBS, KINDS, type Kind, verify } from '../verify/index.ts';

interface Options {
  jobs: number;
  only?: Kind[];
  types: boolean;
  retry?: boolean;
  writeOutput?: boolean;
}

/** Adds `course verify`. */
export function register(program: Command): void {
  program
    .command('verify')
    .summary('run steps and find out whether they keep the rules 1, 3, 4 and 6')
    .description(
      `Runs steps and finds out whether they keep the rules that only running can tell:

  1  complete       the step type-checks, starts, stops on SIGTERM, passes its own tests
  3  red, green     the cases that it adds or changes fail on its predecessor, by assertion
  4  no regression  the cases of its predecessor are all there and pass
  6  true output    the commands in its lesson print what the lesson shows

Starts the services that are needed. Prints a line a check, a table and the findings.`,
    )
    .argument('[steps...]', 'the steps (7, 07 or 07-openapi); all without it')
    .option('-j, --jobs <number>', 'how many checks run at once', wholeNumber, JOBS)
    .addOption(new Option('--only <kinds...>', 'do only some of the work').choices(KINDS))
    .option('--no-types', 'leave out the type-check')
    .option('--retry', 'run what fell short again, alone; what is right then is told as flaky')
    .option('--write-output', 'put what came out into the lessons where they show something else')
    .addHelpText(
      'after',
      '\nExamples:\n  npx course verify\n  npx course verify 12 13\n  npx course verify 13 --only red\n  npx course verify 13 --write-output\n',
    )
    .action(run);
}

async function run(names: string[], options: Options): Promise<void> {
  const course = openCourse();
  if (options.writeOutput && names.length === 0) {
    throw new CourseError('Name the steps whose lessons --write-output may rewrite.');
  }
  const named = new Set(names.map((name) => requireStep(course, name).number));
  const chosen = listSteps(course).filter(({ number }) => named.size === 0 || named.has(number));
  const { passed, failed } = await verify(course, chosen, options);
  console.log(`\n${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = ExitCode.fellShort;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('It must be a whole number of at least 1.');
}
