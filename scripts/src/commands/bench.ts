import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openCourse } from '../core/course.ts';
import { CourseError } from '../core/errors.ts';

/** Adds `course bench`. */
export function register(program: Command): void {
  program
    .command('bench')
    .summary('measure one design against another')
    .description(
      'Measures steps against each other as real servers on the same data, one after the other in turn, and prints a table. What comes out is kept beside the benchmark as JSON and as the plot that the lesson shows. The figures are those of this machine; the ratios are what the lessons state. Ctrl-C stops it and leaves nothing behind.',
    )
    .argument('[name]', 'the benchmark; without it, those there are are listed')
    .option('--quick', 'little data and short rounds, to see that it works; keeps nothing')
    .option('--out <folder>', 'keep the result and the plot in this folder')
    .option('--redraw', 'measure nothing: show the kept result, and draw its plot again')
    .addHelpText('after', '\nExamples:\n  npm run bench feed\n  npx course bench feed --quick\n')
    .action(bench);
}

interface BenchOptions {
  quick?: boolean;
  out?: string;
  redraw?: boolean;
}

async function bench(name: string | undefined, options: BenchOptions): Promise<void> {
  if (options.quick && options.redraw) {
    throw new CourseError('--redraw measures nothing, so --quick has no meaning: leave one away.');
  }
  // Loaded late: what measures and draws is large, and the tool's other commands do not need it.
  const core = await import('../../bench/core/run.ts');
  const { formatTables } = await import('../../bench/core/table.ts');
  if (name === undefined) {
    console.log('The benchmarks, each run by "npm run bench NAME":');
    for (const each of core.benchNames()) {
      console.log(`  ${each.padEnd(12)} ${(await core.loadBench(each)).summary}`);
    }
    return;
  }
  const course = openCourse();
  const chosen = await core.loadBench(name);
  const folder = options.out === undefined ? undefined : resolve(options.out);
  const places = core.places(course, name, chosen, folder);
  const started = performance.now();
  const result = options.redraw
    ? core.readKept(places)
    : await core.runBench(chosen, {
        course,
        quick: options.quick ?? false,
        signal: untilSignalled(),
        say: (line) => console.error(line),
      });
  console.log(formatTables(result));
  const { machine } = result;
  console.log(
    `\nNode ${machine.node}, ${machine.database}, ${machine.cores} cores. Compare the ratios, not the figures.`,
  );
  if (!options.redraw) {
    console.log(`It took ${Math.round((performance.now() - started) / 1000)} s.`);
  }
  if (options.quick && folder === undefined) return;
  await core.keep(result, places);
  console.log(`Kept in ${places.json} and ${places.svg}.`);
}

/** Aborted by Ctrl-C and its like; a second one ends the tool at once. */
function untilSignalled(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      console.error('Stopping the servers and dropping the databases …');
      controller.abort();
    });
  }
  return controller.signal;
}
