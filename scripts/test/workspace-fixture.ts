import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa, execaSync } from 'execa';
import { type Course, courseAt } from '../src/core/course.ts';
import { readTree } from '../src/core/merge.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const CLI = fileURLToPath(new URL('../course.js', import.meta.url));

/** Something that is registered to be cleaned up, such as a tap test. */
interface Owner {
  teardown(work: () => void): void;
}

/** What a run of the tool came to. */
export interface Ran {
  code: number | undefined;
  /** stdout and stderr. */
  text: string;
}

const REPORTER = 'export default class { write() {} end() {} }\n';

const packageJson = (id: string, dependencies: Record<string, string>) => `{
  "name": "@fanout/step-${id}",
  "version": "1.0.0",
  "private": true,
  "type": "module",
  "scripts": {
    "start": "node src/server.ts",
    "test": "tap"
  },
  "dependencies": {
${Object.entries(dependencies)
  .map(([name, version]) => `    "${name}": "${version}"`)
  .join(',\n')}
  },
  "tap": {
    "plugin": ["!@tapjs/typescript"],
    "include": ["test/**/*.test.ts"],
    "reporter": "./test/reporter.ts",
    "disable-coverage": true
  }
}
`;

const testOf = (name: string, from: string, expected: string) => `import t from 'tap';
import { ${name} } from '../src/${from}.ts';

t.test('${name} says ${expected}', async (t) => {
  t.equal(${name}(), '${expected}');
});
`;

const app = (word: string, rest = '') => `// The app.

export function hello(): string {
  return '${word}';
}

// A comment that keeps
// the two places
// apart for the merge.

export const version = 1;
${rest}`;

const SERVER = `import { createServer } from 'node:http';

const server = createServer((_request, response) => response.end('hello'));
server.listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log(JSON.stringify({ msg: \`Server listening at http://127.0.0.1:\${process.env.PORT}\` }));
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    setTimeout(() => {
      console.log(\`drained after \${signal}\`);
      process.exit(0);
    }, 200);
  });
}
`;

/** Four steps: 02 adds a module and a package, 03 changes and deletes, 04 adds a server. */
const STEPS: Record<string, Record<string, string | Buffer>> = {
  '01-first': {
    'package.json': packageJson('01', { fastify: '5.12.8' }),
    'src/app.ts': app('one'),
    'src/logo.bin': Buffer.from([0, 1, 2, 3]),
    'test/app.test.ts': testOf('hello', 'app', 'one'),
  },
  '02-second': {
    'package.json': packageJson('02', { fastify: '5.12.8', kysely: '0.29.0' }),
    'src/app.ts': app('one', "\nexport const second = 'two';\n"),
    'src/logo.bin': Buffer.from([0, 1, 2, 3]),
    'src/more.ts': "export function more(): string {\n  return 'more';\n}\n",
    'test/app.test.ts': testOf('hello', 'app', 'one'),
    'test/more.test.ts': testOf('more', 'more', 'more'),
  },
  '03-third': {
    'package.json': packageJson('03', { fastify: '5.12.8', kysely: '0.29.0', ms: '2.1.3' }),
    'src/app.ts': app('three', "\nexport const second = 'two';\n"),
    'src/logo.bin': Buffer.from([0, 9, 9, 9]),
    'src/extra/most.ts': "export function most(): string {\n  return 'most';\n}\n",
    'test/app.test.ts': testOf('hello', 'app', 'three'),
    'test/most.test.ts': testOf('most', 'extra/most', 'most'),
  },
  '04-fourth': {
    'package.json': packageJson('04', { fastify: '5.12.8', kysely: '0.29.0', ms: '2.1.3' }),
    'src/app.ts': app('three', "\nexport const second = 'two';\n"),
    'src/logo.bin': Buffer.from([0, 9, 9, 9]),
    'src/extra/most.ts': "export function most(): string {\n  return 'most';\n}\n",
    'src/server.ts': SERVER,
    'src/last.ts': "export function last(): string {\n  return 'last';\n}\n",
    'test/app.test.ts': testOf('hello', 'app', 'three'),
    'test/most.test.ts': testOf('most', 'extra/most', 'most'),
    'test/last.test.ts': testOf('last', 'last', 'last'),
  },
};

/** A course in a temporary folder, with a learner who types commands there. */
export class Learner {
  readonly course: Course;

  constructor(owner: Owner, root?: string) {
    this.course = courseAt(root ?? mkdtempSync(join(tmpdir(), 'fanout-learner-')));
    if (root === undefined) {
      owner.teardown(() => rmSync(this.course.root, { recursive: true, force: true }));
    }
    symlinkSync(join(REPOSITORY, 'node_modules'), join(this.course.root, 'node_modules'));
    for (const [name, files] of Object.entries(STEPS)) {
      for (const [path, content] of Object.entries(files)) {
        put(join(this.course.stepsDir, name, path), content);
      }
      put(join(this.course.stepsDir, name, 'test/reporter.ts'), REPORTER);
      put(
        join(this.course.stepsDir, name, 'tsconfig.json'),
        '{ "extends": "../../tsconfig.json", "include": ["src", "test"] }\n',
      );
      put(join(this.course.lessonsDir, `${name}.md`), lesson(name));
    }
  }

  /** Runs the tool as a process of its own. */
  async run(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    const result = await execa(process.execPath, [CLI, ...args], this.options(env));
    return { code: result.exitCode, text: String(result.all) };
  }

  /** Runs a shell command line in which `course` is the tool. */
  async shell(script: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    // tap puts itself into every Node process by NODE_OPTIONS; here it would meet the same limits.
    const command = `unset NODE_OPTIONS; course() { '${process.execPath}' '${CLI}' "$@"; }\n${script}`;
    const result = await execa('bash', ['-c', command], this.options(env));
    return { code: result.exitCode, text: String(result.all) };
  }

  /** Starts the tool without waiting for it. */
  spawn(args: string[], env: NodeJS.ProcessEnv = {}) {
    return execa(process.execPath, [CLI, ...args], this.options(env));
  }

  private options(env: NodeJS.ProcessEnv) {
    const clean = Object.entries(process.env).filter(
      ([name]) => !/^(_TAPJS|TAP(_|$)|NODE_OPTIONS$)/.test(name),
    );
    return {
      cwd: this.course.root,
      extendEnv: false,
      env: { ...Object.fromEntries(clean), COURSE_ROOT: this.course.root, NO_COLOR: '1', ...env },
      reject: false,
      all: true,
      stdin: 'ignore',
    } as const;
  }

  /** A path in the workspace. */
  path(path: string): string {
    return join(this.course.workspaceDir, path);
  }

  /** Writes a file in the workspace. */
  write(path: string, content: string | Buffer): void {
    put(this.path(path), content);
  }

  /** The text of a file in the workspace, or undefined when it is not there. */
  read(path: string): string | undefined {
    return this.files()[path];
  }

  /** Every file of the workspace with its text. */
  files(): Record<string, string> {
    return Object.fromEntries(
      [...readTree(this.course.workspaceDir)].map(([path, { bytes }]) => [
        path,
        bytes.toString('latin1'),
      ]),
    );
  }

  /** Runs git in the workspace. */
  git(...args: string[]): string {
    return execaSync('git', ['-C', this.course.workspaceDir, ...args]).stdout;
  }

  /** Whether a text is in the workspace or in any commit of it that a branch reaches. */
  hasLine(text: string): boolean {
    if (Object.values(this.files()).some((content) => content.includes(text))) return true;
    if (!existsSync(this.path('.git'))) return false;
    return this.git('log', '--all', '--format=%h', `-S${text}`).trim() !== '';
  }

  /**
   * A folder for PATH with a `git` that is the real one, but kills the tool when it is asked for
   * `command` for the n-th time.
   */
  gitThatKills(command: string, time: number): string {
    const bin = join(this.course.root, 'bin');
    const real = execaSync('which', ['git']).stdout;
    put(join(this.course.root, 'count'), '');
    put(
      join(bin, 'git'),
      `#!/bin/bash
for arg in "$@"; do
  if [ "$arg" = "${command}" ]; then
    echo >> "${join(this.course.root, 'count')}"
    if [ "$(wc -l < "${join(this.course.root, 'count')}")" = "${time}" ]; then kill -9 $PPID; exit 1; fi
  fi
done
exec "${real}" "$@"
`,
    );
    chmodSync(join(bin, 'git'), 0o755);
    return `${bin}:${process.env.PATH}`;
  }

  /** Starts step 01, writes it, and tests it green. */
  async finishFirst(): Promise<void> {
    await this.run(['start', '01']);
    this.write('src/app.ts', app('one').replace('// The app.', '// My own app.'));
    this.write('src/logo.bin', Buffer.from([0, 1, 2, 3]));
    const { code, text } = await this.run(['test']);
    if (code !== 0) throw new Error(`step 01 should be green: ${text}`);
  }
}

function lesson(name: string): string {
  const hints = name.startsWith('03')
    ? '[]'
    : '["Think of it.", "Look at src/app.ts.", "Return the word."]';
  return `---\ntitle: ${name}\npart: "1 · Part"\nsummary: A step.\nconcepts: [testing]\nhints: ${hints}\n---\n\n# ${name}\n`;
}

/** Writes a file with its folders. */
export function put(file: string, content: string | Buffer): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
