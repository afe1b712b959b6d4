import { createRequire } from 'node:module';

/** What is used of @node-rs/argon2. */
interface Argon2 {
  hash(password: string, ...rest: unknown[]): Promise<string>;
  verify(hash: string, password: string, ...rest: unknown[]): Promise<boolean>;
}

/**
 * Has the apps of this process hash a password once: what is slow on purpose is slow hundreds of
 * times for the same few passwords. The hashes are real ones; only their salts are seen again.
 *
 * @param manifest the URL of a package.json from which Argon2 is found, if it is there.
 */
export function rememberHashes(manifest: string): void {
  const argon2 = optional<Argon2>(manifest, '@node-rs/argon2');
  if (argon2 === undefined) return;
  argon2.hash = remember(argon2.hash);
  argon2.verify = remember(argon2.verify);
}

/** The package as CommonJS has it, whose exports can be replaced before anything imports them. */
function optional<T>(manifest: string, name: string): T | undefined {
  try {
    return createRequire(manifest)(name) as T;
  } catch {
    return undefined;
  }
}

function remember<A extends unknown[], R>(work: (...args: A) => Promise<R>) {
  const known = new Map<string, Promise<R>>();
  return (...args: A): Promise<R> => {
    const key = JSON.stringify(args);
    const result = known.get(key) ?? work(...args);
    known.set(key, result);
    result.catch(() => known.delete(key));
    return result;
  };
}
