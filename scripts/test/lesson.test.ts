import { rmSync } from 'node:fs';
import t from 'tap';
import { courseTable, withHeader, withTable } from '../src/core/derived.ts';
import { loadLesson, parseLesson } from '../src/core/lesson.ts';
import { makeCourse, stepOf } from './fixture.ts';

const parse = (source: string) => parseLesson(source, '/lessons/07-x.md', 'lessons/07-x.md');

const FRONT = `---
title: X
part: 2 · Accounts
summary: It adds x.
concepts: [x]
hints: [one, two, three]
---
`;

t.test('fences carry language, path, line and the heading they stand under', async (t) => {
  const lesson = parse(`${FRONT}
# Step 07 · X

## Goal

Words.

## Build it

1. First:

   \`\`\`ts src/app.ts
   const x = 1;
     indented();
   \`\`\`

\`\`\`console
$ ls
\`\`\`
`);
  t.same(lesson.fences, [
    {
      lang: 'ts',
      path: 'src/app.ts',
      value: 'const x = 1;\n  indented();',
      line: 19,
      heading: 'Build it',
    },
    { lang: 'console', path: undefined, value: '$ ls', line: 24, heading: 'Build it' },
  ]);
  t.same(lesson.headings[1], { depth: 2, text: 'Goal', line: 11 });
  t.same(lesson.problems, []);
});

t.test('words are those of the prose', async (t) => {
  const { words } = parse(`${FRONT}
# Step 07 · X

> Part 2 · Accounts · adds 100 lines · [code](x)

## Goal

Two words, \`code\` counts — dashes do not.

<details><summary>Folded</summary>

too

</details>

| a | b |
| --- | --- |
| c | d |

\`\`\`console
$ not these
\`\`\`
`);
  t.equal(words, 1 + 7 + 1 + 1 + 4);
});

t.test('Windows line ends and a byte order mark change nothing', async (t) => {
  const source = `${FRONT}\n## Goal\n\n\`\`\`ts src/a.ts\na\nb\n\`\`\`\n`;
  const lesson = parse(`\uFEFF${source.replaceAll('\n', '\r\n')}`);
  t.same(lesson.fences, parse(source).fences);
  t.equal(lesson.title, 'X');
});

t.test('what is wrong with the front matter is told with its line', async (t) => {
  const lesson = parse(`---
title: X
part: Accounts
concept: [x]
red: yes
hints: one
guards: [only text]
supersedes:
  - test: test/x.test.ts
---
`);
  t.match(lesson.problems, [
    /^lessons\/07-x\.md:1 {2}"summary" is missing/,
    /^lessons\/07-x\.md:1 {2}"concepts" must be a list/,
    /^lessons\/07-x\.md:3 {2}"part" must be a number/,
    /^lessons\/07-x\.md:4 {2}"concept" is unknown: the fields are title/,
    /^lessons\/07-x\.md:5 {2}"red" can only be "import"/,
    /^lessons\/07-x\.md:6 {2}"hints" must be a list of texts/,
    /^lessons\/07-x\.md:7 {2}"guards" must be a list of entries/,
    /^lessons\/07-x\.md:8 {2}"supersedes" must be a list of entries/,
  ]);
});

t.test('red, supersedes and guards are read', async (t) => {
  const { frontMatter } = parse(
    FRONT.replace(
      'hints',
      'red: import\nsupersedes: [{ test: a, why: b }]\nguards: [{ test: c, why: d }]\nhints',
    ),
  );
  t.match(frontMatter, {
    red: 'import',
    supersedes: [{ test: 'a', why: 'b' }],
    guards: [{ test: 'c', why: 'd' }],
  });
});

t.test('a lesson that cannot be read is an error that says where', async (t) => {
  t.throws(() => parse('# No front matter\n'), /lessons\/07-x\.md:1 {2}has no front matter/);
  t.throws(
    () => parse('---\ntitle: a: b\n---\n'),
    /lessons\/07-x\.md:2 {2}the front matter cannot/,
  );
  t.throws(() => parse('---\n- a\n---\n'), /cannot be read as YAML \(it is not a mapping/);
  const course = await makeCourse(t, { steps: 1 });
  const step = stepOf(course, 1);
  t.equal(loadLesson(step).title, 'Hello');
  rmSync(step.lessonFile);
  t.throws(() => loadLesson(step), { name: 'CourseError', exitCode: 1, message: /is missing/ });
});

t.test(
  'the derived header replaces the old one, or is put in, and nothing else changes',
  async (t) => {
    const header = '# Step 07 · X\n\n> Part 2 · Accounts · adds 9 lines\n';
    const wanted = `${FRONT}\n${header}\n## Goal\n\n> A quotation.\n`;
    t.equal(withHeader(`${FRONT}\n## Goal\n\n> A quotation.\n`, header), wanted);
    t.equal(
      withHeader(`${FRONT}# Old\n\n> Part 1 · Old\n\n## Goal\n\n> A quotation.\n`, header),
      wanted,
    );
    t.equal(withHeader(wanted, header), wanted);
    const windows = wanted.replaceAll('\n', '\r\n');
    t.equal(withHeader(windows, header), windows);
  },
);

t.test('the table stands between its markers', async (t) => {
  const source = 'Before\n<!-- course:table -->\nold\n<!-- /course:table -->\nAfter\n';
  t.equal(withTable(source, courseTable([]))?.split('\n').length, 9);
  t.equal(withTable('no markers', ''), undefined);
});
