import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Test } from 'tap';
import type { Course } from '../src/core/course.ts';
import { readTree } from '../src/core/merge.ts';
import { makeCourse } from './fixture.ts';

const COURSE_BIN = fileURLToPath(new URL('../course.js', import.meta.url));

/** Runs git in the fixture, with a name and without anybody's settings. */
export function git(course: Course, ...args: string[]): string {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost'];
  const settings = [...identity, '-c', 'core.autocrlf=false', '-c', 'init.defaultBranch=main'];
  const { status, stdout, stderr } = spawnSync('git', [...settings, ...args], {
    cwd: course.root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Commits everything in the fixture. */
export function commit(course: Course, message = 'commit'): void {
  git(course, 'add', '--all');
  git(course, 'commit', '--quiet', '--message', message);
}

/** The fixture's course in a git repository, committed. */
export async function makeRepository(t: Test, steps = 4): Promise<Course> {
  const course = await makeCourse(t, { steps });
  writeFileSync(join(course.root, '.gitignore'), 'node_modules/\n.course/\n.tap/\n.env\n');
  git(course, 'init', '--quiet');
  commit(course, 'the course');
  return course;
}

/** Every file of the course but the tool's own state: path to mode and content. */
export function snapshot(course: Course): Record<string, string> {
  return Object.fromEntries(
    [...readTree(course.root, (path) => !path.startsWith('.course/'))]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, { mode, bytes }]) => [path, `${mode} ${bytes.toString('latin1')}`]),
  );
}

/** Reads a text file of the course. */
export function read(course: Course, path: string): string {
  return readFileSync(join(course.root, path), 'utf8');
}

/** Whether a file is there. */
export function has(course: Course, path: string): boolean {
  return existsSync(join(course.root, path));
}

/** Deletes a file. */
export function drop(course: Course, path: string): void {
  rmSync(join(course.root, path));
}

/**
 * Runs the tool and kills it (SIGKILL) just before its `time`-th change of the file system below
 * the course, counted from the first that touches a path that contains `from`.
 *
 * @returns whether it was killed; false when it ended before.
 */
export function runKilledAt(
  course: Course,
  time: number,
  from: string,
  ...args: string[]
): boolean {
  const preload = join(course.root, '.course', 'kill.mjs');
  const source = `import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
let left = ${time};
let counting = false;
for (const name of ['writeFileSync', 'renameSync', 'rmSync', 'mkdirSync']) {
  const original = fs[name];
  fs[name] = (path, ...rest) => {
    if (String(path).includes(${JSON.stringify(from)})) counting = true;
    if (counting && String(path).startsWith(${JSON.stringify(course.root)}) && --left <= 0) {
      process.kill(process.pid, 'SIGKILL');
    }
    return original(path, ...rest);
  };
}
syncBuiltinESMExports();
`;
  mkdirSync(course.stateDir, { recursive: true });
  writeFileSync(preload, source);
  const { signal } = spawnSync(
    process.execPath,
    ['--import', pathToFileURL(preload).href, COURSE_BIN, ...args],
    { cwd: course.root, env: { ...process.env, COURSE_ROOT: course.root, NO_COLOR: '1' } },
  );
  return signal === 'SIGKILL';
}
