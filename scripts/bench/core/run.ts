import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Course } from '../../src/core/course.ts';
import { CourseError, ExitCode } from '../../src/core/errors.ts';
import { BenchContext, type ContextOptions } from './context.ts';
import type { Bench, KeptResult } from './types.ts';

const FOLDER = new URL('../', import.meta.url);

/** The names of the benchmarks: those of the files in `scripts/bench/`. */
export function benchNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort();
}

/** @throws {CourseError} when there is none of this name; it names those there are. */
export async function loadBench(name: string): Promise<Bench> {
  const names = benchNames();
  if (!names.includes(name)) {
    throw new CourseError(`There is no benchmark "${name}": there is ${names.join(', ')}.`);
  }
  const { bench }: { bench: Bench } = await import(new URL(`${name}.ts`, FOLDER).href);
  return bench;
}

/**
 * Runs a benchmark and leaves neither processes nor databases behind, however it ends.
 *
 * @throws {CourseError} when `options.signal` or the benchmark's own limit ended it.
 */
export async function runBench(bench: Bench, options: ContextOptions): Promise<KeptResult> {
  const limit = AbortSignal.timeout(bench.secondsAtMost * 1000);
  const signal = AbortSignal.any([options.signal, limit]);
  const context = await BenchContext.open({ ...options, signal });
  try {
    const machine = await context.machine();
    return { ...(await bench.run(context)), machine };
  } catch (error) {
    // What fails after the end was asked for, fails because of it.
    if (options.signal.aborted) {
      throw new CourseError('The benchmark was stopped, and nothing was kept.', ExitCode.fellShort);
    }
    if (limit.aborted) {
      throw new CourseError(
        `The benchmark did not end within ${bench.secondsAtMost} seconds, and nothing was kept: let the machine come to rest and try again, or say --quick.`,
        ExitCode.fellShort,
      );
    }
    throw error;
  } finally {
    await context.close();
  }
}

/** Where a result and its plot are kept. */
export interface Places {
  json: string;
  svg: string;
}

/** The places in the course, or both files in `folder`. */
export function places(course: Course, name: string, bench: Bench, folder?: string): Places {
  return {
    json: join(folder ?? join(course.root, 'scripts', 'bench', 'results'), `${name}.json`),
    svg: join(folder ?? join(course.lessonsDir, 'images'), bench.image),
  };
}

/** Writes the result and its plot. */
export async function keep(result: KeptResult, { json, svg }: Places): Promise<void> {
  const { plot } = await import('./plot.ts');
  const picture = await plot(result);
  for (const file of [json, svg]) mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(svg, picture);
}

/** @throws {CourseError} when nothing has been kept yet. */
export function readKept({ json }: Places): KeptResult {
  if (existsSync(json)) return JSON.parse(readFileSync(json, 'utf8'));
  throw new CourseError(`There is no ${json}: run the benchmark without --redraw first.`);
}
