// A process of a company, started by company.ts in one folder after another. It runs the test files
// of a batch one after the other, each with a `t` of its own, and prints TAP as tap does for files.
import { realpathSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Test } from 'tap';
import { type Batch, type BatchEnd, END_OF_BATCH } from './batch.ts';
import { rememberHashes } from './hashes.ts';
import { repeatMigrations } from './migrations.ts';
import { rememberSchemas } from './schemas.ts';

/** How long something that a file has left open may live on. */
const LINGER_MS = 5_000;

/** The test files of all batches so far, by their URLs. */
const files = new Set<string>();
/** The `t` of each file by the file's URL, for the modules that stand in for tap. */
const tests = new Map<string, Test>();
/** The module that a stand-in stands for, by the stand-in's URL. */
const standIns = new Map<string, string>();
Object.assign(globalThis, { fanoutTests: tests, fanoutMigrations: repeatMigrations });

/** This module asks for packages as if it stood in the first folder. */
const manifest = pathToFileURL(resolve('package.json')).href;

/**
 * Stands in for the package by which tap finds out whose error an uncaught one is. It watches every
 * promise, which is a fifth of what the tests cost. Here one test runs at a time, the newest.
 */
const DOMAIN = `const living = [];
export class Domain {
  constructor(onerror) {
    this.onerror = onerror;
    living.push(this);
  }
  destroy() {
    const at = living.indexOf(this);
    if (at >= 0) living.splice(at, 1);
  }
}
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => living.at(-1)?.onerror(error, event));
}`;

/** What a test file gets for tap: all of it, with a `t` of its own. */
const tapFor = (real: string, file: string) => `export * from ${JSON.stringify(real)};
export const t = globalThis.fanoutTests.get(${JSON.stringify(file)});
export const test = t.test.bind(t);
export default t;`;

/** What test/helper.ts gets for src/migrate.ts. */
const migrateFor = (real: string) => `import { migrate as real } from ${JSON.stringify(real)};
export * from ${JSON.stringify(real)};
export const migrate = globalThis.fanoutMigrations(real);`;

registerHooks({
  resolve(specifier, context, next) {
    const { parentURL = '' } = context;
    if (specifier === 'async-hook-domain') {
      return { url: 'fanout-domain:', format: 'module', shortCircuit: true };
    }
    if (specifier === 'tap' && files.has(parentURL)) {
      return standIn(`fanout-tap:${parentURL}`, next(specifier, context).url);
    }
    if (specifier === '../src/migrate.ts' && parentURL.endsWith('/test/helper.ts')) {
      return standIn(`fanout-migrate:${parentURL}`, next(specifier, context).url);
    }
    return next(specifier, context);
  },
  load(url, context, next) {
    if (url === 'fanout-domain:') return { format: 'module', source: DOMAIN, shortCircuit: true };
    const real = standIns.get(url);
    if (real === undefined) return next(url, context);
    const source = url.startsWith('fanout-tap:')
      ? tapFor(real, url.slice('fanout-tap:'.length))
      : migrateFor(real);
    return { format: 'module', source, shortCircuit: true };
  },
});

function standIn(url: string, real: string) {
  standIns.set(url, real);
  return { url, format: 'module' as const, shortCircuit: true };
}

rememberHashes(manifest);
rememberSchemas(manifest);
const { Test: TestClass } = await import('tap');

process.on('message', (batch: Batch) => void run(batch));
process.once('disconnect', () => process.exit());

async function run({ cwd, env, seconds, files: names }: Batch): Promise<void> {
  process.chdir(cwd);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  // tap puts fixtures below this folder, and names their folders after the program.
  process.env.TAP_CWD = cwd;
  process.argv[1] = resolve('test');
  const left: string[] = [];
  let open = whatIsOpen();
  const root: Test = new TestClass({ name: 'TAP', timeout: 0 }) as unknown as Test;
  const ended = new Promise<void>((done) => {
    root.on('data', (text: string) => process.stdout.write(text)).on('end', () => done());
  });
  root.runMain(() => {});
  for (const name of names) {
    const url = pathToFileURL(realpathSync(resolve(name))).href;
    files.add(url);
    await root.test(name, { timeout: seconds * 1000 }, async (t) => {
      tests.set(url, t as unknown as Test);
      await import(url);
    });
    if (await isQuiet(open)) continue;
    left.push(name);
    open = whatIsOpen();
  }
  root.end();
  await ended;
  const end: BatchEnd = { exitCode: root.passing() ? 0 : 1, left, megabytes: megabytes() };
  process.stdout.write(`\n${END_OF_BATCH}${JSON.stringify(end)}\n`);
}

/** Whether nothing is left of a file that would keep a process alive which has run it alone. */
async function isQuiet(before: number): Promise<boolean> {
  for (const end = Date.now() + LINGER_MS; whatIsOpen() > before; await sleep(5)) {
    if (Date.now() > end) return false;
  }
  return true;
}

/** How many sockets, timers and the like keep this process alive. */
function whatIsOpen(): number {
  return process.getActiveResourcesInfo().length;
}

function megabytes(): number {
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}
