import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { Parser, type Result } from 'tap-parser';
import { ensureTapBuilt } from '../../build-tap.js';
import type { BatchResult, Company } from './company/company.ts';
import { CourseError, ExitCode } from './errors.ts';
import { killTree } from './kill-tree.ts';

/** The name of the case that stands for a whole test file that failed outside its cases. */
export const WHOLE_FILE = '(the file as a whole)';

/** One case of a test file: a `t.test('name')` one level below the file. */
export interface TestCase {
  /** The file, relative to the folder, with forward slashes: `test/healthz.test.ts`. */
  file: string;
  name: string;
  ok: boolean;
  /** Why it failed first: what it expected was not so, or it could not be carried to its end. */
  failure?: 'assertion' | 'error';
  /** What kind of error it was, where that is known. */
  cause?: 'import' | 'timeout';
  /** It was not run: marked `skip` or `todo`. */
  skipped?: boolean;
  /** What went wrong, to be read by people; empty for a case that passed. */
  text: string;
}

/** What a run of tests came to. */
export interface TestRun {
  cases: TestCase[];
  /** The exit code of tap; 1 when it was killed. */
  exitCode: number;
  /** The files that have left something open, as far as that is known. */
  left?: string[];
  /** Raw TAP and everything that the tests wrote to stderr. */
  output: string;
  ms: number;
}

/** How `runTests` runs. */
export interface RunOptions {
  /** The folder with the package.json that configures tap. */
  cwd: string;
  /** Test files relative to `cwd`; by default those that the package's configuration names. */
  files?: string[];
  /** Added to the environment of the tests: addresses of services. */
  env: Record<string, string>;
  /** How many test files run at once; by default one a core. */
  jobs?: number;
  /**
   * Has a process of this company run the files one after the other, instead of a new one for each:
   * a small part of the cost. A failure may then be the fault of another file.
   */
  company?: Company;
  /** How many seconds a test file may take before it counts as hung; by default 120. */
  fileSeconds?: number;
  /**
   * Ends the run early: tap and its test files are killed, and the promise is rejected with the
   * signal's reason. With a signal the tests are out of reach of the terminal's Ctrl-C.
   */
  signal?: AbortSignal;
}

/**
 * Runs the tests of a folder with tap and reads what came out.
 *
 * Failing tests are no error of this function: they are in the result. A file that fails outside
 * its cases (it cannot be imported, it crashes, it exits) is in the result as the case
 * {@link WHOLE_FILE}.
 *
 * @throws {CourseError} when tap cannot be built or started.
 */
export async function runTests(options: RunOptions): Promise<TestRun> {
  buildTap();
  const started = performance.now();
  const result = await (options.company === undefined
    ? runTap(options)
    : runInCompany(options, options.company));
  const output = `${result.stdout}\n${result.stderr}`;
  const cases = await parseTap(result.stdout, result.stderr);
  return {
    cases: [...cases, ...silentCases(options, cases, output)].map((entry) => ({
      ...entry,
      text: relative(entry.text, options.cwd),
    })),
    exitCode: result.exitCode,
    left: result.left,
    output,
    ms: performance.now() - started,
  };
}

async function runInCompany(options: RunOptions, company: Company): Promise<BatchResult> {
  const { cwd, files = [], fileSeconds = FILE_SECONDS, signal } = options;
  const env = { ...toolEnv(cwd), ...options.env, ...UNLIMITED };
  const result = await company.run({ cwd, env, seconds: fileSeconds, files }, signal);
  signal?.throwIfAborted();
  return result;
}

async function runTap(options: RunOptions): Promise<BatchResult> {
  // In a group of its own it can be killed as a whole: told to stop, tap goes on with its files.
  const detached = options.signal !== undefined && process.platform !== 'win32';
  const { files = [], jobs, fileSeconds = FILE_SECONDS } = options;
  const limits = [`--jobs=${jobs ?? availableParallelism()}`, `--timeout=${fileSeconds}`];
  const running = execa('tap', ['-R', 'tap', ...limits, ...files], {
    cwd: options.cwd,
    env: { ...toolEnv(options.cwd), ...options.env, ...UNLIMITED },
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    detached,
  });
  const stop = () => killTree(running.pid, detached);
  options.signal?.addEventListener('abort', stop, { once: true });
  if (options.signal?.aborted) stop();
  const result = await running;
  options.signal?.removeEventListener('abort', stop);
  options.signal?.throwIfAborted();
  if (result.code === 'ENOENT') {
    throw new CourseError(
      `tap could not be started in ${options.cwd}: run "npm install" in the repository and try again.`,
    );
  }
  const { stdout, stderr, exitCode = 1 } = result;
  return { stdout, stderr, exitCode, left: [] };
}

/** Makes sure that tap is built, where npm has not done it after the install. */
function buildTap(): void {
  try {
    ensureTapBuilt(REPOSITORY);
  } catch (error) {
    throw new CourseError((error as Error).message, ExitCode.fellShort);
  }
}

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
/** The run as a whole has no time limit: each file has its own. */
const UNLIMITED = { TAP_TIMEOUT: '0' };
/** A file of 10 s takes several times as long when its neighbours keep both cores busy. */
const FILE_SECONDS = 120;

/** The text with the paths below `cwd` as they stand in a step. */
function relative(text: string, cwd: string): string {
  const folder = cwd.replaceAll('\\', '/');
  return text.replaceAll(`${pathToFileURL(cwd).href}/`, '').replaceAll(`${folder}/`, '');
}

/**
 * The environment in which the tool runs what stands in `cwd`: that of the tool, with the packages'
 * commands (and so the pinned Node) first in PATH, and without what an outer tap left in it.
 */
export function toolEnv(cwd: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(_TAPJS|TAP(_|$))/.test(name)) env[name] = value;
  }
  if (env.NODE_OPTIONS !== undefined) env.NODE_OPTIONS = env.NODE_OPTIONS.replace(TAP_HOOK, '');
  const pathName = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH';
  env[pathName] = [...binFolders(cwd), env[pathName]].filter(Boolean).join(delimiter);
  return env;
}

/** tap puts a hook into every Node that its tests start, which costs each of them time. */
const TAP_HOOK = /"?--import=\S*@tapjs\S*/g;

/** The `.bin` folders of `cwd`, of the repository above a step, and of the tool itself. */
function binFolders(cwd: string): string[] {
  const own = fileURLToPath(new URL('../../../node_modules/.bin', import.meta.url));
  const above = ['.', '..', '../..', '../../..'].map((up) => join(cwd, up, 'node_modules', '.bin'));
  return [...new Set([...above, own])];
}

/**
 * The cases in raw TAP as `tap -R tap` prints it, in the order of the output.
 *
 * @param stderr what the test files wrote there: the reason why a file could not be imported.
 */
export function parseTap(tap: string, stderr = ''): Promise<TestCase[]> {
  const files: FileReport[] = [];
  return new Promise((resolve) => {
    const root = new Parser(() => resolve(files.flatMap((file) => file.cases)));
    root.on('child', (parser: Parser) => files.push(readFile(parser)));
    // The test point that closes a file comes after all of its cases.
    root.on('assert', (point: Result) => {
      const file = files.find(({ name }) => name === point.name.replaceAll('\\', '/'));
      if (!point.ok && file !== undefined) blameFile(file, point, stderr);
    });
    root.end(tap);
  });
}

/**
 * The files that ran out of time without a word: code that never lets go (a loop without end) cannot
 * report, and tap then knows nothing of the file but its name.
 */
function silentCases(
  { files = [], fileSeconds = FILE_SECONDS }: RunOptions,
  cases: TestCase[],
  output: string,
): TestCase[] {
  const expired = (file: string) =>
    output.includes(`expired: ${file}\n`) || output.includes(`test: '${file}'`);
  return files
    .filter((file) => expired(file) && !cases.some((entry) => entry.file === file))
    .map((file) => ({
      file,
      name: WHOLE_FILE,
      ok: false,
      failure: 'error',
      cause: 'timeout',
      text: `It was ended after ${fileSeconds} seconds without a word: look for a loop that does not end.`,
    }));
}

interface FileReport {
  name: string;
  cases: TestCase[];
}

/** Collects the cases of one file while the parser goes through it. */
function readFile(parser: Parser): FileReport {
  const file: FileReport = { name: parser.name.replaceAll('\\', '/'), cases: [] };
  let announced: string | undefined;
  parser.on('child', (child: Parser) => {
    announced = undefined;
    readCase(child, file);
  });
  parser.on('comment', (comment: string) => {
    announced = /^# Subtest: (.*)/.exec(comment)?.[1] ?? announced;
  });
  parser.on('assert', (point: Result) => {
    const hung = announced;
    announced = undefined;
    // A case with a body has come as a child, which knows better than its closing point.
    if (point.closingTestPoint) return;
    const queued = /^child test left in queue: (.*)/s.exec(point.name)?.[1];
    const waiting = hung ?? queued;
    if (waiting !== undefined && !point.ok) file.cases.push(unfinished(file.name, waiting));
    else if (point.skip || point.todo) file.cases.push(skipped(file.name, point.name));
    else if (!point.ok && !isRepeated(file, point)) {
      file.cases.push({ file: file.name, name: point.name, ...verdict(point) });
    }
  });
  return file;
}

/** Whether tap closes a case again: it does when one ran out of time and went on. */
function isRepeated(file: FileReport, point: Result): boolean {
  return file.cases.some(({ name, ok }) => !ok && name === plainName(point.name));
}

/** A case that tap announced and then reported nothing of: it never came to its end. */
function unfinished(file: string, name: string): TestCase {
  const text = 'It did not come to its end, and nothing that could have ended it was left.';
  return { file, name: plainName(name), ok: false, failure: 'error', text };
}

function skipped(file: string, name: string): TestCase {
  return { file, name, ok: true, skipped: true, text: '' };
}

/** TAP writes `#` and a backslash in names with a backslash before them. */
function plainName(name: string): string {
  return name.replace(/\\([#\\])/g, '$1');
}

/** Collects one case: it fails for the reason of the first failing point in it, however deep. */
function readCase(parser: Parser, file: FileReport): void {
  const entry: TestCase = { file: file.name, name: plainName(parser.name), ok: true, text: '' };
  file.cases.push(entry);
  const watch = (level: Parser): void => {
    level.on('child', watch);
    level.on('assert', (point: Result) => {
      if (!point.ok && !point.todo && !point.closingTestPoint && entry.ok) {
        Object.assign(entry, verdict(point));
      }
    });
    level.on('complete', (results: { ok: boolean }) => {
      if (results.ok || !entry.ok) return;
      const text = 'It did not come to its end: an assertion that was planned is missing.';
      Object.assign(entry, { ok: false, failure: 'error', text });
    });
  };
  watch(parser);
}

/** What tap adds to a failing test point; every field may be missing. */
interface Diag {
  at?: { fileName?: string; lineNumber?: number };
  code?: string;
  diff?: string;
  exitCode?: number;
  signal?: string | null;
  /** The name of the error's class, where that is not plain Error. */
  type?: string;
}

/** What a test point says: passed, failed by assertion, or failed by something thrown. */
function verdict(point: Result): Pick<TestCase, 'ok' | 'failure' | 'cause' | 'text'> {
  if (point.ok) return { ok: true, text: '' };
  const diag: Diag = point.diag ?? {};
  const asserted = diag.code === 'ERR_ASSERTION' || diag.type === 'AssertionError';
  // tap marks what was thrown or rejected, what ran out of time, and what broke in a hook.
  const thrown = 'tapCaught' in diag || 'expired' in diag || 'test' in diag;
  return {
    ok: false,
    failure: thrown && !asserted ? 'error' : 'assertion',
    ...('expired' in diag ? { cause: 'timeout' as const } : importCause(point.name, diag)),
    text: describe(point.name, diag),
  };
}

function importCause(name: string, diag: Diag): { cause?: 'import' } {
  return IMPORT_ERROR.test(`${name} ${diag.code ?? ''}`) ? { cause: 'import' } : {};
}

const IMPORT_ERROR =
  /ERR_MODULE_NOT_FOUND|ERR_PACKAGE_PATH_NOT_EXPORTED|Cannot find (module|package)|does not provide an export named/;

function describe(name: string, diag: Diag): string {
  const thrown = diag.type === undefined ? '' : `${diag.type}: `;
  const diff = diag.diff?.includes('\n') ? diag.diff : '';
  return [
    `${thrown}${name}`,
    diff.replace(/^--- expected\n\+\+\+ actual\n@@.*@@\n/, '').trimEnd(),
    diag.at?.fileName === undefined ? '' : `at ${diag.at.fileName}:${diag.at.lineNumber ?? 0}`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** Adds the case that stands for the whole file, when no case of it explains why it failed. */
function blameFile(file: FileReport, point: Result, stderr: string): void {
  if (file.cases.some(({ ok }) => !ok)) return;
  const diag: Diag = point.diag ?? {};
  const words = errorOf(file.name, stderr);
  const empty = file.cases.length === 0;
  const expired = 'expired' in diag || diag.signal === 'SIGALRM';
  const cause = empty && IMPORT_ERROR.test(words) ? 'import' : expired ? 'timeout' : undefined;
  const reason = diag.signal ?? `exit code ${diag.exitCode ?? 'unknown'}`;
  file.cases.push({
    file: file.name,
    name: WHOLE_FILE,
    ok: false,
    failure: 'error',
    ...(cause === undefined ? {} : { cause }),
    text: words === '' ? `The file ended with ${reason}.` : words,
  });
}

/**
 * The error in stderr that belongs to a file: Node ends an uncaught one with its version. Files
 * share one stderr, so an error that does not name the file (it comes from a module that the file
 * imports) counts only when none does.
 */
function errorOf(file: string, stderr: string): string {
  const errors = stderr
    .replaceAll('\\', '/')
    .split(/^Node\.js v.*$/m)
    .filter((text) => /^\s*(\w*Error\b|\w+ \[?\w*Error|Error )/m.test(text));
  const error = errors.find((text) => text.includes(file)) ?? errors[0] ?? '';
  return error
    .split('\n')
    .filter(
      (line) => !/^\s+at |^node:internal|^\s*throw |^\s*\^*\s*$|^\}$|^\s+(code|url):/.test(line),
    )
    .slice(0, 12)
    .join('\n')
    .trim();
}
