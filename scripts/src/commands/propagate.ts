import { relative } from 'node:path';
import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { Command } from 'commander';
import { type Course, listSteps, openCourse } from '../core/course.ts';
import { CourseError, ExitCode } from '../core/errors.ts';
import {
  abortPropagation,
  continuePropagation,
  folderLabel,
  type Propagated,
  place,
  propagate,
} from '../core/propagate.ts';
import { withLock } from '../core/workspace/state.ts';

interface Options {
  since?: string;
  dryRun?: boolean;
  continue?: boolean;
  abort?: boolean;
}

/** Adds `course propagate`. */
export function register(program: Command): void {
  program
    .command('propagate')
    .summary('carry an edit of one step to every later step and final/')
    .description(
      `Carries the uncommitted change of one step to every later step and to final/, by three-way merge. A line is edited only in the step that introduces it (rule 9); this is how the edit reaches the steps that repeat the line.

Text, new, deleted, renamed and binary files follow, file modes and package.json too. Uncommitted edits in later steps stay. final/ gets the last step's src, migrations and test (rule 8).

Where a step has changed the same lines itself, it stops with conflict markers in that step's files: edit them, then say --continue. --abort puts every step and final/ back as they were; your own edit stays. Interrupted, it can be continued or aborted too.`,
    )
    .argument('[step]', 'the step that you have edited, such as 03')
    .option('--since <revision>', 'take the change since this commit (default: HEAD)')
    .option('--dry-run', 'say what would change, and write nothing')
    .option('--continue', 'go on after a conflict, once no markers are left')
    .option('--abort', 'put back what was there before')
    .addHelpText(
      'after',
      `
Examples:
  npx course propagate 03                  after an edit in steps/03-…
  npx course propagate 03 --dry-run
  npx course propagate 03 --since HEAD~1   the edit is committed already

Exit code: 0 all steps have the change, 1 it stopped at a conflict, 2 used wrongly.`,
    )
    .action(run);
}

async function run(step: string | undefined, options: Options): Promise<void> {
  const course = openCourse();
  refuseMixture(step, options);
  await withLock(course, async () => {
    if (options.abort) return sayAborted(course);
    const result = options.continue
      ? continuePropagation(course)
      : propagate(course, step ?? '', options);
    say(course, result, options.dryRun ?? false);
  });
}

function refuseMixture(step: string | undefined, options: Options): void {
  const closing = options.continue || options.abort;
  if (options.continue && options.abort) {
    throw new CourseError('Choose one: --continue goes on, --abort puts back what was there.');
  }
  if (closing && (step !== undefined || options.since !== undefined || options.dryRun)) {
    throw new CourseError(
      '--continue and --abort are for the propagation that is under way: give them alone.',
    );
  }
  if (!closing && step === undefined) {
    throw new CourseError('Name the step that you have edited: "npx course propagate 03".');
  }
}

function sayAborted(course: Course): void {
  const { step, setAside } = abortPropagation(course);
  console.log(
    `Every later step and final/ are as they were. Your edit in steps/${step.name} is still there.`,
  );
  if (setAside !== undefined) {
    console.log(`What you had edited meanwhile is kept in ${relative(course.root, setAside)}.`);
  }
}

function say(course: Course, result: Propagated, dryRun: boolean): void {
  console.log(table(result));
  for (const note of result.notes) console.log(note);
  if (result.lessons.length > 0) {
    console.log(
      styleText('yellow', '\nThese lessons show code that has changed; edit their fences:'),
    );
    for (const line of result.lessons) console.log(`  ${line}`);
  }
  if (result.stopped !== undefined) {
    process.exitCode = ExitCode.fellShort;
    console.log(styleText('red', `\n${stopText(result.stopped, dryRun)}`));
  } else if (dryRun) {
    console.log('\nThis was a dry run: nothing was written.');
  } else {
    console.log(`\nNext:\n${nextCommands(course, result).join('\n')}`);
  }
}

/** One row a folder: how many files and lines have changed, and which files. */
function table({ folders, stopped }: Propagated): string {
  const rows = new Table({
    head: ['folder', 'files', 'lines', 'changed'],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, files, added, deleted } of folders) {
    const shown = files.length > 4 ? [...files.slice(0, 3), `${files.length - 3} more`] : files;
    const lines = files.length === 0 ? '' : `+${added} -${deleted}`;
    rows.push([folderLabel(name), files.length, lines, shown.join('\n') || 'nothing to change']);
  }
  if (stopped !== undefined) {
    const files = stopped.conflicts.map(({ path }) => path).join('\n');
    rows.push([folderLabel(stopped.name), 'conflict', '', files]);
  }
  return rows.toString();
}

function stopText(
  { name, conflicts }: NonNullable<Propagated['stopped']>,
  dryRun: boolean,
): string {
  const files = conflicts.map(({ path, reason, theirsFile }) => {
    const other = theirsFile === undefined ? '' : ` (the other version is ${theirsFile} beside it)`;
    return `  ${folderLabel(name)}/${path}: ${reason}${other}`;
  });
  const where = dryRun ? `The change would stop at ${place(name)}` : `Stopped at ${place(name)}`;
  const count = conflicts.length === 1 ? 'one file needs' : `${conflicts.length} files need`;
  const head = `${where}: ${count} a decision.\n${files.join('\n')}`;
  if (dryRun) return `${head}\nThis was a dry run: nothing was written.`;
  const binary = conflicts.some(({ theirsFile }) => theirsFile !== undefined)
    ? ' Of a file without lines, keep the version you want and delete NAME.theirs.'
    : '';
  return `${head}
Edit until no conflict markers are left; a file that should not be there, delete.${binary} Then:
  npx course propagate --continue
Or, to put every step back as it was:
  npx course propagate --abort`;
}

function nextCommands(course: Course, { step, folders }: Propagated): string[] {
  const changed = folders.filter(({ files }) => files.length > 0).map(({ name }) => name);
  const ids = listSteps(course)
    .filter(({ name }) => name === step.name || changed.includes(name))
    .map(({ id }) => id);
  const install = folders.some(({ dependencies }) => dependencies);
  return [
    ...(install ? ['  npm install               the dependencies have changed'] : []),
    '  npx course sync',
    '  npx course check',
    `  npx course verify ${ids.join(' ')}`,
  ];
}
