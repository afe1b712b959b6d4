import type { Command } from 'commander';
import { openCourse } from '../core/course.ts';
import { ExitCode } from '../core/errors.ts';
import { findOutdated, syncCourse } from '../core/sync.ts';

/** Adds `course sync`. */
export function register(program: Command): void {
  program
    .command('sync')
    .summary('rewrite everything that is derived')
    .description(
      `Rewrites what is derived from the steps and the lessons' front matter:

  COURSE.md          the table of the steps
  lessons/           the title of each lesson and the line below it
  final/             src, migrations and test, from the last step; what was
                     there before is kept in .course/replaced/
  package-lock.json  when it disagrees with a package.json (this asks npm)`,
    )
    .option(
      '--check',
      'change nothing; list what differs and leave with exit code 1 if anything does',
    )
    .action(async (options: { check?: true }) => {
      const course = openCourse();
      const outdated = options.check ? findOutdated(course) : await syncCourse(course);
      for (const { path, reason } of outdated) {
        console.log(`${path}  ${options.check ? reason : 'rewritten'}`);
      }
      if (outdated.length === 0) console.log('Everything derived is up to date.');
      else if (options.check) {
        console.log('Run "npx course sync" and commit what it changes.');
        process.exitCode = ExitCode.fellShort;
      }
    });
}
