import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { servicesUp } from '../../src/services/index.ts';
import { stepFolder } from './step-app.ts';

/** What is used of ioredis, which is the steps' dependency and not the tool's. */
export interface StepRedis {
  lindex(key: string, index: number): Promise<string | null>;
  keys(pattern: string): Promise<string[]>;
  exists(...keys: string[]): Promise<number>;
  memory(subcommand: 'USAGE', key: string, option: 'SAMPLES', samples: number): Promise<number>;
  info(section: string): Promise<string>;
  eval(script: string, keys: number, ...keysAndArguments: (string | number)[]): Promise<unknown>;
  disconnect(): void;
}

/** The lists of a step, as its own code changes them. */
export interface StepLists {
  push(names: string[], id: string): Promise<void>;
}

/** A connection by the client that the step has, to the cache or to the queue. */
export async function openStepRedis(
  slug: string,
  which: 'REDIS_URL' | 'QUEUE_REDIS_URL' = 'REDIS_URL',
): Promise<StepRedis> {
  const require = createRequire(join(stepFolder(slug), 'package.json'));
  return new (require('ioredis').Redis)((await servicesUp({ quiet: true }))[which]);
}

/** The step's own lists in a database's name. */
export async function openStepLists(
  slug: string,
  redis: StepRedis,
  database: string,
): Promise<StepLists> {
  const file = join(stepFolder(slug), 'src', 'lists', 'lists.ts');
  const { IdLists } = await import(pathToFileURL(file).href);
  return new IdLists(redis, database);
}

/** The key of somebody's feed. */
export function feedKey(database: string, userId: number): string {
  return `${database}:feed of ${userId}`;
}

/** KEYS: what the keys of all lists begin with. ARGV: the first user, the last, how many ids. */
const WARM = `
  local ids = {}
  for id = ARGV[3], 1, -1 do ids[#ids + 1] = id end
  for user = ARGV[1], ARGV[2] do
    redis.call('DEL', KEYS[1] .. user)
    redis.call('RPUSH', KEYS[1] .. user, unpack(ids))
  end`;
/** Lists that one call makes: each holds up whoever else asks Redis. */
const WARMED_AT_ONCE = 500;

/** Makes the feeds of `count` users, from `first` on, as if each had just read the tweets 1 to `entries`. */
export async function warmFeeds(
  redis: StepRedis,
  database: string,
  first: number,
  count: number,
  entries: number,
): Promise<void> {
  for (let from = first; from < first + count; from += WARMED_AT_ONCE) {
    const last = Math.min(from + WARMED_AT_ONCE, first + count) - 1;
    await redis.eval(WARM, 1, `${database}:feed of `, from, last, entries);
  }
}

/** Where BullMQ has jobs that are not done. A list or set without members is no key. */
const UNDONE = ['wait', 'active', 'prioritized', 'delayed', 'paused', 'waiting-children'];

/** Waits until the queues that a database has so far are empty and nobody works. */
export async function untilIdle(
  queue: StepRedis,
  database: string,
  signal: AbortSignal,
  everyMs = 5,
): Promise<void> {
  const queues = await queue.keys(`${database}:queues:*:meta`);
  const undone = queues.flatMap((meta) => UNDONE.map((of) => meta.replace(/meta$/, of)));
  while (undone.length > 0 && (await queue.exists(...undone)) > 0) await pause(signal, everyMs);
}

/** Lets so many milliseconds go by. @throws when the end is asked for. */
export async function pause(signal: AbortSignal, ms: number): Promise<void> {
  signal.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve, ms));
}
