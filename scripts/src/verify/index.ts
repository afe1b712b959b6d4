import { availableParallelism, freemem } from 'node:os';
import { serviceEnvironment } from '../core/app-process.ts';
import { Company } from '../core/company/company.ts';
import { type Course, listSteps, previousStep, type Step } from '../core/course.ts';
import { CourseError, ExitCode } from '../core/errors.ts';
import { type Lesson, loadLesson } from '../core/lesson.ts';
import { checkLockfile, checkOwnTests, checkTypes } from './complete.ts';
import { databasesOn, dropLeftovers } from './leftovers.ts';
import { checkLive } from './live.ts';
import { runOwnTests } from './own-run.ts';
import { runQueue } from './queue.ts';
import { checkRed } from './red.ts';
import { checkRegression } from './regression.ts';
import { findingsText, matrix, progressLine, type StepReport } from './report.ts';
import { CHECKS, type Check, type Finding, type Outcome, type StepContext } from './types.ts';

export type { Finding } from './types.ts';

/** What `verify` can be limited to. */
export const KINDS = ['tests', 'red', 'live', 'types'] as const;

/** One of them: the step's own suite, the suite over its predecessor, the running step, types. */
export type Kind = (typeof KINDS)[number];

/** What a process that runs the tests of one step after another may take, in bytes. */
const MEMORY_OF_A_JOB = 1.2 * 2 ** 30;
/**
 * Three checks a core, where there is memory for so many: each waits for its servers, and for time
 * to pass, more than it works.
 */
export const JOBS = Math.max(
  1,
  Math.min(3 * availableParallelism(), Math.floor(freemem() / MEMORY_OF_A_JOB)),
);

/** How `verify` goes about it. */
export interface VerifyOptions {
  /** How many checks run at once; by default {@link JOBS}. */
  jobs?: number;
  /** Does these and nothing else; by default all. */
  only?: Kind[];
  /** False leaves out the type-check, for a caller that does it elsewhere. */
  types?: boolean;
  /**
   * Runs a check that fell short once more, alone, when all are through: what is right then is told
   * as flaky and is no finding. Many are no accident, and are not run again.
   */
  retry?: boolean;
  /** Corrects the shown output in the lessons instead of finding fault with it. */
  writeOutput?: boolean;
  /** How long one command of a lesson may take; 30 seconds by default. */
  commandTimeoutMs?: number;
  /** How long a step may take to stop before it is killed; 15 seconds by default. */
  drainTimeoutMs?: number;
  /** Takes the lines of progress and the summary; by default they are printed. */
  print?: (text: string) => void;
}

/** What a verification came to. */
export interface VerifyResult {
  /** Test cases that pass, cases that are red where they have to be, and single checks. */
  passed: number;
  /** The number of findings. */
  failed: number;
  findings: Finding[];
  /** What a check found beside others, and not again when it ran alone. */
  flaky: Finding[];
}

const COMMAND_TIMEOUT_MS = 30_000;
/** So many checks may be flaky in one run. */
const RETRIES_AT_MOST = 5;

type Outcomes = Partial<Record<Check, Outcome>>;

/** A check that is in the queue, and may be run again, under the name that the times are added up by. */
interface Task {
  kind: Kind;
  title: string;
  run: () => Promise<Outcomes>;
}

/** A check that fell short. */
interface Doubt {
  findings: Finding[];
  again: () => Promise<Finding[]>;
}

/**
 * Checks the rules 1, 3, 4 and 6 for the steps: runs them, their tests, their tests over their
 * predecessors' code, and what their lessons show. Prints progress, a matrix and the findings.
 *
 * @throws {CourseError} when services cannot be had, or when it was interrupted (SIGINT, SIGTERM);
 *   everything that it started is stopped and removed by then.
 */
export async function verify(
  course: Course,
  steps: Step[],
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const print = options.print ?? console.log;
  const started = performance.now();
  const reports = steps.map((step): StepReport => ({ step, outcomes: new Map(), ms: 0 }));
  const times = new Map<string, number>();
  const jobs = options.jobs ?? JOBS;
  const env = await servicesOf(course);
  const interrupt = interruptible();
  const company = new Company();
  const databases = await databasesOn(env.DATABASE_URL);
  const tapJobs = Math.max(1, Math.floor(jobs / steps.length));
  const { signal } = interrupt;
  const doubts: Doubt[] = [];
  const flaky: Finding[] = [];
  try {
    const queue: (() => Promise<void>)[] = [];
    // The last steps have the most tests: begun first, they do not keep one core waiting at the end.
    for (const report of reports.toReversed()) {
      const context = contextOf(course, report.step, { env, company, signal, tapJobs });
      for (const task of tasksOf(context, options)) {
        const check = () => carryOut(task, report, times, signal, print);
        queue.push(async () => {
          const findings = await check();
          if (findings.length > 0) doubts.push({ findings, again: check });
        });
      }
    }
    await runQueue(queue, jobs);
    if (options.retry && doubts.length <= RETRIES_AT_MOST) {
      for (const { findings, again } of doubts) {
        if ((await again()).length === 0) flaky.push(...findings);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new CourseError(
      'Interrupted: what was running has been stopped. Nothing is known about the steps.',
      ExitCode.fellShort,
    );
  } finally {
    company.close();
    await dropLeftovers(env.DATABASE_URL, databases);
    interrupt.release();
  }
  return summary(reports, flaky, times, performance.now() - started, print);
}

/** Turns the first SIGINT or SIGTERM into an abort; a second one ends the process as usual. */
function interruptible(): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const stop = () => controller.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return {
    signal: controller.signal,
    release: () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}

/** The addresses of all services that any step needs; the tests of one may run on another's code. */
async function servicesOf(course: Course): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const { dir } of listSteps(course)) {
    Object.assign(env, await serviceEnvironment(dir, { quiet: false }));
  }
  return env;
}

function contextOf(
  course: Course,
  step: Step,
  shared: Pick<StepContext, 'env' | 'signal' | 'tapJobs' | 'company'>,
): StepContext & { lessonError?: string } {
  return { course, step, previous: previousStep(course, step), ...readLesson(step), ...shared };
}

function readLesson(step: Step): { lesson: Lesson | undefined; lessonError?: string } {
  try {
    return { lesson: loadLesson(step) };
  } catch (error) {
    if (error instanceof CourseError) return { lesson: undefined, lessonError: error.message };
    throw error;
  }
}

/** The checks of one step, the one that takes longest first. */
function tasksOf(context: ReturnType<typeof contextOf>, options: VerifyOptions): Task[] {
  const { commandTimeoutMs = COMMAND_TIMEOUT_MS, writeOutput = false, types = true } = options;
  const ownTests = async (): Promise<Outcomes> => {
    const { step, previous, env, signal, tapJobs, company } = context;
    const run = await runOwnTests(step, previous, { env, signal, jobs: tapJobs, company });
    return {
      'own tests': checkOwnTests(context, run),
      'no regression': checkRegression(context, run),
    };
  };
  const live = async (): Promise<Outcomes> => {
    const { drainTimeoutMs } = options;
    const how = { commandTimeoutMs, writeOutput, drainTimeoutMs };
    const { starts, shown } = await checkLive(context, how);
    const unread = context.lessonError === undefined ? [] : [context.lessonError];
    return {
      starts: joined(starts, checkLockfile(context)),
      'shown output': { ...shown, findings: [...unread, ...shown.findings] },
    };
  };
  const tasks: Task[] = [
    { kind: 'tests', title: 'own tests', run: ownTests },
    {
      kind: 'red',
      title: 'red on predecessor',
      run: async () => ({ red: await checkRed(context) }),
    },
    { kind: 'live', title: 'start, shown output', run: live },
    { kind: 'types', title: 'types', run: async () => ({ types: await checkTypes(context) }) },
  ];
  const { only = KINDS } = options;
  return tasks.filter(({ kind }) => only.includes(kind) && (kind !== 'types' || types));
}

function joined(a: Outcome, b: Outcome): Outcome {
  return { passed: a.passed + b.passed, findings: [...a.findings, ...b.findings] };
}

async function carryOut(
  { title, run }: Task,
  report: StepReport,
  times: Map<string, number>,
  signal: AbortSignal,
  print: (text: string) => void,
): Promise<Finding[]> {
  signal.throwIfAborted();
  const started = performance.now();
  const outcomes = await run();
  const ms = performance.now() - started;
  for (const [check, outcome] of Object.entries(outcomes)) {
    report.outcomes.set(check as Check, outcome);
  }
  report.ms += ms;
  times.set(title, (times.get(title) ?? 0) + ms);
  print(progressLine(report.step, title, Object.values(outcomes), ms));
  return findingsOf(report.step, outcomes);
}

function findingsOf(step: Step, outcomes: Outcomes): Finding[] {
  return CHECKS.flatMap((check) =>
    (outcomes[check]?.findings ?? []).map((text): Finding => ({ step, check, text })),
  );
}

function summary(
  reports: StepReport[],
  flaky: Finding[],
  times: Map<string, number>,
  ms: number,
  print: (text: string) => void,
): VerifyResult {
  const findings = reports.flatMap(({ step, outcomes }) =>
    findingsOf(step, Object.fromEntries(outcomes)),
  );
  const passed = reports
    .flatMap(({ outcomes }) => [...outcomes.values()])
    .reduce((sum, outcome) => sum + outcome.passed, 0);
  print(`\n${matrix(reports)}`);
  const shares = [...times].map(([kind, spent]) => `${kind} ${(spent / 1000).toFixed(1)} s`);
  print(`In ${(ms / 1000).toFixed(1)} s: ${shares.join(' · ')}.`);
  if (flaky.length > 0) {
    print(`\nFlaky: found beside other checks, and not again alone:\n\n${findingsText(flaky)}`);
  }
  if (findings.length > 0) print(`\n${findingsText(findings)}`);
  return { passed, failed: findings.length, findings, flaky };
}
