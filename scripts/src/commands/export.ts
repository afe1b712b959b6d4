import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openCourse } from '../core/course.ts';
import { exportHistory } from '../core/history.ts';

/** Adds `course export`. */
export function register(program: Command): void {
  program
    .command('export')
    .summary('make a git repository with a commit and a tag a step')
    .description(
      `Makes a git repository in DIR with one commit and one tag (step-01, …) a step,
its message from the lesson, its tree the step's folder. In it,

  git diff step-12 step-13    is the change of lesson 13
  git switch -d step-12       is the code of step 12, ready for npm install

Two things make every commit complete in itself. They are the same in each, so
no difference shows them: the repository's compiler options stand beside
tsconfig.json as tsconfig.base.json, and package.json declares the compiler.
The same course gives the same commit ids every time.`,
    )
    .argument('<dir>', 'a folder that is empty or does not exist yet, outside the course')
    .action(async (dir: string) => {
      const course = openCourse();
      const target = resolve(dir);
      const tags = await exportHistory(course, target);
      console.log(
        `${target} has ${tags.length} commits, ${tags[0]} to ${tags.at(-1)}: look at it with "git log --oneline --decorate".`,
      );
    });
}
