import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters, styleText } from 'node:util';
import Table from 'cli-table3';
import { execa } from 'execa';
import { type Course, listSteps } from './core/course.ts';
import { listFiles } from './core/diff.ts';
import { TSC_ENV } from './verify/complete.ts';

/** One part of `npm test`. */
export interface Part {
  title: string;
  /** Commands, each with the folder it runs in. They count one each, unless they count themselves. */
  commands: PartCommand[];
  /** Added to the environment of the commands. */
  env?: Record<string, string>;
  /** How many of the commands run at once; by default one. */
  jobs?: number;
  /**
   * The command prints what it does as it goes and ends with a line `N passed, N failed`, which
   * is its count. Without it, a command is silent unless it fails, and counts as one.
   */
  counts?: boolean;
  /** It runs while the one before it does, or those before it: it waits more than it works. */
  beside?: boolean;
}

/** A command of a part: no shell is involved. */
export interface PartCommand {
  name: string;
  file: string;
  args: string[];
  cwd: string;
}

/** What a part came to. */
export interface PartResult {
  title: string;
  passed: number;
  failed: number;
  seconds: number;
  /** Of a part that failed, the lines that tell of more than what passed. */
  said: string[];
}

type Count = Pick<PartResult, 'passed' | 'failed'>;
type Said = Count & Pick<PartResult, 'said'>;

/** The last such line of a command's output is its count. */
const COUNT_LINE = /^(\d+) passed, (\d+) failed(?:, \d+ skipped)?$/;

/** A line about something that passed, or of a table: no reason why a part failed. */
const NO_REASON = /^\s*([✓┌│├└]|$)/;
/** So many lines of a part that failed are repeated at the end. */
const REPEATED_LINES = 100;

/** The parts of `npm test`, in their order: the quick ones first. */
export function partsOf(course: Course): Part[] {
  const tool = (name: string, ...args: string[]): PartCommand => ({
    name,
    file: process.execPath,
    args: [join(course.root, 'scripts', 'course.js'), ...args],
    cwd: course.root,
  });
  const bin = (name: string, file: string, args: string[], cwd: string): PartCommand => ({
    name,
    file: join(course.root, 'node_modules', '.bin', file),
    args,
    cwd,
  });
  const scripts = join(course.root, 'scripts');
  const steps = listSteps(course);
  const cores = availableParallelism();
  // The tool's tests report like those of the steps, and wait much: for servers, locks and signals.
  const reporter = join(steps[0]?.dir ?? course.finalDir, 'test', 'reporter.ts');
  const toolTests = [`--reporter=${relative(scripts, reporter)}`, `--jobs=${2 * cores}`];
  const proofs = listFiles(course.finalDir).filter((file) => /^proof\/.*\.test\.ts$/.test(file));
  const packages = [...steps.map(({ dir }) => dir), course.finalDir, scripts];
  return [
    { title: 'format and lint', commands: [bin('biome', 'biome', ['ci'], course.root)] },
    { title: 'course check', commands: [tool('check', 'check')] },
    { title: 'course sync --check', commands: [tool('sync', 'sync', '--check')] },
    {
      title: 'types',
      // Many threads for one package would check much of the same types each.
      commands: packages.map((dir) =>
        bin(relative(course.root, dir), 'tsc', ['--singleThreaded'], dir),
      ),
      jobs: cores,
      env: TSC_ENV,
    },
    {
      title: 'course verify',
      // The part before has type-checked the steps.
      commands: [tool('verify', 'verify', '--no-types', '--retry')],
      counts: true,
    },
    {
      // Its src, migrations and test are byte for byte those of the last step: `course check` has
      // seen to that, and `course verify` has run them.
      title: 'proofs of final/',
      commands: [bin('tap', 'tap', proofs, course.finalDir)],
      counts: true,
      beside: true,
    },
    {
      title: 'tests of the tool',
      commands: [bin('tap', 'tap', toolTests, scripts)],
      counts: true,
    },
  ];
}

/**
 * Runs the parts one after the other, or beside each other where they say so, each whatever became
 * of the others, and prints what they do, what failed once more, a table, and as the last line
 * `N passed, N failed`.
 *
 * @param env added to the environment of every command.
 */
export async function runParts(parts: Part[], env: Record<string, string>): Promise<PartResult[]> {
  const started = performance.now();
  const running: Promise<PartResult>[] = [];
  for (const [index, part] of parts.entries()) {
    if (!part.beside) await Promise.all(running);
    const isAlone = !part.beside && !parts[index + 1]?.beside;
    console.log(styleText('bold', `\n[${index + 1}/${parts.length}] ${part.title}`));
    running.push(runPart(part, env, isAlone ? '' : `${part.title} │ `));
  }
  const results = await Promise.all(running);
  printResults(results, (performance.now() - started) / 1000);
  return results;
}

/** @param prefix stands before each line of those that print what they do. */
async function runPart(
  part: Part,
  env: Record<string, string>,
  prefix: string,
): Promise<PartResult> {
  const started = performance.now();
  const waiting = [...part.commands];
  const total: Said = { passed: 0, failed: 0, said: [] };
  const work = async () => {
    for (let command = waiting.shift(); command; command = waiting.shift()) {
      const own = { ...env, ...part.env };
      const { passed, failed, said } = part.counts
        ? await runCounting(command, own, prefix)
        : await runSilent(command, own);
      total.passed += passed;
      total.failed += failed;
      if (failed > 0) total.said.push(...said);
    }
  };
  await Promise.all(Array.from({ length: part.jobs ?? 1 }, work));
  const seconds = (performance.now() - started) / 1000;
  const mark = total.failed === 0 ? styleText('green', '✓') : styleText('red', '✗');
  const { passed, failed } = total;
  console.log(
    `${mark} ${part.title}: ${passed} passed, ${failed} failed in ${seconds.toFixed(1)} s`,
  );
  return { title: part.title, ...total, seconds };
}

function start({ file, args, cwd }: PartCommand, env: Record<string, string>) {
  return execa(file, args, {
    cwd,
    env,
    stdin: 'ignore',
    all: true,
    reject: false,
    preferLocal: true,
  });
}

/** Runs a command that counts as one, and shows what it said if it fails. */
async function runSilent(command: PartCommand, env: Record<string, string>): Promise<Said> {
  const result = await start(command, env);
  if (result.exitCode === 0) return { passed: 1, failed: 0, said: [] };
  const text = `${String(result.all ?? '').trimEnd()}\n${command.name}: ${howItEnded(result)}`;
  console.log(text);
  return { passed: 0, failed: 1, said: text.split('\n') };
}

/** Runs a command that counts. One that crashes, or does not say what it counted, has failed. */
async function runCounting(
  command: PartCommand,
  env: Record<string, string>,
  prefix: string,
): Promise<Said> {
  const running = start(command, env);
  const said: string[] = [];
  let last: Count = { passed: 0, failed: 0 };
  for await (const line of running.iterable({ from: 'all' })) {
    console.log(`${prefix}${line}`);
    if (!NO_REASON.test(stripVTControlCharacters(line))) said.push(line);
    const [, passed, failed] = COUNT_LINE.exec(line) ?? [];
    if (passed !== undefined) last = { passed: Number(passed), failed: Number(failed) };
  }
  const result = await running;
  const good = result.exitCode === 0;
  if (last.failed > 0 || (good && last.passed > 0)) return { ...last, said };
  const reason = good
    ? `${command.name} ran nothing, which counts as a failure.`
    : `${command.name} ${howItEnded(result)} and counted no failure: it counts as one.`;
  console.log(reason);
  return { passed: last.passed, failed: 1, said: [...said, reason] };
}

/** What execa says about the end of a process. */
interface Ending {
  exitCode?: number | undefined;
  signal?: string | undefined;
  shortMessage?: string | undefined;
}

function howItEnded(result: Ending): string {
  if (result.signal !== undefined) return `was ended by ${result.signal}`;
  return result.exitCode === undefined
    ? (result.shortMessage ?? 'could not be started')
    : `left with exit code ${result.exitCode}`;
}

function printResults(results: PartResult[], seconds: number): void {
  const sum = (pick: (result: PartResult) => number) =>
    results.reduce((total, result) => total + pick(result), 0);
  const table = new Table({
    head: ['part', 'passed', 'failed', 'seconds'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const { title, passed, failed, seconds } of results) {
    table.push([title, passed, failed, seconds.toFixed(1)]);
  }
  const [passed, failed] = [sum((result) => result.passed), sum((result) => result.failed)];
  table.push(['together', passed, failed, seconds.toFixed(1)]);
  // Whoever reads the end of a long log finds the reasons there.
  for (const { title, failed, said } of results.filter(({ failed }) => failed > 0)) {
    const lines = said.slice(-REPEATED_LINES).map((line) => `  ${line}`);
    console.log(`${styleText('bold', `\n${title}, ${failed} failed:`)}\n${lines.join('\n')}`);
  }
  console.log(`\n${table.toString()}\n\n${passed} passed, ${failed} failed`);
}
