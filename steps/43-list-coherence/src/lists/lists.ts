import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Slice } from '../pagination/keyset.ts';

/** In seconds: how long a reader may take from reading the table to filling the list. */
const LEASE_S = 10;

/** KEYS: list, lease. ARGV: token, ids. Fills the list, unless the lease has gone since. */
const FILL = `
  if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
  redis.call('UNLINK', KEYS[1], KEYS[2])
  for i = 2, #ARGV, 1000 do
    redis.call('RPUSH', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
  end
  return 1`;

/**
 * KEYS: list, lease. ARGV: id. Adds the id in its place, at most once, to a list that is there. If
 * somebody is about to fill it, they may have read before this id was there: their lease goes. Ids
 * are compared as text: a number in Lua is exact only up to 2^53.
 */
const PUSH = `
  redis.call('DEL', KEYS[2])
  local id = ARGV[1]
  for i = 0, redis.call('LLEN', KEYS[1]) - 1 do
    local other = redis.call('LINDEX', KEYS[1], i)
    if other == id then return 0 end
    if #id > #other or (#id == #other and id > other) then
      return redis.call('LINSERT', KEYS[1], 'BEFORE', other, id)
    end
  end
  return redis.call('RPUSHX', KEYS[1], id)`;

/** KEYS: list, lease. ARGV: id. Takes the id out, and out of what somebody is about to fill. */
const REMOVE = `
  redis.call('DEL', KEYS[2])
  return redis.call('LREM', KEYS[1], 1, ARGV[1])`;

/**
 * Lists of ids in Redis, newest first: copies of what MySQL has, made when they are first read.
 * Whoever changes the table changes the copy after the commit. Without Redis there are no copies,
 * and what could not be changed meanwhile is thrown away before anything is read again.
 */
export class IdLists {
  readonly #redis: Redis;
  readonly #prefix: string;
  /** Keys of what Redis has and should not have. */
  readonly #owed = new Set<string>();

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  /** The top of a list, which is filled from `load` if it is not there; undefined without Redis. */
  async top(name: string, limit: number, load: () => Promise<string[]>) {
    try {
      await this.#settle();
      const [list, lease] = this.#keys(name);
      const kept = await this.#redis.lrange(list, 0, limit);
      if (kept.length > 0) return topOf(kept, limit);
      const token = randomUUID();
      await this.#redis.set(lease, token, 'EX', LEASE_S, 'NX');
      const ids = await load();
      if (ids.length > 0) await this.#redis.eval(FILL, 2, list, lease, token, ...ids);
      return topOf(ids, limit);
    } catch {
      return undefined;
    }
  }

  /** An id has come, and its row is committed. */
  async push(name: string, id: string): Promise<void> {
    await this.#change(PUSH, name, id);
  }

  /** An id has gone, and this is committed. */
  async remove(name: string, id: string): Promise<void> {
    await this.#change(REMOVE, name, id);
  }

  async #change(script: string, name: string, id: string): Promise<void> {
    const keys = this.#keys(name);
    await this.#redis.eval(script, 2, ...keys, id).catch(() => {
      for (const key of keys) this.#owed.add(key);
    });
  }

  /** Throws away what is owed. Until that succeeds, nothing is read. */
  async #settle(): Promise<void> {
    const keys = [...this.#owed];
    if (keys.length > 0) await this.#redis.unlink(keys);
    for (const key of keys) this.#owed.delete(key);
  }

  #keys(name: string): [list: string, lease: string] {
    return [`${this.#prefix}:${name}`, `${this.#prefix}:${name}:lease`];
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
