import { setTimeout as sleep } from 'node:timers/promises';
import { CourseError, ExitCode } from '../core/errors.ts';
import { askInLines } from './ask.ts';
import { servicesStatus } from './index.ts';
import { memcached } from './memcached.ts';
import { askRedis, queueRedis, redis } from './redis.ts';

const TIMEOUT_MS = 30_000;

/**
 * Deletes what the apps keep of these databases in Redis (the cache's and the queue's) and Memcached,
 * as far as these run: the keys that begin with the database's name and a colon, such as
 * `fanout_step_38:user:7` or `fanout_step_54:queues:fan-outs:1`. A database that is made anew counts
 * its ids from 1 again, and would be answered for with what is cached, and worked on by old jobs.
 *
 * @throws {CourseError} when one of them refuses.
 */
export async function clearCaches(databases: string[]): Promise<void> {
  if (databases.length === 0) return;
  const running = await servicesStatus({ need: ['redis', 'redis-queue', 'memcached'] });
  const prefixes = databases.map((name) => `${name}:`);
  await Promise.all(
    running.map(async ({ service, url, health }) => {
      if (health === undefined) return;
      if (service === redis || service === queueRedis) await clearRedis(url, prefixes);
      if (service === memcached) await clearMemcached(url, prefixes);
    }),
  );
}

/** One round trip, however many keys there are. */
const DELETE_MATCHING = `
  local cursor = '0'
  repeat
    local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
    cursor = page[1]
    if #page[2] > 0 then redis.call('UNLINK', unpack(page[2])) end
  until cursor == '0'`;

/** Deletes the keys of the Redis at `url` that begin with one of the prefixes. */
export async function clearRedis(url: string, prefixes: string[]): Promise<void> {
  const script = JSON.stringify(DELETE_MATCHING);
  const commands = prefixes.map((prefix) => {
    const pattern = `${prefix.replace(/[\\*?[\]]/g, '\\$&')}*`;
    return `EVAL ${script} 0 ${JSON.stringify(pattern)}`;
  });
  const refusal = /^-.*/m.exec(await askRedis(url, TIMEOUT_MS, ...commands))?.[0];
  if (refusal !== undefined) throw refused('Redis', prefixes, refusal.slice(1));
}

/** Deletes the keys of the Memcached at `url` that begin with one of the prefixes. */
export async function clearMemcached(url: string, prefixes: string[]): Promise<void> {
  const keys = await listKeys(url, prefixes);
  if (keys.length === 0) return;
  const lines = keys.map((key) => `delete ${key}`);
  const reply = await askInLines(url, TIMEOUT_MS, [...lines, 'quit']);
  const refusal = /^\w*ERROR.*/m.exec(reply)?.[0];
  if (refusal !== undefined) throw refused('Memcached', prefixes, refusal);
}

/** The last line of a listing: `END`, or why there is none. */
const LISTED = /(?:^|\n)(END|BUSY.*|\w*ERROR.*)\r\n$/;

/**
 * The keys in Memcached that begin with one of the prefixes. There may be hundreds of thousands of
 * others. It makes one listing at a time: others wait for their turn.
 */
async function listKeys(url: string, prefixes: string[]): Promise<string[]> {
  for (const end = Date.now() + TIMEOUT_MS; ; await sleep(50)) {
    // Memcached loses a "quit" that is sent behind this.
    const reply = await askInLines(url, TIMEOUT_MS, ['lru_crawler metadump all'], LISTED);
    const last = LISTED.exec(reply.slice(-200))?.[1] ?? 'It closed the connection.';
    if (last === 'END') {
      const ours = new RegExp(`^key=((?:${prefixes.map(asListed).join('|')})\\S*)`, 'gm');
      const keys = [...reply.matchAll(ours)].map(([, key = '']) => plain(key));
      // A key with white space in it is none that an app has made, and would be read as a command.
      return keys.filter((key) => !/\s/.test(key));
    }
    if (!last.startsWith('BUSY') || Date.now() > end) throw refused('Memcached', prefixes, last);
  }
}

/** Text as it stands in a listing of keys, as a part of a regular expression. */
function asListed(text: string): string {
  const bytes = [...Buffer.from(text)].map((byte) => {
    const char = String.fromCharCode(byte);
    return /[\w.~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return bytes.join('').replaceAll('.', '\\.');
}

/** A key is listed as in a URL; one that is no text is not the apps' and stays as it is listed. */
function plain(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function refused(title: string, prefixes: string[], reason: string): CourseError {
  return new CourseError(
    `${title} does not delete the keys that begin with ${prefixes.join(' or ')} (${reason.trim()}): empty it ("npx course services down" does, where the course has started it) and try again.`,
    ExitCode.fellShort,
  );
}
