import type { Step } from '../core/course.ts';
import { countedSize, renamedFiles } from '../core/diff.ts';
import type { Check, CheckContext, Finding } from './check.ts';
import { namedFiles } from './told.ts';

/** The lines that a step may add. */
export const SIZE = { least: 100, most: 200 } as const;

/** Rule 2: a step adds 100 to 200 lines, reformats nothing, and says why it moves a file. */
export const sizeCheck: Check = {
  rule: 'rule 2',
  run: (context) =>
    context.selected.flatMap((step) => [
      ...checkSize(context, step),
      ...checkNoise(context, step),
      ...checkMoves(context, step),
    ]),
};

function checkSize(context: CheckContext, step: Step): Finding[] {
  const size = countedSize(context.changes(step));
  if (size >= SIZE.least && size <= SIZE.most) return [];
  const advice =
    size > SIZE.most
      ? 'split it in two ("npx course new" inserts a step), or move the part that nothing needs yet to a later step'
      : 'add the cases that a user would expect, or join it with a neighbour';
  return [
    {
      file: context.label(step.dir),
      message: `The step adds ${size} lines, and a step adds ${SIZE.least} to ${SIZE.most}: ${advice}.`,
    },
  ];
}

function checkNoise(context: CheckContext, step: Step): Finding[] {
  return context
    .changes(step)
    .filter(({ onlySpace }) => onlySpace)
    .map(({ path }) => ({
      file: `${context.label(step.dir)}/${path}`,
      message: `Only white space differs from steps/${context.previous(step)?.name}: a step reformats nothing. Put the old form back, or mend the form in the step that introduces the file.`,
    }));
}

function checkMoves(context: CheckContext, step: Step): Finding[] {
  const previous = context.previous(step);
  const statuses = new Set(context.changes(step).map(({ status }) => status));
  if (previous === undefined || !statuses.has('added') || !statuses.has('deleted')) return [];
  const lesson = context.lesson(step);
  const named = lesson === undefined ? new Set<string>() : namedFiles(lesson);
  return renamedFiles(previous.dir, step.dir)
    .filter(({ from, to }) => !named.has(from) || !named.has(to))
    .map(({ from, to }) => ({
      file: `${context.label(step.dir)}/${to}`,
      message: `The step moves ${from} to ${to}, and its lesson does not name both: say there why, or leave the file where it was.`,
    }));
}
