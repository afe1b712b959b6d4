import { LRUCache } from 'lru-cache';
import type { Memcache } from 'memcache';
import { ObjectCache } from './objects.ts';

/** What many ask for, and is small. Followings are neither: one viewer's, and up to 5,000 ids. */
const NEAR = new Set(['tweet', 'user']);
/** So many of these a process keeps at most, of one or two KB each. */
const MOST = 5_000;
/** So long, in milliseconds, an object may be wrong of whose change we did not hear. */
const LIFE_MS = 5_000;

/**
 * The object cache with a first level in the memory of this process. It is open only while we hear
 * what others forget. Its objects are shared by all who get them, and frozen: nobody changes one.
 */
export class TwoLevelCache extends ObjectCache {
  readonly #tell: (key: string) => Promise<unknown>;
  readonly #objects = new LRUCache<string, object>({ max: MOST, ttl: LIFE_MS });
  /** Who reads a key that is not here, and may keep it. A change takes this away. */
  readonly #leases = new Map<string, symbol>();
  #isOpen = false;
  readonly nearReads = { hits: 0, misses: 0 };

  /** @param tell lets all processes hear what is forgotten */
  constructor(memcached: Memcache, prefix: string, tell: (key: string) => Promise<unknown>) {
    super(memcached, prefix);
    this.#tell = tell;
  }

  override async getMany<T>(
    kind: string,
    ids: string[],
    load: (ids: string[]) => Promise<Map<string, T>>,
  ): Promise<Map<string, T>> {
    if (!this.#isOpen || !NEAR.has(kind)) return super.getMany(kind, ids, load);
    const found = new Map<string, T>();
    const missing = [...new Set(ids)].filter((id) => {
      const object = this.#objects.get(`${kind}:${id}`);
      if (object) found.set(id, object as T);
      return !object;
    });
    this.nearReads.hits += found.size;
    this.nearReads.misses += missing.length;
    if (missing.length === 0) return found;
    const lease = Symbol('lease');
    for (const id of missing) this.#leases.set(`${kind}:${id}`, lease);
    try {
      for (const [id, object] of await super.getMany(kind, missing, load)) {
        found.set(id, object);
        const mayKeep = this.#leases.get(`${kind}:${id}`) === lease;
        if (mayKeep) this.#objects.set(`${kind}:${id}`, Object.freeze(object as object));
      }
      return found;
    } finally {
      const isOurs = (id: string) => this.#leases.get(`${kind}:${id}`) === lease;
      for (const id of missing.filter(isOurs)) this.#leases.delete(`${kind}:${id}`);
    }
  }

  override async forget(kind: string, id: string): Promise<void> {
    this.hear(`${kind}:${id}`);
    await super.forget(kind, id);
    // Not before: whoever hears it turns to Memcached, and has to find the tombstone.
    if (NEAR.has(kind)) await this.#tell(`${kind}:${id}`).catch(() => {});
  }

  /** Somebody has forgotten this. Whoever is reading it does not keep it. */
  hear(key: string): void {
    this.#objects.delete(key);
    this.#leases.delete(key);
  }

  /** From now on we hear everything. */
  open(): void {
    this.#isOpen = true;
  }

  /** From now on we may miss something, and what is here or about to come can be old. */
  close(): void {
    this.#isOpen = false;
    this.#objects.clear();
    this.#leases.clear();
  }
}
