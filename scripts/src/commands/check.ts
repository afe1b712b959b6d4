import { styleText } from 'node:util';
import type { Command } from 'commander';
import { formatFinding, runChecks } from '../checks/index.ts';
import { listSteps, openCourse, requireStep } from '../core/course.ts';
import { ExitCode } from '../core/errors.ts';

/** Adds `course check`. */
export function register(program: Command): void {
  program
    .command('check')
    .summary('check sizes, lessons, versions and final/ (fast, no services)')
    .description(
      `Checks what can be seen without running anything, and lists all it finds:

  rule 2  a step adds 100 to 200 lines, reformats nothing, and tells of moves
  rule 5  the lesson names every file touched, and its fences are in the code
  rule 7  one exact version of a dependency, declared where it is needed
  rule 8  final/ has the last step's src, migrations and test, byte for byte
  lesson  front matter, headings, length, hints
  links   every relative link of lessons and documents leads somewhere

It takes seconds. "npx course verify" checks the rest by running the steps.`,
    )
    .argument('[steps...]', 'the steps to check, such as 07 or 07-openapi (default: all)')
    .addHelpText('after', '\nExit code: 0 all is well, 1 something was found, 2 used wrongly.')
    .action((names: string[]) => {
      const course = openCourse();
      const wanted = new Set(names.map((name) => requireStep(course, name).number));
      const steps = listSteps(course).filter(
        ({ number }) => names.length === 0 || wanted.has(number),
      );
      const findings = runChecks(course, steps);
      for (const finding of findings) console.log(formatFinding(finding));
      if (findings.length > 0) process.exitCode = ExitCode.fellShort;
      console.log(summary(steps.length, findings.length));
    });
}

function summary(steps: number, findings: number): string {
  const checked = `${steps} ${steps === 1 ? 'step' : 'steps'} checked`;
  if (findings === 0) return styleText('green', `${checked}, nothing found`);
  return styleText('red', `${checked}, ${findings} ${findings === 1 ? 'finding' : 'findings'}`);
}
