import { styleText } from 'node:util';
import type { Command } from 'commander';
import { openCourse } from '../core/course.ts';
import { CourseError } from '../core/errors.ts';
import { loadLesson } from '../core/lesson.ts';
import { sayRepaired } from '../core/workspace/say.ts';
import { readState, requireStarted, writeState } from '../core/workspace.ts';

/** Adds `course hint`. */
export function register(program: Command): void {
  program
    .command('hint')
    .summary('show the next hint of your step')
    .description(
      'Shows the hints of the step you are at, one at a time: each says more than the one before, and the last is almost the code. It remembers which you have seen.',
    )
    .argument('[number]', 'which hint; by default the next one that you have not seen')
    .action(run);
}

async function run(number: string | undefined): Promise<void> {
  const course = openCourse();
  await sayRepaired(course);
  const state = readState(course);
  const step = requireStarted(course, state);
  const { hints } = loadLesson(step).frontMatter;
  const seen = state.hints?.[step.name] ?? 0;
  const wanted = number === undefined ? seen + 1 : wantedHint(number, hints.length);
  const text = hints[wanted - 1];
  if (text === undefined) {
    console.log(
      hints.length === 0
        ? `Step ${step.id} has no hints.`
        : `You have seen all ${hints.length} hints of step ${step.id}. "npx course hint 1" shows the first again; "npx course solve ${step.id}" puts the official code into workspace/, after committing yours.`,
    );
    return;
  }
  console.log(styleText('bold', `Hint ${wanted} of ${hints.length} for step ${step.id}`));
  console.log(text.trimEnd());
  if (wanted > seen) {
    writeState(course, { ...state, hints: { ...state.hints, [step.name]: wanted } });
  }
}

function wantedHint(text: string, count: number): number {
  const wanted = Number(text);
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= count) return wanted;
  throw new CourseError(
    count === 0
      ? 'This step has no hints.'
      : `There is no hint ${text}: this step has the hints 1 to ${count}.`,
  );
}
