import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import t, { type Test } from 'tap';
import { courseAt } from '../src/core/course.ts';
import { type Part, partsOf } from '../src/everything.ts';

const module = fileURLToPath(new URL('../src/everything.ts', import.meta.url));

/** A part with one command per program text. */
function part(title: string, programs: string[], counts = false): Part {
  const commands = programs.map((program, index) => ({
    name: `${title}-${index}`,
    file: process.execPath,
    args: ['-e', program],
    cwd: tmpdir(),
  }));
  return { title, commands, counts, jobs: 2 };
}

/** Runs the parts in a process of their own, for what they print. */
async function run(parts: Part[]): Promise<{ stdout: string; results: object[] }> {
  const program = `
    const { runParts } = await import(${JSON.stringify(`file://${module}`)});
    const results = await runParts(${JSON.stringify(parts)}, { GIVEN: 'yes' });
    process.stderr.write('RESULTS' + JSON.stringify(results));`;
  const { stdout, stderr } = await execa(process.execPath, ['--input-type=module', '-e', program]);
  return { stdout, results: JSON.parse(stderr.slice(stderr.indexOf('RESULTS') + 7)) };
}

t.test('every part runs, whatever became of the others, and the last line counts', async (t) => {
  const { stdout, results } = await run([
    part('silent', ['console.log("hidden")', 'console.log("why it failed"); process.exit(1)']),
    part('counting', ['console.log("a case\\n12 passed, 3 failed"); process.exit(1)'], true),
    part('environment', ['process.exit(process.env.GIVEN === "yes" ? 0 : 1)']),
  ]);
  t.match(results, [
    { title: 'silent', passed: 1, failed: 1 },
    { title: 'counting', passed: 12, failed: 3 },
    { title: 'environment', passed: 1, failed: 0 },
  ]);
  t.notMatch(stdout, 'hidden');
  t.match(stdout, 'why it failed');
  t.match(stdout, /a case/);
  t.equal(stdout.trimEnd().split('\n').at(-1), '14 passed, 4 failed');
});

t.test('at the end of the log stands once more why a part failed', async (t) => {
  const { stdout } = await run([
    part('fails', ['console.log("✓ fine\\n✗ broken: why\\n1 passed, 1 failed")'], true),
    part('silent', ['console.log("no such type"); process.exit(1)']),
    part('passes', ['console.log("✓ good\\na word\\n1 passed, 0 failed")'], true),
  ]);
  const end = stdout.slice(stdout.lastIndexOf('✓ passes'));
  t.match(
    end,
    /fails, 1 failed:\s+✗ broken: why\s+1 passed, 1 failed\s+silent, 1 failed:\s+no such type/,
  );
  t.notMatch(end, /✓ fine|a word/);
});

t.test('what crashes or counts nothing is a failure, never a silent nought', async (t) => {
  const { results } = await run([
    part(
      'crashes',
      ['console.log("5 passed, 0 failed"); process.kill(process.pid, "SIGKILL")'],
      true,
    ),
    part('says nothing', [''], true),
    part('runs nothing', ['console.log("0 passed, 0 failed")'], true),
    part('fails without a count', ['process.exit(3)'], true),
    {
      ...part('is missing', ['']),
      commands: [{ name: 'x', file: '/nowhere/x', args: [], cwd: '/' }],
    },
  ]);
  t.match(results, [
    { passed: 5, failed: 1 },
    { passed: 0, failed: 1 },
    { passed: 0, failed: 1 },
    { passed: 0, failed: 1 },
    { passed: 0, failed: 1 },
  ]);
});

/** A course with two steps and a final app, as far as the parts look at it. */
function courseIn(t: Test): string {
  const root = mkdtempSync(join(tmpdir(), 'fanout-parts-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  for (const dir of ['steps/01-one', 'steps/02-two', 'lessons', 'final', 'scripts']) {
    mkdirSync(join(root, dir), { recursive: true });
  }
  return root;
}

t.test('every package is type-checked', (t) => {
  const root = courseIn(t);
  const types = partsOf(courseAt(root)).find(({ title }) => title === 'types');
  t.same(
    types?.commands.map(({ name }) => name),
    ['steps/01-one', 'steps/02-two', 'final', 'scripts'],
  );
  t.end();
});

t.test(
  'a part beside another runs while that one does, and each line tells whose it is',
  async (t) => {
    const root = courseIn(t);
    const flag = JSON.stringify(join(root, 'flag'));
    const waits = `const look = setInterval(() => {
    if (!require('fs').existsSync(${flag})) return;
    console.log('1 passed, 0 failed');
    clearInterval(look);
  }, 10);`;
    const comes = `require('fs').writeFileSync(${flag}, ''); console.log('2 passed, 0 failed');`;
    const { stdout, results } = await run([
      part('waits', [waits], true),
      { ...part('comes', [comes], true), beside: true },
      part('alone', ['console.log("3 passed, 0 failed")'], true),
    ]);
    t.match(results, [{ passed: 1 }, { passed: 2 }, { passed: 3 }]);
    t.match(stdout, /^waits │ 1 passed, 0 failed$/m);
    t.match(stdout, /^comes │ 2 passed, 0 failed$/m);
    t.match(stdout, /^3 passed, 0 failed$/m);
  },
);
