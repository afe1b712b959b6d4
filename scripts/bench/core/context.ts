import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import {
  dropDatabases,
  type RunningApp,
  startApp,
  withDatabase,
} from '../../src/core/app-process.ts';
import { type Course, listSteps, type Step } from '../../src/core/course.ts';
import { CourseError, ExitCode } from '../../src/core/errors.ts';
import { servicesUp } from '../../src/services/index.ts';
import { type LoadOrder, type LoadReport, load, measure } from './load.ts';
import type { Machine, Measurement } from './types.ts';

/** All databases of benchmarks begin so; one run at a time may use them. */
const PREFIX = 'fanout_bench_';
/** Who signs up in a benchmark's database, reads and posts. */
export const ACCOUNT = {
  username: 'bench',
  email: 'bench@example.com',
  password: 'a benchmark logs in too',
};
const SETTINGS = ['innodb_buffer_pool_size', 'innodb_flush_log_at_trx_commit'];

/** How a benchmark is to be run. */
export interface ContextOptions {
  course: Course;
  /** Small data and short cells: to see that it works, not to learn from its figures. */
  quick: boolean;
  /** Ends the run. */
  signal: AbortSignal;
  /** Tells the person who waits what goes on. */
  say: (line: string) => void;
}

/** The server of a step that is under measurement. */
export interface BenchApp {
  /** Such as `http://127.0.0.1:40000`. */
  url: string;
  /** The process id of its server. */
  pid: number | undefined;
  /** The name of its database. */
  database: string;
  /** The `authorization` header of a user. */
  logIn(username: string, password: string): Promise<string>;
}

/** What one run of a benchmark works with; `close` takes all of it away again. */
export class BenchContext {
  readonly quick: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly #course: Course;
  readonly #serverUrl: string;
  /** Holds the lock and cleans up; it outlives an interrupted statement of `#data`. */
  readonly #admin: Connection;
  readonly #data: Connection;
  readonly #apps: RunningApp[] = [];
  readonly #onAbort = () => this.#endStatement();

  private constructor(
    options: ContextOptions,
    serverUrl: string,
    admin: Connection,
    data: Connection,
  ) {
    this.quick = options.quick;
    this.signal = options.signal;
    this.say = options.say;
    this.#course = options.course;
    this.#serverUrl = serverUrl;
    this.#admin = admin;
    this.#data = data;
    this.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /**
   * Brings up the services and drops the databases that a killed run has left.
   *
   * @throws {CourseError} when another benchmark is running: the two would only disturb each other.
   */
  static async open(options: ContextOptions): Promise<BenchContext> {
    const { DATABASE_URL } = await servicesUp({ need: ['mysql'] });
    const url = withDatabase(DATABASE_URL, '');
    const [admin, data] = [await createConnection(url), await createConnection(url)];
    const context = new BenchContext(options, url, admin, data);
    try {
      await context.#lock();
      await context.#dropDatabases();
      return context;
    } catch (error) {
      admin.destroy();
      data.destroy();
      throw error;
    }
  }

  /**
   * Starts the server of a step (named by its slug, so that a step may be renumbered) on the
   * benchmark's database `name`, created and migrated when needed, as in production. Its worker, if
   * it has one, works beside it.
   *
   * @param env what its environment has besides.
   */
  async start(slug: string, name: string, env: Record<string, string> = {}): Promise<BenchApp> {
    this.signal.throwIfAborted();
    const database = `${PREFIX}${name}`;
    const app = await startApp({
      dir: this.#step(slug).dir,
      databaseName: database,
      quiet: true,
      env: {
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        LOG_LEVEL: 'warn',
        JWT_SECRET: 'only-for-the-minutes-of-one-benchmark',
        // Demanded in production; no benchmark stores a file.
        UPLOADS_DIR: join(tmpdir(), 'fanout-bench-uploads'),
        // One user sends what a thousand would, and is not refused.
        RATE_LIMIT_FACTOR: '1000000',
        ...env,
      },
    });
    this.#apps.push(app);
    this.signal.throwIfAborted();
    const { url, pid } = app;
    return { url, pid, database, logIn: (...user) => logIn(url, ...user) };
  }

  /**
   * Copies an app's database, the record of its migrations too, to the benchmark's database `name`:
   * another step that is started there goes on from it.
   *
   * @returns what it is called on the server.
   */
  async copyDatabase(from: BenchApp, name: string): Promise<string> {
    const to = `${PREFIX}${name}`;
    await this.sql(`CREATE DATABASE ${to} CHARACTER SET utf8mb4`);
    const tables = await this.sql(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = '${from.database}'`,
    );
    for (const { name: table } of tables) {
      await this.sql(`CREATE TABLE ${to}.${table} LIKE ${from.database}.${table}`);
      await this.sql(`INSERT INTO ${to}.${table} SELECT * FROM ${from.database}.${table}`);
    }
    return to;
  }

  /** Runs a statement, in the database `database` where one is named. */
  async sql(statement: string, database?: string): Promise<RowDataPacket[]> {
    this.signal.throwIfAborted();
    if (database !== undefined) await this.#data.query(`USE ${database}`);
    const [rows] = await this.#data.query<RowDataPacket[]>(statement);
    return rows;
  }

  /**
   * Measures two variants in turn (A B A B), so that what else the machine does meets both.
   *
   * @param warmUp seconds of the same load before, which are not counted.
   */
  async alternate(
    orders: [LoadOrder, LoadOrder],
    sizes: { rounds: number; warmUp: number },
  ): Promise<{ first: Measurement; second: Measurement }> {
    const [first, second] = (await this.inTurn(orders, sizes)) as [Measurement, Measurement];
    return { first, second };
  }

  /** As `alternate`, for any number of variants (A B C A B C): the measurements in their order. */
  async inTurn(
    orders: LoadOrder[],
    { rounds, warmUp }: { rounds: number; warmUp: number },
  ): Promise<Measurement[]> {
    if (warmUp > 0) {
      for (const order of orders) await load({ ...order, seconds: warmUp }, this.signal);
    }
    const reports: LoadReport[][] = orders.map(() => []);
    for (let round = 0; round < rounds; round += 1) {
      for (const [n, order] of orders.entries()) {
        reports[n]?.push(await load(order, this.signal));
      }
    }
    return reports.map(measure);
  }

  /** What it is measured on. */
  async machine(): Promise<Machine> {
    const [row = {}] = await this.sql(
      `SELECT VERSION() AS version, ${SETTINGS.map((name) => `@@${name} AS ${name}`).join(', ')}`,
    );
    const { version, ...settings } = row as Record<string, unknown>;
    const [, number = '', maria] = /^([\d.]+)(-MariaDB)?/.exec(String(version)) ?? [];
    return {
      node: process.versions.node,
      cores: availableParallelism(),
      platform: `${process.platform} ${process.arch}`,
      database: `${maria === undefined ? 'MySQL' : 'MariaDB'} ${number}`,
      databaseSettings: Object.fromEntries(
        Object.entries(settings).map(([name, value]) => [name, String(value)]),
      ),
    };
  }

  /** Stops the servers and drops the databases. */
  async close(): Promise<void> {
    this.signal.removeEventListener('abort', this.#onAbort);
    await Promise.all(this.#apps.map((app) => app.stop()));
    this.#data.destroy();
    try {
      await this.#dropDatabases();
    } finally {
      await this.#admin.end();
    }
  }

  /** The lock is the connection's: it goes when this process does, however that ends. */
  async #lock(): Promise<void> {
    const [rows] = await this.#admin.query<RowDataPacket[]>(
      `SELECT GET_LOCK('${PREFIX}', 0) AS got`,
    );
    if (Number(rows[0]?.got) === 1) return;
    throw new CourseError(
      'Another benchmark is running on this database server: wait for its end and try again.',
    );
  }

  async #dropDatabases(): Promise<void> {
    const [rows] = await this.#admin.query<RowDataPacket[]>(
      'SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name LIKE ?',
      [`${PREFIX.replaceAll('_', '\\_')}%`],
    );
    await dropDatabases(
      this.#serverUrl,
      rows.map(({ name }) => String(name)),
    );
  }

  /** A client that has gone does not end its statement: the server has to be told. */
  #endStatement(): void {
    this.#admin.query(`KILL ${this.#data.threadId}`).catch(() => {});
  }

  #step(slug: string): Step {
    const step = listSteps(this.#course).find((candidate) => candidate.slug === slug);
    if (step !== undefined) return step;
    throw new CourseError(
      `There is no step with the slug ${slug}, which this benchmark measures: change its name in scripts/bench/ too.`,
      ExitCode.fellShort,
    );
  }
}

async function logIn(url: string, username: string, password: string): Promise<string> {
  const { accessToken } = await post(`${url}/api/accounts/login`, { username, password });
  return `Bearer ${accessToken}`;
}

/** Posts JSON and gives the answer. @throws when it is not 2xx. */
export async function post(url: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.ok) return (await response.json()) as Record<string, unknown>;
  throw new Error(`POST ${url} was answered with ${response.status}: ${await response.text()}`);
}
