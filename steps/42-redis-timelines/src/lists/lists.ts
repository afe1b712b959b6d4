import type { Redis } from 'ioredis';
import type { Slice } from '../pagination/keyset.ts';

/**
 * KEYS: list. ARGV: id. Adds the id in its place, at most once, to a list that is there. Ids are
 * compared as text: a number in Lua is exact only up to 2^53.
 */
const PUSH = `
  local id = ARGV[1]
  for i = 0, redis.call('LLEN', KEYS[1]) - 1 do
    local other = redis.call('LINDEX', KEYS[1], i)
    if other == id then return 0 end
    if #id > #other or (#id == #other and id > other) then
      return redis.call('LINSERT', KEYS[1], 'BEFORE', other, id)
    end
  end
  return redis.call('RPUSHX', KEYS[1], id)`;

/**
 * Lists of ids in Redis, newest first: copies of what MySQL has, made when they are first read.
 * Whoever changes the table changes the copy after the commit. Without Redis there are no copies.
 */
export class IdLists {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  /** The top of a list, which is filled from `load` if it is not there; undefined without Redis. */
  async top(name: string, limit: number, load: () => Promise<string[]>) {
    try {
      const kept = await this.#redis.lrange(this.#key(name), 0, limit);
      if (kept.length > 0) return topOf(kept, limit);
      const ids = await load();
      if (ids.length > 0) await this.#fill(this.#key(name), ids);
      return topOf(ids, limit);
    } catch {
      return undefined;
    }
  }

  /** An id has come, and its row is committed. */
  async push(name: string, id: string): Promise<void> {
    await this.#redis.eval(PUSH, 1, this.#key(name), id).catch(() => 'no copy');
  }

  /** An id has gone, and this is committed. */
  async remove(name: string, id: string): Promise<void> {
    await this.#redis.lrem(this.#key(name), 1, id).catch(() => 'no copy');
  }

  /** At once, so that of two who fill it neither adds to what the other one wrote. */
  async #fill(list: string, ids: string[]): Promise<void> {
    const filled = this.#redis.multi().unlink(list);
    await filled.rpush(list, ...ids).exec();
  }

  #key(name: string): string {
    return `${this.#prefix}:${name}`;
  }
}

/** The first of these ids, and where to read on. */
function topOf(ids: string[], limit: number): Slice<string> {
  const items = ids.slice(0, limit);
  const [first, last] = [items.at(0), items.at(-1)];
  return {
    items,
    next: last && ids.length > limit ? { key: last, towards: 'next' } : undefined,
    prev: first ? { key: first, towards: 'prev' } : undefined,
  };
}
