// What `npm start`, `npm test`, `npm run demo`, `seed` and `bench` run. Plain JavaScript without
// dependencies, for any Node from 18 on: it installs what is missing and then hands over to the
// course tool, run by the Node that the repository pins.
import { spawn, spawnSync } from 'node:child_process';
import fs, { existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureTapBuilt } from './build-tap.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const windows = process.platform === 'win32';
const pinnedNode = join(modules, 'node', 'bin', windows ? 'node.exe' : 'node');

/** The course tool's words for each npm script. */
const COMMANDS = {
  start: ['up'],
  test: ['all'],
  seed: ['app', 'seed'],
  demo: ['app', 'demo'],
  bench: ['bench'],
};

/** What node_modules takes, with some room. */
const NEEDED_BYTES = 700 * 2 ** 20;
const DISK_FULL = `The packages do not fit on the disk of ${root}: free about 1 GB and try again.`;

/** A failure that is told in one sentence. */
class Failure extends Error {}

try {
  main(process.argv[2] ?? '', process.argv.slice(3));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function main(name, args) {
  if (Number(process.versions.node.split('.')[0]) < 18) {
    throw new Failure(
      `This is Node ${process.versions.node}, and the set-up needs 18 or later: install a newer one from nodejs.org (the course then brings the one that it uses) and try again.`,
    );
  }
  const command = COMMANDS[name];
  if (command === undefined) {
    throw new Failure(
      `Say one of these: node scripts/bootstrap.js ${Object.keys(COMMANDS).join('|')}.`,
    );
  }
  const lock = readJson(join(root, 'package-lock.json'));
  requireMatchingManifests(lock);
  if (!isInstalled(lock)) installPackages();
  buildTap();
  handOver([join(root, 'scripts', 'course.js'), ...command, ...args]);
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Failure(
      `${file} cannot be read (${error.code ?? 'it is no JSON'}): restore it with "git checkout ${file}" and try again.`,
    );
  }
}

/** Fails when a package.json asks for other packages than the lockfile has for it. */
function requireMatchingManifests(lock) {
  const steps = join(root, 'steps');
  const folders = ['', 'final', 'scripts']
    .concat(existsSync(steps) ? readdirSync(steps).map((name) => `steps/${name}`) : [])
    .filter((folder) => existsSync(join(root, folder, 'package.json')));
  for (const folder of folders) {
    const manifest = readJson(join(root, folder, 'package.json'));
    const locked = lock.packages?.[folder];
    const same = ['dependencies', 'devDependencies'].every(
      (kind) => stable(manifest[kind]) === stable(locked?.[kind]),
    );
    if (locked !== undefined && same) continue;
    throw new Failure(
      `package-lock.json does not fit ${join(folder, 'package.json')}: run "npm install" to mend the lockfile, or "git checkout package-lock.json" to get the committed one back, and try again.`,
    );
  }
}

function stable(dependencies = {}) {
  return JSON.stringify(Object.entries(dependencies).sort());
}

/** Whether node_modules has what the lockfile names; npm keeps a list there of what it installed. */
function isInstalled(lock) {
  const list = join(modules, '.package-lock.json');
  if (!existsSync(list) || !existsSync(pinnedNode)) return false;
  let installed;
  try {
    installed = JSON.parse(readFileSync(list, 'utf8')).packages ?? {};
  } catch {
    return false;
  }
  return Object.entries(lock.packages).every(([path, wanted]) => {
    const has = installed[path];
    // Packages for other platforms are never there; the root itself is not listed.
    if (path === '' || (has === undefined && (wanted.optional || wanted.devOptional))) return true;
    return has !== undefined && has.version === wanted.version && has.link === wanted.link;
  });
}

/** Fails when the packages cannot be written: npm's own words for that are hard to read. */
function requireDisk() {
  // Node has told the free space since 18.15.
  const { bavail = Infinity, bsize = 1 } = fs.statfsSync?.(root) ?? {};
  if (bavail * bsize < NEEDED_BYTES) throw new Failure(DISK_FULL);
  const probe = join(root, `.fanout-write-test-${process.pid}`);
  try {
    writeFileSync(probe, '');
    unlinkSync(probe);
  } catch (error) {
    throw new Failure(
      `${root} cannot be written (${error.code}): change its owner to yourself, or copy the repository to a disk that can be written, and try again there.`,
    );
  }
}

function installPackages() {
  requireDisk();
  console.error('Installing packages from package-lock.json (a minute on a fresh machine) …');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env: withoutOwnNode(),
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: windows,
  });
  if (result.error?.code === 'ENOENT') {
    throw new Failure('npm is not in PATH: install Node with its npm and try again.');
  }
  const output = `${result.stderr ?? ''}${result.error?.message ?? ''}`;
  if (result.status !== 0) throw new Failure(whyNpmFailed(output));
  if (!existsSync(pinnedNode)) {
    throw new Failure(
      'npm did not install the Node that the course pins, because it may not run install scripts: run "npm config set ignore-scripts false" and try again.',
    );
  }
}

/**
 * The environment without the repository's own Node in PATH: npm runs by the machine's Node while
 * it replaces node_modules.
 */
function withoutOwnNode() {
  const [name = 'PATH'] = Object.keys(process.env).filter((key) => key.toUpperCase() === 'PATH');
  const folders = (process.env[name] ?? '').split(delimiter);
  return {
    ...process.env,
    [name]: folders
      .filter((folder) => !`${folder}${sep}`.startsWith(modules + sep))
      .join(delimiter),
  };
}

function whyNpmFailed(output) {
  const says = (...codes) => codes.some((code) => output.includes(code));
  if (says('ENOSPC', 'EDQUOT')) {
    return DISK_FULL;
  }
  if (says('EACCES', 'EPERM', 'ENOTDIR', 'EEXIST')) {
    return `npm may not write in ${modules}: delete that folder, or change its owner to yourself, and try again.`;
  }
  if (
    says('ENOTFOUND', 'ECONN', 'ETIMEDOUT', 'EAI_AGAIN', 'ENETUNREACH', 'ERR_SOCKET', 'network')
  ) {
    return 'npm could not reach its package registry: check the network and "npm config get registry", and try again.';
  }
  if (says('EUSAGE')) {
    return 'package-lock.json does not fit the package.json files: run "npm install" to mend it and try again.';
  }
  const tail = output.trim().split('\n').slice(-15).join('\n');
  return `${tail}\n"npm ci" failed for the reason above: mend that and try again.`;
}

function buildTap() {
  try {
    ensureTapBuilt(root);
  } catch (error) {
    throw new Failure(error.message);
  }
}

/** Runs the course tool and leaves as it leaves. */
function handOver(args) {
  const child = spawn(pinnedNode, args, { cwd: root, stdio: 'inherit' });
  // Ctrl-C reaches the whole group of processes; the tool drains, and this one waits for it.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(
      `The pinned Node could not be started (${error.message}): delete node_modules and try again.`,
    );
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
  });
}
