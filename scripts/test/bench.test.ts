// `course bench`: real steps, real servers, a real load generator. The figures are not judged.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import t from 'tap';
import { load, measure, percentile } from '../bench/core/load.ts';
import { openLoad } from '../bench/core/open-load.ts';
import { plot } from '../bench/core/plot.ts';
import { benchNames, loadBench, places, readKept } from '../bench/core/run.ts';
import { formatTables } from '../bench/core/table.ts';
import type { Comparison, CountPanel, KeptResult, Panel } from '../bench/core/types.ts';
import { courseAt } from '../src/core/course.ts';
import { toolEnv } from '../src/core/run.ts';
import { servicesUp } from '../src/services/index.ts';

t.setTimeout(290_000);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLI = fileURLToPath(new URL('../course.js', import.meta.url));

/** Starts the tool as a person would, without what tap puts into every Node process. */
function bench(...args: string[]) {
  return execa(process.execPath, [CLI, 'bench', ...args], {
    cwd: ROOT,
    env: { ...toolEnv(ROOT), NODE_OPTIONS: '' },
    extendEnv: false,
    reject: false,
    all: true,
  });
}

async function databases(): Promise<unknown[]> {
  const { DATABASE_URL } = await servicesUp({ need: ['mysql'], quiet: true });
  const connection = await createConnection(DATABASE_URL);
  const [rows] = await connection.query<RowDataPacket[]>(
    "SHOW DATABASES LIKE 'fanout\\_bench\\_%'",
  );
  await connection.end();
  return rows;
}

const EXAMPLE: Comparison = {
  title: 'Old against new',
  variants: ['old', 'new'],
  panels: [
    {
      title: 'Reading',
      size: 'depth',
      measure: 'perSecond',
      axis: 'pages per second',
      rows: [10, 1_000].map((size) => ({
        size,
        first: { requests: 5, perSecond: 12_000 / size, p50: 2, p99: 3 },
        second: { requests: 5, perSecond: 1_500, p50: 0.5, p99: 1 },
      })),
    },
  ],
  facts: {},
};

type Ways = Partial<Record<'joined' | 'cached', { statements: number; rowsRead: number }>>;

t.test('without a name, the benchmarks are listed; a wrong one is a sentence', async (t) => {
  const list = await bench();
  t.equal(list.exitCode, 0);
  t.match(list.stdout, /^ {2}feed +the pull feed/m);
  const wrong = await bench('fed');
  t.equal(wrong.exitCode, 2);
  t.equal(wrong.all, `There is no benchmark "fed": there is ${benchNames().join(', ')}.`);
});

t.test('feed --quick measures every cell and cleans up', async (t) => {
  const out = t.testdir();
  const running = bench('feed', '--quick', '--out', out);
  await new Promise((resolve) => running.stderr?.once('data', resolve));
  const second = await bench('feed', '--quick');
  t.equal(second.exitCode, 2);
  t.match(second.all, 'Another benchmark is running');
  const { exitCode, stdout, all } = await running;
  t.equal(exitCode, 0, all);
  t.match(stdout, /people followed[\s\S]*1,000 │[\s\S]*followers[\s\S]*100 │/);
  const kept: KeptResult = JSON.parse(readFileSync(join(out, 'feed.json'), 'utf8'));
  const rows = (kept.panels as Panel[]).flatMap((panel) => panel.rows);
  t.same(
    rows.map(({ size }) => size),
    [10, 100, 1_000, 10, 100],
  );
  for (const { first, second } of rows) t.ok(first.requests > 0 && second.requests > 0);
  t.ok(existsSync(join(out, 'feed-pull-vs-push.svg')));
  t.same(await databases(), []);
});

t.test('pages --quick finds the same pages in both, and measures them', async (t) => {
  const out = t.testdir();
  const { exitCode, all } = await bench('pages', '--quick', '--out', out);
  t.equal(exitCode, 0, all);
  const kept: KeptResult = JSON.parse(readFileSync(join(out, 'pages.json'), 'utf8'));
  const sizes = kept.panels.flatMap((panel) => panel.rows.map(({ size }) => size));
  t.same(sizes, [0, 1_000]);
  t.match(readFileSync(join(out, 'pages-offset-vs-keyset.svg'), 'utf8'), />1,000</);
});

t.test('users --quick counts what MySQL reads with and without the join', async (t) => {
  const out = t.testdir();
  const { exitCode, all } = await bench('users', '--quick', '--out', out);
  t.equal(exitCode, 0, all);
  const kept: KeptResult = JSON.parse(readFileSync(join(out, 'users.json'), 'utf8'));
  const sizes = kept.panels.map((panel) => panel.rows.map(({ size }) => size));
  t.same(sizes, [
    [1, 5, 20],
    [5, 20, 100],
  ]);
  const { joined, cached } = (kept.facts.mysqlForAFeed as Record<string, Ways>)['20'] ?? {};
  t.equal(joined?.statements, cached?.statements);
  // Twenty users and twenty profiles.
  t.equal(joined && cached && joined.rowsRead - cached.rowsRead, 40);
  t.ok(existsSync(join(out, 'users-join-vs-memcached.svg')));
});

t.test('cache --quick finds the same page in three steps, by fewer statements each', async (t) => {
  const out = t.testdir();
  const { exitCode, all } = await bench('cache', '--quick', '--out', out);
  t.equal(exitCode, 0, all);
  t.match(all, /Step 44: \d+ % of the bound; 3 statements a page/);
  const kept: KeptResult = JSON.parse(readFileSync(join(out, 'cache.json'), 'utf8'));
  const sizes = kept.panels.map((panel) => panel.rows.map(({ size }) => size));
  t.same(sizes, [
    [37, 41, 44],
    [10, 100],
  ]);
  const mysql = kept.facts.mysql as Record<string, { statements: number; rowsRead: number }>;
  t.same(
    Object.values(mysql).map(({ statements }) => statements),
    [5, 4, 3],
  );
  const plotted = readFileSync(join(out, 'feed-caches.svg'), 'utf8');
  for (const name of ['bare LRANGE', 'step 43']) t.match(plotted, `>${name}<`);
  t.same(await databases(), []);
});

t.test('counters --quick finds the same counts in both, also after all the liking', async (t) => {
  const out = t.testdir();
  const { exitCode, all } = await bench('counters', '--quick', '--out', out);
  t.equal(exitCode, 0, all);
  const kept: KeptResult = JSON.parse(readFileSync(join(out, 'counters.json'), 'utf8'));
  const sizes = kept.panels.map((panel) => panel.rows.map(({ size }) => size));
  t.same(sizes, [
    [10, 1_000],
    [1, 4],
    [1, 4],
  ]);
  t.ok(existsSync(join(out, 'counters-count-vs-columns.svg')));
  t.same(await databases(), []);
});

t.test(
  'fanout --quick delivers to all, with lists and without, and measures posting',
  async (t) => {
    const out = t.testdir();
    const { exitCode, all } = await bench('fanout', '--quick', '--out', out);
    t.equal(exitCode, 0, all);
    const kept: KeptResult = JSON.parse(readFileSync(join(out, 'fanout.json'), 'utf8'));
    const sizes = kept.panels.map((panel) => panel.rows.map(({ size }) => size));
    t.same(sizes, Array(3).fill([10, 1_000]));
    t.match(kept.facts.mostToFewest, { idle: Number, busy: Number });
    t.ok(existsSync(join(out, 'fanout.svg')));
    t.same(await databases(), []);
  },
);

t.test('memory --quick: a list is smaller than a sorted set, and the worker reports', async (t) => {
  const out = t.testdir();
  const { exitCode, all } = await bench('memory', '--quick', '--out', out);
  t.equal(exitCode, 0, all);
  const kept: KeptResult = JSON.parse(readFileSync(join(out, 'memory.json'), 'utf8'));
  const [worker, feeds] = kept.panels as CountPanel[];
  t.same(
    worker?.rows.map(({ size }) => size),
    [10, 10_000],
  );
  for (const { first } of worker?.rows ?? []) t.ok(first.amount > 0);
  for (const { first, second } of feeds?.rows ?? []) t.ok(second.amount < first.amount);
  t.ok(existsSync(join(out, 'memory.svg')));
  t.same(await databases(), []);
});

t.test('attack --quick: each remedy saves the statements that it is there for', async (t) => {
  const out = t.testdir();
  const { exitCode, all } = await bench('attack', '--quick', '--out', out);
  t.equal(exitCode, 0, all);
  const kept: KeptResult = JSON.parse(readFileSync(join(out, 'attack.json'), 'utf8'));
  const [nowhere, atOnce, herd] = (kept.panels as CountPanel[]).map(({ rows }) =>
    rows.map(({ size, first, second }) => [size, first.amount, second.amount]),
  );
  t.same(nowhere, [
    [10, 10, 1],
    [100, 100, 1],
  ]);
  const [objects, all600, spread] = atOnce?.[0] ?? [];
  t.equal(objects, all600);
  t.ok(Number(spread) < 50, String(spread));
  t.same(
    herd?.map(([readers, , shared]) => [readers, shared]),
    [
      [10, 1],
      [50, 1],
    ],
  );
  t.same(kept.facts.anotherIdEachTime, { requests: 100, statements: { 45: 100, 46: 100 } });
  t.same(await databases(), []);
});

t.test('shedding --quick: what it asks for is answered or refused', async (t) => {
  const out = t.testdir();
  const { exitCode, all } = await bench('shedding', '--quick', '--out', out);
  t.equal(exitCode, 0, all);
  t.match(all, /Servers run on core \d+ only|share the processor/);
  const kept: KeptResult = JSON.parse(readFileSync(join(out, 'shedding.json'), 'utf8'));
  const sizes = kept.panels.map((panel) => panel.rows.map(({ size }) => size));
  t.same(sizes, [[50, 300]]);
  t.ok(existsSync(join(out, 'load-shedding.svg')));
  t.same(await databases(), []);
});

t.test('Ctrl-C stops it, and nothing is left or kept', async (t) => {
  const out = t.testdir();
  const running = bench('feed', '--quick', '--out', out);
  running.stderr?.on('data', (chunk: Buffer) => {
    if (chunk.includes('Reading: 10 ')) running.kill('SIGINT');
  });
  const { exitCode, all } = await running;
  t.equal(exitCode, 1);
  t.match(all, /Stopping the servers[\s\S]*The benchmark was stopped, and nothing was kept\.$/);
  t.same(readdirSync(out), []);
  t.same(await databases(), []);
});

t.test('every benchmark’s plot in the lessons is that of its kept result', async (t) => {
  for (const name of benchNames()) {
    const { json, svg } = places(courseAt(ROOT), name, await loadBench(name));
    const picture = await plot(readKept({ json, svg }));
    t.equal(picture, readFileSync(svg, 'utf8'), `npx course bench ${name} --redraw`);
  }
});

t.test('a comparison is a table with ratios, and a plot', async (t) => {
  t.match(formatTables(EXAMPLE), /│ +10 │ +1,200 │ +2 │ +3 │ +1,500 │ +0.5 │ +1 │ +× 1.3 │/);
  t.match(formatTables(EXAMPLE), /1,000 │ +12 │.*× 130 │/);
  const svg = await plot(EXAMPLE);
  t.match(svg, /^<svg /);
  for (const text of ['Reading', 'depth', 'old', 'new', '× 1.3']) t.match(svg, `>${text}<`);
});

t.test('what is counted has one column for each of the two', async (t) => {
  const rows = [{ size: 100, first: { amount: 100 }, second: { amount: 1 } }];
  const counted: Comparison = {
    ...EXAMPLE,
    panels: [
      { title: 'Herd', size: 'readers', measure: 'amount', unit: 'statements', axis: 'SQL', rows },
    ],
  };
  t.match(formatTables(counted), /old statements │ new statements/);
  t.match(formatTables(counted), /│ +100 │ +100 │ +1 │ +× 0.01 │/);
  t.match(await plot(counted), '>× 0.01<');
});

t.test('on a linear scale there is a place for nothing', async (t) => {
  const rows = [
    { size: 100, first: { amount: 90 }, second: { amount: 90 } },
    { size: 200, first: { amount: 0 }, second: { amount: 80 } },
    { size: 300, first: { amount: 0 }, second: { amount: 0 } },
  ];
  const linear = { scale: 'linear', measure: 'amount', unit: '%', axis: 'good', rows } as const;
  const panels: CountPanel[] = [{ title: 'Goodput', size: 'load', ...linear }];
  t.match(formatTables({ ...EXAMPLE, panels }), /│ +× 1 │[\s\S]*│ +× ∞ │[\s\S]*│ +– │/);
  const svg = await plot({ ...EXAMPLE, panels });
  t.match(svg, '>× ∞<');
  t.notMatch(svg, 'NaN');
});

t.test('an open load does not wait for answers, and counts from the planned moment', async (t) => {
  const held: (() => void)[] = [];
  const server = createServer((request, response) => {
    response.statusCode = request.headers.authorization === 'me' ? 200 : 503;
    held.push(() => response.end('ok'));
    if (held.length === 20) for (const answer of held) answer();
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const order = { url: `http://127.0.0.1:${port}`, path: '/', headers: { authorization: 'me' } };
  const { signal } = new AbortController();
  const report = await openLoad(
    { ...order, perSecond: 40, connections: 20, runIn: 0, seconds: 0.5, patience: 300 },
    { signal, core: undefined },
  );
  t.match(report, { planned: 20, statuses: { 200: 20 } });
  t.ok((report.ms[0] ?? 0) > 400, 'the first waits for the last');
});

t.test('percentiles are measured values, and the middle round gives the rate', async (t) => {
  t.equal(percentile([1, 2, 3, 4], 50), 2);
  t.equal(percentile([1, 2, 3, 4], 99), 4);
  t.equal(percentile([7], 1), 7);
  const round = (ms: number[], seconds: number) => ({ ms, seconds, statuses: {}, errors: 0 });
  const rounds = [round([3, 1], 1), round([2, 2], 2), round([9, 9], 100)];
  t.same(measure(rounds), { requests: 6, perSecond: 1, p50: 2, p99: 9 });
});

t.test('a server that refuses is an error, not a fast server', async (t) => {
  let refuse = false;
  const server = createServer((_, response) => {
    response.statusCode = refuse ? 401 : 200;
    response.end('ok');
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const order = {
    url: `http://127.0.0.1:${port}`,
    requests: [{ method: 'GET' as const, path: '/page', headers: {} }],
    connections: 2,
    seconds: 10,
    amount: 20,
  };
  const { signal } = new AbortController();
  t.equal((await load(order, signal)).ms.length, 20);
  refuse = true;
  await t.rejects(load(order, signal), { message: /GET \/page was answered with {"401":20}/ });
});
