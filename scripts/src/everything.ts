import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { styleText } from 'node:util';
import Table from 'cli-table3';
import { execa } from 'execa';
import { type Course, listSteps } from './core/course.ts';
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
}

type Count = Pick<PartResult, 'passed' | 'failed'>;

/** The last such line of a command's output is its count. */
const COUNT_LINE = /^(\d+) passed, (\d+) failed(?:, \d+ skipped)?$/gm;

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
    // The part before has type-checked the steps.
    { title: 'course verify', commands: [tool('verify', 'verify', '--no-types')], counts: true },
    {
      title: 'tests of the tool',
      commands: [bin('tap', 'tap', toolTests, scripts)],
      counts: true,
    },
    {
      title: 'tests of final/',
      commands: [bin('tap', 'tap', [], course.finalDir)],
      counts: true,
    },
  ];
}

/**
 * Runs the parts one after the other, each whatever became of those before it, and prints what
 * they do, a table, and as the last line `N passed, N failed`.
 *
 * @param env added to the environment of every command.
 */
export async function runParts(parts: Part[], env: Record<string, string>): Promise<PartResult[]> {
  const results: PartResult[] = [];
  for (const [index, part] of parts.entries()) {
    console.log(styleText('bold', `\n[${index + 1}/${parts.length}] ${part.title}`));
    const started = performance.now();
    const { passed, failed } = await runPart(part, env);
    const seconds = (performance.now() - started) / 1000;
    results.push({ title: part.title, passed, failed, seconds });
    const mark = failed === 0 ? styleText('green', '✓') : styleText('red', '✗');
    console.log(
      `${mark} ${part.title}: ${passed} passed, ${failed} failed in ${seconds.toFixed(1)} s`,
    );
  }
  printResults(results);
  return results;
}

async function runPart(part: Part, env: Record<string, string>): Promise<Count> {
  const waiting = [...part.commands];
  const total: Count = { passed: 0, failed: 0 };
  const work = async () => {
    for (let command = waiting.shift(); command; command = waiting.shift()) {
      const { passed, failed } = await runCommand(command, part.counts ?? false, {
        ...env,
        ...part.env,
      });
      total.passed += passed;
      total.failed += failed;
    }
  };
  await Promise.all(Array.from({ length: part.jobs ?? 1 }, work));
  return total;
}

/** Runs a command. One that crashes, or does not say what it counted, counts as failed. */
async function runCommand(
  { name, file, args, cwd }: PartCommand,
  counts: boolean,
  env: Record<string, string>,
): Promise<Count> {
  const result = await execa(file, args, {
    cwd,
    env,
    stdin: 'ignore',
    all: true,
    reject: false,
    preferLocal: true,
    ...(counts ? { stdout: ['pipe', 'inherit'], stderr: ['pipe', 'inherit'] } : {}),
  });
  const output = String(result.all ?? '');
  const good = result.exitCode === 0;
  if (!counts) {
    if (!good) console.log(`${output.trimEnd()}\n${name}: ${howItEnded(result)}`);
    return { passed: good ? 1 : 0, failed: good ? 0 : 1 };
  }
  const [, passed = '0', failed = '0'] = [...output.matchAll(COUNT_LINE)].at(-1) ?? [];
  const count = { passed: Number(passed), failed: Number(failed) };
  if (count.failed > 0 || (good && count.passed > 0)) return count;
  console.log(
    good
      ? `${name} ran nothing, which counts as a failure.`
      : `${name} ${howItEnded(result)} and counted no failure: it counts as one.`,
  );
  return { passed: count.passed, failed: 1 };
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

function printResults(results: PartResult[]): void {
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
  table.push(['together', passed, failed, sum((result) => result.seconds).toFixed(1)]);
  console.log(`\n${table.toString()}\n\n${passed} passed, ${failed} failed`);
}
