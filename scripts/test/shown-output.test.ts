import { tmpdir } from 'node:os';
import t from 'tap';
import type { Fence } from '../src/core/lesson.ts';
import { toolEnv } from '../src/core/run.ts';
import { agrees, align, corrected, differences, sameLine } from '../src/verify/compare.ts';
import { shownCommands, strayOutput, withOutputs } from '../src/verify/console.ts';
import { Shell } from '../src/verify/shell.ts';

const JWT = ['aaaa', 'bbbb'].map((part) => `eyJhbGciOiJIUzI1NiJ9.${part}.s-i_g${part}`);
const TOKENS = ['Zm9vYmFy0WJhcnF1eDEyMzQ1Njc4OTAxMjM0NTY3', 'q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83v'];

t.test('values that differ from run to run are the same', async (t) => {
  const pairs: [string, string][] = [
    ['{"at":"2026-01-02T03:04:05.678Z"}', '{"at":"2027-11-12T13:14:15.000Z"}'],
    ['| 2026-01-02 03:04:05.678901 |', '| 2027-11-12 13:14:15.000000 |'],
    ['date: Mon, 02 Nov 2026 03:04:05 GMT', 'date: Tue, 03 Nov 2026 13:14:15 GMT'],
    [`{"accessToken":"${JWT[0]}"}`, `{"accessToken":"${JWT[1]}"}`],
    [`{"refreshToken":"${TOKENS[0]}"}`, `{"refreshToken":"${TOKENS[1]}"}`],
    ['3f2b8c1e-0000-4000-8000-123456789abc', '00000000-1111-4222-8333-abcdefabcdef'],
    ['listening at http://127.0.0.1:41234', 'listening at http://127.0.0.1:55555'],
    ['done in 12ms, at first 1.5 s', 'done in 3 ms, at first 250 ms'],
    ['{"level":30,"time":1763719800000,"pid":12}', '{"level":30,"time":1763719812345,"pid":7}'],
    ['{"iat":1763719800,"exp":1763720700}', '{"iat":1763719812,"exp":1763720712}'],
    ['{"id":"1","note":"…"}', '{"id":"1","note":"any \\"thing\\""}'],
    ['HTTP/1.1 200 OK  ', 'HTTP/1.1 200 OK'],
  ];
  for (const [shown, actual] of pairs) t.ok(sameLine(shown, actual), shown);
});

t.test('everything else has to be equal', async (t) => {
  const pairs: [string, string][] = [
    ['{"statusCode":401}', '{"statusCode":403}'],
    ['{"id":"1"}', '{"id":"2"}'],
    ['{"at":"2026-01-02T03:04:05.678Z"}', '{"at":null}'],
    [`{"accessToken":"${JWT[0]}"}`, '{"accessToken":""}'],
    ['{"items":[]}', '{"items":[],"nextCursor":null}'],
    ['newsfeeds_user_id_tweet_id_by_time_index', 'newsfeeds_user_id_tweet_id_by_date_index'],
    ['a (b) [c] $d', 'a (b) [c] $e'],
    ['{"note":"…","id":"1"}', '{"note":"x","id":"2"}'],
    ['3 rows', '4 rows'],
    ['http://localhost:3000/x', 'http://localhost:3000/y'],
  ];
  for (const [shown, actual] of pairs) t.notOk(sameLine(shown, actual), shown);
});

t.test('a line that is only … stands for any lines, also for none', async (t) => {
  t.ok(agrees(align(['a', '…', 'd'], ['a', 'b', 'c', 'd', ''])));
  t.ok(agrees(align(['a', '…', 'd'], ['a', 'd'])));
  t.ok(agrees(align(['…'], [])));
  t.ok(agrees(align(['…', 'a', '…'], ['x', 'a', 'a', 'y'])));
  t.notOk(agrees(align(['a', '…', 'd'], ['a', 'b', 'c'])));
  t.notOk(agrees(align(['a', 'd'], ['a', 'b', 'd'])));
  t.notOk(agrees(align([], ['a'])));
  t.notOk(agrees(align(['a'], [])));
});

t.test('the differences are shown beside what is right, and only they are corrected', async (t) => {
  const shown = ['at 2026-01-02T03:04:05Z', '{"id":"7"}', '…', 'end'];
  const actual = ['at 2027-01-02T03:04:05Z', '{"id":"8"}', 'x', 'y', 'end'];
  const pairs = align(shown, actual);
  t.notOk(agrees(pairs));
  t.same(corrected(pairs).at(0), shown[0], 'a line that is true is left as it is');
  t.same(corrected(pairs).at(-1), 'end');
  t.ok(agrees(align(corrected(pairs), actual)));
  t.match(differences(pairs).join('\n'), /^ {2}at .*\n- \{"id":"7"\}/);
});

const FENCE: Fence = {
  lang: 'console',
  path: undefined,
  line: 10,
  heading: 'Try it',
  value: [
    '$ one',
    '1',
    '$ two \\',
    '>   --more',
    '',
    '> two@1.0.0 test',
    '$ three # not run',
    '$ four',
  ].join('\n'),
};

t.test('commands are read from a fence with their lines and their output', async (t) => {
  t.match(shownCommands([FENCE, { ...FENCE, lang: 'ts' }]), [
    { command: 'one', line: 11, shown: ['1'], output: { start: 12, count: 1 }, runs: true },
    {
      command: 'two \\\n  --more',
      line: 13,
      shown: ['', '> two@1.0.0 test'],
      output: { start: 15, count: 2 },
      runs: true,
    },
    { command: 'three # not run', line: 17, runs: false },
    { command: 'four', line: 18, shown: [], output: { start: 19, count: 0 }, runs: true },
  ]);
  t.same(strayOutput([FENCE]), []);
  t.same(strayOutput([{ ...FENCE, value: 'output\n$ one' }]), [11]);
});

t.test('new output is written in the place of the old, with the fence’s indentation', async (t) => {
  const lesson = [
    ...Array(9).fill('prose'),
    '  ```console',
    ...FENCE.value.split('\n').map((line) => (line === '' ? '' : `  ${line}`)),
    '  ```',
  ];
  const [one, two, , four] = shownCommands([FENCE]);
  const changes = [
    { command: one, output: ['1', '', '2'] },
    { command: two, output: [] },
    { command: four, output: ['4'] },
  ].flatMap(({ command, output }) => (command === undefined ? [] : [{ command, output }]));
  const written = withOutputs(lesson.join('\n'), changes).split('\n').slice(9);
  t.same(written, [
    '  ```console',
    '  $ one',
    '  1',
    '',
    '  2',
    '  $ two \\',
    '  >   --more',
    '  $ three # not run',
    '  $ four',
    '  4',
    '  ```',
  ]);
});

t.test('one bash runs the commands, and variables live on', async (t) => {
  const shell = new Shell(tmpdir(), toolEnv(tmpdir()));
  t.teardown(() => shell.close());
  const output = async (command: string) => (await shell.run(command, 5000)).output;
  t.equal(await output("NAME=$(printf 'a b')"), '');
  t.equal(await output('echo "<$NAME>"; printf %s "it\'s"'), "<a b>\nit's");
  t.equal(await output('echo 1; echo 2 >&2; echo 3'), '1\n2\n3\n', 'stderr comes in its order');
  t.equal(await output('cat'), '', 'a command that reads finds nothing to read');
  t.equal(await output('echo a \\\n  b'), 'a b\n');
  t.match(await output('if then'), /syntax error/);
  t.equal(await output('echo still "$NAME"'), 'still a b\n');
  t.match(await shell.run('exit 3', 5000), { end: 'shell ended' });
});

t.test('a command that does not end is killed with its children', async (t) => {
  const shell = new Shell(tmpdir(), toolEnv(tmpdir()));
  t.teardown(() => shell.close());
  const started = performance.now();
  const answer = await shell.run('echo before; sleep 30 | cat', 300);
  t.match(answer, { end: 'timeout', output: 'before\n' });
  t.ok(performance.now() - started < 2000);
});
