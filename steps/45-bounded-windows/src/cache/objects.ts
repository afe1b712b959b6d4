import type { Memcache } from 'memcache';

/** In seconds. A change that went past us shows after this time at the latest. */
const LIFE_S = 600;
/** Longer than a statement may run: whoever read before a change has given up when this is over. */
const TOMBSTONE_S = 10;
/** From asking the database to keeping. Whoever took longer may have outlived a tombstone. */
const FRESH_MS = 5_000;
/** So long we wait for an answer of Memcached. */
const PATIENCE_MS = 1_000;
/** What lies where an object was forgotten. No object is written as the empty string. */
const TOMBSTONE = '';

/**
 * Objects by kind and id, kept in Memcached beside the database that has them. A server which does
 * not answer has nothing: slower, not wrong. Whoever changes an object forgets it after the commit.
 */
export class ObjectCache {
  readonly #memcached: Memcache;
  readonly #prefix: string;
  /** Keys to be forgotten, which Memcached does not know yet. Until then it is not believed. */
  readonly #owed = new Set<string>();
  #connecting: Promise<void> | undefined;

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
    const asked = performance.now();
    const loaded = await load(missing);
    // Not `set`: what we have read may be older than the tombstone that lies there now.
    const keep = ([id, value]: [string, T]) =>
      this.#ask((it) => it.add(this.#key(kind, id), JSON.stringify(value), LIFE_S), false);
    if (performance.now() - asked < FRESH_MS) await Promise.all([...loaded].map(keep));
    return new Map([...kept, ...loaded]);
  }

  /**
   * An object has changed, or is gone: for a while readers ask the database, and nobody keeps it.
   * A deletion would not do: a reader who is slow could put back what it read before the change.
   */
  async forget(kind: string, id: string): Promise<void> {
    this.#owed.add(this.#key(kind, id));
    await this.#settle();
  }

  /** Lays the tombstones that are owed, and returns whether all of them lie. */
  async #settle(): Promise<boolean> {
    for (const key of this.#owed) {
      const laid = await this.#ask((it) => it.set(key, TOMBSTONE, TOMBSTONE_S), false);
      if (!laid) return false;
      this.#owed.delete(key);
    }
    return true;
  }

  async #read<T>(kind: string, ids: string[]): Promise<Map<string, T>> {
    if (ids.length === 0 || !(await this.#settle())) return new Map();
    const keys = ids.map((id) => this.#key(kind, id));
    const kept = await this.#ask((it) => it.gets(keys), new Map<string, string>());
    const idOf = (key: string) => key.slice(key.lastIndexOf(':') + 1);
    const alive = [...kept].filter(([, value]) => value !== TOMBSTONE);
    return new Map(alive.map(([key, value]) => [idOf(key), JSON.parse(value)]));
  }

  /** The answer to a command, or, when it does not come or not in time, what is said instead. */
  async #ask<T>(command: (memcached: Memcache) => Promise<T>, instead: T): Promise<T> {
    // The client's own limit begins again with whatever anybody sends, and is told to nobody.
    const late = setTimeout(() => {
      this.#memcached.emit('error', 'all', new Error('No answer in time'));
      this.#connect().catch(() => {});
    }, PATIENCE_MS);
    try {
      if (!this.#memcached.isConnected()) await this.#connect();
      return await command(this.#memcached);
    } catch {
      return instead;
    } finally {
      clearTimeout(late);
    }
  }

  /**
   * A new connection, one for all who want it: the client alone opens one for each, and loses all
   * but one. Who waits for an answer on the old one has none, and half an answer is dropped.
   */
  #connect(): Promise<void> {
    this.#connecting ??= this.#memcached.reconnect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  #key(kind: string, id: string): string {
    return `${this.#prefix}:${kind}:${id}`;
  }
}
