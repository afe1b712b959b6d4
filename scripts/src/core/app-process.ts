import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createConnection } from 'mysql2/promise';
import { clearCaches } from '../services/caches.ts';
import { type ServiceEnv, type ServiceName, servicesUp } from '../services/index.ts';
import { CourseError, ExitCode } from './errors.ts';

/** How an app is to be started. */
export interface AppOptions {
  /** The step's folder, absolute. */
  dir: string;
  /** The database that it uses on the server of DATABASE_URL; created and migrated when needed. */
  databaseName: string;
  /** Its port; 0, the default, takes a free one. */
  port?: number;
  /** What its environment has besides that of this process and the services. */
  env?: Record<string, string>;
  /** Keeps its output for `output()` instead of passing it through. */
  quiet?: boolean;
  /** Starts another worker whenever one ends by itself, as whoever operates the app would have it. */
  keepWorker?: boolean;
  /** Drops the database and its caches first, so that the app starts on an empty one. */
  fresh?: boolean;
  /** Drops the database and its caches after the app has stopped. */
  dropOnStop?: boolean;
  /** How long its processes may take to drain before they are killed; by default 15 seconds. */
  drainTimeoutMs?: number;
}

/** An app that is running: its server and, where the step has one, its worker. */
export interface RunningApp {
  /** Such as `http://127.0.0.1:3000`. */
  url: string;
  /** The process id of its server. */
  pid: number | undefined;
  /** The address of its database, or undefined when the step has none. */
  databaseUrl: string | undefined;
  /**
   * What its processes have printed so far (the last 100,000 characters). Lines of the worker begin
   * with `[worker] `.
   */
  output(): string;
  /** Settles when one of its processes has ended, asked or not. */
  exited: Promise<Exit>;
  /** How those of its processes ended that have ended, in that order. */
  exits(): readonly Exit[];
  /**
   * Passes the signal on (default SIGTERM), waits for the drain, and kills what is left after
   * `drainTimeoutMs`. Calling it again waits for the same end.
   */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** How a process of the app ended. */
export interface Exit {
  name: string;
  code: number | null;
  signal: NodeJS.Signals | null;
}

const START_TIMEOUT_MS = 30_000;
const WORKER_TIMEOUT_MS = 10_000;
const DRAIN_TIMEOUT_MS = 15_000;
/** Within a minute. */
const MOST_RESTARTS = 5;
const KEPT_OUTPUT = 100_000;
const LISTENING = /Server listening at (https?:\/\/[^\s"]+)/;
const WORKING = /^\[worker\] .*\bready\b/im;

/**
 * Starts a step's app: brings up the services that its package.json needs, creates and migrates its
 * database, starts `src/server.ts` (and `src/worker.ts` where there is one, with the flags of the
 * package's script `worker`), and waits until the server listens and the worker says that it is ready.
 *
 * @throws {CourseError} when the port is taken, a migration fails, or the app does not start.
 */
export async function startApp(options: AppOptions): Promise<RunningApp> {
  const { dir, databaseName } = options;
  if (!existsSync(join(dir, 'src', 'server.ts'))) {
    throw new CourseError(`There is no src/server.ts in ${dir}, so there is nothing to start.`);
  }
  const services = await serviceEnvironment(dir, { quiet: options.quiet ?? false });
  const databaseUrl =
    services.DATABASE_URL === undefined
      ? undefined
      : withDatabase(services.DATABASE_URL, databaseName);
  const port = await freePort(options.port ?? 0);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...services,
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...options.env,
    PORT: String(port),
  };
  if (databaseUrl !== undefined) {
    if (options.fresh) await dropDatabase(databaseUrl);
    await createDatabase(databaseUrl);
    await migrate(dir, env);
  }
  const group = new ProcessGroup(dir, env, options.quiet ?? false, options.drainTimeoutMs);
  try {
    const server = group.start('server', 'src/server.ts');
    const url = await listening(server, group, port, env.HOST ?? '127.0.0.1');
    if (existsSync(join(dir, 'src', 'worker.ts'))) {
      const how = {
        mark: '[worker] ',
        again: options.keepWorker ?? false,
        flags: workerFlags(dir),
      };
      await ready(group.start('worker', 'src/worker.ts', how), group, env);
    }
    return {
      url,
      pid: server.pid,
      databaseUrl,
      output: () => group.output,
      exited: group.firstExit,
      exits: () => group.exits,
      stop: async (signal) => {
        await group.stop(signal);
        if (options.dropOnStop && databaseUrl !== undefined) await dropDatabase(databaseUrl);
      },
    };
  } catch (error) {
    await group.stop();
    throw error;
  }
}

/** What the package's script `worker` tells Node besides: bounds of its memory, for example. */
function workerFlags(dir: string): string[] {
  const file = join(dir, 'package.json');
  if (!existsSync(file)) return [];
  const { scripts }: { scripts?: Record<string, string> } = JSON.parse(readFileSync(file, 'utf8'));
  const [, flags = ''] = /^node (.*)src\/worker\.ts$/.exec(scripts?.worker ?? '') ?? [];
  return flags.split(' ').filter((flag) => flag !== '');
}

/** The services that a package needs by its dependencies. */
export function neededServices(dir: string): ServiceName[] {
  const file = join(dir, 'package.json');
  if (!existsSync(file)) return [];
  const manifest: { dependencies?: Record<string, string> } = JSON.parse(
    readFileSync(file, 'utf8'),
  );
  const dependencies = manifest.dependencies ?? {};
  const needed: ServiceName[] = [];
  if ('mysql2' in dependencies) needed.push('mysql');
  if ('ioredis' in dependencies) needed.push('redis');
  if ('bullmq' in dependencies) needed.push('redis-queue');
  if ('memcache' in dependencies) needed.push('memcached');
  return needed;
}

/**
 * Brings up the services that the package in `dir` needs and gives their addresses as environment
 * variables; empty when it needs none.
 */
export async function serviceEnvironment(
  dir: string,
  { quiet = false }: { quiet?: boolean } = {},
): Promise<Partial<ServiceEnv>> {
  const need = neededServices(dir);
  if (need.length === 0) return {};
  const all = await servicesUp({ need, quiet });
  return {
    ...(need.includes('mysql') && { DATABASE_URL: all.DATABASE_URL }),
    ...(need.includes('redis') && { REDIS_URL: all.REDIS_URL }),
    ...(need.includes('redis-queue') && { QUEUE_REDIS_URL: all.QUEUE_REDIS_URL }),
    ...(need.includes('memcached') && { MEMCACHED_URL: all.MEMCACHED_URL }),
  };
}

/** The address `url` with another database: `mysql://root:pw@host:13306/NAME`. */
export function withDatabase(url: string, name: string): string {
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.href;
}

/** Creates the database that the address names, if it is not there. */
export async function createDatabase(databaseUrl: string): Promise<void> {
  await onServer(databaseUrl, 'CREATE DATABASE IF NOT EXISTS ?? CHARACTER SET utf8mb4', [
    databaseIn(databaseUrl),
  ]);
}

/** Drops the database that the address names, if it is there, with what caches keep of it. */
export async function dropDatabase(databaseUrl: string): Promise<void> {
  await dropDatabases(databaseUrl, [databaseIn(databaseUrl)]);
}

/**
 * Drops those of the databases that are on the server, with what caches keep of them.
 *
 * @param serverUrl the server's address; which database it names does not matter.
 */
export async function dropDatabases(serverUrl: string, names: string[]): Promise<void> {
  if (names.length === 0) return;
  await onServer(serverUrl, 'DROP DATABASE IF EXISTS ??', names);
  await clearCaches(names);
}

function databaseIn(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

/** Runs the statement for each of the databases. */
async function onServer(serverUrl: string, statement: string, names: string[]): Promise<void> {
  const connection = await createConnection(withDatabase(serverUrl, ''));
  try {
    for (const name of names) await connection.query(statement, [name]);
  } finally {
    await connection.end();
  }
}

/** Runs the step's own migrations to the newest. A step without `src/migrate.ts` has none. */
async function migrate(dir: string, env: NodeJS.ProcessEnv): Promise<void> {
  if (!existsSync(join(dir, 'src', 'migrate.ts'))) return;
  const group = new ProcessGroup(dir, env, true);
  group.start('migrate', 'src/migrate.ts');
  const { code, signal } = await group.firstExit;
  if (code === 0) return;
  throw new CourseError(
    `The migrations of ${dir} failed (${signal ?? `exit code ${code}`}):\n${group.output.trimEnd()}\nA database that another step has migrated is begun again by "npx course run --fresh".`,
    ExitCode.fellShort,
  );
}

/** A port that is free: `port` itself, or for 0 any. */
async function freePort(port: number): Promise<number> {
  if (port !== 0 && (await accepts('127.0.0.1', port))) throw portTaken(port);
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? portTaken(port) : error),
    );
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}

function portTaken(port: number): CourseError {
  return new CourseError(
    `Port ${port} is taken by another program: stop that program, or choose another port with --port.`,
  );
}

/** Whether something answers on the port. */
function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
    socket.setTimeout(1000, () => done(false));
  });
}

/**
 * Waits until the server listens: by its log line, or by the port itself, for an app whose LOG_LEVEL
 * hides that line.
 */
async function listening(
  server: ChildProcess,
  group: ProcessGroup,
  port: number,
  host: string,
): Promise<string> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  for (let round = 1; Date.now() < deadline; round += 1) {
    const url = LISTENING.exec(group.output)?.[1];
    if (url !== undefined) return url;
    if (server.exitCode !== null || server.signalCode !== null) {
      throw new CourseError(startFailure(group, port), ExitCode.fellShort);
    }
    if (round % 10 === 0 && (await accepts(reachable, port))) return `http://${reachable}:${port}`;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new CourseError(
    `The server did not listen within ${START_TIMEOUT_MS / 1000} seconds.${group.shown()}`,
    ExitCode.fellShort,
  );
}

/**
 * Waits until the worker says that it is ready; one that cannot say so (its LOG_LEVEL hides it, or
 * it has other words) goes on getting ready by itself. One that ends is told by `exited`.
 */
async function ready(
  worker: ChildProcess,
  group: ProcessGroup,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const talks = /^(|trace|debug|info)$/.test(env.LOG_LEVEL ?? '');
  const deadline = Date.now() + (talks ? WORKER_TIMEOUT_MS : 0);
  while (!WORKING.test(group.output) && Date.now() < deadline) {
    if (worker.exitCode !== null || worker.signalCode !== null) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function startFailure(group: ProcessGroup, port: number): string {
  if (group.output.includes('EADDRINUSE')) return portTaken(port).message;
  return `The server ended before it listened.${group.shown()}`;
}

interface StartOptions {
  mark?: string;
  again?: boolean;
  flags?: string[];
}

/** The processes of one app, started and stopped together. */
class ProcessGroup {
  output = '';
  readonly exits: Exit[] = [];
  readonly firstExit: Promise<Exit>;
  readonly #children: { child: ChildProcess; ended: Promise<void> }[] = [];
  readonly #dir: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #quiet: boolean;
  readonly #drainTimeoutMs: number;
  #settleFirstExit: (exit: Exit) => void = () => {};
  #stopping: Promise<void> | undefined;
  /** When processes were started again, in the last minute. */
  #restarts: number[] = [];

  constructor(
    dir: string,
    env: NodeJS.ProcessEnv,
    quiet: boolean,
    drainTimeoutMs = DRAIN_TIMEOUT_MS,
  ) {
    this.#drainTimeoutMs = drainTimeoutMs;
    this.#dir = dir;
    this.#env = env;
    this.#quiet = quiet;
    this.firstExit = new Promise((resolve) => {
      this.#settleFirstExit = resolve;
    });
  }

  /**
   * @param options.mark what each line of its output begins with.
   * @param options.again starts another when it ends by itself, unless that happens all the time.
   * @param options.flags what Node is told besides.
   */
  start(name: string, script: string, options: StartOptions = {}): ChildProcess {
    const { mark = '', again = false, flags = [] } = options;
    const preload = new URL('./follow-parent.ts', import.meta.url).href;
    const child = spawn(process.execPath, [...flags, '--import', preload, script], {
      cwd: this.#dir,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // A group of its own: Ctrl-C in the terminal reaches the tool alone, which passes it on once.
      // A second signal would make an app that is draining give up at once.
      detached: process.platform !== 'win32',
    });
    this.#show(mark, child.stdout, process.stdout);
    this.#show(mark, child.stderr, process.stderr);
    const ended = new Promise<void>((resolve) => {
      child.once('error', (error) => {
        this.output += `${error.message}\n`;
        this.#end({ name, code: 1, signal: null });
        resolve();
      });
      child.once('close', (code, signal) => {
        if (again && this.#mayRestart()) {
          const how = signal ?? `exit code ${code}`;
          console.error(`The ${name} ended by itself (${how}): another one is started.`);
          this.start(name, script, options);
        } else this.#end({ name, code, signal });
        resolve();
      });
    });
    this.#children.push({ child, ended });
    return child;
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#stopping ??= this.#drain(signal);
    return this.#stopping;
  }

  /** What the app printed, to be put after an error's sentence, unless it has been seen already. */
  shown(): string {
    const text = this.output.trimEnd();
    return this.#quiet && text !== '' ? ` It printed:\n${text}` : '';
  }

  async #drain(signal: NodeJS.Signals): Promise<void> {
    for (const { child } of this.#children) passOn(child, signal);
    const kill = setTimeout(() => {
      for (const { child } of this.#children) child.kill('SIGKILL');
    }, this.#drainTimeoutMs);
    await Promise.all(this.#children.map(({ ended }) => ended));
    clearTimeout(kill);
  }

  #mayRestart(): boolean {
    if (this.#stopping !== undefined) return false;
    const now = Date.now();
    this.#restarts = [...this.#restarts.filter((at) => now - at < 60_000), now];
    return this.#restarts.length <= MOST_RESTARTS;
  }

  #end(exit: Exit): void {
    if (this.exits.some(({ name }) => name === exit.name)) return;
    this.exits.push(exit);
    this.#settleFirstExit(exit);
  }

  #show(mark: string, stream: Readable | null, target: NodeJS.WriteStream): void {
    if (stream === null) return;
    stream.setEncoding('utf8');
    if (mark === '') {
      stream.on('data', (text: string) => this.#print(text, target));
      return;
    }
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) =>
      this.#print(`${mark}${line}\n`, target),
    );
  }

  #print(text: string, target: NodeJS.WriteStream): void {
    this.output = (this.output + text).slice(-KEPT_OUTPUT);
    if (!this.#quiet) target.write(text);
  }
}

function passOn(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (process.platform === 'win32' && child.connected) child.send('drain');
  else child.kill(signal);
}
