import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CHECKS, formatFinding, runChecks } from '../src/checks/index.ts';
import { importedPackages } from '../src/checks/packages.ts';
import { type Course, listSteps } from '../src/core/course.ts';
import { edit, makeCourse, put, runCourse } from './fixture.ts';

const LESSON = 'lessons/03-shouting.md';
const STEP = 'steps/03-shouting';

t.test('a valid course has no finding and leaves with 0', async (t) => {
  const course = await makeCourse(t);
  const { status, stdout } = runCourse(course, 'check');
  t.equal(stdout, '4 steps checked, nothing found\n');
  t.equal(status, 0);
});

/** Each breaks one thing in a valid course and says what has to be found, and in which file. */
const BROKEN: {
  what: string;
  rule: string;
  file: RegExp;
  message: RegExp;
  breakIt: (course: Course) => void;
}[] = [
  {
    what: 'a step that adds too much',
    rule: 'rule 2',
    file: /^steps\/03-shouting$/,
    message: /adds \d{3} lines, and a step adds 100 to 200: split it/,
    breakIt: (course) => addEverywhere(course, 3, 'src/shouting.ts', '// A line.\n'.repeat(120)),
  },
  {
    what: 'a step that adds too little',
    rule: 'rule 2',
    file: /^steps\/03-shouting$/,
    message: /adds 42 lines, and a step adds 100 to 200: add the cases/,
    breakIt: (course) => {
      for (const dir of [STEP, 'steps/04-mirrors', 'final']) {
        edit(course, `${dir}/src/shouting.ts`, (text) => text.replace(/( {2}'.*\n){72}\]/, ']'));
      }
    },
  },
  {
    what: 'a file that is only reformatted',
    rule: 'rule 2',
    file: /^steps\/03-shouting\/src\/hello\.ts$/,
    message: /Only white space differs from steps\/02-sums/,
    breakIt: (course) => {
      for (const dir of [STEP, 'steps/04-mirrors', 'final']) {
        edit(course, `${dir}/src/hello.ts`, (text) => text.replaceAll(/^ {2}/gm, '\t'));
      }
      edit(course, LESSON, (text) =>
        text.replace('## Exercises', '`src/hello.ts`\n\n## Exercises'),
      );
    },
  },
  {
    what: 'a file moved without a word',
    rule: 'rule 2',
    file: /^steps\/04-mirrors\/src\/greeting\.ts$/,
    message: /moves src\/hello\.ts to src\/greeting\.ts/,
    breakIt: (course) => {
      for (const dir of ['steps/04-mirrors', 'final']) {
        rmSync(join(course.root, dir, 'src/hello.ts'));
        const text = `export const WORDS = [\n${Array.from({ length: 92 }, (_, index) => `  'hello ${index}',\n`).join('')}];\n`;
        put(course, `${dir}/src/greeting.ts`, text);
      }
    },
  },
  {
    what: 'a file that the lesson does not name',
    rule: 'rule 5',
    file: /^lessons\/03-shouting\.md$/,
    message: /adds src\/untold\.ts and the lesson does not name it/,
    breakIt: (course) => addEverywhere(course, 3, 'src/untold.ts', 'export {};\n'),
  },
  {
    what: 'a deleted file that the lesson does not name',
    rule: 'rule 5',
    file: /^lessons\/04-mirrors\.md$/,
    message: /deletes src\/notes\.ts and the lesson does not name it/,
    breakIt: (course) =>
      edit(course, 'lessons/04-mirrors.md', (text) => text.replace('`src/notes.ts`', 'A file')),
  },
  {
    what: 'a package.json that changes in more than its name, untold',
    rule: 'rule 5',
    file: /^lessons\/03-shouting\.md$/,
    message: /changes package\.json and the lesson does not name it/,
    breakIt: (course) =>
      edit(course, `${STEP}/package.json`, (text) => text.replace('1.0.0', '1.0.1')),
  },
  {
    what: 'a file that the lesson names and the step has not',
    rule: 'rule 5',
    file: /^lessons\/03-shouting\.md$/,
    message: /names src\/missing\.ts, which is not in steps\/03-shouting/,
    breakIt: (course) =>
      edit(course, LESSON, (text) => text.replace('## Goal\n', '## Goal\n\n`src/missing.ts`\n')),
  },
  {
    what: 'a fence of a file that the step has not',
    rule: 'rule 5',
    file: /^lessons\/03-shouting\.md$/,
    message: /names src\/other\.ts, which is not in/,
    breakIt: (course) =>
      edit(course, LESSON, (text) => text.replace('```ts src/answer.ts', '```ts src/other.ts')),
  },
  {
    what: 'a fence whose first line is not in the file',
    rule: 'rule 5',
    file: /^lessons\/03-shouting\.md$/,
    message: /"export const WORTE = \[" is not in src\/shouting\.ts/,
    breakIt: (course) => edit(course, LESSON, (text) => text.replace('const WORDS', 'const WORTE')),
  },
  {
    what: 'a fence with other indentation than the file',
    rule: 'rule 5',
    file: /^lessons\/03-shouting\.md$/,
    message:
      /"'shouting 0'," does not follow in src\/shouting\.ts: "'shouting 0'," stands at line 3/,
    breakIt: (course) =>
      edit(course, LESSON, (text) => text.replace("     'shouting 0'", "       'shouting 0'")),
  },
  {
    what: 'a fence that leaves lines out without a gap',
    rule: 'rule 5',
    file: /^lessons\/03-shouting\.md$/,
    message: /"\];" does not follow in src\/shouting\.ts: "'shouting 1'," stands at line 4/,
    breakIt: (course) =>
      edit(course, LESSON, (text) => text.replace("'shouting 0',\n     // …", "'shouting 0',")),
  },
  {
    what: 'a fence out of order',
    rule: 'rule 5',
    file: /^lessons\/03-shouting\.md$/,
    message: /"import \{ shouting \} .* is out of order: it is line 2 of src\/answer\.ts/,
    breakIt: (course) =>
      edit(course, LESSON, (text) =>
        text.replace(
          /( {3}import .*\n)( {3}\/\/ …\n)( {3}export function answer.*\n)/,
          (_all, first: string, gap: string, second: string) => second + gap + first,
        ),
      ),
  },
  {
    what: 'a fence without a path',
    rule: 'rule 5',
    file: /^lessons\/03-shouting\.md$/,
    message: /The fence has no path: write the file after the language \("ts src\/app\.ts"\)/,
    breakIt: (course) =>
      edit(course, LESSON, (text) => text.replace('```ts src/answer.ts', '```ts')),
  },
  {
    what: 'a fence whose path leaves the step',
    rule: 'rule 5',
    file: /^lessons\/03-shouting\.md$/,
    message: /The path \.\.\/x\.ts leaves the step/,
    breakIt: (course) =>
      edit(course, LESSON, (text) => text.replace('```ts src/answer.ts', '```ts ../x.ts')),
  },
  {
    what: 'an empty fence',
    rule: 'rule 5',
    file: /^lessons\/03-shouting\.md$/,
    message: /The fence is empty/,
    breakIt: (course) =>
      edit(course, LESSON, (text) => `${text}\n\`\`\`ts src/answer.ts\n// …\n\`\`\`\n`),
  },
  {
    what: 'another version of a dependency',
    rule: 'rule 7',
    file: /^steps\/03-shouting\/package\.json$/,
    message: /close-with-grace is 2\.4\.0 here and 2\.5\.0 elsewhere/,
    breakIt: (course) =>
      edit(course, `${STEP}/package.json`, (text) => text.replace('2.5.0', '2.4.0')),
  },
  {
    what: 'a range instead of a version',
    rule: 'rule 7',
    file: /^package\.json$/,
    message: /typescript is declared as "\^7\.0\.2": write one exact version/,
    breakIt: (course) => edit(course, 'package.json', (text) => text.replace('7.0.2', '^7.0.2')),
  },
  {
    what: 'an undeclared import',
    rule: 'rule 7',
    file: /^steps\/03-shouting\/src\/shouting\.ts$/,
    message: /kysely is imported and steps\/03-shouting\/package\.json does not declare it/,
    breakIt: (course) =>
      addEverywhere(course, 3, 'src/shouting.ts', "import { sql } from 'kysely';\n"),
  },
  {
    what: 'an import of the app that is declared for development only',
    rule: 'rule 7',
    file: /^steps\/03-shouting\/src\/server\.ts$/,
    message: /close-with-grace is imported by the app and declared under devDependencies/,
    breakIt: (course) =>
      edit(course, `${STEP}/package.json`, (text) =>
        text.replace(
          /"dependencies": \{\n.*\n {2}\},\n {2}"devDependencies": \{/,
          '"devDependencies": {\n    "close-with-grace": "2.5.0",',
        ),
      ),
  },
  {
    what: 'a dependency that nothing uses',
    rule: 'rule 7',
    file: /^steps\/03-shouting\/package\.json$/,
    message: /kysely is declared and nothing in steps\/03-shouting uses it/,
    breakIt: (course) =>
      edit(course, `${STEP}/package.json`, (text) =>
        text.replace(
          '"close-with-grace": "2.5.0"',
          '"close-with-grace": "2.5.0",\n    "kysely": "0.29.9"',
        ),
      ),
  },
  {
    what: 'a final that differs',
    rule: 'rule 8',
    file: /^final\/src\/answer\.ts$/,
    message: /differs from steps\/04-mirrors\/src\/answer\.ts/,
    breakIt: (course) => edit(course, 'final/src/answer.ts', (text) => `${text}// More.\n`),
  },
  {
    what: 'a final that lacks a file',
    rule: 'rule 8',
    file: /^final\/migrations\/0001-letters\.ts$/,
    message: /missing here/,
    breakIt: (course) => rmSync(join(course.finalDir, 'migrations/0001-letters.ts')),
  },
  {
    what: 'a final that has one file more',
    rule: 'rule 8',
    file: /^final\/test\/more\.test\.ts$/,
    message: /not in steps\/04-mirrors/,
    breakIt: (course) => put(course, 'final/test/more.test.ts', ''),
  },
  {
    what: 'a final that lacks a package of the last step',
    rule: 'rule 8',
    file: /^final\/package\.json$/,
    message: /"close-with-grace" of the dependencies is "2\.5\.0" in steps\/04-mirrors/,
    breakIt: (course) => {
      edit(course, 'final/package.json', (text) =>
        text.replace('"close-with-grace": "2.5.0"', '"close-with-grace": "2.4.9"'),
      );
    },
  },
  {
    what: 'a package that only final uses and does not declare',
    rule: 'rule 7',
    file: /^final\/tools\/more\.ts$/,
    message: /kysely is imported and final\/package\.json does not declare it/,
    breakIt: (course) => put(course, 'final/tools/more.ts', "import 'kysely';\n"),
  },
  {
    what: 'a missing heading',
    rule: 'lesson',
    file: /^lessons\/03-shouting\.md$/,
    message: /The heading "## Test it" is missing: add it after "Try it"/,
    breakIt: (course) => edit(course, LESSON, (text) => text.replace('## Test it', '### Test it')),
  },
  {
    what: 'a heading of its own',
    rule: 'lesson',
    file: /^lessons\/03-shouting\.md$/,
    message: /"## More" is not a heading of a lesson/,
    breakIt: (course) => edit(course, LESSON, (text) => `${text}\n## More\n`),
  },
  {
    what: 'headings out of order',
    rule: 'lesson',
    file: /^lessons\/03-shouting\.md$/,
    message: /"## Predict" is out of order/,
    breakIt: (course) =>
      edit(course, LESSON, (text) =>
        text
          .replace('## Goal', '## X')
          .replace('## Predict', '## Goal')
          .replace('## X', '## Predict'),
      ),
  },
  {
    what: 'a second title',
    rule: 'lesson',
    file: /^lessons\/03-shouting\.md$/,
    message: /"# Again" is a second title/,
    breakIt: (course) => edit(course, LESSON, (text) => `${text}\n# Again\n`),
  },
  {
    what: 'a title that is not the derived one',
    rule: 'lesson',
    file: /^lessons\/03-shouting\.md$/,
    message: /run "npx course sync"/,
    breakIt: (course) => edit(course, LESSON, (text) => text.replace('# Step 03', '# Step 3')),
  },
  {
    what: 'too few words',
    rule: 'lesson',
    file: /^lessons\/03-shouting\.md$/,
    message: /has \d+ words of prose, and a lesson has 600 to 1300: explain more/,
    breakIt: (course) =>
      edit(course, LESSON, (text) => text.replaceAll(/^A plain server.*$/gm, 'Short.')),
  },
  {
    what: 'too many words',
    rule: 'lesson',
    file: /^lessons\/03-shouting\.md$/,
    message: /has 1\d{3} words of prose, and a lesson has 600 to 1300: cut/,
    breakIt: (course) => edit(course, LESSON, (text) => `${text}\n${'and on '.repeat(400)}\n`),
  },
  {
    what: 'too few hints',
    rule: 'lesson',
    file: /^lessons\/03-shouting\.md$/,
    message: /has 2 hints, and a lesson has 3 to 6/,
    breakIt: (course) =>
      edit(course, LESSON, (text) => text.replace('  - Read the test first.\n', '')),
  },
  {
    what: 'front matter without a summary',
    rule: 'lesson',
    file: /^lessons\/03-shouting\.md$/,
    message: /"summary" is missing: write one sentence/,
    breakIt: (course) => edit(course, LESSON, (text) => text.replace(/^summary:.*\n/m, '')),
  },
  {
    what: 'front matter that is no YAML',
    rule: 'lesson',
    file: /^lessons\/03-shouting\.md$/,
    message: /the front matter cannot be read as YAML/,
    breakIt: (course) =>
      edit(course, LESSON, (text) => text.replace('concepts: [', 'concepts: {[')),
  },
  {
    what: 'a missing lesson',
    rule: 'lesson',
    file: /^lessons\/03-shouting\.md$/,
    message: /^The lesson is missing: every step has a lesson/,
    breakIt: (course) => rmSync(join(course.root, LESSON)),
  },
  {
    what: 'a broken link in a lesson',
    rule: 'links',
    file: /^lessons\/03-shouting\.md$/,
    message: /The link images\/none\.svg leads nowhere/,
    breakIt: (course) => edit(course, LESSON, (text) => `${text}\n![Plot](images/none.svg)\n`),
  },
  {
    what: 'a broken anchor in a document',
    rule: 'links',
    file: /^README\.md$/,
    message: /The link COURSE\.md#steppes names a heading that is not there/,
    breakIt: (course) => edit(course, 'README.md', (text) => text.replace('#steps', '#steppes')),
  },
  {
    what: 'an absolute link',
    rule: 'links',
    file: /^README\.md$/,
    message: /The link \/COURSE\.md is absolute/,
    breakIt: (course) =>
      edit(course, 'README.md', (text) => text.replace('COURSE.md#steps', '/COURSE.md')),
  },
  {
    what: 'a path of one machine',
    rule: 'links',
    file: /^lessons\/03-shouting\.md$/,
    message: /\/Users\/me is a path of one machine/,
    breakIt: (course) => edit(course, LESSON, (text) => `${text}\nSee /Users/me/course.\n`),
  },
  {
    what: 'the address of a registry',
    rule: 'links',
    file: /^lessons\/03-shouting\.md$/,
    message: /is the address of a package registry/,
    breakIt: (course) =>
      edit(course, LESSON, (text) => `${text}\nSee https://registry.example.org/tap.\n`),
  },
];

for (const { what, rule, file, message, breakIt } of BROKEN) {
  t.test(`finds ${what}`, async (t) => {
    const course = await makeCourse(t);
    breakIt(course);
    const checks = CHECKS.filter((check) => check.rule === rule);
    const findings = runChecks(course, listSteps(course), checks);
    const hit = findings.find((finding) => message.test(finding.message));
    t.ok(hit, 'the finding is there', { findings: findings.map(formatFinding) });
    t.match(hit?.file, file);
  });
}

t.test(
  'findings are printed one a line with file, line and rule, and the exit code is 1',
  async (t) => {
    const course = await makeCourse(t);
    edit(course, LESSON, (text) => text.replace('## Goal\n', '## Goal\n\n`src/missing.ts`\n'));
    edit(course, 'final/src/answer.ts', (text) => `${text}// More.\n`);
    const { status, stdout } = runCourse(course, 'check');
    const lines = stdout.trimEnd().split('\n');
    t.equal(lines.length, 3, stdout);
    t.match(lines[0], /^final\/src\/answer\.ts {2}rule 8 {2}The file differs/);
    t.match(
      lines[1],
      /^lessons\/03-shouting\.md:\d+ {2}rule 5 {2}The lesson names src\/missing\.ts/,
    );
    t.equal(lines[2], '4 steps checked, 2 findings');
    t.equal(status, 1);
  },
);

t.test('only the named steps are checked', async (t) => {
  const course = await makeCourse(t);
  edit(course, LESSON, (text) => `${text}\n## More\n`);
  t.equal(runCourse(course, 'check', '01', '2').status, 0);
  t.equal(runCourse(course, 'check', '3').status, 1);
  const unknown = runCourse(course, 'check', '9');
  t.match(unknown.stderr, /There is no step 9: the steps are 01 to 04/);
  t.equal(unknown.status, 2);
});

t.test('imports are read in every form, and only they', async (t) => {
  const source = `import a from 'one';
import {
  b,
  type C,
} from "@two/scoped/sub";
import type { D } from 'three';
import 'four/register';
export * from 'five';
const six = await import('six');
import { join } from 'node:path';
import fs from 'fs';
import { own } from './own.ts';
// Not an import from 'seven'.
`;
  t.same(
    importedPackages(source).map(({ name, line, typeOnly }) => [name, line, typeOnly]),
    [
      ['one', 1, false],
      ['@two/scoped', 5, false],
      ['three', 6, true],
      ['four', 7, false],
      ['five', 8, false],
      ['six', 9, false],
    ],
  );
});

/** Adds text to a file of a step, and of every later step and `final/` so that only it changes. */
function addEverywhere(course: Course, number: number, path: string, text: string): void {
  const later = listSteps(course).slice(number - 1);
  for (const dir of [...later.map(({ name }) => `steps/${name}`), 'final']) {
    try {
      edit(course, `${dir}/${path}`, (before) => before + text);
    } catch {
      put(course, `${dir}/${path}`, text);
    }
  }
}
