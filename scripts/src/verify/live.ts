import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type RunningApp, startApp } from '../core/app-process.ts';
import { CourseError } from '../core/errors.ts';
import { toolEnv } from '../core/run.ts';
import { agrees, align, corrected, differences } from './compare.ts';
import { type ShownCommand, shownCommands, strayOutput, withOutputs } from './console.ts';
import { copyStep } from './scratch.ts';
import { Shell } from './shell.ts';
import type { Outcome, StepContext } from './types.ts';

/** How a lesson writes the address of the step that runs. */
const SHOWN_ADDRESS = 'localhost:3000';
/** A plan is printed as the server words it: lessons show MariaDB's, and MySQL has other columns. */
const PLAN = /\bcourse sql\b.*\b(EXPLAIN|ANALYZE)\b/is;
const HEALTH_TIMEOUT_MS = 5_000;
const STOP_LIMIT_MS = 5_000;

const TOOL = fileURLToPath(new URL('../../course.js', import.meta.url));
/** `npx course` ends up in this very tool, and two thirds of its time are npm's own start. */
const QUICK_NPX = `npx() {
  if [ "$1" = course ]; then shift; '${process.execPath}' '${TOOL}' "$@"; else command npx "$@"; fi
}`;
/** Beside other checks everything takes longer than a lesson waits for it. */
const LONGER_SLEEP = `sleep() { case "$1" in *.*) command sleep "$1";; *) command sleep $(($1 + 2));; esac; }`;

/** What one start of the step shows: rule 1 (it starts and stops) and rule 6. */
export interface LiveOutcome {
  starts: Outcome;
  shown: Outcome;
}

/** How `checkLive` goes about it. */
export interface LiveOptions {
  /** How long one command of a lesson may take. */
  commandTimeoutMs: number;
  /** Puts what came out into the lesson where it shows something else. */
  writeOutput: boolean;
  /** How long the step may take to stop before it is killed. */
  drainTimeoutMs?: number | undefined;
}

/**
 * Starts the step on a fresh database, asks whether it is healthy, runs the commands of its lesson
 * and compares what they print, and stops it by SIGTERM. All this in a copy of the step's folder,
 * which may be written into.
 */
export async function checkLive(context: StepContext, options: LiveOptions): Promise<LiveOutcome> {
  const { course, step } = context;
  const dir = copyStep(course, step, `${step.id}-live`);
  const databaseName = `fanout_verify_${process.pid}_${step.id}`;
  try {
    const app = await startApp({
      dir,
      databaseName,
      quiet: true,
      fresh: true,
      dropOnStop: true,
      ...(options.drainTimeoutMs === undefined ? {} : { drainTimeoutMs: options.drainTimeoutMs }),
    });
    try {
      const health = await checkHealth(app);
      const shown = await checkShown(context, app, dir, options);
      const stop = [...checkAlive(app), ...(await checkStop(app))];
      const findings = [...health, ...stop];
      return { starts: { passed: Math.max(0, 2 - findings.length), findings }, shown };
    } finally {
      await app.stop('SIGKILL');
    }
  } catch (error) {
    if (!(error instanceof CourseError)) throw error;
    const text = `The step does not start: ${error.message.replaceAll(dir, `steps/${step.name}`)}`;
    const shown = { passed: 0, findings: [], note: '–' };
    return { starts: { passed: 0, findings: [text] }, shown };
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function checkHealth(app: RunningApp): Promise<string[]> {
  try {
    const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
    const { status } = await fetch(`${app.url}/healthz`, { signal });
    return status === 200
      ? []
      : [`GET /healthz of the running step answers ${status} and should answer 200.`];
  } catch (error) {
    return [`GET /healthz of the running step has no answer (${String(error)}).`];
  }
}

/** No process may end while the lesson's commands run. */
function checkAlive(app: RunningApp): string[] {
  return app
    .exits()
    .map(
      ({ name, code, signal }) =>
        `The ${name} ended by itself (${signal ?? `exit code ${code}`}).\n${lastWords(app, 15)}`,
    );
}

function lastWords(app: RunningApp, lines = 5): string {
  return app.output().trimEnd().split('\n').slice(-lines).join('\n');
}

async function checkStop(app: RunningApp): Promise<string[]> {
  const before = app.exits().length;
  const started = performance.now();
  await app.stop('SIGTERM');
  const seconds = (performance.now() - started) / 1000;
  const said = lastWords(app);
  // One that had ended before has been told of already.
  const bad = app
    .exits()
    .slice(before)
    .find(({ code }) => code !== 0);
  if (bad?.signal === 'SIGKILL') {
    return [
      `The ${bad.name} did not stop on SIGTERM within ${seconds.toFixed(1)} seconds and had to be killed.\n${said}`,
    ];
  }
  if (bad !== undefined) {
    return [
      `The ${bad.name} should leave with code 0 on SIGTERM, and left with ${bad.signal ?? `code ${bad.code}`}.\n${said}`,
    ];
  }
  if (seconds * 1000 <= STOP_LIMIT_MS) return [];
  const last = app.exits().at(-1)?.name;
  return [`The ${last} took ${seconds.toFixed(1)} seconds to leave on SIGTERM; 5 are enough.`];
}

/** Rule 6: every command of the lesson prints what the lesson shows. */
async function checkShown(
  context: StepContext,
  app: RunningApp,
  dir: string,
  options: LiveOptions,
): Promise<Outcome> {
  const { step, lesson, course, env, signal } = context;
  const commands = shownCommands(lesson?.fences ?? []);
  const findings = strayOutput(lesson?.fences ?? []).map(
    (line) => `lessons/${step.name}.md:${line}  A console fence begins with a command: "$ …".`,
  );
  const address = new URL(app.url).host;
  const shell = new Shell(dir, {
    ...toolEnv(dir),
    ...env,
    ...(app.databaseUrl === undefined
      ? {}
      : { DATABASE_URL: app.databaseUrl, COURSE_SQL_URL: app.databaseUrl }),
    COURSE_ROOT: course.root,
    // What npx has to say about this machine's own settings is no part of an answer.
    npm_config_loglevel: 'error',
  });
  await shell.run(`${QUICK_NPX}\n${LONGER_SLEEP}`, options.commandTimeoutMs);
  const abort = () => shell.close();
  signal.addEventListener('abort', abort, { once: true });
  const changes: { command: ShownCommand; output: string[] }[] = [];
  let passed = 0;
  try {
    const plansAreShown =
      !commands.some(({ command }) => PLAN.test(command)) || (await isMariaDb(shell, options));
    for (const command of commands.filter(({ runs }) => runs)) {
      signal.throwIfAborted();
      const at = `lessons/${step.name}.md:${command.line}`;
      const answer = await shell.run(
        command.command.replaceAll(SHOWN_ADDRESS, address),
        options.commandTimeoutMs,
      );
      signal.throwIfAborted();
      if (answer.end !== 'done') {
        const how =
          answer.end === 'timeout'
            ? `did not end within ${options.commandTimeoutMs / 1000} seconds`
            : 'ended the shell';
        const rest = 'Mark it "# not run" if it cannot be run here.';
        findings.push(
          `${at}  The command ${how}, so those after it were not run. ${rest}\n$ ${command.command}\n${answer.output}`,
        );
        break;
      }
      const pairs = align(command.shown, asShown(answer.output, address, dir, step.name));
      const compared = plansAreShown || !PLAN.test(command.command);
      if (!compared || agrees(pairs)) passed += 1;
      else if (options.writeOutput) changes.push({ command, output: corrected(pairs) });
      else {
        const diff = differences(pairs).join('\n');
        findings.push(
          `${at}  The command prints something else than the lesson shows (- the lesson, + what came out):\n$ ${command.command}\n${diff}`,
        );
      }
    }
  } finally {
    signal.removeEventListener('abort', abort);
    shell.close();
  }
  if (changes.length > 0) rewrite(step.lessonFile, changes);
  const total = passed + changes.length;
  const note = changes.length > 0 ? `${changes.length} written` : total === 0 ? '–' : `${passed}`;
  return { passed: total, findings, note };
}

async function isMariaDb(shell: Shell, options: LiveOptions): Promise<boolean> {
  const answer = await shell.run('npx course sql "SELECT VERSION()"', options.commandTimeoutMs);
  return answer.output.includes('MariaDB');
}

/** The output with the names that a lesson uses in place of this run's address and folder. */
function asShown(output: string, address: string, dir: string, stepName: string): string[] {
  const port = address.split(':').at(-1);
  return output
    .replaceAll(address, SHOWN_ADDRESS)
    .replaceAll(`localhost:${port}`, SHOWN_ADDRESS)
    .replaceAll(dir, `steps/${stepName}`)
    .split('\n');
}

function rewrite(lessonFile: string, changes: { command: ShownCommand; output: string[] }[]): void {
  writeFileSync(lessonFile, withOutputs(readFileSync(lessonFile, 'utf8'), changes));
}
