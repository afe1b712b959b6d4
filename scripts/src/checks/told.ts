import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Step } from '../core/course.ts';
import type { ChangedFile } from '../core/diff.ts';
import type { Lesson, Located } from '../core/lesson.ts';
import type { Check, CheckContext, Finding } from './check.ts';

/** Inline code that names a file of the step; a line number behind it is allowed. */
const FILE_OF_STEP =
  /^((?:(?:src|test|migrations)\/[\w./-]*\.\w+)|package\.json|tsconfig\.json)(?::\d+)?$/;

const VERBS = { added: 'adds', changed: 'changes', deleted: 'deletes' } as const;

/** Rule 5: the lesson names every file that the step touches, and no file that is not there. */
export const toldCheck: Check = {
  rule: 'rule 5',
  run: (context) =>
    context.selected.flatMap((step) => {
      const lesson = context.lesson(step);
      return lesson === undefined
        ? []
        : [...untold(context, step, lesson), ...missing(context, step, lesson)];
    }),
};

/** The paths that a lesson names, as inline code or above a fence. */
export function namedFiles(lesson: Lesson): Set<string> {
  return new Set(mentions(lesson).map(({ text }) => text));
}

function untold(context: CheckContext, step: Step, lesson: Lesson): Finding[] {
  const named = namedFiles(lesson);
  return context
    .changes(step)
    .filter((change) => !named.has(change.path) && !isOnlyTheName(context, step, change))
    .map(({ path, status }) => ({
      file: lesson.label,
      message: `The step ${VERBS[status]} ${path} and the lesson does not name it: write \`${path}\` where it is explained.`,
    }));
}

function missing(context: CheckContext, step: Step, lesson: Lesson): Finding[] {
  const deleted = new Set(
    context
      .changes(step)
      .filter(({ status }) => status === 'deleted')
      .map(({ path }) => path),
  );
  const reported = new Set<string>();
  return mentions(lesson).flatMap(({ text, line }) => {
    const isKnown = existsSync(join(step.dir, text)) || deleted.has(text) || reported.has(text);
    if (isKnown) return [];
    reported.add(text);
    const message = `The lesson names ${text}, which is not in steps/${step.name}: correct the path, or say it without code marks if another step has it.`;
    return [{ file: lesson.label, line, message }];
  });
}

function mentions(lesson: Lesson): Located[] {
  const inText = lesson.inlineCodes.flatMap(({ text, line }) => {
    const path = FILE_OF_STEP.exec(text.trim())?.[1];
    return path === undefined ? [] : [{ text: path, line }];
  });
  const inFences = lesson.fences.flatMap(({ path, line }) =>
    path === undefined ? [] : [{ text: path, line }],
  );
  return [...inText, ...inFences].sort((a, b) => a.line - b.line);
}

/** Every step's package.json has a name of its own; that alone is nothing to tell. */
function isOnlyTheName(context: CheckContext, step: Step, change: ChangedFile): boolean {
  const previous = context.previous(step);
  if (change.path !== 'package.json' || change.status !== 'changed' || !previous) return false;
  return withoutName(previous) === withoutName(step);
}

function withoutName(step: Step): string {
  const text = readFileSync(join(step.dir, 'package.json'), 'utf8');
  return text.replace(/^\s*"name":.*$/m, '');
}
