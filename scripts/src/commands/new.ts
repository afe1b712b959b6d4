import { styleText } from 'node:util';
import type { Command } from 'commander';
import { type Course, openCourse } from '../core/course.ts';
import { CourseError } from '../core/errors.ts';
import { carryOut, type InsertPlan, planInsert } from '../core/renumber.ts';
import { findOutdated } from '../core/sync.ts';
import { withLock } from '../core/workspace/state.ts';

interface Options {
  after: string;
  dryRun?: boolean;
}

/** Adds `course new`. */
export function register(program: Command): void {
  program
    .command('new')
    .summary('insert a step and renumber what follows')
    .description(
      `Inserts a step: a copy of the step it comes after, with the next number and a lesson for you to fill in. The steps that follow are renumbered:

  folders, lessons    steps/13-x, lessons/13-x.md
  packages            @fanout/step-13, in the lockfile too
  texts               links, commands ("course start 13"), "step 13"
  your own progress   .course/

Where a text may mean a step and may not ("step 3" can be a task in a list), nothing is changed: the places are listed, with file and line. Nothing is done when a part of it fails.`,
    )
    .argument('<slug>', 'the name in small letters, such as push-newsfeed')
    .requiredOption('--after <step>', 'the step that it comes after and is a copy of')
    .option('--dry-run', 'say what would be done, and write nothing')
    .addHelpText('after', '\nExample:\n  npx course new rate-limits --after 07')
    .action(run);
}

async function run(slug: string, options: Options): Promise<void> {
  const course = openCourse();
  await withLock(course, async () => {
    const plan = planInsert(course, slug, options.after);
    if (!options.dryRun) carryOut(course, plan);
    if (!options.dryRun) await syncLessons(course);
    say(plan, options.dryRun ?? false);
  });
}

/** Brings titles, navigation and COURSE.md's table up to date, as far as lessons can be read. */
async function syncLessons(course: Course): Promise<void> {
  try {
    for (const { path, mend } of findOutdated(course)) {
      if (path === 'COURSE.md' || path.startsWith('lessons/')) await mend();
    }
  } catch (error) {
    // What is wrong with a lesson "course sync" says, which is among the next commands.
    if (!(error instanceof CourseError)) throw error;
  }
}

function say(plan: InsertPlan, dryRun: boolean): void {
  const { step, origin, renames, mentions } = plan;
  const folders = renames.filter(({ from }) => from.startsWith('steps/')).reverse();
  for (const { from, to } of folders) console.log(`${from} -> ${to}`);
  console.log(`steps/${step.name}: a copy of step ${origin.id}`);
  console.log(`lessons/${step.name}.md: a lesson to fill in`);
  if (mentions.length > 0) {
    const text = 'These places may mean a step that has moved; look at each:';
    console.log(styleText('yellow', `\n${text}`));
    for (const mention of mentions) console.log(`  ${mention}`);
  }
  if (dryRun) {
    console.log('\nThis was a dry run: nothing was written.');
    return;
  }
  console.log(`\nNext:
  npm install               links the packages under their new names
  edit steps/${step.name} and its lesson; carry later edits on with "npx course propagate"
  npx course sync
  npx course check`);
}
