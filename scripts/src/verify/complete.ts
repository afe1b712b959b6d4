import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { TestCase, TestRun } from '../core/run.ts';
import { toolEnv } from '../core/run.ts';
import { casesOf, resultsOf, sameCase } from './cases.ts';
import type { Outcome, StepContext } from './types.ts';

/**
 * tsc is a Go program. It lives for seconds and needs some 350 MB, so that collecting garbage, a
 * third of its time, is for nothing below a limit that it does not reach.
 */
export const TSC_ENV = { GOGC: 'off', GOMEMLIMIT: '1GiB' };

/** Rule 1: the step type-checks with the one compiler configuration. */
export async function checkTypes({ step, signal }: StepContext): Promise<Outcome> {
  // Its threads would check much of the same types again each; other checks keep the cores busy.
  const { exitCode, all, failed, shortMessage } = await execa('tsc', ['--singleThreaded'], {
    cwd: step.dir,
    env: { ...toolEnv(step.dir), ...TSC_ENV },
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    reject: false,
    cancelSignal: signal,
  });
  signal.throwIfAborted();
  if (exitCode === 0) return { passed: 1, findings: [] };
  const said = failed && exitCode === undefined ? shortMessage : all;
  return { passed: 0, findings: [`The step does not type-check:\n${said}`] };
}

interface Dependencies {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

interface Lockfile {
  packages?: Record<string, { version?: string } & Dependencies>;
}

/**
 * Rule 1: what the step's package.json asks for is in the root lockfile in just that version, so
 * that `npm ci` at the root is all that the step needs.
 */
export function checkLockfile({ course, step }: StepContext): Outcome {
  const file = join(course.root, 'package-lock.json');
  if (!existsSync(file)) {
    return {
      passed: 0,
      findings: ['package-lock.json is missing: run "npm install" in the root and commit it.'],
    };
  }
  const { packages = {} }: Lockfile = JSON.parse(readFileSync(file, 'utf8'));
  const manifest: Dependencies = JSON.parse(readFileSync(join(step.dir, 'package.json'), 'utf8'));
  const own = `steps/${step.name}`;
  const known = wantedBy(packages[own] ?? {});
  const missing = Object.entries(wantedBy(manifest)).filter(([name, version]) => {
    const entry = packages[`${own}/node_modules/${name}`] ?? packages[`node_modules/${name}`];
    // A range is met by what npm chose for it; the exact versions of rule 7 are compared.
    const met = entry !== undefined && (entry.version === version || !/^\d/.test(version));
    return known[name] !== version || !met;
  });
  if (missing.length === 0) return { passed: 1, findings: [] };
  const list = missing.map(([name, version]) => `${name} ${version}`).join(', ');
  return {
    passed: 0,
    findings: [
      `The step's package.json asks for ${list}, and the root package-lock.json does not know it: run "npm install" in the root.`,
    ],
  };
}

function wantedBy({ dependencies, devDependencies }: Dependencies): Record<string, string> {
  return { ...dependencies, ...devDependencies };
}

/**
 * Rule 1: the step passes its own tests. Earlier cases that fail are told under rule 4.
 *
 * @param run of the step's whole suite.
 */
export function checkOwnTests(context: StepContext, run: TestRun): Outcome {
  const { cases, exitCode, output } = run;
  const sources = casesOf(context.step.dir);
  const earlier = context.previous === undefined ? [] : casesOf(context.previous.dir);
  const kept = sources.filter((source) => sameCase(source, earlier) !== undefined);
  const ofEarlier = new Set(kept.flatMap((source) => resultsOf(source, sources, cases)));
  const bad = cases.filter((result) => !result.ok || result.skipped);
  const findings = bad
    .filter((result) => !ofEarlier.has(result))
    .map((result) =>
      result.skipped
        ? `${result.file}: the case "${result.name}" is skipped, so it proves nothing: let it run or take it out.`
        : `${result.file}: the case "${result.name}" fails:\n${result.text}`,
    );
  findings.push(...sources.filter(neverRan(sources, cases)).map(neverRanText));
  if (cases.length === 0) {
    findings.push(`No test ran. tap said:\n${output.trim().slice(-2000)}`);
  } else if (bad.length === 0 && exitCode !== 0) {
    findings.push(
      `All cases pass, and yet tap left with code ${exitCode}.\n${output.slice(-2000)}`,
    );
  }
  const passed = cases.length - bad.length;
  return { passed, findings, note: bad.length > 0 ? `${bad.length} fail` : `${passed}` };
}

/** A case in a file that ran, but without a result: the file ended before it. */
function neverRan(sources: ReturnType<typeof casesOf>, results: TestCase[]) {
  return (source: ReturnType<typeof casesOf>[number]): boolean =>
    !source.computed &&
    resultsOf(source, sources, results).length === 0 &&
    results.every(({ file, ok }) => file !== source.file || ok);
}

function neverRanText({ file, name }: { file: string; name: string }): string {
  return `${file}: the case "${name}" stands in the file and did not run: see that nothing ends the file before it.`;
}
