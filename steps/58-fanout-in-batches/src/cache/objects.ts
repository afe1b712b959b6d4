import type { Memcache } from 'memcache';

/** In seconds, about. A change that went past us shows after this time. */
const LIFE_S = 600;
/** What is kept where the database has nothing, and for how long. */
const NOTHING = 'null';
const NOTHING_S = 60;
/** Longer than a statement may run: whoever read before a change has given up when this is over. */
const TOMBSTONE_S = 10;
/** From asking the database to keeping. Whoever took longer may have outlived a tombstone. */
const FRESH_MS = 5_000;
/** So long we wait for an answer of Memcached. */
const PATIENCE_MS = 1_000;
/** What lies where an object was forgotten. No object is written as the empty string. */
const TOMBSTONE = '';

/** A question to the database that is under way, for whoever may share its answer. */
export interface Flight<T> {
  began: number;
  answer: Promise<T>;
}

/**
 * Objects by kind and id, kept in Memcached beside the database that has them. A server which does
 * not answer has nothing: slower, not wrong. Whoever changes an object forgets it after the commit.
 */
export class ObjectCache {
  readonly #memcached: Memcache;
  readonly #prefix: string;
  /** Keys to be forgotten, which Memcached does not know yet. Until then it is not believed. */
  readonly #owed = new Set<string>();
  readonly #flights = new Map<string, Flight<Map<string, unknown>>>();
  #connecting: Promise<void> | undefined;

  constructor(memcached: Memcache, prefix: string) {
    this.#memcached = memcached;
    this.#prefix = prefix;
  }

  /**
   * Objects by id, those that are not kept from `load`, with one call. What is nowhere is left out.
   * What somebody else is loading is waited for, unless it has changed since they asked.
   */
  async getMany<T>(
    kind: string,
    ids: string[],
    load: (ids: string[]) => Promise<Map<string, T>>,
  ): Promise<Map<string, T>> {
    const wanted = [...new Set(ids)];
    const came = performance.now();
    const { kept, changed } = await this.#read<T>(kind, wanted);
    const missing = wanted.filter((id) => !kept.has(id));
    const found = new Map<string, T>();
    for (const [id, object] of kept) if (object !== null) found.set(id, object);
    if (missing.length === 0) return found;
    const flights = new Set<Flight<Map<string, unknown>>>();
    const ours = missing.filter((id) => {
      const flight = this.#flights.get(this.#key(kind, id));
      const isGood = flight && (flight.began >= came || !changed(id));
      if (isGood) flights.add(flight);
      return !isGood;
    });
    if (ours.length > 0) flights.add(this.#load(kind, ours, load));
    for (const { answer } of flights) {
      const loaded = await answer;
      for (const id of missing) if (loaded.has(id)) found.set(id, loaded.get(id) as T);
    }
    return found;
  }

  #load<T>(kind: string, ids: string[], load: (ids: string[]) => Promise<Map<string, T>>) {
    const keys = ids.map((id) => this.#key(kind, id));
    const flight = { began: performance.now(), answer: this.#loadAndKeep(kind, ids, load) };
    for (const key of keys) this.#flights.set(key, flight);
    const land = () => {
      for (const key of keys) if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    flight.answer.then(land, land);
    return flight;
  }

  async #loadAndKeep<T>(
    kind: string,
    ids: string[],
    load: (ids: string[]) => Promise<Map<string, T>>,
  ): Promise<Map<string, T>> {
    const asked = performance.now();
    const loaded = await load(ids);
    // Not `set`: what we have read may be older than the tombstone that lies there now.
    const keep = (id: string, value = JSON.stringify(loaded.get(id)) ?? NOTHING) =>
      this.#ask((it) => it.add(this.#key(kind, id), value, lifeOf(value)), false);
    if (performance.now() - asked < FRESH_MS) await Promise.all(ids.map((id) => keep(id)));
    return loaded;
  }

  /** An object is new. Somebody may have looked for it too early, and kept that there is nothing. */
  async created(kind: string, id: string, object: unknown): Promise<void> {
    const value = JSON.stringify(object);
    const done = await this.#ask((it) => it.set(this.#key(kind, id), value, lifeOf(value)), false);
    if (!done) await this.forget(kind, id);
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

  /** What is kept, null where there is known to be nothing, and what may have changed just now. */
  async #read<T>(kind: string, ids: string[]) {
    const kept = new Map<string, T | null>();
    if (ids.length === 0 || !(await this.#settle())) return { kept, changed: () => true };
    const keys = ids.map((id) => this.#key(kind, id));
    const values = await this.#ask((it) => it.gets(keys), undefined);
    const buried = new Set<string>();
    for (const [key, value] of values ?? []) {
      const id = key.slice(key.lastIndexOf(':') + 1);
      if (value === TOMBSTONE) buried.add(id);
      else kept.set(id, JSON.parse(value));
    }
    return { kept, changed: (id: string) => !values || buried.has(id) };
  }

  /** The answer to a command, or, when it does not come or not in time, what is said instead. */
  async #ask<T, I>(command: (memcached: Memcache) => Promise<T>, instead: I): Promise<T | I> {
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

/** In seconds, a fifth more or less: what was kept together is not lost together. */
function lifeOf(value: string): number {
  return Math.round((value === NOTHING ? NOTHING_S : LIFE_S) * (0.8 + 0.4 * Math.random()));
}
