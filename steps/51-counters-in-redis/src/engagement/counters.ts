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

/** So long Redis may be wrong when it could not be told of a change. */
const SECONDS = 60;

/** Counts, read from Redis. While that is away, they come from the database. */
export class Counters {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #countables: Record<Kind, Countable>;

  constructor(redis: Redis, prefix: string, events: EventBus, countables: Record<Kind, Countable>) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#countables = countables;
    events.on('counts.changed', async ({ subjectType, subjectId }) => {
      await redis.del(this.#key(subjectType, subjectId));
    });
  }

  /** The counts of these things: what Redis does not know comes from the database, and stays there. */
  async of(kind: Kind, ids: string[]): Promise<(id: string) => Omit<Counts, 'id'>> {
    const keys = ids.map((id) => this.#key(kind, id));
    const known = keys.length === 0 ? [] : await this.#redis.mget(keys).catch(() => []);
    const found = known.flatMap((each): Counts[] => (each ? [JSON.parse(each)] : []));
    const counts = new Map(found.map((each) => [each.id, each]));
    const missing = ids.filter((id) => !counts.has(id));
    if (missing.length > 0) {
      const loaded = await this.#countables[kind].counts(missing);
      for (const each of loaded) counts.set(each.id, each);
      await this.#put(kind, loaded).catch(() => {});
    }
    return (id) => counts.get(id) ?? { likesCount: 0, commentsCount: 0 };
  }

  async #put(kind: Kind, counts: Counts[]): Promise<void> {
    const batch = this.#redis.pipeline();
    for (const each of counts) {
      batch.set(this.#key(kind, each.id), JSON.stringify(each), 'EX', SECONDS);
    }
    await batch.exec();
  }

  #key(kind: Kind, id: string): string {
    return `${this.#prefix}:counts:${kind}:${id}`;
  }
}
