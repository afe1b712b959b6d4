import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listFiles } from '../core/diff.ts';
import type { TestCase } from '../core/run.ts';
import { escapeRegExp } from './escape.ts';

/** A case as it stands in the source of a test file. */
export interface SourceCase {
  /** Relative to the step, with forward slashes: `test/healthz.test.ts`. */
  file: string;
  /** As written; a part of a template that is computed stands as `…`. */
  name: string;
  /** Matches the names under which it runs. */
  pattern: RegExp;
  /** Whether its name is computed, so that it may run more than once. */
  computed: boolean;
  /** Its whole source, with the loop around it. */
  text: string;
}

const START = /^(\s*)(?:await |void )?(?:t|tap)\.test\(/;

/** The cases of all test files of a step's folder. */
export function casesOf(dir: string): SourceCase[] {
  return testFiles(dir).flatMap((file) => sourceCases(file, readFileSync(join(dir, file), 'utf8')));
}

/** The test files of a step's folder, all that end in `.test.ts`, sorted. */
export function testFiles(dir: string): string[] {
  if (!existsSync(join(dir, 'test'))) return [];
  return listFiles(dir).filter((file) => /^test\/.*\.test\.ts$/.test(file));
}

/**
 * Finds the cases (`t.test(…)` that stand in no other) in the source of a test file. It relies on
 * the formatter: a case ends at the first line that closes with the indentation of its start.
 */
export function sourceCases(file: string, source: string): SourceCase[] {
  const lines = source.replaceAll('\r\n', '\n').split('\n');
  const cases: SourceCase[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const indent = START.exec(lines[at] ?? '')?.[1];
    if (indent === undefined) continue;
    const end = endOf(lines, at, indent);
    const block = lines.slice(at, end + 1).join('\n');
    const text = lines.slice(headerOf(lines, at, indent), end + 1).join('\n');
    cases.push({ file, ...nameOf(block), text });
    at = end;
  }
  return cases;
}

function endOf(lines: string[], start: number, indent: string): number {
  if (/\);\s*$/.test(lines[start] ?? '')) return start;
  const closing = [`${indent}});`, `${indent});`];
  const end = lines.findIndex((line, at) => at > start && closing.includes(line));
  return end === -1 ? lines.length - 1 : end;
}

/** A case in a loop depends on the loop's head: the lines above it up to an empty one. */
function headerOf(lines: string[], start: number, indent: string): number {
  let first = start;
  while (indent !== '' && first > 0 && lines[first - 1]?.trim() !== '') first -= 1;
  return first;
}

function nameOf(block: string): Pick<SourceCase, 'name' | 'pattern' | 'computed'> {
  const [, quote, written] = /\.test\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/s.exec(block) ?? [];
  if (written === undefined) {
    const expression = /\.test\(\s*([^,]*)/.exec(block)?.[1]?.trim() ?? '';
    return { name: `…${expression}…`, pattern: /^.*$/s, computed: true };
  }
  const pieces = quote === '`' ? written.split(/\$\{[^}]*\}/) : [written];
  const plain = pieces.map((piece) => piece.replace(/\\(.)/gs, '$1'));
  return {
    name: plain.join('…'),
    pattern: new RegExp(`^${plain.map((piece) => escapeRegExp(piece)).join('.*')}$`, 's'),
    computed: pieces.length > 1,
  };
}

/**
 * The results that belong to a case of the source: those of its file whose names it can have, less
 * those that another case of the file has by a fixed name.
 */
export function resultsOf(
  entry: SourceCase,
  all: SourceCase[],
  results: readonly TestCase[],
): TestCase[] {
  const fixed = new Set(
    all.filter(({ file, computed }) => file === entry.file && !computed).map(({ name }) => name),
  );
  return results.filter(
    ({ file, name }) =>
      file === entry.file &&
      entry.pattern.test(name) &&
      !(entry.computed && (fixed.has(name) || name.startsWith('('))),
  );
}

/** The case of the same file and name, or undefined. */
export function sameCase(entry: SourceCase, others: SourceCase[]): SourceCase | undefined {
  return others.find(({ file, name }) => file === entry.file && name === entry.name);
}

/**
 * Whether an entry of the front matter (`test/x.test.ts`, `test/x.test.ts: name`, or a name alone)
 * means the case `name` of `file`.
 */
export function names(entry: string, file: string, name: string): boolean {
  return entry === file || entry === `${file}: ${name}` || entry === name;
}
