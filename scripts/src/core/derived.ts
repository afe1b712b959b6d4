import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Step } from './course.ts';
import { listFiles } from './diff.ts';
import type { FrontMatter } from './lesson.ts';

/** The comments between which COURSE.md's table stands. */
export const TABLE_MARKERS = ['<!-- course:table -->', '<!-- /course:table -->'] as const;

/** What the derived texts say about a step. */
export interface StepFacts {
  step: Step;
  frontMatter: FrontMatter;
  /** Lines added, as rule 2 counts. */
  size: number;
  /** Test cases in the step's test files. */
  tests: number;
}

const FRONT_MATTER = /^\uFEFF?---\r?\n[\s\S]*?\r?\n---[ \t]*(?:\r?\n|$)/;
const CASE = /^\s*(?:(?:await|return|void)\s+)?(?:t|tap)\.test\(|^\s*(?:await\s+)?test\(/gm;

/**
 * The two derived lines at the head of a lesson: its title, and where it stands in the course.
 */
export function lessonHeader(facts: StepFacts, previous?: Step, next?: Step): string {
  const { step, frontMatter, size } = facts;
  const line = [
    `Part ${frontMatter.part}`,
    `adds ${size} lines`,
    `[code](../steps/${step.name})`,
    ...(previous === undefined ? [] : [`[previous](${previous.name}.md)`]),
    ...(next === undefined ? [] : [`[next](${next.name}.md)`]),
  ];
  return `# Step ${step.id} · ${frontMatter.title}\n\n> ${line.join(' · ')}\n`;
}

/** The text of a lesson with `header` in the place of the one it has, if it has one. */
export function withHeader(source: string, header: string): string {
  const frontMatter = FRONT_MATTER.exec(source)?.[0] ?? '';
  const body = source
    .slice(frontMatter.length)
    .replace(/^\s*\n/, '')
    .replace(/^# .*(?:\r?\n|$)/, '')
    .replace(/^\s*\n/, '')
    .replace(/^> Part .*(?:\r?\n|$)/, '')
    .replace(/^\s*\n/, '');
  const lineEnd = frontMatter.includes('\r\n') ? '\r\n' : '\n';
  return `${frontMatter}\n${header}\n`.replace(/\r?\n/g, lineEnd) + body;
}

/** COURSE.md's table: a row a step. */
export function courseTable(facts: StepFacts[]): string {
  const rows = facts.map(({ step, frontMatter, size, tests }, index) => {
    const part = facts[index - 1]?.frontMatter.part === frontMatter.part ? '' : frontMatter.part;
    const links = `[${step.id} ${frontMatter.title}](lessons/${step.name}.md) · [code](steps/${step.name})`;
    const cells = [part === '' ? '' : `**${part}**`, links, frontMatter.summary, size, tests];
    return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    '| Part | Step | What it adds | Lines | Tests |',
    '| --- | --- | --- | --: | --: |',
    ...rows,
  ]
    .join('\n')
    .replaceAll('|  |', '| |');
}

/** The text of COURSE.md with `table` between its markers; undefined when it has none. */
export function withTable(source: string, table: string): string | undefined {
  const [open, close] = TABLE_MARKERS;
  const [start, end] = [source.indexOf(open), source.indexOf(close)];
  if (start < 0 || end < start) return undefined;
  return `${source.slice(0, start + open.length)}\n\n${table}\n\n${source.slice(end)}`;
}

/** The number of cases in a step's test files, counted in the text: `t.test(` at a line's start. */
export function countCases(step: Step): number {
  return listFiles(join(step.dir, 'test'))
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => readFileSync(join(step.dir, 'test', path), 'utf8').match(CASE)?.length ?? 0)
    .reduce((sum, count) => sum + count, 0);
}

/** The text of a file, or undefined when it does not exist. */
export function readText(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
