import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Company } from '../core/company/company.ts';
import type { Step } from '../core/course.ts';
import { sameFile } from '../core/diff.ts';
import { type RunOptions, runTests, type TestRun } from '../core/run.ts';
import { testFiles } from './cases.ts';

/** How much of their rounds. What `TEST_ROUNDS` says in the environment of the tool is kept. */
const ROUNDS_OF_KEPT = process.env.TEST_ROUNDS ?? '0.25';

/**
 * Runs all tests of a step. The files that it adds or changes are run by tap as its `npm test` runs
 * them, each in a process of its own. Those that it has from its predecessor, where they were new
 * once, share a process: there are many of them, and starting one costs more than what it tests.
 * There, tests with random rounds play a part of them: other rounds in every step, and together many
 * more than the one step that brought them. A file that is not all green in company is run again on
 * its own, and that counts.
 */
export async function runOwnTests(
  step: Step,
  previous: Step | undefined,
  { company, ...options }: Pick<RunOptions, 'env' | 'signal' | 'jobs'> & { company: Company },
): Promise<TestRun> {
  const files = testFiles(step.dir);
  const kept = previous === undefined ? [] : files.filter((file) => isKept(file, step, previous));
  if (previous === undefined || kept.length === 0) return runTests({ cwd: step.dir, ...options });
  const env = { TEST_ROUNDS: ROUNDS_OF_KEPT, ...options.env };
  const together = await runTests({ cwd: step.dir, files: kept, company, ...options, env });
  const doubtful = new Set(doubtfulFiles(kept, together));
  const alone = files.filter((file) => !kept.includes(file) || doubtful.has(file));
  if (alone.length === 0) return together;
  const run = await runTests({ cwd: step.dir, files: alone, ...options });
  const certain = together.cases.filter(({ file }) => !doubtful.has(file));
  return {
    cases: [...certain, ...run.cases].toSorted((a, b) => order(a.file, b.file)),
    exitCode: run.exitCode,
    output: run.output,
    ms: together.ms + run.ms,
  };
}

function isKept(file: string, step: Step, previous: Step): boolean {
  const earlier = join(previous.dir, file);
  return existsSync(earlier) && sameFile(earlier, join(step.dir, file));
}

/** The files that did not prove by themselves that they are green; all when the process broke. */
function doubtfulFiles(files: string[], run: TestRun): string[] {
  const bad = files.filter((file) => {
    const cases = run.cases.filter((entry) => entry.file === file);
    const isGreen = cases.length > 0 && cases.every(({ ok, skipped }) => ok && !skipped);
    return !isGreen || run.left?.includes(file);
  });
  return bad.length === 0 && run.exitCode !== 0 ? files : bad;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
