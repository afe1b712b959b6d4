import type { Command } from 'commander';
import { startApp } from '../core/app-process.ts';
import { type Course, hasFinal, openCourse, requireStep } from '../core/course.ts';
import { CourseError, ExitCode } from '../core/errors.ts';
import { sayRepaired } from '../core/workspace/say.ts';
import { hasCode } from '../core/workspace.ts';

const DEFAULT_PORT = '3000';

/** Adds `course run`. */
export function register(program: Command): void {
  program
    .command('run')
    .summary("start a step's app, with its services and database")
    .description(
      `Starts the app of a step, of your workspace, or the finished one: brings up the services it needs, creates and migrates a database of its own, and runs its server (and its worker, where it has one) until Ctrl-C, which lets it finish what it is doing.`,
    )
    .argument('[what]', 'the number of a step, "workspace" or "final"; by default your workspace')
    .option('--port <number>', 'the port to listen on; 0 takes a free one', DEFAULT_PORT)
    .option('--fresh', 'begin with an empty database: what was in it is deleted')
    .addHelpText('after', '\nExamples:\n  npx course run 13\n  npx course run --port 8080\n')
    .action(run);
}

async function run(
  what: string | undefined,
  options: { port: string; fresh?: boolean },
): Promise<void> {
  const course = openCourse();
  const { dir, databaseName } = await choose(course, what ?? 'workspace');
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGINT', () => resolve('SIGINT'));
    process.once('SIGTERM', () => resolve('SIGTERM'));
    process.once('SIGHUP', () => resolve('SIGTERM'));
  });
  const app = await startApp({
    dir,
    databaseName,
    port: toPort(options.port),
    fresh: options.fresh ?? false,
  });
  console.log(`The app is at ${app.url}. Ctrl-C stops it.`);
  const first = await Promise.race([signalled, app.exited]);
  if (typeof first === 'string') {
    await app.stop(first);
    return;
  }
  await app.stop();
  throw new CourseError(
    `The ${first.name} ended by itself (${first.signal ?? `exit code ${first.code}`}).`,
    ExitCode.fellShort,
  );
}

async function choose(
  course: Course,
  what: string,
): Promise<{ dir: string; databaseName: string }> {
  if (what === 'final') {
    if (hasFinal(course)) return { dir: course.finalDir, databaseName: 'fanout' };
    throw new CourseError('There is no final/ in this course.');
  }
  if (what === 'workspace') {
    await sayRepaired(course);
    if (hasCode(course)) return { dir: course.workspaceDir, databaseName: 'fanout_workspace' };
    throw new CourseError(
      'The workspace is empty: say "npx course start 01" first, or name a step: "npx course run 05".',
    );
  }
  const step = requireStep(course, what);
  return { dir: step.dir, databaseName: `fanout_step_${step.id}` };
}

/** @throws {CourseError} when it is no port. */
function toPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new CourseError(`${text} is not a port: give a number from 0 to 65535.`);
}
