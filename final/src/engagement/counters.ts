import type { Redis } from 'ioredis';
import type { EventBus } from '../events.ts';
import type { Subject } from '../likes/schemas.ts';
import type { Counts } from '../tweets/schemas.ts';

/** What a feature has to offer for its things to have counts. */
export interface Countable {
  /** As the database has them, without those of what is gone. */
  counts(ids: string[]): Promise<Counts[]>;
}

type Kind = Subject['subjectType'];

/** So long Redis may be wrong when a process is killed before it could tell of a change. */
const SECONDS = 60;
/** A process remembers no more things than these while Redis is away; time mends the others. */
const MOST_UNTOLD = 1_000;

/** Sets each key to its counts, unless it has the same or newer ones. ARGV: seconds, counts … */
const PUT = `
  for i, key in ipairs(KEYS) do
    local known = redis.call('GET', key)
    local counts = ARGV[i + 1]
    if not known or (cjson.decode(known).version or -1) < cjson.decode(counts).version then
      redis.call('SET', key, counts, 'EX', ARGV[1])
    end
  end
`;

/**
 * Counts, read from Redis. While that is away, they come from the database. Nothing is added up in
 * Redis: it gets whole counts with their version, so it does not matter who comes late, or twice.
 */
export class Counters {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #countables: Record<Kind, Countable>;
  /** What has changed while Redis could not be told, and may have the counts from before. */
  readonly #untold = { tweet: new Set<string>(), comment: new Set<string>() };
  readonly reads = { hits: 0, misses: 0 };

  constructor(redis: Redis, prefix: string, events: EventBus, countables: Record<Kind, Countable>) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#countables = countables;
    events.on('counts.changed', ({ subjectType, subjectId }) =>
      this.#tell(subjectType, [subjectId]),
    );
    redis.on('ready', () => {
      for (const kind of ['tweet', 'comment'] as const) this.#tell(kind, []).catch(() => {});
    });
  }

  /** The counts of these things: what Redis does not know comes from the database, and stays there. */
  async of(
    kind: Kind,
    ids: string[],
    beside?: Map<string, string | null>,
  ): Promise<(id: string) => Omit<Counts, 'id'>> {
    const keys = beside ? [] : ids.map((id) => this.#key(kind, id));
    const asked = keys.length === 0 ? [] : await this.#redis.mget(keys).catch(() => []);
    const known = beside ? ids.map((id) => beside.get(id)) : asked;
    const found = known.flatMap((each): Counts[] => (each ? [JSON.parse(each)] : []));
    const counts = new Map(found.map((each) => [each.id, each]));
    const missing = ids.filter((id) => !counts.has(id));
    this.reads.hits += counts.size;
    this.reads.misses += missing.length;
    if (missing.length > 0) {
      const loaded = await this.#countables[kind].counts(missing);
      for (const each of loaded) counts.set(each.id, each);
      await this.#put(kind, loaded).catch(() => {});
    }
    return (id) => counts.get(id) ?? { version: 0, likesCount: 0, commentsCount: 0 };
  }

  /**
   * Tells Redis what has changed, and what it could not be told before. It is read after the commit:
   * read in the transaction, it would keep all waiting who wait for the row.
   */
  async #tell(kind: Kind, changed: string[]): Promise<void> {
    const ids = [...new Set([...changed, ...this.#untold[kind]])].slice(0, MOST_UNTOLD);
    this.#untold[kind].clear();
    if (ids.length === 0) return;
    let told = false;
    try {
      if (this.#redis.status !== 'ready') return;
      await this.#put(kind, await this.#countables[kind].counts(ids));
      told = true;
    } finally {
      if (!told) for (const id of ids) this.#untold[kind].add(id);
    }
  }

  async #put(kind: Kind, counts: Counts[]): Promise<void> {
    const keys = counts.map(({ id }) => this.#key(kind, id));
    const values = counts.map((each) => JSON.stringify(each));
    await this.#redis.eval(PUT, keys.length, ...keys, SECONDS, ...values);
  }

  /** What the keys of these things begin with, for who reads them beside something else. */
  keysOf(kind: Kind): string {
    return `${this.#prefix}:counts:${kind}:`;
  }

  #key(kind: Kind, id: string): string {
    return this.keysOf(kind) + id;
  }
}
