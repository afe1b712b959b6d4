import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import t, { type Test } from 'tap';
import { createDatabase, dropDatabase, withDatabase } from '../src/core/app-process.ts';
import { type Course, courseAt, listSteps } from '../src/core/course.ts';
import { servicesUp } from '../src/services/index.ts';
import { sourceCases } from '../src/verify/cases.ts';
import { type Finding, type VerifyOptions, verify } from '../src/verify/index.ts';
import { databasesOn, dropLeftovers } from '../src/verify/leftovers.ts';

t.setTimeout(600_000);
t.jobs = 2;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const APP = `import { createServer } from 'node:http';

const answers: Record<string, unknown> = { '/healthz': { status: 'ok' }, '/one': { n: 1 } };

export function buildApp() {
  return createServer(({ url = '/' }, response) => {
    const answer = answers[url];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { code: 'ROUTE_NOT_FOUND' }));
  });
}
`;

const SERVER = `import { buildApp } from './app.ts';

const app = buildApp();
const port = Number(process.env.PORT ?? 3000);
app.listen(port, '127.0.0.1', () => console.log(\`Server listening at http://127.0.0.1:\${port}\`));
process.on('SIGTERM', () => {
  app.close();
  app.closeAllConnections();
});
`;

const HELPER = `import type { AddressInfo } from 'node:net';
import { buildApp } from '../src/app.ts';

export async function get(path: string): Promise<{ status: number; body: any }> {
  const app = buildApp();
  await new Promise<void>((done) => app.listen(0, '127.0.0.1', done));
  const { port } = app.address() as AddressInfo;
  const response = await fetch(\`http://127.0.0.1:\${port}\${path}\`);
  const body = await response.json();
  app.close();
  return { status: response.status, body };
}
`;

const testFile = (...cases: string[]) =>
  ["import t from 'tap';", "import { get } from './helper.ts';", ...cases, ''].join('\n');

const answers = (path: string, n: number) => `
t.test('GET ${path} answers ${n}', async (t) => {
  const { status, body } = await get('${path}');
  t.equal(status, 200);
  t.same(body, { n: ${n} });
});`;

const lesson = (frontMatter = '', tryIt = '$ curl -s localhost:3000/one\n{"n":1}') => `---
title: Numbers
part: 1 · Numbers
summary: It counts.
concepts: [numbers]
hints: [one, two, three]
${frontMatter}---

# A step

## Try it

\`\`\`console
${tryIt}
\`\`\`
`;

const manifest = (id: string) =>
  JSON.stringify({
    name: `@fanout/step-${id}`,
    type: 'module',
    devDependencies: { tap: '21.8.0' },
    tap: {
      plugin: ['!@tapjs/typescript'],
      include: ['test/**/*.test.ts'],
      'disable-coverage': true,
      'allow-empty-coverage': true,
    },
  });

const LOCK = {
  packages: {
    'steps/01-one': { devDependencies: { tap: '21.8.0' } },
    'steps/02-two': { devDependencies: { tap: '21.8.0' } },
    'node_modules/tap': { version: '21.8.0' },
  },
};

const STEP = (id: string) => ({
  'package.json': manifest(id),
  'tsconfig.json': '{ "extends": "../../tsconfig.json", "include": ["src", "test"] }',
  'src/app.ts': APP,
  'src/server.ts': SERVER,
  'test/helper.ts': HELPER,
  'test/one.test.ts': testFile(answers('/one', 1)),
});

/** A course of two steps that keeps every rule: the second adds GET /two. */
const GOOD: Record<string, string> = {
  'package-lock.json': JSON.stringify(LOCK),
  ...under('steps/01-one', STEP('01')),
  ...under('steps/02-two', {
    ...STEP('02'),
    'src/app.ts': APP.replace("'/one': { n: 1 }", "'/one': { n: 1 }, '/two': { n: 2 }"),
    'test/two.test.ts': testFile(answers('/two', 2)),
  }),
  'lessons/01-one.md': lesson(),
  'lessons/02-two.md': lesson('', '$ curl -s localhost:3000/two\n{"n":2}'),
};

function under(folder: string, files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]),
  );
}

/** Lays out the good course, with some files in another form, and undefined for a file to leave out. */
function makeCourse(t: Test, changes: Record<string, string | undefined> = {}): Course {
  const root = t.testdir({});
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'junction');
  cpSync(join(ROOT, 'tsconfig.json'), join(root, 'tsconfig.json'));
  for (const [name, text] of Object.entries({ ...GOOD, ...changes })) {
    if (text === undefined) continue;
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return courseAt(root);
}

/** Verifies step 02 (or both) and returns what was printed and the findings, one text each. */
async function run(course: Course, options: VerifyOptions & { both?: boolean } = {}) {
  const printed: string[] = [];
  const steps = listSteps(course).filter(({ number }) => options.both || number === 2);
  const print = (text: string) => printed.push(stripVTControlCharacters(text));
  const { passed, failed, ...found } = await verify(course, steps, {
    types: false,
    ...options,
    print,
  });
  const texts = (list: Finding[]) => list.map(({ check, text }) => `${check}: ${text}`);
  const [findings, flaky] = [texts(found.findings), texts(found.flaky)];
  return { passed, failed, findings, flaky, printed: printed.join('\n') };
}

t.test('a good course is green, and leaves nothing behind', async (t) => {
  const course = makeCourse(t);
  const { code, output } = await command(course, ['verify']);
  t.equal(code, 0);
  // Each step: types, starts and stops, lockfile, its cases, one command. The second also: one red
  // case, no regression.
  t.match(output, /\n15 passed, 0 failed\n$/);
  t.match(
    output,
    /│ step +│ types │ starts │ own tests │ red │ no regression │ shown output │ sec/,
  );
  t.match(output, /│ 01-one │ ✓ +│ ✓ +│ ✓ 1 +│ – +│ – +│ ✓ 1 +│ +\d+\.\d │/);
  t.match(output, /│ 02-two │ ✓ +│ ✓ +│ ✓ 2 +│ ✓ 1 │ ✓ +│ ✓ 1 +│ +\d+\.\d │/);
  t.match(output, /✓ 02-two +red on predecessor +\d+\.\d s/);
  t.same(readdirSync(course.stateDir), []);
});

t.test('rule 1: a step that does not type-check', async (t) => {
  const course = makeCourse(t, {
    'steps/02-two/src/wrong.ts': "export const wrong: number = 'one';\n",
  });
  const { code, output } = await command(course, ['verify', '02']);
  t.equal(code, 1);
  t.match(output, /│ 02-two │ ✗ 1 +│ ✓ +│ ✓ 2/);
  t.match(output, /✗ 02-two · types: The step does not type-check:\n +src\/wrong\.ts.*TS2322/);
  t.match(output, /\n8 passed, 1 failed\n$/);
  t.match(await command(course, ['verify', '2', '--no-types']), { code: 0 });
});

t.test('rule 1: a failing test, a skipped one and a package that is not locked', async (t) => {
  const course = makeCourse(t, {
    'steps/02-two/test/two.test.ts': testFile(
      answers('/two', 2).replace('{ n: 2 }', '{ n: 22 }'),
      "t.test('is not run', { skip: true }, async () => {});",
    ),
    'steps/02-two/package.json': manifest('02').replace('8.0"', '8.0","kysely":"1.0.0"'),
  });
  const { findings, printed } = await run(course);
  t.match(findings, [
    /^starts: .*kysely 1\.0\.0.*package-lock\.json does not know/,
    /^own tests: .*two\.test\.ts: the case "GET \/two answers 2" fails:\nshould be equivalent\n/,
    /^own tests: .*"is not run" is skipped/,
    /^red: .*"is not run" is skipped/,
  ]);
  t.equal(findings.length, 4);
  t.match(printed, /│ 02-two │ – +│ ✗ 1 +│ ✗ 2 fail +│ ✗ 1 /);
});

t.test('rule 1: a step that does not start', async (t) => {
  const course = makeCourse(t, {
    'steps/02-two/src/server.ts': "throw new Error('no configuration');\n",
  });
  const { findings } = await run(course, { only: ['live'] });
  t.equal(findings.length, 1);
  t.match(
    findings[0],
    /^starts: The step does not start: The server ended before it listened.*no configuration/s,
  );
});

t.test('rule 1: a step that is not healthy and leaves with another code than 0', async (t) => {
  const course = makeCourse(t, {
    'steps/02-two/src/app.ts': APP.replace("'/healthz'", "'/health'").replace(
      '{ n: 1 }',
      "{ n: 1 }, '/two': { n: 2 }",
    ),
    'steps/02-two/src/server.ts': SERVER.replace('app.close();', 'process.exit(3);'),
  });
  const { findings } = await run(course, { only: ['live'] });
  t.match(findings, [
    /^starts: GET \/healthz of the running step answers 404/,
    /^starts: The server should leave with code 0 on SIGTERM, and left with code 3/,
  ]);
  t.equal(findings.length, 2);
});

t.test('rule 1: a step that does not stop on SIGTERM', async (t) => {
  const course = makeCourse(t, {
    'steps/02-two/src/server.ts': SERVER.replace(
      /process\.on\([\s\S]*/,
      "process.on('SIGTERM', () => {});\n",
    ),
  });
  const { findings } = await run(course, { only: ['live'], drainTimeoutMs: 1_000 });
  t.equal(findings.length, 1);
  t.match(
    findings[0],
    /^starts: The server did not stop on SIGTERM within 1\.\d seconds and had to be killed/,
  );
});

t.test('rule 1: a worker that ends by itself, or does not stop on SIGTERM', async (t) => {
  const ends = makeCourse(t, { 'steps/02-two/src/worker.ts': "throw new Error('no queue');\n" });
  const early = await run(ends, { only: ['live'] });
  t.equal(early.findings.length, 1);
  t.match(early.findings[0], /^starts: The worker ended by itself \(exit code 1\).*no queue/s);

  const deaf = makeCourse(t, {
    'steps/02-two/src/worker.ts':
      "console.log('ready');\nprocess.on('SIGTERM', () => {});\nsetInterval(() => {}, 60_000);\n",
  });
  const late = await run(deaf, { only: ['live'], drainTimeoutMs: 1_000 });
  t.equal(late.findings.length, 1);
  t.match(late.findings[0], /^starts: The worker did not stop on SIGTERM within 1\.\d seconds/);
});

t.test('rule 3: cases that are not red, or not by assertion', async (t) => {
  const course = makeCourse(t, {
    'steps/02-two/test/two.test.ts': testFile(
      answers('/two', 2),
      "t.test('passes already', async (t) => t.equal((await get('/one')).status, 200));",
      "t.test('crashes', async (t) => t.equal((await get('/two')).body.n.toFixed(1), '2.0'));",
      "t.test('true guard', async (t) => t.equal((await get('/nowhere')).status, 404));",
      "t.test('untrue guard', async (t) => t.equal((await get('/two')).status, 200));",
    ),
    'lessons/02-two.md': lesson(
      'guards:\n  - { test: true guard, why: it was so }\n  - { test: untrue guard, why: we think so }\n  - { test: no such case, why: a slip }\n',
    ),
  });
  const { findings } = await run(course, { only: ['red'] });
  t.match(findings, [
    /^red: .*"passes already" is new or changed, and passes already on the code of step 01: .*guards/,
    /^red: .*"crashes" fails on the code of step 01 by a crash.*\nTypeError/s,
    /^red: .*lists "untrue guard" under "guards", and it fails on the code of step 01/,
    /^red: .*lists "no such case" under "guards", and the step adds or changes no case of that name/,
  ]);
  t.equal(findings.length, 4);
});

t.test('rule 3: a changed case counts as a new one', async (t) => {
  const course = makeCourse(t, {
    'steps/02-two/test/one.test.ts': testFile(
      answers('/one', 1).replace('t.same(', "t.type(body, 'object');\n  t.same("),
    ),
    'lessons/02-two.md': lesson(
      "supersedes:\n  - { test: 'test/one.test.ts: GET /one answers 1', why: more is asserted }\n",
    ),
  });
  const { findings } = await run(course, { only: ['red'] });
  t.equal(findings.length, 1);
  t.match(
    findings[0],
    /^red: test\/one\.test\.ts: the case "GET \/one answers 1" is new or changed, and passes/,
  );
});

const IMPORTS = {
  'steps/02-two/src/two.ts': 'export const two = 2;\n',
  'steps/02-two/test/two.test.ts': testFile(
    "import { two } from '../src/two.ts';",
    "t.test('two is 2', async (t) => t.equal(two, 2));",
  ),
};

t.test('rule 3: a test that imports something new has to say so', async (t) => {
  const { findings } = await run(makeCourse(t, IMPORTS), { only: ['red'] });
  t.equal(findings.length, 1);
  t.match(
    findings[0],
    /^red: test\/two\.test\.ts cannot be imported on the code of step 01.*red: import/,
  );
  t.notMatch(findings[0], '.course', 'the scratch folder is not shown');
});

t.test('rule 3: "red: import" is honoured where it is true, and only there', async (t) => {
  const says = { 'lessons/02-two.md': lesson('red: import\n') };
  const honest = await run(makeCourse(t, { ...IMPORTS, ...says }), { only: ['red'] });
  t.same(honest.findings, []);
  const untrue = await run(makeCourse(t, says), { only: ['red'] });
  t.equal(untrue.findings.length, 1);
  t.match(untrue.findings[0], /^red: .*says "red: import", and no test fails by an import/);
});

t.test(
  'rule 3: a file that crashes on the predecessor, with or without "red: import"',
  async (t) => {
    const course = makeCourse(t, {
      'steps/02-two/test/two.test.ts': testFile(
        "const { body } = await get('/two');\nbody.n.toFixed();",
        "t.test('two is 2', async (t) => t.equal(body.n, 2));",
      ),
    });
    const { findings } = await run(course);
    t.equal(findings.length, 1);
    t.match(findings[0], /^red: test\/two\.test\.ts crashes on the code of step 01.*toFixed/s);
  },
);

t.test('rule 4: earlier cases that break, change or go', async (t) => {
  const before = {
    'steps/01-one/test/more.test.ts': testFile(
      "t.test('changes', async (t) => t.equal((await get('/one')).status, 200));",
      "t.test('goes', async (t) => t.equal((await get('/one')).status, 200));",
      "t.test('may go', async (t) => t.equal((await get('/one')).status, 200));",
      "t.test('stays', async (t) => t.equal((await get('/one')).status, 200));",
    ),
  };
  const course = makeCourse(t, {
    ...before,
    'steps/02-two/src/app.ts': APP.replace('{ n: 1 }', "{ n: 1, more: true }, '/two': { n: 2 }"),
    'steps/02-two/test/more.test.ts': testFile(
      "t.test('changes', async (t) => t.match((await get('/one')).body, { more: true }));",
      "t.test('stays', async (t) => t.equal((await get('/one')).status, 200));",
    ),
    'lessons/02-two.md': lesson(
      `supersedes:
  - { test: 'test/more.test.ts: may go', why: it was weak }
  - { test: 'test/more.test.ts: stays', why: a slip }
  - { test: test/absent.test.ts, why: a slip }
`,
      '$ echo 1\n1',
    ),
  });
  const { findings, printed } = await run(course, { only: ['tests'] });
  t.match(
    findings,
    [
      /^no regression: .*one\.test\.ts: the case "GET \/one answers 1" of step 01 fails now:\nshould be equivalent/,
      /^no regression: .*"changes" of step 01 has changed, and the lesson does not say why/,
      /^no regression: .*"goes" of step 01 is gone, and the lesson does not say why/,
      /^no regression: .*lists "test\/more\.test\.ts: stays" under "supersedes", and step 01 has no such test/,
      /^no regression: .*lists "test\/absent\.test\.ts" under "supersedes"/,
    ].toSorted((a, b) => order(findings, a) - order(findings, b)),
  );
  t.equal(findings.length, 5);
  t.match(printed, /✗ 1 fail/);
});

t.test('rule 4: an earlier file that fails in company only, or ends the process', async (t) => {
  const spoilt = "t.test('is the first', async (t) => t.notOk(process.env.SPOILT));";
  const spoils = "process.env.SPOILT = 'yes';\nt.test('spoils', async (t) => t.ok(true));";
  const leaves =
    "t.test('leaves', async (t) => {\n  t.ok(true);\n  setTimeout(process.exit, 0, 0);\n});";
  const earlier = (step: string) =>
    under(`steps/${step}/test`, {
      'a.test.ts': testFile(spoils),
      'b.test.ts': testFile(spoilt),
      'z.test.ts': testFile(leaves),
    });
  const course = makeCourse(t, { ...earlier('01-one'), ...earlier('02-two') });
  t.match(await run(course, { only: ['tests'] }), { findings: [], passed: 6, failed: 0 });
});

/** Where the first text is that a pattern fits: the findings come in the order of the files. */
function order(texts: string[], pattern: RegExp): number {
  return texts.findIndex((text) => pattern.test(text));
}

t.test('rule 4: a test file as a whole can be superseded', async (t) => {
  const course = makeCourse(t, {
    'steps/02-two/test/one.test.ts': undefined,
    'lessons/02-two.md': lesson('supersedes:\n  - { test: test/one.test.ts, why: it moved }\n'),
  });
  t.same((await run(course, { only: ['tests'] })).findings, []);
});

const SHOWN = lesson(
  '',
  `$ N=$(curl -s localhost:3000/two | node -pe 'JSON.parse(fs.readFileSync(0)).n')
$ echo "n is $N" at localhost:3000
n is 3 at localhost:3000
$ curl -s localhost:3000/one # and true
{"n":1}
$ rm -rf / # not run
$ echo made > made.txt; ls *.txt
made.txt`,
);

t.test('rule 6: shown output that is not true', async (t) => {
  const course = makeCourse(t, { 'lessons/02-two.md': SHOWN });
  const { findings, passed } = await run(course, { only: ['live'] });
  t.equal(findings.length, 1);
  t.match(
    findings[0],
    /^shown output: lessons\/02-two\.md:15 {2}The command prints something else[^\n]*\n\$ echo "n is \$N" at localhost:3000\n- n is 3 at localhost:3000\n\+ n is 2 at localhost:3000$/,
  );
  t.equal(passed, 2 + 1 + 3, 'it starts and stops, is locked, and three commands are true');
  t.notOk(
    readdirSync(join(course.stepsDir, '02-two')).includes('made.txt'),
    'the step stays clean',
  );
});

t.test('--retry: what is right alone is flaky and no finding', async (t) => {
  const flag = join(t.testdir(), 'flag');
  const tryIt = `$ [ -e ${flag} ] && echo again; touch ${flag}\nagain`;
  const course = makeCourse(t, { 'lessons/02-two.md': lesson('', tryIt) });
  const options: VerifyOptions = { only: ['live'], retry: true };
  const first = await run(course, options);
  t.equal(first.failed, 0);
  t.match(first.flaky, [/^shown output: .*again/s]);
  t.match(first.printed, /Flaky: .*\n\n.*02-two · shown output/);
  rmSync(flag);
  t.match(await run(course, { ...options, retry: false }), { failed: 1, flaky: [] });
});

t.test('rule 6: --write-output corrects the lesson, and nothing else in it', async (t) => {
  const course = makeCourse(t, { 'lessons/02-two.md': SHOWN });
  t.same((await run(course, { only: ['live'], writeOutput: true })).findings, []);
  const written = readFileSync(join(course.lessonsDir, '02-two.md'), 'utf8');
  t.equal(written, SHOWN.replace('n is 3', 'n is 2'));
  t.same((await run(course, { only: ['live'] })).findings, []);
});

t.test('rule 6: a sleep of a lesson lasts longer beside other checks', async (t) => {
  const tryIt =
    '$ S=$SECONDS; sleep 0.1; sleep 1; [ $((SECONDS - S)) -ge 3 ] && echo longer\nlonger';
  const course = makeCourse(t, { 'lessons/02-two.md': lesson('', tryIt) });
  t.match(await run(course, { only: ['live'] }), { failed: 0, findings: [] });
});

t.test('rule 6: a command that does not end, and output without a command', async (t) => {
  const tryIt = 'stray\n$ sleep 30\n$ echo never';
  const course = makeCourse(t, { 'lessons/02-two.md': lesson('', tryIt) });
  const { findings } = await run(course, { only: ['live'], commandTimeoutMs: 300 });
  t.match(findings, [
    /^shown output: lessons\/02-two\.md:14 {2}A console fence begins with a command/,
    /^shown output: lessons\/02-two\.md:15 {2}The command did not end within 0\.3 seconds/,
  ]);
  t.equal(findings.length, 2);
});

t.test('a missing lesson is one finding, and the other checks go on', async (t) => {
  const course = makeCourse(t, { 'lessons/02-two.md': undefined });
  const { findings, passed } = await run(course);
  t.match(findings, [/^shown output: lessons\/02-two\.md is missing/]);
  t.equal(findings.length, 1);
  t.equal(passed, 7);
});

t.test(
  'the command prints its result and sets the exit code; an interrupted one cleans up',
  async (t) => {
    const course = makeCourse(t, {
      'lessons/02-two.md': lesson('', '$ sleep 30'),
    });
    const good = await command(course, ['verify', '1', '--no-types']);
    t.match(good, { code: 0, output: /\n5 passed, 0 failed\n$/ });
    rmSync(join(course.root, 'steps/01-one/test/one.test.ts'));
    const bad = await command(course, ['verify', '01-one', '--no-types']);
    t.match(bad, { code: 1, output: /No test ran.*\n\d passed, 1 failed\n$/s });
    t.match(await command(course, ['verify', '--jobs', 'two']), { code: 2 });

    const started = performance.now();
    const at = /✓ 02-two +own tests/;
    const cut = await command(course, ['verify', '2', '--no-types'], (output) => at.test(output));
    t.match(cut, { code: 1, output: /Interrupted: what was running has been stopped/ });
    t.ok(performance.now() - started < 20_000, 'it does not wait for the command');
    t.same(readdirSync(course.stateDir), []);
  },
);

/** Runs the tool, and sends it SIGINT once `interrupt` says so of its output. */
async function command(course: Course, args: string[], interrupt = (_output: string) => false) {
  const env = { ...process.env, COURSE_ROOT: course.root, NO_COLOR: '1' };
  // tap puts a hook into every Node that its tests start, and tsc does not start with it.
  const unhooked = ['-c', 'unset NODE_OPTIONS; exec "$0" "$@"', process.execPath];
  const child = spawn('bash', [...unhooked, join(ROOT, 'scripts/course.js'), ...args], { env });
  let output = '';
  let sent = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (!sent && interrupt(output)) sent = child.kill('SIGINT');
    });
  }
  const [code] = await once(child, 'close');
  return { code, output: stripVTControlCharacters(output) };
}

t.test('cases are found in the source of a test file', async (t) => {
  const source = `import t from 'tap';
t.test('plain', async (t) => {
  t.test('a part of it', async () => {});
});

t.test(
  'it’s \\'quoted\\'',
  { timeout: 1 },
  async () => {},
);

for (const signal of ['SIGTERM', 'SIGINT']) {
  t.test(\`drains on \${signal} (at once)\`, async () => {});
}
t.test(name, async () => {});
`;
  const cases = sourceCases('test/x.test.ts', source);
  t.same(
    cases.map(({ name, computed }) => [name, computed]),
    [
      ['plain', false],
      ["it’s 'quoted'", false],
      ['drains on … (at once)', true],
      ['…name…', true],
    ],
  );
  t.ok(cases[2]?.pattern.test('drains on SIGINT (at once)'));
  t.notOk(cases[2]?.pattern.test('drains on SIGINT at once'));
  t.match(cases[2]?.text, /^for \(const signal/, 'the loop around it belongs to it');
});

t.test('databases that killed tests have left are dropped, and no others', async (t) => {
  const { DATABASE_URL: url } = await servicesUp({ need: ['mysql'], quiet: true });
  const gone = spawnSync(process.execPath, ['-e', '']).pid;
  const old = `fanout_test_${gone}_old`;
  const left = `fanout_test_${gone}_left`;
  const used = `fanout_test_${process.pid}_used`;
  const all = [old, left, used].map((name) => withDatabase(url, name));
  t.teardown(() => Promise.all(all.map(dropDatabase)));
  await createDatabase(withDatabase(url, old));
  const before = await databasesOn(url);
  await Promise.all(all.map(createDatabase));
  await dropLeftovers(url, before);
  const after = await databasesOn(url);
  t.same(
    [old, left, used].map((name) => after.has(name)),
    [true, false, true],
  );
});
