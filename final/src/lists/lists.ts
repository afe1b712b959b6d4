import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Flight } from '../cache/objects.ts';
import type { Range, Slice } from '../pagination/keyset.ts';

/** How many ids a list has at most. Whoever reads on turns to MySQL. */
export const WINDOW = 800;
/** In seconds: a list that nobody reads is forgotten. */
const LIFE_S = 3 * 24 * 3600;
/** Stands behind the last id if there is nothing older. No row has this id. */
const BOTTOM = '0';

/** In seconds: how long a reader may take from reading the table to filling the list. */
const LEASE_S = 10;

/** KEYS: list, lease. ARGV: token, ids. Fills the list, unless the lease has gone since. */
const FILL = `
  if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
  redis.call('UNLINK', KEYS[1], KEYS[2])
  redis.call('RPUSH', KEYS[1], unpack(ARGV, 2))
  return redis.call('EXPIRE', KEYS[1], ${LIFE_S})`;

/**
 * KEYS: list, lease, list, lease … ARGV: id. Adds the id in its place, at most once, to the lists
 * that are there. Whoever is about to fill one may have read before this id was there: their lease
 * goes. Ids are compared as text: a number in Lua is exact only up to 2^53. An id that is older than
 * a list reaches is not for it: between the two there may be others.
 */
const PUSH = `
  local id = ARGV[1]
  local function push(list)
    for i = 0, redis.call('LLEN', list) - 1 do
      local other = redis.call('LINDEX', list, i)
      if other == id then return end
      if #id > #other or (#id == #other and id > other) then
        redis.call('LINSERT', list, 'BEFORE', other, id)
        return redis.call('LTRIM', list, 0, ${WINDOW})
      end
    end
  end
  for k = 1, #KEYS, 2 do
    redis.call('DEL', KEYS[k + 1])
    push(KEYS[k])
  end`;

/** KEYS, ARGV: as above. Takes the id out, and out of what somebody is about to fill. */
const REMOVE = `
  for k = 1, #KEYS, 2 do
    redis.call('DEL', KEYS[k + 1])
    redis.call('LREM', KEYS[k], 1, ARGV[1])
  end`;

/** What shall be read beside the ids on top of a list: a key for each, and a field of one hash. */
export interface Wanted {
  /** What the keys begin with; the id follows. */
  key: string;
  hash: string;
  /** What the fields begin with. */
  field: string;
  /** One more field, for all of them. */
  stamp: string;
}

/** What Redis had there in the same moment, by id. */
export interface Beside {
  values: Map<string, string | null>;
  fields: Map<string, string | null>;
  stamp: string | null;
}

/**
 * KEYS: list, hash. ARGV: last index, what keys begin with, what fields begin with, stamp. The keys
 * depend on the list, so they are not among KEYS: a Redis Cluster would not know where they are.
 */
const READ_BESIDE = `
  local ids = redis.call('LRANGE', KEYS[1], 0, ARGV[1])
  if #ids == 0 then return {} end
  redis.call('EXPIRE', KEYS[1], ${LIFE_S})
  local keys, fields = {}, {}
  for i, id in ipairs(ids) do
    keys[i], fields[i] = ARGV[2] .. id, ARGV[3] .. id
  end
  local values = redis.call('MGET', unpack(keys))
  return { ids, values, redis.call('HMGET', KEYS[2], ARGV[4], unpack(fields)) }`;

type Answer = [kept?: string[], values?: (string | null)[], fields?: (string | null)[]];

/**
 * Lists of ids in Redis, newest first: copies of what MySQL has, made when they are first read. A
 * list is a window on the newest, without gaps; with BOTTOM at its end it is all there is.
 * Whoever changes the table changes the copy after the commit. Without Redis there are no copies,
 * and what could not be changed meanwhile is thrown away before anything is read again.
 */
export class IdLists {
  readonly #redis: Redis;
  readonly #prefix: string;
  /** Keys of what Redis has and should not have. */
  readonly #owed = new Set<string>();
  /** Who fills which list, with which token. */
  readonly #flights = new Map<string, Flight<string[]> & { token: string }>();
  readonly reads = { hits: 0, misses: 0 };

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  /**
   * A page of a list; undefined if it reaches beyond the window, or without Redis. A list that is not
   * there is filled from `load`, which gives the newest ids, as many as it is asked for. Whoever wants
   * it meanwhile waits for it, unless something has come or gone since.
   */
  async page(
    name: string,
    range: Range,
    load: (limit: number) => Promise<string[]>,
    wanted?: Wanted,
  ): Promise<(Slice<string> & { beside?: Beside }) | undefined> {
    try {
      await this.settle();
      const [list, lease] = this.#keys(name);
      const came = performance.now();
      if (wanted && !range.from) {
        const top = await this.#readBeside(list, range.limit, wanted);
        const slice = top && within(top.kept, range);
        if (slice) this.reads.hits += 1;
        if (slice) return { ...slice, beside: top.beside };
      }
      const { kept, token } = await this.#read(list, lease, range);
      this.reads[kept.length > 0 ? 'hits' : 'misses'] += 1;
      if (kept.length > 0) return within(kept, range);
      const flight = this.#flights.get(list);
      const isGood = flight && (flight.began >= came || flight.token === token);
      const { answer } = isGood ? flight : this.#take(list, lease, load);
      return within(await answer, range);
    } catch {
      return undefined;
    }
  }

  /** An id has come into these lists, 1,000 at most, and its rows are committed. */
  async push(names: string[], id: string): Promise<void> {
    await this.#change(names, (keys) => this.#redis.eval(PUSH, keys.length, ...keys, id));
  }

  /** An id has gone from these lists, 1,000 at most, and this is committed. */
  async remove(names: string[], id: string): Promise<void> {
    await this.#change(names, (keys) => this.#redis.eval(REMOVE, keys.length, ...keys, id));
  }

  /** So much has changed that whoever reads this list next had better fill it anew. */
  async forget(name: string): Promise<void> {
    await this.#change([name], (keys) => this.#redis.unlink(keys));
  }

  /** From the top as much as the page needs; to find a place, all. Who reads a list keeps it alive. */
  async #read(list: string, lease: string, { from, limit }: Range) {
    const [kept] = await Promise.all([
      this.#redis.lrange(list, 0, from ? -1 : limit),
      this.#redis.expire(list, LIFE_S),
    ]);
    // After the list: if the lease is still there, nothing has come or gone until now.
    return { kept, token: kept.length === 0 ? await this.#redis.get(lease) : null };
  }

  /** The top, and what is wanted beside it; undefined if there is no list. */
  async #readBeside(list: string, limit: number, { key, hash, field, stamp }: Wanted) {
    const read = this.#redis.eval(READ_BESIDE, 2, list, hash, limit, key, field, stamp);
    const [kept, values = [], [first = null, ...rest] = []] = (await read) as Answer;
    if (!kept) return undefined;
    const byId = (column: (string | null)[]) =>
      new Map(kept.map((id, n) => [id, column[n] ?? null]));
    return { kept, beside: { values: byId(values), fields: byId(rest), stamp: first } };
  }

  #take(list: string, lease: string, load: (limit: number) => Promise<string[]>) {
    const token = randomUUID();
    const flight = {
      began: performance.now(),
      token,
      answer: this.#fill(list, lease, token, load),
    };
    this.#flights.set(list, flight);
    const land = () => {
      if (this.#flights.get(list) === flight) this.#flights.delete(list);
    };
    flight.answer.then(land, land);
    return flight;
  }

  async #fill(list: string, lease: string, token: string, load: (n: number) => Promise<string[]>) {
    await this.#redis.set(lease, token, 'EX', LEASE_S, 'NX');
    const ids = await load(WINDOW + 1);
    if (ids.length <= WINDOW) ids.push(BOTTOM);
    await this.#redis.eval(FILL, 2, list, lease, token, ...ids);
    return ids;
  }

  async #change(names: string[], send: (keys: string[]) => Promise<unknown>): Promise<void> {
    if (names.length === 0) return;
    const keys = names.flatMap((name) => this.#keys(name));
    await send(keys).catch(() => {
      for (const key of keys) this.#owed.add(key);
    });
  }

  /** Throws away what is owed, or throws. Until it succeeds, nothing is read. */
  async settle(): Promise<void> {
    const keys = [...this.#owed];
    if (keys.length > 0) await this.#redis.unlink(keys);
    for (const key of keys) this.#owed.delete(key);
  }

  #keys(name: string): [list: string, lease: string] {
    return [`${this.#prefix}:${name}`, `${this.#prefix}:${name}:lease`];
  }
}

/** The page of these ids, if it and the id behind it are inside: that one tells whether it goes on. */
function within(kept: string[], { limit, from }: Range): Slice<string> | undefined {
  const isAll = kept.at(-1) === BOTTOM;
  const ids = isAll ? kept.slice(0, -1) : kept;
  const back = from?.towards === 'prev';
  const place = from
    ? ids.findIndex((id) => isOlder(id, from.key) || (back && id === from.key))
    : 0;
  const middle = place < 0 ? ids.length : place;
  const end = back ? middle : middle + limit;
  if (end >= ids.length && !isAll) return undefined;
  const items = ids.slice(back ? Math.max(0, end - limit) : middle, end);
  const [first, last] = [items.at(0), items.at(-1)];
  return {
    items,
    next: last && (back || end < ids.length) ? { key: last, towards: 'next' } : undefined,
    prev: first ? { key: first, towards: 'prev' } : back ? from : undefined,
  };
}

function isOlder(id: string, than: string): boolean {
  return id.length === than.length ? id < than : id.length < than.length;
}
