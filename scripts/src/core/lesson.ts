import { existsSync, readFileSync } from 'node:fs';
import type { Nodes, Root } from 'mdast';
import remarkFrontmatter from 'remark-frontmatter';
import remarkGfm from 'remark-gfm';
import remarkParse from 'remark-parse';
import { unified } from 'unified';
import { SKIP, visit } from 'unist-util-visit';
import { type Document, isMap, LineCounter, parseDocument } from 'yaml';
import type { Step } from './course.ts';
import { CourseError, ExitCode } from './errors.ts';

/** The second-level headings of every lesson, in this order. */
export const HEADINGS = [
  'Goal',
  'Predict',
  'Background',
  'Build it',
  'Try it',
  'Test it',
  'In the interview / in production',
  'Exercises',
] as const;

/** A fenced block of a lesson. */
export interface Fence {
  lang: string;
  /** The step's file it shows, relative to the step; undefined for `console`, `mermaid`, `text`. */
  path: string | undefined;
  value: string;
  /** The line of the opening fence in the lesson, from 1. The value starts on the next line. */
  line: number;
  /** The second-level heading it stands under, `''` before the first. */
  heading: string;
}

/** A piece of a lesson with its line, from 1. */
export interface Located {
  text: string;
  line: number;
}

/** The front matter of a lesson, after validation: absent or bad fields are empty. */
export interface FrontMatter {
  title: string;
  /** Number and name: `"1 · A server you can trust"`. */
  part: string;
  /** One sentence: what the step adds. */
  summary: string;
  concepts: string[];
  /** The step's tests import something new, so that on the predecessor they fail by that. */
  red?: 'import';
  /** Tests of earlier steps that this one changes: `test/x.test.ts` or `test/x.test.ts: case`. */
  supersedes?: { test: string; why: string }[];
  /** New cases that already pass on the predecessor. */
  guards?: { test: string; why: string }[];
  /** From a nudge to almost the code. */
  hints: string[];
}

/** A lesson as parsed. */
export interface Lesson {
  /** The absolute path. */
  file: string;
  /** The path for messages: `lessons/07-openapi.md`. */
  label: string;
  frontMatter: FrontMatter;
  /** Everything after the front matter, as written. */
  body: string;
  /** The line of the file on which the body starts, from 1. */
  bodyLine: number;
  title: string;
  headings: { depth: number; text: string; line: number }[];
  fences: Fence[];
  inlineCodes: Located[];
  /** The targets of links and images. */
  links: Located[];
  /** Words of prose: front matter, derived header and fences do not count. */
  words: number;
  /** What is wrong with the front matter: `lessons/07-openapi.md:3  "title" is missing: …`. */
  problems: string[];
  /** The same as `problems`, with the line apart. */
  findings: Located[];
}

const PARSER = unified().use(remarkParse).use(remarkGfm).use(remarkFrontmatter, ['yaml']);
const FIELDS = new Set([
  'title',
  'part',
  'summary',
  'concepts',
  'red',
  'supersedes',
  'guards',
  'hints',
]);
/** Languages of fences that show no file of the step. */
export const PATHLESS_LANGUAGES: readonly string[] = ['console', 'mermaid', 'text'];

/**
 * Reads the lesson of a step. What is wrong with single fields is in `problems`.
 *
 * @throws {CourseError} when the file is missing or its front matter is no YAML mapping.
 */
export function loadLesson(step: Step): Lesson {
  const label = `lessons/${step.name}.md`;
  if (!existsSync(step.lessonFile)) {
    throw new CourseError(
      `${label} is missing: every step has a lesson. Copy the form of a neighbouring one.`,
      ExitCode.fellShort,
    );
  }
  return parseLesson(readFileSync(step.lessonFile, 'utf8'), step.lessonFile, label);
}

/**
 * Parses the text of a lesson.
 *
 * @throws {CourseError} when its front matter is missing or no YAML mapping.
 */
export function parseLesson(source: string, file: string, label: string): Lesson {
  const text = source.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const tree = PARSER.parse(text);
  const { frontMatter, findings } = readFrontMatter(tree, label);
  const end = tree.children[0]?.position?.end;
  return {
    file,
    label,
    frontMatter,
    body: text.slice(end?.offset ?? 0).replace(/^\n/, ''),
    bodyLine: (end?.line ?? 0) + 1,
    title: frontMatter.title,
    ...readBody(tree),
    problems: findings.map((finding) => `${label}:${finding.line}  ${finding.text}`),
    findings,
  };
}

/** The links, images and inline code of any Markdown text, for files that are not lessons. */
export function parseMarkdown(source: string): Pick<Lesson, 'links' | 'inlineCodes' | 'headings'> {
  return readBody(PARSER.parse(source.replaceAll('\r\n', '\n')));
}

function readBody(
  tree: Root,
): Pick<Lesson, 'headings' | 'fences' | 'inlineCodes' | 'links' | 'words'> {
  const found: Pick<Lesson, 'headings' | 'fences' | 'inlineCodes' | 'links'> = {
    headings: [],
    fences: [],
    inlineCodes: [],
    links: [],
  };
  let heading = '';
  visit(tree, (node) => {
    const line = node.position?.start.line ?? 1;
    if (node.type === 'heading') {
      const text = plainText(node);
      if (node.depth === 2) heading = text;
      found.headings.push({ depth: node.depth, text, line });
    } else if (node.type === 'code') {
      const lang = node.lang ?? '';
      const [path] = (node.meta ?? '').trim().split(/\s+/);
      found.fences.push({ lang, path: path || undefined, value: node.value, line, heading });
    } else if (node.type === 'inlineCode') {
      found.inlineCodes.push({ text: node.value, line });
    } else if (node.type === 'link' || node.type === 'image' || node.type === 'definition') {
      found.links.push({ text: node.url, line });
    }
  });
  return { ...found, words: countWords(tree) };
}

/** Counts the words of the prose: not those of fences, front matter, title and navigation. */
function countWords(tree: Root): number {
  const title = tree.children.findIndex((node) => node.type === 'heading' && node.depth === 1);
  const prose = tree.children.filter(
    (node, index) => index !== title && !(index === title + 1 && node.type === 'blockquote'),
  );
  return plainText({ type: 'root', children: prose })
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

/** The text a reader sees, blocks apart from each other. */
function plainText(node: Nodes): string {
  let text = '';
  visit(node, (child) => {
    if (child.type === 'code' || child.type === 'yaml') return SKIP;
    if (child.type === 'text' || child.type === 'inlineCode') text += child.value;
    else if (child.type === 'html') text += ` ${child.value.replace(/<[^>]*>/g, ' ')} `;
    else if (child.type === 'break') text += ' ';
    else if (/^(?:paragraph|heading|tableCell|listItem)$/.test(child.type)) text += ' ';
    return undefined;
  });
  return text.trim();
}

function readFrontMatter(
  tree: Root,
  label: string,
): { frontMatter: FrontMatter; findings: Located[] } {
  const [node] = tree.children;
  if (node?.type !== 'yaml') {
    throw new CourseError(
      `${label}:1  has no front matter: begin the file with a line ---, then title, part, summary, concepts and hints in YAML, then a line ---.`,
      ExitCode.fellShort,
    );
  }
  // The fence --- is the first line of the file, so the YAML's line 1 is the file's line 2.
  const lines = new LineCounter();
  const document = parseDocument(node.value, { lineCounter: lines });
  const [error] = document.errors;
  if (error !== undefined || !isMap(document.contents)) {
    const line = error === undefined ? 2 : lines.linePos(error.pos[0]).line + 1;
    const reason = error?.message.split('\n')[0] ?? 'it is not a mapping of fields';
    throw new CourseError(
      `${label}:${line}  the front matter cannot be read as YAML (${reason}): mend it. A text with a colon or a backtick at its start needs quotes.`,
      ExitCode.fellShort,
    );
  }
  return validate(document, lines);
}

/** Takes the fields one by one and writes down what is wrong with each. */
function validate(
  document: Document.Parsed,
  lines: LineCounter,
): { frontMatter: FrontMatter; findings: Located[] } {
  const fields = document.toJS() as Record<string, unknown>;
  const findings: Located[] = [];
  const report = (name: string, text: string): void => {
    findings.push({ line: lineOf(document, lines, name), text: `"${name}" ${text}` });
  };
  const text = (name: string, example: string): string => {
    const value = fields[name];
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
    report(
      name,
      value === undefined ? `is missing: write ${example}` : `must be a text: ${example}`,
    );
    return '';
  };
  const list = (name: string, example: string): string[] => {
    const value = fields[name];
    const isList = Array.isArray(value) && value.length > 0;
    if (isList && value.every((item) => typeof item === 'string' && item.trim() !== '')) {
      return value as string[];
    }
    report(name, `must be a list of texts, quoted where they have a colon: ${example}`);
    return [];
  };
  const reasons = (name: string): { test: string; why: string }[] | undefined => {
    const value = fields[name];
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every(isReason)) return value;
    report(name, 'must be a list of entries with two texts each, "test" and "why".');
    return undefined;
  };

  for (const name of Object.keys(fields)) {
    if (!FIELDS.has(name)) report(name, `is unknown: the fields are ${[...FIELDS].join(', ')}.`);
  }
  const part = text('part', '"part: 5 · The news feed".');
  if (part !== '' && !/^\d+ · \S/.test(part)) {
    report('part', 'must be a number, " · " and a name, such as "5 · The news feed".');
  }
  if (fields.red !== undefined && fields.red !== 'import') {
    report('red', 'can only be "import": leave it out where the tests fail by assertion.');
  }
  const supersedes = reasons('supersedes');
  const guards = reasons('guards');
  const frontMatter: FrontMatter = {
    title: text('title', 'the title without the number, such as "title: Push newsfeed".'),
    part,
    summary: text('summary', 'one sentence on what the step adds.'),
    concepts: list('concepts', '"concepts: [fan-out, batches]".'),
    hints: list('hints', 'three to six, from a nudge to almost the code.'),
    ...(fields.red === 'import' && { red: 'import' as const }),
    ...(supersedes && { supersedes }),
    ...(guards && { guards }),
  };
  return { frontMatter, findings: findings.sort((a, b) => a.line - b.line) };
}

function isReason(value: unknown): value is { test: string; why: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { test, why } = value as Record<string, unknown>;
  return typeof test === 'string' && typeof why === 'string' && test !== '' && why !== '';
}

/** The line of a field in the file, or that of the front matter's start where it is missing. */
function lineOf(document: Document.Parsed, lines: LineCounter, name: string): number {
  if (!isMap(document.contents)) return 1;
  const pair = document.contents.items.find(({ key }) => String(key) === name);
  const offset = (pair?.key as { range?: [number, number, number] } | undefined)?.range?.[0];
  return offset === undefined ? 1 : lines.linePos(offset).line + 1;
}
