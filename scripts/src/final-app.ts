import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { createDatabase, serviceEnvironment, withDatabase } from './core/app-process.ts';
import type { Course } from './core/course.ts';
import { CourseError, ExitCode } from './core/errors.ts';

/** The database of the finished app. */
export const FINAL_DATABASE = 'fanout';

/** Somebody to log in as. */
export interface DemoAccounts {
  usernames: string[];
  password: string;
}

/**
 * Runs `src/migrate.ts` of the finished app, after the services are up and its database is there.
 *
 * @returns the environment in which the app and its tools run.
 * @throws {CourseError} when a migration fails.
 */
export async function prepareFinal(course: Course): Promise<NodeJS.ProcessEnv> {
  const services = await serviceEnvironment(course.finalDir);
  const env: NodeJS.ProcessEnv = { ...process.env, ...services };
  if (services.DATABASE_URL === undefined) return env;
  env.DATABASE_URL = withDatabase(services.DATABASE_URL, FINAL_DATABASE);
  await createDatabase(env.DATABASE_URL);
  if (!existsSync(join(course.finalDir, 'src', 'migrate.ts'))) return env;
  const { exitCode, all } = await execa(process.execPath, ['src/migrate.ts'], {
    cwd: course.finalDir,
    env,
    all: true,
    reject: false,
    stdin: 'ignore',
  });
  if (exitCode === 0) return env;
  throw new CourseError(
    `The migrations of final/ failed: mend them, or delete the data with "npx course services reset".\n${all}`,
    ExitCode.fellShort,
  );
}

/** Whether the finished app has the tool `tools/NAME.ts`. */
export function hasTool(course: Course, name: string): boolean {
  return existsSync(toolFile(course, name));
}

/**
 * Runs `tools/NAME.ts` of the finished app in the terminal.
 *
 * @returns its exit code.
 */
export async function runTool(
  course: Course,
  name: string,
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  if (!hasTool(course, name)) throw new CourseError(`final/ has no tools/${name}.ts.`);
  const { exitCode, signal } = await execa(
    process.execPath,
    [join('tools', `${name}.ts`), ...args],
    {
      cwd: course.finalDir,
      env,
      stdio: 'inherit',
      reject: false,
    },
  );
  return exitCode ?? (signal === 'SIGINT' ? 130 : ExitCode.fellShort);
}

/** The accounts that the seed names for trying the API; undefined when there is no seed. */
export async function demoAccounts(course: Course): Promise<DemoAccounts | undefined> {
  if (!hasTool(course, 'seed')) return undefined;
  const seed: {
    DEMO_ACCOUNTS?: (string | { username: string })[];
    DEMO_PASSWORD?: string;
  } = await import(pathToFileURL(toolFile(course, 'seed')).href);
  if (seed.DEMO_ACCOUNTS === undefined || seed.DEMO_PASSWORD === undefined) return undefined;
  return {
    usernames: seed.DEMO_ACCOUNTS.map((one) => (typeof one === 'string' ? one : one.username)),
    password: seed.DEMO_PASSWORD,
  };
}

/** The board of the queues of an app that runs. */
export interface QueueBoard {
  url: string;
  /** The one for development; one that was given is not repeated. */
  password: string | undefined;
}

/** The board of the queues of the app at `url`; undefined where it has none. */
export async function queueBoard(
  course: Course,
  url: string,
  env: NodeJS.ProcessEnv,
): Promise<QueueBoard | undefined> {
  const board = `${url}/admin/queues`;
  const { status } = await fetch(board, { redirect: 'manual' });
  if (status === 404) return undefined;
  if (env.ADMIN_PASSWORD) return { url: board, password: undefined };
  const file = join(course.finalDir, 'src', 'config.ts');
  const config: { loadConfig(env: NodeJS.ProcessEnv): { ADMIN_PASSWORD?: string } } = await import(
    pathToFileURL(file).href
  );
  return { url: board, password: config.loadConfig(env).ADMIN_PASSWORD };
}

function toolFile(course: Course, name: string): string {
  return join(course.finalDir, 'tools', `${name}.ts`);
}
