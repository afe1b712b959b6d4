import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Located, parseMarkdown } from '../core/lesson.ts';
import { type Check, type CheckContext, type Finding, finding } from './check.ts';

const DOCUMENTS = ['README.md', 'COURSE.md', 'CONTRIBUTING.md'];
/** Addresses of package registries, which differ from machine to machine. */
const REGISTRY = /https?:\/\/[^\s)"'`]*(?:registry|artifactory|nexus|verdaccio)[^\s)"'`]*/i;
/** Paths of somebody's own machine. */
const MACHINE_PATH = /(?<![\w.~/:-])(?:\/(?:work|Users|root|home\/\w+|mnt)\/[\w.-]+|[A-Z]:\\\w+)/;

/** Every relative link leads somewhere, and no text depends on the author's machine. */
export const linkCheck: Check = {
  rule: 'links',
  run: (context) => {
    const documents = context.whole ? DOCUMENTS.map((name) => join(context.course.root, name)) : [];
    const lessons = context.selected.map(({ lessonFile }) => lessonFile);
    return [...documents, ...lessons].filter(existsSync).flatMap((file) => {
      const source = readFileSync(file, 'utf8');
      return [...checkLinks(context, file, source), ...checkPlaces(context, file, source)];
    });
  },
};

function checkLinks(context: CheckContext, file: string, source: string): Finding[] {
  return parseMarkdown(source).links.flatMap((link) => {
    const problem = linkProblem(context.course.root, file, source, link);
    return problem === undefined ? [] : [finding(context.label(file), link.line, problem)];
  });
}

function linkProblem(
  root: string,
  file: string,
  source: string,
  { text: url }: Located,
): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(url)) return undefined;
  if (url.startsWith('/')) {
    return `The link ${url} is absolute: write it relative to this file, so that it works wherever the course is read.`;
  }
  const [path = '', anchor] = url.split('#');
  const target = path === '' ? file : resolve(dirname(file), decodeURI(path));
  if (!target.startsWith(root) || !existsSync(target)) {
    return `The link ${url} leads nowhere: correct it, or add the file.`;
  }
  if (anchor === undefined || !target.endsWith('.md') || !statSync(target).isFile())
    return undefined;
  const text = target === file ? source : readFileSync(target, 'utf8');
  const anchors = parseMarkdown(text).headings.map((heading) => anchorOf(heading.text));
  return anchors.includes(anchor)
    ? undefined
    : `The link ${url} names a heading that is not there: correct the part after #.`;
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

function checkPlaces(context: CheckContext, file: string, source: string): Finding[] {
  return source.split('\n').flatMap((text, index) => {
    const registry = REGISTRY.exec(text)?.[0];
    const place = MACHINE_PATH.exec(text)?.[0];
    const label = context.label(file);
    return [
      ...(registry === undefined
        ? []
        : [
            finding(
              label,
              index + 1,
              `${registry} is the address of a package registry: readers have their own. Leave it out.`,
            ),
          ]),
      ...(place === undefined
        ? []
        : [
            finding(
              label,
              index + 1,
              `${place} is a path of one machine: write it relative to the repository.`,
            ),
          ]),
    ];
  });
}
