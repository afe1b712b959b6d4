import type { Command } from 'commander';
import { openCourse } from '../core/course.ts';
import { ExitCode } from '../core/errors.ts';
import { partsOf, runParts } from '../everything.ts';
import { servicesUp } from '../services/index.ts';

/** Adds the hidden command `course all`, which `npm test` runs. */
export function register(program: Command): void {
  program
    .command('all', { hidden: true })
    .description('runs every check and every test of the repository')
    .action(async () => {
      const course = openCourse();
      const env = await servicesUp();
      const results = await runParts(partsOf(course), env);
      if (results.some(({ failed }) => failed > 0)) process.exitCode = ExitCode.fellShort;
    });
}
