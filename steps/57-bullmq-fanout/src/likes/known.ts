import type { Redis } from 'ioredis';
import type { Beside } from '../lists/lists.ts';
import type { Subject } from './schemas.ts';

/** In seconds: so long Redis may be wrong when a process is killed before it could tell. */
const LIFE_S = 300;
/** What is known of a viewer, at most: ten pages. In Redis 200 fields take about 3 KB. */
const MOST = 200;
/** A process remembers no more changes than these while Redis is away; time mends the others. */
const MOST_OWED = 1_000;

interface Change {
  userId: string;
  subject: Subject;
}

/** ARGV: stamp, field, value, field, value … Keeps what was read, unless something has changed. */
const KEEP = `
  local stamp = redis.call('HGET', KEYS[1], 'changed') or ''
  if stamp ~= ARGV[1] or redis.call('HLEN', KEYS[1]) >= ${MOST} then return end
  redis.call('HSET', KEYS[1], unpack(ARGV, 2))
  redis.call('EXPIRE', KEYS[1], ${LIFE_S}, 'NX')`;

/** ARGV: field. It has changed: whoever has read it does not keep what they read. */
const FORGET = `
  redis.call('HSET', KEYS[1], 'changed', table.concat(redis.call('TIME'), '.'))
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('EXPIRE', KEYS[1], ${LIFE_S}, 'NX')`;

/**
 * What viewers like of what they have seen lately: for each viewer a hash in Redis. Without Redis
 * the table is asked, and what could not be told is told before Redis is believed again.
 */
export class KnownLikes {
  readonly #redis: Redis;
  readonly #prefix: string;
  /** Changes that Redis does not know of. */
  readonly #owed = new Set<Change>();

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
    redis.on('ready', () => this.#settle().catch(() => {}));
  }

  /** Which of these a viewer likes. What is not known comes from `load`, with one call. */
  async of(
    userId: string,
    type: Subject['subjectType'],
    ids: string[],
    load: (ids: string[]) => Promise<Set<string>>,
    beside?: Beside,
  ): Promise<Set<string>> {
    const key = this.#key(userId);
    const fields = ids.map((id) => `${type}:${id}`);
    const known = beside
      ? [beside.stamp, ...ids.map((id) => beside.fields.get(id))]
      : await this.#read(key, fields);
    const liked = new Set(ids.filter((_, n) => known?.[n + 1] === '1'));
    const missing = ids.filter((_, n) => !known?.[n + 1]);
    if (missing.length === 0) return liked;
    const loaded = await load(missing);
    const values = missing.flatMap((id) => [`${type}:${id}`, loaded.has(id) ? '1' : '0']);
    if (known) await this.#redis.eval(KEEP, 1, key, known[0] ?? '', ...values).catch(() => {});
    return new Set([...liked, ...loaded]);
  }

  /** What to read beside the ids, for `of`; undefined while Redis is not to be believed. */
  async wanted(userId: string, type: Subject['subjectType']) {
    const where = { hash: this.#key(userId), field: `${type}:`, stamp: 'changed' };
    return this.#settle().then(
      () => where,
      () => undefined,
    );
  }

  /** A user may like this now, or no longer, and it is committed. */
  async changed(userId: string, subject: Subject): Promise<void> {
    if (this.#owed.size < MOST_OWED) this.#owed.add({ userId, subject });
    await this.#settle().catch(() => {});
  }

  async #read(key: string, fields: string[]) {
    try {
      await this.#settle();
      return await this.#redis.hmget(key, 'changed', ...fields);
    } catch {
      return undefined;
    }
  }

  async #settle(): Promise<void> {
    const settle = async (change: Change) => {
      const { subjectType, subjectId } = change.subject;
      const key = this.#key(change.userId);
      await this.#redis.eval(FORGET, 1, key, `${subjectType}:${subjectId}`);
      this.#owed.delete(change);
    };
    await Promise.all([...this.#owed].map(settle));
  }

  #key(userId: string): string {
    return `${this.#prefix}:likes of ${userId}`;
  }
}
