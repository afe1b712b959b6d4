// More requests than a process can answer, without load shedding (step 70) and with it (71): people
// come at a fixed rate and do not wait for each other, and who waits longer than a second has left.
import { setTimeout as sleep } from 'node:timers/promises';
import { FULL as DATA, fill, type Page } from './cache.ts';
import { ACCOUNT, type BenchApp, type BenchContext, post } from './core/context.ts';
import { percentile } from './core/load.ts';
import {
  type Cores,
  coresToPinTo,
  type OpenLoadOrder,
  type OpenLoadReport,
  openLoad,
  pin,
} from './core/open-load.ts';
import type { Bench, Comparison, Count, CountRow } from './core/types.ts';

const STEPS = { 70: 'hardening', 71: 'load-shedding' } as const;

interface Sizes {
  /** In percent of what the process without shedding can answer. */
  loads: number[];
  seconds: number;
  /** A process that has just started is slow: of so many seconds nothing is counted. */
  warmUp: number;
}

const FULL: Sizes = { loads: [50, 80, 100, 120, 150, 200, 300], seconds: 4, warmUp: 4 };
const QUICK: Sizes = { loads: [50, 300], seconds: 1, warmUp: 3 };

/** Somebody still wants an answer that comes within so many milliseconds. */
const PATIENCE_MS = 1_000;
/** As many as keep a process busy. */
const AT_CAPACITY = 50;
/** More than any limit of the step, so that it is the process that refuses. */
const CONNECTIONS = 600;

export const bench: Bench = {
  summary: 'more than a process can answer, without load shedding (70) and with it (71)',
  image: 'load-shedding.svg',
  secondsAtMost: 400,
  run,
};

async function run(context: BenchContext): Promise<Comparison> {
  const sizes = context.quick ? QUICK : FULL;
  const { apps, page } = await startBoth(context);
  const cores = await separate(context, Object.values(apps));
  const ask = (app: BenchApp, order: Partial<OpenLoadOrder>) => {
    const all = { url: app.url, ...page, patience: PATIENCE_MS, connections: CONNECTIONS };
    const { signal } = context;
    return openLoad(
      { ...all, runIn: 1, seconds: sizes.seconds, ...order },
      { signal, core: cores?.generator },
    );
  };
  for (const app of Object.values(apps)) {
    await ask(app, { connections: AT_CAPACITY, seconds: sizes.warmUp });
  }
  const rows: CountRow[] = [];
  const capacities: number[] = [];
  const refused: Record<number, number> = {};
  const slow: Record<number, number> = {};
  let busiest = 0;
  for (const load of sizes.loads) {
    // Anew for each load: what else the machine does changes within minutes.
    const most = await ask(apps[70], { connections: AT_CAPACITY, seconds: sizes.seconds / 2 });
    const capacity = most.ms.length / (sizes.seconds / 2);
    capacities.push(Math.round(capacity));
    context.say(`${load} % of ${Math.round(capacity)} a second …`);
    const order = { perSecond: (capacity * load) / 100, runIn: untilFull(load) };
    const first = await ask(apps[70], order);
    // What has been sent and is of no use any more is still worked on.
    await sleep(PATIENCE_MS, undefined, { signal: context.signal });
    const second = await ask(apps[71], order);
    await sleep(PATIENCE_MS, undefined, { signal: context.signal });
    busiest = Math.max(busiest, first.busy, second.busy);
    refused[load] = Math.round((100 * (second.statuses[503] ?? 0)) / second.planned);
    slow[load] = p99Of(second);
    const of = (report: OpenLoadReport) => good(report, capacity, sizes);
    rows.push({ size: load, first: of(first), second: of(second) });
  }
  context.say(`Refused by step 71, in percent of all: ${JSON.stringify(refused)}.`);
  context.say(`The generator was busy for at most ${Math.round(100 * busiest)} % of the time.`);
  return {
    title: 'More requests than a process can answer',
    variants: ['step 70', 'step 71'],
    panels: [
      {
        title: `Answers within ${PATIENCE_MS / 1_000} s`,
        size: 'requests, % of capacity',
        measure: 'amount',
        unit: 'good, %',
        axis: 'good answers, % of capacity',
        scale: 'linear',
        rows,
      },
    ],
    facts: {
      patienceMs: PATIENCE_MS,
      connections: CONNECTIONS,
      seconds: sizes.seconds,
      pinned: cores !== undefined,
      capacities,
      refusedPercent: refused,
      p99Ms: slow,
      generatorBusyPercent: Math.round(100 * busiest),
    },
  };
}

/** Both servers on the same data, and the page that is asked for: warm, it needs no SQL. */
async function startBoth(context: BenchContext) {
  context.say('Starting step 70, making the data and a copy for step 71 …');
  const first = await context.start(STEPS[70], 'shedding_70');
  await post(`${first.url}/api/accounts/signup`, ACCOUNT);
  await fill(context, { ...DATA, followers: [10] }, first.database);
  await context.copyDatabase(first, 'shedding_71');
  const apps = { 70: first, 71: await context.start(STEPS[71], 'shedding_71') };
  for (const { database } of Object.values(apps)) {
    await context.sql('ANALYZE TABLE users, tweets, newsfeeds, likes, comments', database);
  }
  const authorization = await first.logIn(ACCOUNT.username, ACCOUNT.password);
  const page: Page = { path: '/api/newsfeeds', headers: { authorization } };
  return { apps, page };
}

/** The generator is not to take from the servers what it measures. */
async function separate(context: BenchContext, apps: BenchApp[]): Promise<Cores | undefined> {
  const cores = await coresToPinTo();
  if (cores === undefined) {
    context.say(
      'Servers and generator share the processor: there is no taskset, or one core only.',
    );
    return undefined;
  }
  for (const { pid } of apps) if (pid !== undefined) await pin(pid, cores.server);
  context.say(`Servers run on core ${cores.server} only, the generator on ${cores.generator}.`);
  return cores;
}

/**
 * The seconds that a load takes to show what it does for good: until, without shedding, who is
 * answered has waited longer than anybody does.
 */
function untilFull(load: number): number {
  return load > 100 ? PATIENCE_MS / 1_000 / (1 - 100 / load) + 1 : 1;
}

/** What step 71 answers, it answers within so many milliseconds. */
function p99Of({ ms }: OpenLoadReport): number {
  return Math.round(
    percentile(
      ms.sort((a, b) => a - b),
      99,
    ),
  );
}

/** Good answers, in percent of what the process without shedding can answer. */
function good({ ms }: OpenLoadReport, capacity: number, { seconds }: Sizes): Count {
  const inTime = ms.filter((each) => each <= PATIENCE_MS).length;
  return { amount: Math.round((1_000 * inTime) / seconds / capacity) / 10 };
}
