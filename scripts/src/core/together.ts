// Run by Node in the folder of a package: `together.ts SECONDS FILE…`. It runs test files one after
// the other in this one process, each with a `t` of its own, and prints TAP as tap does for files.
import { realpathSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Test } from 'tap';

/** How long something that a file left open may keep the process after the last file. */
const LINGER_MS = 5_000;

const [seconds = '30', ...names] = process.argv.splice(2);
// tap names the folders of fixtures after the program and its words.
process.argv[1] = resolve('test');
const files = new Map(
  names.map((name) => [pathToFileURL(realpathSync(resolve(name))).href, name] as const),
);
/** The `t` of each file by the file's URL, for the modules that stand in for tap. */
const tests = new Map<string, Test>();
/** The real tap by the URL of the module that stands in for it. */
const standIns = new Map<string, string>();
Object.assign(globalThis, { fanoutTests: tests });

/** This module asks for tap as if it stood in the package. */
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

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'async-hook-domain') {
      return { url: 'fanout-domain:', format: 'module', shortCircuit: true };
    }
    if (specifier !== 'tap') return next(specifier, context);
    const { parentURL = '' } = context;
    if (parentURL === import.meta.url) return next('tap', { ...context, parentURL: manifest });
    const real = next('tap', context);
    if (!files.has(parentURL)) return real;
    const url = `fanout-tap:${parentURL}`;
    standIns.set(url, real.url);
    return { url, format: 'module', shortCircuit: true };
  },
  load(url, context, next) {
    if (url === 'fanout-domain:') return { format: 'module', source: DOMAIN, shortCircuit: true };
    const real = standIns.get(url);
    if (real === undefined) return next(url, context);
    const own = JSON.stringify(url.slice('fanout-tap:'.length));
    const source = `export * from ${JSON.stringify(real)};
export const t = globalThis.fanoutTests.get(${own});
export const test = t.test.bind(t);
export default t;`;
    return { format: 'module', source, shortCircuit: true };
  },
});

const { t: root } = await import('tap');
for (const [url, name] of files) {
  await root.test(name, { timeout: Number(seconds) * 1000 }, async (t) => {
    tests.set(url, t);
    await import(url);
  });
}
// Alone, a file that leaves something open would not come to its end either.
setTimeout(() => process.exit(1), LINGER_MS).unref();
