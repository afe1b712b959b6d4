import { sep } from 'node:path';
import { styleText } from 'node:util';
import type { TestCase, TestRun } from '../run.ts';

/** Prints the cases of a run in `cwd`, file by file, failures with their reason. */
export function printCases(run: TestRun, cwd: string): void {
  const files = new Set(run.cases.map(({ file }) => file));
  for (const file of files) {
    console.log(styleText('bold', file));
    for (const one of run.cases.filter((each) => each.file === file)) printCase(one, cwd);
  }
  if (run.cases.length === 0) console.log(run.output.trimEnd());
}

function printCase({ name, ok, skipped, text }: TestCase, cwd: string): void {
  const mark = skipped
    ? styleText('yellow', '-')
    : ok
      ? styleText('green', '✔')
      : styleText('red', '✖');
  console.log(`  ${mark} ${name}`);
  if (!ok) console.log(text.replaceAll(`${cwd}${sep}`, '').replace(/^/gm, '      '));
}

/** Whether a run is green: something ran, and nothing failed. */
export function isGreen(run: TestRun): boolean {
  return run.exitCode === 0 && run.cases.length > 0 && run.cases.every(({ ok }) => ok);
}
