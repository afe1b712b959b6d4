// tap builds its test class for the configured plugins at its first run, which two first runs at
// once would disturb. So it is built beforehand: by npm after an install ("postinstall"), by
// bootstrap.js, or, where install scripts do not run, by the course tool before it runs tests.
// Plain JavaScript without dependencies, for any Node from 18 on.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PATIENCE_MS = 120_000;

/**
 * Builds tap's test class in the node_modules of the repository at `root`, unless that is done.
 * When several processes ask at once, one builds and the others wait for it.
 *
 * @throws {Error} with a sentence for people when it cannot be built.
 */
export function ensureTapBuilt(root) {
  const modules = join(root, 'node_modules');
  // In the package that holds the class: whatever replaces that takes the mark away too.
  const mark = join(modules, '@tapjs', 'test', 'test-built', '.fanout-built');
  if (existsSync(mark)) return;
  if (!existsSync(tapIn(modules))) {
    throw new Error('tap is not installed: run "npm install" in the repository and try again.');
  }
  try {
    locked(join(modules, '.fanout-building'), () => {
      if (existsSync(mark)) return;
      build(root, modules);
      writeFileSync(mark, '');
    });
  } catch (error) {
    throw new Error(
      `${error.message.trim()}\nThe test runner could not be built for the reason above: mend that, or delete node_modules, run "npm install", and try again.`,
    );
  }
}

function tapIn(modules) {
  return join(modules, 'tap', 'dist', 'esm', 'run.mjs');
}

function build(root, modules) {
  console.error('Building the test runner …');
  const pinned = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const node = existsSync(pinned) ? pinned : process.execPath;
  const result = spawnSync(node, [tapIn(modules), 'build'], {
    cwd: join(root, 'scripts'),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.status === 0) return;
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim();
  throw new Error(output || result.error?.message || `It was ended by ${result.signal}.`);
}

/** Runs `work` while no other process runs it; the lock of a process that is gone does not count. */
function locked(file, work) {
  const end = Date.now() + PATIENCE_MS;
  while (!take(file)) {
    dropStale(file);
    if (Date.now() > end) {
      throw new Error(`Process ${holder(file)} has been building it for two minutes.`);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  }
  try {
    work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of a process that is gone; puts it back if another took it meanwhile. */
function dropStale(file) {
  const pid = holder(file);
  if (pid === undefined || isAlive(pid)) return;
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
    const moved = holder(aside);
    rmSync(aside, { force: true });
    if (moved !== pid) writeFileSync(file, String(moved), { flag: 'wx' });
  } catch {
    // Another process was quicker.
  }
}

function holder(file) {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** As npm runs it after an install: no install fails for want of a test runner. */
function afterInstall(root) {
  // Where only the packages of production are installed, there is nothing to build.
  if (!existsSync(tapIn(join(root, 'node_modules')))) return;
  try {
    ensureTapBuilt(root);
  } catch (error) {
    console.error(error.message);
  }
}

const self = fileURLToPath(import.meta.url);
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === self) {
  afterInstall(join(dirname(self), '..'));
}
