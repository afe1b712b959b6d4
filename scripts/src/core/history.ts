import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { devNull } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { execa } from 'execa';
import { type Course, listSteps, type Step } from './course.ts';
import { listFiles } from './diff.ts';
import { CourseError, ExitCode } from './errors.ts';
import { type FrontMatter, loadLesson } from './lesson.ts';

/** The compiler and Node's types, which the repository declares once at its root. */
const COMPILER = ['@types/node', 'typescript'];

/** Files of the root that every commit gets unless the step has its own. */
const SHARED_FILES = ['LICENSE', '.nvmrc'];

/** The day of step 01's commit; each later step is committed a day later, at noon UTC. */
const FIRST_DAY = Date.UTC(2026, 0, 1, 12);
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Makes a git repository in `target` with one commit and one tag a step. It is made beside the
 * target and then moved there as a whole, so that a failure leaves nothing.
 *
 * @param target an absolute path.
 * @returns the tags in order.
 * @throws {CourseError} when the target is not empty, inside the course or cannot be written, when
 * a lesson cannot be read, or git fails.
 */
export async function exportHistory(course: Course, target: string): Promise<string[]> {
  refuseBadTarget(course, target);
  const steps = listSteps(course);
  const commits = steps.map((step) => ({
    step,
    message: commitMessage(loadLesson(step).frontMatter, step),
  }));
  const { scratch, discard } = scratchBeside(target);
  // The children get ctrl-C too and fail, so that the clean-up below runs.
  const stay = (): void => {};
  process.on('SIGINT', stay);
  try {
    const git = gitIn(scratch);
    await git(['init', '--quiet', '--initial-branch=main']);
    const tags: string[] = [];
    for (const { step, message } of commits)
      tags.push(await commitStep(course, step, message, scratch, git));
    if (existsSync(target)) rmdirSync(target);
    renameSync(scratch, target);
    return tags;
  } catch (error) {
    discard();
    if (error instanceof CourseError) throw error;
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new CourseError(
      `The export failed and left nothing behind: ${reason}`,
      ExitCode.fellShort,
    );
  } finally {
    process.off('SIGINT', stay);
  }
}

type Git = (args: string[], date?: string) => Promise<string>;

async function commitStep(
  course: Course,
  step: Step,
  message: string,
  scratch: string,
  git: Git,
): Promise<string> {
  for (const name of readdirSync(scratch).filter((entry) => entry !== '.git')) {
    rmSync(join(scratch, name), { recursive: true });
  }
  writeTree(course, step, scratch);
  const date = new Date(FIRST_DAY + (step.number - 1) * DAY_MS).toISOString();
  const tag = `step-${step.id}`;
  // -f: a step may have a file that an ignore file leaves out, and the tree is the step's folder.
  await git(['add', '--all', '--force'], date);
  await git(['commit', '--quiet', '--no-verify', '--allow-empty', '-m', message], date);
  await git(['tag', tag], date);
  return tag;
}

/** Lays a step's files into a folder, with what makes them complete without the repository. */
function writeTree(course: Course, step: Step, dir: string): void {
  for (const path of listFiles(step.dir)) cpSync(join(step.dir, path), join(dir, path));
  const replace = (path: string, change: (text: string) => string): void => {
    const file = join(dir, path);
    if (existsSync(file)) writeFileSync(file, change(readFileSync(file, 'utf8')));
  };
  replace('tsconfig.json', (text) =>
    text.replace('"../../tsconfig.json"', '"./tsconfig.base.json"'),
  );
  replace('package.json', (text) => withCompiler(course, text));
  for (const name of SHARED_FILES) {
    const [from, to] = [join(course.root, name), join(dir, name)];
    if (existsSync(from) && !existsSync(to)) cpSync(from, to);
  }
  const base = join(course.root, 'tsconfig.json');
  if (existsSync(base)) cpSync(base, join(dir, 'tsconfig.base.json'));
  const ignored = join(dir, '.gitignore');
  if (!existsSync(ignored)) writeFileSync(ignored, 'node_modules\n.tap\npackage-lock.json\n');
}

/** Adds the lines that declare the compiler, at a fixed place, without touching any other line. */
function withCompiler(course: Course, text: string): string {
  const root = readFileSync(join(course.root, 'package.json'), 'utf8');
  const versions = (JSON.parse(root) as { devDependencies?: Record<string, string> })
    .devDependencies;
  const lines = COMPILER.filter((name) => versions?.[name] && !text.includes(`"${name}":`)).map(
    (name) => `    "${name}": "${versions?.[name]}",\n`,
  );
  return text.replace(/^ {2}"devDependencies": \{\n/m, (line) => line + lines.join(''));
}

function commitMessage({ title, summary, part }: FrontMatter, step: Step): string {
  return [`Step ${step.id} · ${title}`, wrap(summary), `Part ${part}`]
    .filter((paragraph) => paragraph !== '')
    .join('\n\n');
}

/** Breaks a text into lines of at most 72 characters, as commit messages have. */
function wrap(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/(.{1,72})(?: |$)/g, '$1\n')
    .trimEnd();
}

/**
 * @throws {CourseError} when the target is no folder, not empty, or inside the course.
 */
function refuseBadTarget(course: Course, target: string): void {
  const way = relative(realpathSync(course.root), realTarget(target));
  const isOutside = way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
  if (!isOutside) {
    throw new CourseError(
      `${target} is inside the course: choose a folder outside it, such as ../${basename(course.root)}-history.`,
    );
  }
  if (!existsSync(target)) return;
  if (!statSync(target).isDirectory()) {
    throw new CourseError(`${target} is a file: choose a folder that does not exist yet.`);
  }
  if (readdirSync(target).length > 0) {
    throw new CourseError(
      `${target} is not empty: choose an empty folder or one that does not exist yet.`,
    );
  }
}

/** The path with links resolved, as far as it exists. */
function realTarget(target: string): string {
  if (existsSync(target)) return realpathSync(target);
  return dirname(target) === target ? target : join(realTarget(dirname(target)), basename(target));
}

/**
 * A scratch folder on the target's own disk, and what removes it with every folder made for it.
 *
 * @throws {CourseError} when it cannot be made.
 */
function scratchBeside(target: string): { scratch: string; discard: () => void } {
  try {
    const made = mkdirSync(dirname(target), { recursive: true });
    const scratch = mkdtempSync(`${target}.unfinished-`);
    return { scratch, discard: () => rmSync(made ?? scratch, { recursive: true, force: true }) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CourseError(`No folder can be made at ${target} (${reason}): choose another.`);
  }
}

/** Runs git in the folder, apart from the user's settings, so that the result is always the same. */
function gitIn(cwd: string): Git {
  const who = { NAME: 'Fanout course', EMAIL: 'course@fanout.invalid' };
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'))),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: devNull,
    GIT_AUTHOR_NAME: who.NAME,
    GIT_AUTHOR_EMAIL: who.EMAIL,
    GIT_COMMITTER_NAME: who.NAME,
    GIT_COMMITTER_EMAIL: who.EMAIL,
  };
  return async (args, date) => {
    const dates = date === undefined ? {} : { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    const settings = ['-c', 'core.autocrlf=false', '-c', 'commit.gpgSign=false'];
    const { stdout } = await execa('git', [...settings, ...args], {
      cwd,
      env: { ...env, ...dates },
      extendEnv: false,
    });
    return stdout;
  };
}
