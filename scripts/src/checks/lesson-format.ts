import { readFileSync } from 'node:fs';
import type { Step } from '../core/course.ts';
import { countCases, lessonHeader, withHeader } from '../core/derived.ts';
import { countedSize } from '../core/diff.ts';
import { HEADINGS, type Lesson } from '../core/lesson.ts';
import { type Check, type CheckContext, type Finding, finding } from './check.ts';

/** The words of prose that a lesson may have. */
export const WORDS = { least: 600, most: 1300 } as const;
/** The hints that a lesson may have. */
export const HINTS = { least: 3, most: 6 } as const;

/** The form of a lesson: front matter, derived header, headings, length and hints. */
export const lessonCheck: Check = {
  rule: 'lesson',
  run: (context) =>
    context.selected.flatMap((step) => {
      const lesson = context.lesson(step);
      if (lesson === undefined) return unreadable(context, step);
      return [
        ...lesson.findings.map(({ line, text }) => finding(lesson.label, line, text)),
        ...checkHeader(context, step, lesson),
        ...checkHeadings(lesson),
        ...checkAmounts(lesson),
      ];
    }),
};

/** The message of a lesson that cannot be read may carry a place of its own: `file:line  text`. */
function unreadable(context: CheckContext, step: Step): Finding[] {
  const error = context.lessonError(step) ?? '';
  const [, line, text] = /^\S+:(\d+) {2}([\s\S]*)$/.exec(error) ?? [];
  const file = context.label(step.lessonFile);
  return [
    finding(
      file,
      line === undefined ? undefined : Number(line),
      text ?? error.replace(`${file} is`, 'The lesson is'),
    ),
  ];
}

function checkHeader(context: CheckContext, step: Step, lesson: Lesson): Finding[] {
  if (lesson.frontMatter.title === '' || lesson.frontMatter.part === '') return [];
  const size = countedSize(context.changes(step));
  const facts = { step, frontMatter: lesson.frontMatter, size, tests: countCases(step) };
  const header = lessonHeader(facts, context.steps[step.number - 2], context.steps[step.number]);
  const source = readFileSync(lesson.file, 'utf8');
  if (withHeader(source, header) === source) return [];
  const message =
    'The title and the line below it are not what the course says (number, title, part, size, neighbours): run "npx course sync", which writes them.';
  return [finding(lesson.label, lesson.bodyLine, message)];
}

function checkHeadings(lesson: Lesson): Finding[] {
  const required: readonly string[] = HEADINGS;
  const second = lesson.headings.filter(({ depth }) => depth === 2);
  const unknown = second.filter(
    ({ text }, index) =>
      !required.includes(text) || second.findIndex((other) => other.text === text) !== index,
  );
  const found = required.filter((text) => second.some((heading) => heading.text === text));
  const absent = required.filter((text) => !found.includes(text));
  const ordered = second.filter((heading) => !unknown.includes(heading));
  const wrong = ordered.find(({ text }, index) => text !== found[index]);
  const titles = lesson.headings.filter(({ depth }) => depth === 1).slice(1);
  return [
    ...unknown.map(({ text, line }) =>
      finding(
        lesson.label,
        line,
        `"## ${text}" is not a heading of a lesson, or stands twice: the headings are ${HEADINGS.join(', ')}; use ### below them.`,
      ),
    ),
    ...absent.map((text) => {
      const before = required[required.indexOf(text) - 1];
      const place = before === undefined ? 'at the beginning' : `after "${before}"`;
      return finding(
        lesson.label,
        undefined,
        `The heading "## ${text}" is missing: add it ${place}.`,
      );
    }),
    ...(wrong === undefined
      ? []
      : [
          finding(
            lesson.label,
            wrong.line,
            `"## ${wrong.text}" is out of order: the order is ${HEADINGS.join(', ')}.`,
          ),
        ]),
    ...titles.map(({ line, text }) =>
      finding(lesson.label, line, `"# ${text}" is a second title: a lesson has one. Use ###.`),
    ),
  ];
}

function checkAmounts({ label, words, frontMatter: { hints } }: Lesson): Finding[] {
  const findings: Finding[] = [];
  if (words < WORDS.least || words > WORDS.most) {
    const advice =
      words < WORDS.least ? 'explain more of the why' : 'cut what the code says itself';
    const message = `The lesson has ${words} words of prose, and a lesson has ${WORDS.least} to ${WORDS.most}: ${advice}.`;
    findings.push({ file: label, message });
  }
  // No hint at all is already a finding of the front matter.
  if (hints.length > 0 && (hints.length < HINTS.least || hints.length > HINTS.most)) {
    const message = `The front matter has ${hints.length} hints, and a lesson has ${HINTS.least} to ${HINTS.most}, from a nudge to almost the code.`;
    findings.push({ file: label, message });
  }
  return findings;
}
