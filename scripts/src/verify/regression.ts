import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sameFile } from '../core/diff.ts';
import type { TestRun } from '../core/run.ts';
import { casesOf, names, resultsOf, type SourceCase, sameCase, testFiles } from './cases.ts';
import type { Outcome, StepContext } from './types.ts';

/**
 * Rule 4: every case of the predecessor is in the step, unchanged, and passes; what the lesson lists
 * under `supersedes` may be changed or gone, and must be.
 *
 * @param run of the step's whole suite.
 */
export function checkRegression(context: StepContext, run: TestRun): Outcome {
  const { step, previous, lesson } = context;
  if (previous === undefined) return { passed: 0, findings: [], note: '–' };
  const entries = lesson?.frontMatter.supersedes ?? [];
  const before = casesOf(previous.dir);
  const after = casesOf(step.dir);
  const { cases: results } = run;
  const touched: SourceCase[] = [];
  const findings: string[] = [];
  for (const earlier of before) {
    const now = sameCase(earlier, after);
    const state = now === undefined ? 'is gone' : now.text === earlier.text ? '' : 'has changed';
    if (state !== '') touched.push(earlier);
    if (state !== '' && !entries.some(({ test }) => names(test, earlier.file, earlier.name))) {
      findings.push(
        `${earlier.file}: the case "${earlier.name}" of step ${previous.id} ${state}, and the lesson does not say why: put it back, or list it under "supersedes" in the front matter with the reason.`,
      );
    }
    if (now === undefined) continue;
    for (const result of resultsOf(now, after, results).filter(({ ok }) => !ok)) {
      findings.push(
        `${result.file}: the case "${result.name}" of step ${previous.id} fails now:\n${result.text}`,
      );
    }
  }
  findings.push(...untrueEntries(context, touched));
  return { passed: findings.length === 0 ? 1 : 0, findings };
}

/** What `supersedes` lists although the step leaves it as it was, or it never was. */
function untrueEntries({ step, previous, lesson }: StepContext, touched: SourceCase[]): string[] {
  const files = previous === undefined ? [] : testFiles(previous.dir);
  const changedFile = (file: string) =>
    files.includes(file) &&
    (!existsSync(join(step.dir, file)) ||
      !sameFile(join(previous?.dir ?? '', file), join(step.dir, file)));
  return (lesson?.frontMatter.supersedes ?? [])
    .filter(
      ({ test }) =>
        !changedFile(test) && !touched.some(({ file, name }) => names(test, file, name)),
    )
    .map(
      ({ test }) =>
        `The front matter lists "${test}" under "supersedes", and step ${previous?.id} has no such test that this step changes or takes out: correct the name or take out the entry.`,
    );
}
