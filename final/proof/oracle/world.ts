import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { createBackfills } from './expected.ts';
import { Queues } from './jobs.ts';
import { Gate, linkTo } from './link.ts';

/** How many ids a list of the app has, as its code says. */
export const REAL_WINDOW = 800;

/** Two processes of the app of a step, so to speak: two apps on one database and one of each cache. */
export interface World {
  apps: [FastifyInstance, FastifyInstance];
  /** Between the first app and all services. */
  gate: Gate;
  /** Ends an app and starts it anew: nothing that it had in memory is left. */
  restart(which: number): Promise<void>;
  /** Deletes the keys of Redis and Memcached for which `goes` says so. */
  evict(goes: () => boolean): Promise<void>;
  /** Waits until no job is left to do. */
  drain(): Promise<void>;
  /** Whether processes tell each other of changes: then all know a moment after the answer. */
  isLate(): Promise<boolean>;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** The folder of the code. */
  folder: string;
  /** How many ids a list has: the window's end is reached with few tweets then. */
  window: number;
}

/** The folder of final/, or that of a step by its number or name. */
export function folderOf(step = 'final'): string {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  if (step === 'final') return join(root, 'final');
  const names = existsSync(join(root, 'steps')) ? readdirSync(join(root, 'steps')) : [];
  const name = names.find((each) => each === step || each.startsWith(`${step.padStart(2, '0')}-`));
  if (!name) throw new Error(`There is no step ${step}.`);
  return join(root, 'steps', name);
}

/**
 * A small window needs no option that the app would have for its tests only: the constant is
 * replaced when its module is loaded. A module with `?window=3` has its imports with it, too, so
 * one process has the code several times, with a window each.
 */
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const { search } = new URL(context.parentURL ?? 'file:');
    const isOurs = search.startsWith('?window=') && !resolved.url.includes('/node_modules/');
    return isOurs && resolved.url.startsWith('file:')
      ? { ...resolved, url: new URL(search, resolved.url).href }
      : resolved;
  },
  load(url, context, next) {
    const loaded = next(url, context);
    const window = new URL(url).searchParams.get('window');
    if (!window || !/\/lists\/lists\.ts\?/.test(url)) return loaded;
    const source = String(loaded.source);
    const small = source.replace(/(?<=export const WINDOW = )\d+/, window);
    // Lists had no end at first.
    if (small === source && source.includes('WINDOW')) throw new Error(`No window in ${url}`);
    return { ...loaded, source: small };
  },
});

async function importFrom({ folder, window }: WorldOptions) {
  const load = (file: string) => {
    const url = pathToFileURL(join(folder, 'src', file));
    if (window !== REAL_WINDOW) url.search = `?window=${window}`;
    return import(url.href);
  };
  type Code = typeof import('../../src/app.ts') &
    typeof import('../../src/config.ts') &
    typeof import('../../src/database.ts') &
    typeof import('../../src/migrate.ts');
  const files = ['app.ts', 'config.ts', 'database.ts', 'migrate.ts'];
  return Object.assign({}, ...(await Promise.all(files.map(load)))) as Code;
}

/** A migrated database with two apps, which is gone when the world is closed. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const { buildApp, loadConfig, openDatabase, migrate } = await importFrom(options);
  const given = loadConfig(process.env);
  const server = openDatabase(given);
  const name = `fanout_test_${process.pid}_${randomBytes(4).toString('hex')}`;
  await sql`CREATE DATABASE ${sql.id(name)}`.execute(server);
  const UPLOADS_DIR = mkdtempSync(join(tmpdir(), 'fanout-oracle-'));
  const direct = {
    ...given,
    ...{ DATABASE_URL: new URL(name, given.DATABASE_URL).href, UPLOADS_DIR },
    // Nobody is refused because much is asked.
    ...{ RATE_LIMIT_FACTOR: 1_000_000, MAX_EVENT_LOOP_DELAY_MS: 60_000 },
  };
  const db = openDatabase(direct);
  await migrate(db);
  await db.destroy();

  const gate = new Gate();
  const gated = { ...direct };
  const links: { close(): void }[] = [];
  for (const key of ['DATABASE_URL', 'REDIS_URL', 'MEMCACHED_URL', 'QUEUE_REDIS_URL'] as const) {
    const url = (direct as Record<string, unknown>)[key];
    if (typeof url !== 'string') continue;
    const link = await linkTo(url, gate);
    links.push(link);
    Object.assign(gated, { [key]: link.url });
  }
  const start = async (config: typeof direct) => {
    const app = await buildApp({ config, worker: true } as Parameters<typeof buildApp>[0]);
    await app.ready();
    return app;
  };
  const apps: World['apps'] = [await start(gated), await start(direct)];
  /** Nothing that is read for the oracle passes the gate. */
  const first = () => apps[1];
  const outbox = (await first().db.introspection.getTables()).find((it) => it.name === 'outbox');

  await createBackfills(first());
  const queues = new Queues(direct as never, name);
  const drain = async () => {
    for (let left = 30_000; left > 0; left -= 1) {
      const told = outbox ? await sql`SELECT 1 FROM outbox LIMIT 1`.execute(first().db) : undefined;
      if (!told?.rows.length && (await queues.left()) === 0) break;
      if (left === 1) throw new Error('There are jobs that nobody does');
      await sleep(2);
    }
    const failed = await queues.failures();
    if (failed.length > 0) throw new Error(`Jobs have failed: ${failed.join('\n')}`);
  };
  return {
    apps,
    gate,
    async isLate() {
      const channels = (await first().redis.pubsub('CHANNELS')) as string[];
      return channels.some((channel) => channel.startsWith(name));
    },
    drain,
    async restart(which) {
      const n = which % 2 === 0 ? 0 : 1;
      await apps[n].close();
      apps[n] = await start(n === 0 ? gated : direct);
    },
    async evict(goes) {
      const isCopy = (key: string) => !key.startsWith(`${name}:queues`);
      const keys = (await first().redis.keys(`${name}:*`)).filter(isCopy).sort();
      const gone = keys.filter(goes);
      if (gone.length > 0) await first().redis.unlink(gone);
      await evictFromMemcached(direct.MEMCACHED_URL, `${name}:`, goes);
    },
    async close() {
      await drain().catch(() => 'it was told before');
      const keys = await first().redis.keys(`${name}:*`);
      if (keys.length > 0) await first().redis.unlink(keys);
      for (const app of apps) await app.close();
      for (const link of links) link.close();
      await queues.forget();
      queues.close();
      await sql`DROP DATABASE ${sql.id(name)}`.execute(server);
      await server.destroy();
      rmSync(UPLOADS_DIR, { recursive: true, force: true });
    },
  };
}

/** Memcached lists its keys only over a wire of one's own: no client asks for it. */
async function evictFromMemcached(url: string, prefix: string, goes: () => boolean) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let said = '';
  socket.on('data', (bytes) => {
    said += bytes;
  });
  const until = async (end: RegExp) => {
    while (!end.test(said)) await once(socket, 'data');
  };
  socket.write('lru_crawler metadump all\r\n');
  await until(/^(END|\w*ERROR.*|BUSY.*)\r?\n/m);
  const keys = [...said.matchAll(/^key=(\S+)/gm)].map(([, key = '']) => decodeURIComponent(key));
  const gone = keys.filter((key) => key.startsWith(prefix)).sort();
  said = '';
  const deleted = gone.filter(goes).map((key) => `delete ${key}\r\n`);
  socket.write(`${deleted.join('')}version\r\n`);
  await until(/^VERSION/m);
  socket.destroy();
}
