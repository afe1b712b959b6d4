import { createRequire } from 'node:module';

/** Builds a compiler for a Fastify instance: @fastify/ajv-compiler and its like. */
type Factory = (...args: unknown[]) => Builder;
type Builder = (schemas: unknown, options: unknown) => Compiler;
type Compiler = (route: { schema: unknown }) => unknown;

/**
 * Has the apps of this process compile a JSON schema once: each test file builds the app anew, and
 * a third of that is compiling the same schemas. What is compiled depends on nothing but the schema
 * and the options, and keeps nothing.
 *
 * @param manifest the URL of a package.json from which Fastify is found, if it is there.
 */
export function rememberSchemas(manifest: string): void {
  try {
    const fastify = createRequire(createRequire(manifest).resolve('fastify'));
    for (const name of ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler']) {
      replace(fastify, name);
    }
  } catch {
    // A package without Fastify has nothing to compile.
  }
}

function replace(require: NodeJS.Require, name: string): void {
  const real: Factory = require(name);
  const module = require.cache[require.resolve(name)];
  if (module === undefined) return;
  const known = new Map<string, unknown>();
  const remembering: Factory = (...args) => {
    const build = real(...args);
    return (schemas, options) => {
      const base = keyOf([name, args, schemas, options]);
      if (base === undefined) return build(schemas, options);
      // The compiler itself is costly too: it is made when it is needed.
      let compiler: Compiler | undefined;
      const compile: Compiler = (route) => {
        compiler ??= build(schemas, options);
        return compiler(route);
      };
      return (route) => {
        const own = keyOf(route.schema);
        if (own === undefined) return compile(route);
        const result = known.get(base + own) ?? compile(route);
        known.set(base + own, result);
        return result;
      };
    };
  };
  module.exports = Object.assign(remembering, real, { default: remembering });
}

/** The value as text; undefined for one that has a function or the like in it, and is not its text. */
function keyOf(value: unknown): string | undefined {
  let exact = true;
  const text = JSON.stringify(value, (_, part) => {
    if (typeof part === 'function' || typeof part === 'symbol' || part instanceof RegExp) {
      exact = false;
    }
    return part;
  });
  return exact ? text : undefined;
}
