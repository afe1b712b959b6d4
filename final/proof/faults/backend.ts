import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import type { Test } from 'tap';
import { keyPrefix, loadConfig } from '../../src/config.ts';
import { createApp } from '../../test/helper.ts';
import { createBackfills } from '../oracle/expected.ts';
import { Queues } from '../oracle/jobs.ts';
import { urlOf } from '../tools.ts';
import { type Wire, wireTo } from './wire.ts';

const FOLDER = fileURLToPath(new URL('../../', import.meta.url));

/** A process of the app. */
export interface Running {
  url: string;
  output(): string;
  /** Ends it, and waits for its end: by SIGKILL at once, by SIGTERM as it likes. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

export interface Person {
  id: string;
  headers: { authorization: string };
}

const SERVICES = ['DATABASE_URL', 'REDIS_URL', 'QUEUE_REDIS_URL', 'MEMCACHED_URL'] as const;
export type Service = (typeof SERVICES)[number];

/** A database, and processes of the app that use it, each by wires of its own. */
export class Backend {
  readonly #t: Test;
  readonly #addresses: Record<Service, string>;
  readonly #uploads: string;
  readonly app: FastifyInstance;
  readonly prefix: string;
  readonly queues: Queues;
  #people = 0;

  static async open(t: Test): Promise<Backend> {
    const app = await createApp(t, { worker: false });
    await createBackfills(app);
    const own = { DATABASE_URL: await urlOf(app) };
    return new Backend(t, app, { ...loadConfig(process.env), ...own });
  }

  private constructor(t: Test, app: FastifyInstance, addresses: Record<Service, string>) {
    this.#t = t;
    this.#uploads = t.testdir();
    this.#addresses = addresses;
    this.app = app;
    this.prefix = keyPrefix(addresses);
    this.queues = new Queues(addresses as never, this.prefix);
    t.teardown(() => this.queues.close());
  }

  /** A wire to a service, to be given to a process. */
  async wire(service: Service): Promise<Wire> {
    return wireTo(this.#t, this.#addresses[service]);
  }

  /** Starts the API or a worker, and waits until it is ready. */
  async start(
    what: 'server' | 'worker',
    wires: Partial<Record<Service, Wire>> = {},
    more: Record<string, string> = {},
  ): Promise<Running> {
    const urls = Object.entries(wires).map(([service, { url }]) => [service, url]);
    const env = {
      ...process.env,
      ...this.#addresses,
      ...Object.fromEntries(urls),
      ...{ PORT: '0', LOG_LEVEL: 'info', UPLOADS_DIR: this.#uploads },
      // So soon another worker has the jobs of one that is dead.
      JOB_LOCK_MS: '1000',
      // Nobody is refused because much is asked.
      ...{ RATE_LIMIT_FACTOR: '1000000', MAX_EVENT_LOOP_DELAY_MS: '60000' },
      ...more,
    };
    const child = spawn(process.execPath, [`src/${what}.ts`], { cwd: FOLDER, env });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes) => {
        output += bytes;
      });
    const end = async (signal: 'SIGKILL' | 'SIGTERM') => endOf(child, signal);
    this.#t.teardown(() => end('SIGKILL'));
    const ready = what === 'server' ? /listening at (http:[^"]+)"/ : /worker is ready()/;
    while (!ready.test(output)) {
      if (child.exitCode !== null) throw new Error(`${what} has ended: ${output}`);
      await sleep(10);
    }
    return { url: ready.exec(output)?.[1] ?? '', output: () => output, end };
  }

  /** People with so many followers, most of whom nobody has heard of. */
  async person(followers: Person[] = [], silent = 0): Promise<Person> {
    this.#people += 1;
    const { db } = this.app;
    const names = [
      this.#people,
      ...Array.from({ length: silent }, (_, n) => `${this.#people}_${n}`),
    ];
    const rows = names.map((name) => sql`(${`p${name}`}, ${`p${name}`}, '')`);
    const { insertId } = await sql`
      INSERT INTO users (username, email, password_hash) VALUES ${sql.join(rows)}
    `.execute(db);
    await sql`
      INSERT INTO profiles (user_id) SELECT id FROM users WHERE id >= ${String(insertId)}
    `.execute(db);
    await sql`
      INSERT INTO friendships (from_user_id, to_user_id)
      SELECT id, ${String(insertId)} FROM users WHERE id > ${String(insertId)}
    `.execute(db);
    for (const { id } of followers)
      await sql`
        INSERT INTO friendships (from_user_id, to_user_id) VALUES (${id}, ${String(insertId)})
      `.execute(db);
    const authorization = `Bearer ${this.app.jwt.sign({ sub: String(insertId) })}`;
    return { id: String(insertId), headers: { authorization } };
  }

  /** Waits until no job is left, and what is in the outbox has been told. */
  async settle(): Promise<void> {
    const { db } = this.app;
    const { rows } = await sql`SHOW TABLES LIKE 'outbox'`.execute(db);
    for (let n = 0; ; n += 1) {
      const untold =
        rows.length && (await sql`SELECT 1 FROM outbox LIMIT 1`.execute(db)).rows.length;
      if (!untold && (await this.queues.left()) === 0) return;
      if (n === 1_200) throw new Error(`${await this.queues.left()} jobs are left`);
      if (n % 10 === 9) await this.queues.promote();
      await sleep(50);
    }
  }
}

async function endOf(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

/** A request to a process, and what it has answered; undefined if it was not answered. */
export async function ask(
  { url }: Running,
  method: string,
  path: string,
  person?: Person,
  body?: object,
) {
  const headers = {
    ...person?.headers,
    ...(body && { 'content-type': 'application/json' }),
  };
  const request = { method, headers, ...(body && { body: JSON.stringify(body) }) };
  const response = await fetch(`${url}/api/${path}`, request);
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}
