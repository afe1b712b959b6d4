import type { Memcache } from 'memcache';

/** In seconds. A change that went past us shows after this time at the latest. */
const LIFE_S = 600;

/**
 * Objects by kind and id, kept in Memcached beside the database that has them. A server which does
 * not answer has nothing: slower, not wrong. Whoever changes an object forgets it after the commit.
 */
export class ObjectCache {
  readonly #memcached: Memcache;
  readonly #prefix: string;

  constructor(memcached: Memcache, prefix: string) {
    this.#memcached = memcached;
    this.#prefix = prefix;
  }

  /** Objects by id, those that are not kept from `load`, with one call. What is nowhere is left out. */
  async getMany<T>(
    kind: string,
    ids: string[],
    load: (ids: string[]) => Promise<Map<string, T>>,
  ): Promise<Map<string, T>> {
    const wanted = [...new Set(ids)];
    const kept = await this.#read<T>(kind, wanted);
    const missing = wanted.filter((id) => !kept.has(id));
    if (missing.length === 0) return kept;
    const loaded = await load(missing);
    const keep = async ([id, value]: [string, T]) =>
      this.#memcached.set(this.#key(kind, id), JSON.stringify(value), LIFE_S).catch(() => false);
    await Promise.all([...loaded].map(keep));
    return new Map([...kept, ...loaded]);
  }

  /** An object has changed, or is gone: the next reader asks the database. */
  async forget(kind: string, id: string): Promise<void> {
    await this.#memcached.delete(this.#key(kind, id)).catch(() => false);
  }

  async #read<T>(kind: string, ids: string[]): Promise<Map<string, T>> {
    if (ids.length === 0) return new Map();
    const keys = ids.map((id) => this.#key(kind, id));
    const kept: Map<string, string> = await this.#memcached.gets(keys).catch(() => new Map());
    const idOf = (key: string) => key.slice(key.lastIndexOf(':') + 1);
    return new Map([...kept].map(([key, value]) => [idOf(key), JSON.parse(value)]));
  }

  #key(kind: string, id: string): string {
    return `${this.#prefix}:${kind}:${id}`;
  }
}
