import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Company } from '../core/company/company.ts';
import { type RunOptions, runTests, type TestCase, WHOLE_FILE } from '../core/run.ts';
import { casesOf, names, resultsOf, type SourceCase, sameCase } from './cases.ts';
import { copyStep } from './scratch.ts';
import type { Outcome, StepContext } from './types.ts';

/**
 * Rule 3: the cases that the step adds or changes fail on the predecessor's code, by assertion. (That
 * they pass on the step's own is rule 1.) What the lesson lists under `guards` must pass on both.
 */
export async function checkRed(context: StepContext): Promise<Outcome> {
  const { step, previous } = context;
  if (previous === undefined) return { passed: 0, findings: [], note: '–' };
  const after = casesOf(step.dir);
  const before = casesOf(previous.dir);
  const fresh = after.filter((entry) => sameCase(entry, before)?.text !== entry.text);
  if (fresh.length === 0) {
    const finding = `steps/${step.name} adds and changes no test case, so nothing shows what it is for: write one that fails on step ${previous.id}.`;
    return { passed: 0, findings: [finding], note: '0' };
  }
  const files = [...new Set(fresh.map(({ file }) => file))];
  const results = await runOnPredecessor(context, files);
  return judge(context, fresh, after, results);
}

/** Runs the step's test files over a copy of the predecessor, with the whole of the step's test/. */
async function runOnPredecessor(context: StepContext, files: string[]): Promise<TestCase[]> {
  const { course, step, previous, env, signal, company } = context;
  const dir = copyStep(course, previous ?? step, `${step.id}-red`);
  try {
    rmSync(join(dir, 'test'), { recursive: true, force: true });
    cpSync(join(step.dir, 'test'), join(dir, 'test'), { recursive: true });
    const found: TestCase[] = [];
    for (const file of files) {
      found.push(...(await runFile(file, { cwd: dir, env, signal, company })));
    }
    return found;
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

/**
 * Runs one test file. Without tap around it, it says the same in half the time as long as its cases
 * pass or fail by assertion; where something else happens, tap is asked, which knows more of it.
 */
async function runFile(
  file: string,
  { company, ...options }: Pick<RunOptions, 'cwd' | 'env' | 'signal'> & { company: Company },
): Promise<TestCase[]> {
  const quick = await runTests({ ...options, files: [file], company });
  const clear = quick.cases.every(({ ok, failure }) => ok || failure === 'assertion');
  if (clear && quick.cases.length > 0) return quick.cases;
  return (await runTests({ ...options, files: [file] })).cases;
}

function judge(
  { previous, lesson }: StepContext,
  fresh: SourceCase[],
  after: SourceCase[],
  results: TestCase[],
): Outcome {
  const guards = lesson?.frontMatter.guards ?? [];
  const mayImport = lesson?.frontMatter.red === 'import';
  const on = `step ${previous?.id}`;
  const findings: string[] = [];
  let passed = 0;
  const seen = new Set<string>();
  const broken = brokenFiles(results);

  for (const [file, failure] of broken) {
    if (mayImport && failure.cause === 'import') continue;
    findings.push(
      failure.cause === 'import'
        ? `${file} cannot be imported on the code of ${on}, so none of its cases fails by assertion: test what is new over HTTP, or write "red: import" in the front matter.\n${failure.text}`
        : `${file} crashes on the code of ${on}, so none of its cases fails by assertion:\n${failure.text}`,
    );
  }
  for (const entry of fresh) {
    const found = resultsOf(entry, after, results);
    const guardOf = (name: string) =>
      guards.find(
        ({ test }) => names(test, entry.file, name) || names(test, entry.file, entry.name),
      );
    if (found.length === 0) {
      const guard = guardOf(entry.name);
      if (guard !== undefined) seen.add(guard.test);
      if (broken.has(entry.file)) {
        if (guard !== undefined) findings.push(guardFails(guard.test, on));
        else passed += 1;
      } else {
        findings.push(
          `${entry.file}: the case "${entry.name}" did not run on the code of ${on}: see that nothing before it ends the file.`,
        );
      }
    }
    for (const result of found) {
      const guard = guardOf(result.name);
      if (guard !== undefined) seen.add(guard.test);
      const finding = judgeCase(result, guard?.test, on, mayImport);
      if (finding === undefined) passed += 1;
      else findings.push(finding);
    }
  }
  for (const { test } of guards.filter(({ test }) => !seen.has(test))) {
    findings.push(
      `The front matter lists "${test}" under "guards", and the step adds or changes no case of that name: correct it or take it out.`,
    );
  }
  if (mayImport && !results.some(({ cause }) => cause === 'import')) {
    findings.push(
      `The front matter says "red: import", and no test fails by an import on the code of ${on}: take it out.`,
    );
  }
  return { passed, findings, note: `${passed}` };
}

/** What is wrong with one case's result on the predecessor, if anything. */
function judgeCase(
  result: TestCase,
  guard: string | undefined,
  on: string,
  mayImport: boolean,
): string | undefined {
  const where = `${result.file}: the case "${result.name}"`;
  const goodGuard = result.ok && !result.skipped;
  if (guard !== undefined)
    return goodGuard ? undefined : `${guardFails(guard, on)}\n${result.text}`;
  if (result.skipped) return `${where} is skipped on the code of ${on}, so it shows nothing.`;
  if (result.ok) {
    return `${where} is new or changed, and passes already on the code of ${on}: sharpen it, or list it under "guards" in the front matter with the reason.`;
  }
  if (result.failure === 'assertion' || (mayImport && result.cause === 'import')) return undefined;
  return `${where} fails on the code of ${on} by a crash and not by an assertion: let an assertion before it say what is missing (an answer's status, for example).\n${result.text}`;
}

function guardFails(name: string, on: string): string {
  return `The front matter lists "${name}" under "guards", and it fails on the code of ${on}: take it out of the list.`;
}

/** The files that failed as a whole before any of their cases ran. */
function brokenFiles(results: TestCase[]): Map<string, TestCase> {
  const whole = results.filter(({ name }) => name === WHOLE_FILE);
  const alone = whole.filter(
    ({ file }) => results.filter((result) => result.file === file).length === 1,
  );
  return new Map(alone.map((result) => [result.file, result]));
}
