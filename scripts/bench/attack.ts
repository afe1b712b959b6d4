// Three ways past a cache, each counted before and after its remedy: ids that are nowhere
// (penetration: steps 45 and 46), much that expires at once (avalanche: 45 and 46), and many who
// want the same expired object (breakdown: 46 and 47). Counted, not timed: statements and misses
// are the same on every machine.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { servicesUp } from '../src/services/index.ts';
import { ACCOUNT, type BenchContext, post } from './core/context.ts';
import { forget } from './core/memcached.ts';
import { openStepApp, recordStatements, type StepApp, stepFolder } from './core/step-app.ts';
import type { Bench, Comparison, CountPanel, CountRow } from './core/types.ts';

const STEPS = {
  45: 'bounded-windows',
  46: 'cache-penetration',
  47: 'single-flight',
} as const;

interface Sizes {
  /** How often it is asked for what is nowhere. */
  requests: number[];
  /** How many objects are kept in the same second. */
  objects: number[];
  /** How many want an expired object at once. */
  readers: number[];
  /** How often an object expires; the middle of what is counted is taken. */
  rounds: number;
}

const FULL: Sizes = {
  requests: [10, 100, 1_000],
  objects: [100, 1_000, 10_000],
  readers: [10, 100, 1_000],
  rounds: 7,
};
const QUICK: Sizes = { requests: [10, 100], objects: [1_000], readers: [10, 50], rounds: 1 };

/** How long the objects of the avalanche are watched, by a clock that is only counted. */
const WATCHED_S = 3_600;
/** No tweet has this id or one of the next. */
const NOWHERE = 1_000_000;

export const bench: Bench = {
  summary:
    'ids that are nowhere, expiry at once, a herd: statements without (45, 46) and with a remedy',
  image: 'cache-attacks.svg',
  secondsAtMost: 300,
  run,
};

type Apps = Record<keyof typeof STEPS, StepApp>;

async function run(context: BenchContext): Promise<Comparison> {
  const sizes = context.quick ? QUICK : FULL;
  context.say('Starting step 45 and making copies of its database for 46 and 47 …');
  const first = await context.start(STEPS[45], 'attack_45');
  await post(`${first.url}/api/accounts/signup`, ACCOUNT);
  await context.sql("INSERT INTO tweets (user_id, content) VALUES (1, 'Read me.')", first.database);
  const databases = { 45: first.database } as Record<keyof typeof STEPS, string>;
  const apps: Partial<Apps> = {};
  try {
    for (const step of [45, 46, 47] as const) {
      databases[step] ??= await context.copyDatabase(first, `attack_${step}`);
      apps[step] = await openStepApp(STEPS[step], databases[step]);
    }
    const penetration = await penetrate(context, sizes, apps as Apps);
    const random = await askForOthers(context, sizes, apps as Apps);
    return {
      title: 'Ways past a cache, before and after the remedy',
      variants: ['step 45', 'step 46'],
      panels: [
        penetration,
        await avalanche(context, sizes),
        await breakDown(context, sizes, apps as Apps, databases),
      ],
      facts: { ...sizes, watchedSeconds: WATCHED_S, anotherIdEachTime: random },
    };
  } finally {
    for (const app of Object.values(apps)) await app.close();
  }
}

/** Somebody asks for the same tweet, which is nowhere, again and again. */
async function penetrate(context: BenchContext, sizes: Sizes, apps: Apps): Promise<CountPanel> {
  const rows: CountRow[] = [];
  let id = NOWHERE;
  for (const size of sizes.requests) {
    context.say(`Penetration: ${size} requests …`);
    id += 1;
    const ids = Array.from({ length: size }, () => id);
    const count = async (step: 45 | 46) => ({ amount: await missed(context, apps[step], ids) });
    rows.push({ size, first: await count(45), second: await count(46) });
  }
  return {
    title: 'Penetration: an id that is nowhere',
    size: 'requests for it within a minute',
    measure: 'amount',
    unit: 'statements',
    axis: 'statements',
    rows,
  };
}

/** And somebody for another one each time, against which keeping nothing does nothing. */
async function askForOthers(context: BenchContext, { requests }: Sizes, apps: Apps) {
  const many = Math.max(...requests);
  const ids = Array.from({ length: many }, (_, n) => 2 * NOWHERE + n);
  return {
    requests: many,
    statements: {
      45: await missed(context, apps[45], ids),
      46: await missed(context, apps[46], ids),
    },
  };
}

/** The statements for these tweets, one request after the other, each answered with 404. */
async function missed(context: BenchContext, app: StepApp, ids: number[]): Promise<number> {
  const statements = await recordStatements(async () => {
    for (const id of ids) {
      context.signal.throwIfAborted();
      await get(app, id, 404);
    }
  });
  return statements.length;
}

/** What is used of the step's cache, and what it uses of Memcached's client. */
interface Cache {
  getMany(
    kind: string,
    ids: string[],
    load: (ids: string[]) => Promise<Map<string, object>>,
  ): Promise<unknown>;
}
interface Keeper {
  isConnected(): boolean;
  gets(keys: string[]): Promise<Map<string, string>>;
  add(key: string, value: string, life: number): Promise<boolean>;
}

/**
 * Many objects are kept in the same second and read ever after, so that each is missed in the very
 * second in which it expires, and kept again. The lives are those that the step's own code gives;
 * the clock is only counted, because an hour of it would teach nothing more.
 */
async function avalanche(context: BenchContext, sizes: Sizes): Promise<CountPanel> {
  const rows: CountRow[] = [];
  for (const size of sizes.objects) {
    context.say(`Avalanche: ${size} objects …`);
    const worst = async (step: 45 | 46) => ({ amount: await worstSecond(context, step, size) });
    rows.push({ size, first: await worst(45), second: await worst(46) });
  }
  return {
    title: 'Avalanche: kept in the same second',
    size: 'objects',
    measure: 'amount',
    unit: 'misses in the worst second',
    axis: 'misses in the worst second',
    rows,
  };
}

/** The most misses in one second, of the hour after these many objects were kept. */
async function worstSecond(context: BenchContext, step: 45 | 46, objects: number): Promise<number> {
  let now = 0;
  const expiring = new Map<number, string[]>();
  const keeper: Keeper = {
    isConnected: () => true,
    // Asked only for what has expired in this second.
    gets: async () => new Map(),
    add: async (key, _value, life) => {
      const id = key.slice(key.lastIndexOf(':') + 1);
      expiring.set(now + life, [...(expiring.get(now + life) ?? []), id]);
      return true;
    },
  };
  const file = join(stepFolder(STEPS[step]), 'src', 'cache', 'objects.ts');
  const { ObjectCache } = await import(pathToFileURL(file).href);
  const cache: Cache = new ObjectCache(keeper, 'bench');
  const load = async (ids: string[]) => new Map(ids.map((id) => [id, { id }]));
  await cache.getMany(
    'tweet',
    Array.from({ length: objects }, (_, n) => String(n)),
    load,
  );
  let worst = 0;
  for (now = 1; now <= WATCHED_S; now += 1) {
    context.signal.throwIfAborted();
    const missing = expiring.get(now) ?? [];
    worst = Math.max(worst, missing.length);
    await cache.getMany('tweet', missing, load);
  }
  return worst;
}

/** A tweet expires, and many want it in the same moment. */
async function breakDown(
  context: BenchContext,
  sizes: Sizes,
  apps: Apps,
  databases: Record<keyof typeof STEPS, string>,
): Promise<CountPanel> {
  const { MEMCACHED_URL } = await servicesUp({ quiet: true });
  const rows: CountRow[] = [];
  for (const size of sizes.readers) {
    context.say(`Breakdown: ${size} readers …`);
    const counts = { 46: [] as number[], 47: [] as number[] };
    for (let round = 0; round < sizes.rounds; round += 1) {
      for (const step of [46, 47] as const) {
        context.signal.throwIfAborted();
        // The author stays kept: only the tweet expires.
        await get(apps[step], 1, 200);
        await forget(MEMCACHED_URL, `${databases[step]}:tweet:1`);
        const statements = await recordStatements(async () => {
          await Promise.all(Array.from({ length: size }, () => get(apps[step], 1, 200)));
        });
        counts[step].push(statements.filter((sql) => /from `tweets`/i.test(sql)).length);
      }
    }
    rows.push({ size, first: middle(counts[46]), second: middle(counts[47]) });
  }
  return {
    title: 'Breakdown: one tweet expires',
    variants: ['step 46', 'step 47'],
    size: 'readers at once',
    measure: 'amount',
    unit: 'statements',
    axis: 'statements that read the tweet',
    rows,
  };
}

function middle(counts: number[]): { amount: number } {
  return { amount: counts.toSorted((a, b) => a - b)[Math.floor(counts.length / 2)] ?? Number.NaN };
}

async function get(app: StepApp, id: number, expected: number): Promise<void> {
  const { statusCode } = await app.inject({ url: `/api/tweets/${id}`, headers: {} });
  if (statusCode !== expected) throw new Error(`Tweet ${id} was answered with ${statusCode}.`);
}
