import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Course, courseAt, listSteps, type Step } from '../src/core/course.ts';
import { syncCourse } from '../src/core/sync.ts';

/** What the fixture needs of a tap test. */
interface Teardown {
  teardown(after: () => void): void;
}

/** What a test may want different in its course. */
export interface CourseOptions {
  /** How many of the four steps. */
  steps?: number;
  /** Links the repository's node_modules into the course, so that its steps can run. */
  runnable?: boolean;
}

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
export const COURSE_BIN = join(REPOSITORY, 'scripts', 'course.js');

/** A step of the fixture: one feature of a server that answers with words. */
interface Blueprint {
  slug: string;
  title: string;
  part: string;
  feature: string;
  /** The path that it answers, with an example and its answer. */
  route: string;
  example: [path: string, answer: string];
  code: string;
}

const BLUEPRINTS: Blueprint[] = [
  {
    slug: 'hello',
    title: 'Hello',
    part: '1 · Words',
    feature: 'hello',
    route: '/hello/',
    example: ['/hello/anna', 'Hello, anna.'],
    code: `export function hello(rest: string): string {
  return \`Hello, \${rest}.\`;
}`,
  },
  {
    slug: 'sums',
    title: 'Sums',
    part: '1 · Words',
    feature: 'sums',
    route: '/sums/',
    example: ['/sums/3/4', '7'],
    code: `export function sums(rest: string): string {
  const numbers = rest.split('/').map(Number);
  return String(numbers.reduce((sum, number) => sum + number, 0));
}`,
  },
  {
    slug: 'shouting',
    title: 'Shouting',
    part: '2 · Letters',
    feature: 'shouting',
    route: '/shouting/',
    example: ['/shouting/anna', 'ANNA!'],
    code: `export function shouting(rest: string): string {
  return \`\${rest.toUpperCase()}!\`;
}`,
  },
  {
    slug: 'mirrors',
    title: 'Mirrors',
    part: '2 · Letters',
    feature: 'mirrors',
    route: '/mirrors/',
    example: ['/mirrors/noel', 'leon'],
    code: `export function mirrors(rest: string): string {
  return [...rest].reverse().join('');
}`,
  },
];

/** The number of words in each step's table, which brings a step into the limits of rule 2. */
const TABLE_LENGTH = 92;

/**
 * Makes a small valid course in a temporary folder, which goes when the test ends: four steps of a
 * server on `node:http` (features hello, sums, shouting, mirrors), their lessons, `final/`, and a
 * root with lockfile and documents. `course check` finds nothing in it. In each step
 * `src/answer.ts` puts the features together, `src/FEATURE.ts` and `test/FEATURE.test.ts` are new,
 * and step 03 adds a migration; step 04 deletes the file `src/notes.ts` of step 02.
 */
export async function makeCourse(t: Teardown, options: CourseOptions = {}): Promise<Course> {
  const course = courseAt(realpathSync(mkdtempSync(join(tmpdir(), 'course-fixture-'))));
  t.teardown(() => rmSync(course.root, { recursive: true, force: true }));
  cpSync(await template(options.steps ?? BLUEPRINTS.length), course.root, { recursive: true });
  if (options.runnable) {
    symlinkSync(join(REPOSITORY, 'node_modules'), join(course.root, 'node_modules'), 'junction');
  }
  return course;
}

const templates = new Map<number, Promise<string>>();

/** The course that those of one length are copied from; it is made once a process. */
function template(length: number): Promise<string> {
  const known = templates.get(length);
  if (known !== undefined) return known;
  const root = mkdtempSync(join(tmpdir(), 'course-template-'));
  process.on('exit', () => rmSync(root, { recursive: true, force: true }));
  const made = writeCourse(courseAt(root), BLUEPRINTS.slice(0, length)).then(() => root);
  templates.set(length, made);
  return made;
}

async function writeCourse(course: Course, blueprints: Blueprint[]): Promise<void> {
  blueprints.forEach((_blueprint, index) => {
    writeStep(course, blueprints, index);
  });
  const last = listSteps(course).at(-1);
  if (last !== undefined) writeFinal(course, last);
  writeRoot(course);
  await syncCourse(course);
}

/** The step of a fixture with this number. */
export function stepOf(course: Course, number: number): Step {
  const step = listSteps(course)[number - 1];
  if (step === undefined) throw new Error(`the fixture has no step ${number}`);
  return step;
}

/** Changes one text file, given relative to the root; the change has to change something. */
export function edit(course: Course, path: string, change: (text: string) => string): void {
  const file = join(course.root, path);
  const before = readFileSync(file, 'utf8');
  const after = change(before);
  if (after === before) throw new Error(`the edit of ${path} changed nothing`);
  writeFileSync(file, after);
}

/** Writes one file, given relative to the root, with the folders it needs. */
export function put(course: Course, path: string, text: string | Buffer): void {
  const file = join(course.root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Runs the course tool on a fixture, as a person would. */
export function runCourse(course: Course, ...args: string[]): Ran {
  const env = { COURSE_ROOT: course.root, NO_COLOR: '1', FORCE_COLOR: undefined };
  return runNode([COURSE_BIN, ...args], course.root, env);
}

/** What a finished process left. */
export interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs Node with the words in `args`. tap puts a loader into every Node process that a test starts,
 * by NODE_OPTIONS, which costs time and changes how modules load: where there is a POSIX shell, it
 * takes that away.
 */
export function runNode(args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): Ran {
  const options = { cwd, encoding: 'utf8', env: { ...process.env, ...env } } as const;
  const unhooked = ['-c', 'unset NODE_OPTIONS; exec "$0" "$@"', process.execPath, ...args];
  const { status, stdout, stderr } =
    process.platform === 'win32'
      ? spawnSync(process.execPath, args, options)
      : spawnSync('/bin/sh', unhooked, options);
  return { status, stdout, stderr };
}

function writeStep(course: Course, blueprints: Blueprint[], index: number): void {
  const own = blueprints.slice(0, index + 1);
  const blueprint = own[index];
  if (blueprint === undefined) return;
  const number = String(index + 1).padStart(2, '0');
  const name = `${number}-${blueprint.slug}`;
  const file = (path: string, text: string): void => put(course, `steps/${name}/${path}`, text);
  file('package.json', manifest(`@fanout/step-${number}`));
  file('tsconfig.json', '{ "extends": "../../tsconfig.json", "include": ["src", "test"] }\n');
  file('src/server.ts', SERVER);
  file('src/answer.ts', answerSource(own));
  for (const { feature, code, route, example } of own) {
    file(`src/${feature}.ts`, featureSource(feature, code));
    file(`test/${feature}.test.ts`, testSource(feature, route, example));
  }
  if (index >= 1 && index < 3) file('src/notes.ts', "export const notes = 'sums are exact';\n");
  if (index >= 2) file('migrations/0001-letters.ts', "export const letters = ['a', 'b', 'c'];\n");
  put(course, `lessons/${name}.md`, lessonSource(blueprint, index));
}

function manifest(name: string): string {
  return `{
  "name": "${name}",
  "version": "1.0.0",
  "private": true,
  "type": "module",
  "scripts": {
    "start": "node src/server.ts",
    "test": "tap",
    "typecheck": "tsc"
  },
  "dependencies": {
    "close-with-grace": "2.5.0"
  },
  "devDependencies": {
    "tap": "21.8.0"
  },
  "tap": {
    "plugin": ["!@tapjs/typescript"],
    "include": ["test/**/*.test.ts"],
    "disable-coverage": true,
    "allow-empty-coverage": true
  }
}
`;
}

const SERVER = `import { createServer } from 'node:http';
import closeWithGrace from 'close-with-grace';
import { answer } from './answer.ts';

const { HOST: host = '127.0.0.1', PORT: port = '3000' } = process.env;

const server = createServer((request, response) => {
  response.end(answer(request.url ?? '/'));
});

server.listen(Number(port), host, () => {
  console.log(JSON.stringify({ level: 30, msg: \`Server listening at http://\${host}:\${port}\` }));
});

closeWithGrace(async () => {
  server.close();
});
`;

function answerSource(own: Blueprint[]): string {
  const imports = own.map(({ feature }) => `import { ${feature} } from './${feature}.ts';`).sort();
  const lines = own.map(
    ({ feature, route }) =>
      `  if (path.startsWith('${route}')) return ${feature}(path.slice(${route.length}));`,
  );
  return `${imports.join('\n')}

/** The answer to a path. */
export function answer(path: string): string {
${lines.join('\n')}
  return 'not found';
}
`;
}

function featureSource(feature: string, code: string): string {
  const words = Array.from({ length: TABLE_LENGTH }, (_, index) => `  '${feature} ${index}',`);
  return `/** Known words of this feature. */
export const WORDS = [
${words.join('\n')}
];

/** Answers a path of this feature. */
${code}
`;
}

function testSource(feature: string, route: string, [path, answer]: [string, string]): string {
  return `import t from 'tap';
import { answer } from '../src/answer.ts';

t.test('${feature} answers', async (t) => {
  t.equal(answer('${path}'), '${answer}');
});

t.test('${feature} answers an empty request', async (t) => {
  t.not(answer('${route}'), 'not found');
});
`;
}

/** About 650 words of prose. */
function lessonSource({ title, part, feature, example, code }: Blueprint, index: number): string {
  const red = index === 0 ? 'red: import\n' : '';
  const others = [
    ...(index === 0 ? ['`package.json`, `tsconfig.json` and `src/server.ts` start the app.'] : []),
    ...(index === 1 ? ['`src/notes.ts` keeps a note.'] : []),
    ...(index === 2 ? ['`migrations/0001-letters.ts` lists the letters.'] : []),
    ...(index === 3 ? ['`src/notes.ts` goes, for nothing reads it.'] : []),
  ];
  return `---
title: ${title}
part: ${part}
summary: The server answers ${feature}.
concepts: [${feature}, answers]
${red}hints:
  - Read the test first.
  - The function takes the rest of the path.
  - "One line is enough: return it."
---

## Goal

The server answers ${feature}. ${prose(80)}

## Predict

What comes back for an empty request?

<details><summary>The answer</summary>

An answer, and not an error.

</details>

## Background

${prose(180)}

\`\`\`mermaid
flowchart LR
  client --> server
\`\`\`

## Build it

1. \`src/${feature}.ts\`: the feature.

   \`\`\`ts src/${feature}.ts
   export const WORDS = [
     '${feature} 0',
     // …
   ];

   /** Answers a path of this feature. */
   // …
${indent(code.split('\n').slice(-2).join('\n'))}
   \`\`\`

2. \`src/answer.ts\`: the place where features come together. ${others.join(' ')}

   \`\`\`ts src/answer.ts
   import { ${feature} } from './${feature}.ts';
   // …
   export function answer(path: string): string {
   \`\`\`

## Try it

\`\`\`console
$ curl -s localhost:3000${example[0]}
${example[1]}
\`\`\`

## Test it

\`test/${feature}.test.ts\` asks for an answer. ${prose(120)}

## In the interview / in production

${prose(160)}

## Exercises

${prose(80)}
`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '   ');
}

function prose(words: number): string {
  const sentence = 'A plain server answers every path that it knows and says so otherwise.'.split(
    ' ',
  );
  return Array.from({ length: words }, (_, index) => sentence[index % sentence.length]).join(' ');
}

function writeFinal(course: Course, last: Step): void {
  cpSync(last.dir, course.finalDir, { recursive: true });
  put(course, 'final/package.json', manifest('@fanout/final'));
  put(
    course,
    'final/tsconfig.json',
    '{ "extends": "../tsconfig.json", "include": ["src", "test"] }\n',
  );
  put(course, 'final/Dockerfile', 'FROM scratch\n');
}

function writeRoot(course: Course): void {
  const root = {
    name: 'fixture',
    private: true,
    type: 'module',
    workspaces: ['steps/*', 'final'],
    devDependencies: { typescript: '7.0.2', '@types/node': '24.10.1' },
  };
  put(course, 'package.json', `${JSON.stringify(root, null, 2)}\n`);
  cpSync(join(REPOSITORY, 'tsconfig.json'), join(course.root, 'tsconfig.json'));
  put(course, 'README.md', '# Fixture\n\nRead [the syllabus](COURSE.md#steps).\n');
  put(
    course,
    'COURSE.md',
    '# Course\n\n## Steps\n\n<!-- course:table -->\n<!-- /course:table -->\n\nThe end.\n',
  );
  writeLock(course, root);
}

/** The lockfile's part that names the workspaces; what they depend on is left out. */
function writeLock(course: Course, root: { devDependencies: Record<string, string> }): void {
  const packages: Record<string, unknown> = { '': root };
  for (const dir of [...listSteps(course).map(({ name }) => `steps/${name}`), 'final']) {
    const file = join(course.root, dir, 'package.json');
    if (!existsSync(file)) continue;
    const { name, version, dependencies, devDependencies } = JSON.parse(readFileSync(file, 'utf8'));
    packages[dir] = { name, version, dependencies, devDependencies };
    packages[`node_modules/${name}`] = { resolved: dir, link: true };
  }
  const lock = { name: 'fixture', lockfileVersion: 3, requires: true, packages };
  put(course, 'package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
}
