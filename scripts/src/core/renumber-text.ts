import type { Step } from './course.ts';

/** Which numbers change: those after `after` become one greater, up to the step `last`. */
export interface Shift {
  after: number;
  last: number;
  /** Old names of the steps that move, to their new ones. */
  names: ReadonlyMap<string, string>;
}

/** A place that may mean a step that moved; a person has to look. */
export interface Mention {
  /** From 1, in the text as it is after the renumbering. */
  line: number;
  text: string;
}

/** A text after the renumbering. */
export interface Renumbered {
  text: string;
  mentions: Mention[];
}

/** Commands of the tool whose arguments are numbers of steps. */
const COMMANDS =
  /\b(course (?:check|diff|new|propagate|run|solve|sql|start|test|verify)\b)([^`\n|;&#]*)/g;
/** Options that take a value; a number after `--step` and `--after` is a step's. */
const VALUE_OPTIONS = new Set(['--port', '--jobs', '-j', '--database', '--html', '--since']);
/** "step 13", "steps 12 and 13", "Lessons 04–14". */
const PROSE =
  /(?<![\w-])([Ss]teps?|[Ll]essons?)([ \u00a0])(\d{1,3}(?:(?:, and |, or |, | and | or | to | through |–|-)\d{1,3})*)(?![\w%]|[.,]\d)/g;

/** "(13)" and "(12, 13)", as lessons refer to steps. `f(13)` and "(13 rows)" are something else. */
const SHORT = /(?<=^|[\s*])(\()()(\d{2,3}(?:(?:, | and |–)\d{2,3}){0,2})(?=\))/g;
/** "(13, where it moves)" may be one too. */
const LONGER = /(?<=^|[\s*])(\()()(\d{2,3})(?=, [a-z])/g;
/** Code within prose. */
const CODE = /(`[^`]*`)/;

/** The shift that inserting a step after `step` makes. */
export function shiftAfter(steps: Step[], step: Step): Shift {
  const moved = steps.slice(step.number);
  const names = new Map(moved.map(({ number, slug, name }) => [name, nameOf(number + 1, slug)]));
  return { after: step.number, last: steps.length, names };
}

/** `nameOf(7, 'openapi')` is `07-openapi`. */
export function nameOf(number: number, slug: string): string {
  return `${String(number).padStart(2, '0')}-${slug}`;
}

/**
 * Renumbers what can only mean a step: names such as `13-push-newsfeed` and `steps/13-…`, the
 * packages `@fanout/step-13`, the databases `fanout_step_13`.
 */
export function renumberNames(text: string, shift: Shift): string {
  return text
    .replace(/(?<![\w-])\d{2,3}-[a-z0-9]+(?:-[a-z0-9]+)*(?![\w-])/g, (name) => {
      return shift.names.get(name) ?? name;
    })
    .replace(/\b((?:steps|lessons)\/)(\d{2,3})(?=-(?:…|\.\.\.|\*|$|[\s`'"),]))/gm, (_, at, id) => {
      return at + shifted(id, shift);
    })
    .replace(/(@[a-z0-9-]+\/step-|\b[a-z]+_step_)(\d{2,3})(?!\w)/g, (_, before, id) => {
      return before + shifted(id, shift);
    });
}

/**
 * Renumbers a document or lesson: names, links, commands, tags (`step-13`), and "step 13" in prose
 * where it can only mean a step of the course. A single digit ("step 3") may as well count the
 * tasks of a list, and a number greater than the last step's a step to come: those are given back
 * as mentions. In fences with a file's path only names change, for the file stays as it is.
 *
 * @param isLesson whether a number in parentheses is a step, as in lessons; elsewhere "(24)" may be
 * a version of Node.
 */
export function renumberDocument(source: string, shift: Shift, isLesson = false): Renumbered {
  const mentions: Mention[] = [];
  let fence: { mark: string; isCode: boolean; isOutput: boolean } | undefined;
  const lines = source.split('\n').map((line, index) => {
    const mark = /^\s*(?:> ?)*(`{3,}|~{3,})\s*(\S*)\s*(\S*)/.exec(line);
    const [, ticks = '', lang = '', path = ''] = mark ?? [];
    if (fence === undefined && mark !== null) {
      const isCode =
        path !== '' || !['', 'console', 'mermaid', 'text', 'sh', 'bash'].includes(lang);
      fence = { mark: ticks, isCode, isOutput: lang === 'console' };
      return line;
    }
    if (fence !== undefined && ticks.startsWith(fence.mark) && lang === '') {
      fence = undefined;
      return line;
    }
    const isFixed = fence?.isCode || (fence?.isOutput && !/^\s*[$>] /.test(line));
    const isShort = isLesson && !fence?.isCode && !fence?.isOutput;
    const named = renumberNames(line, shift);
    const words = isFixed ? named : renumberWords(renumberLinks(line, named, shift), shift);
    const done = isShort ? renumberShort(words, shift) : words;
    const doubtful =
      doubtIn(line, shift, isFixed ? () => true : (numbers) => !isCertain(numbers, shift)) ??
      (isShort ? doubtIn(line, shift, () => true, LONGER) : undefined);
    if (doubtful !== undefined) mentions.push({ line: index + 1, text: doubtful });
    return done;
  });
  return { text: lines.join('\n'), mentions };
}

/** The lines of a text of another kind in which a step that moved may be meant. */
export function findMentions(source: string, shift: Shift): Mention[] {
  return source.split('\n').flatMap((line, index) => {
    const text = doubtIn(line, shift, () => true);
    return text === undefined ? [] : [{ line: index + 1, text }];
  });
}

/**
 * The first place in a line, with some words around it, where "step N" may be a step that moved
 * and which `isLeft` says is left as it is.
 */
function doubtIn(
  line: string,
  shift: Shift,
  isLeft: (numbers: string) => boolean,
  form = PROSE,
): string | undefined {
  for (const { 0: match, 3: numbers = '', index } of line.matchAll(form)) {
    if (!isLeft(numbers)) continue;
    if (!numbersIn(numbers).some((number) => Number(number) > shift.after)) continue;
    const [start, end] = [Math.max(0, index - 30), index + match.length + 30];
    const dots = [start > 0 ? '…' : '', end < line.length ? '…' : ''];
    return `${dots[0]}${line.slice(start, end).trim()}${dots[1]}`;
  }
  return undefined;
}

function renumberWords(line: string, shift: Shift): string {
  return line
    .replace(COMMANDS, (_, command: string, rest: string) => command + renumberArgs(rest, shift))
    .replace(/(?<![\w/-])(step-)(\d{2,3})(?![\w-])/g, (_, word, id) => word + shifted(id, shift))
    .replace(PROSE, (text, word: string, space: string, numbers: string) =>
      isCertain(numbers, shift)
        ? word + space + numbers.replace(/\d+/g, (id) => shifted(id, shift))
        : text,
    );
}

function renumberShort(line: string, shift: Shift): string {
  const parts = line.split(CODE).map((part) => {
    if (CODE.test(part)) return part;
    return part.replace(SHORT, (text) =>
      isCertain(text, shift) ? text.replace(/\d+/g, (id) => shifted(id, shift)) : text,
    );
  });
  return parts.join('');
}

/** In the text of a link to a step, a leading number is that step's: `[13 · Push](…/13-push.md)`. */
function renumberLinks(before: string, after: string, shift: Shift): string {
  const targets = [...before.matchAll(/\]\(([^)\s]*)\)/g)].map(([, target]) => target ?? '');
  let index = 0;
  return after.replace(/(\[)(\d{2,3})\b([^\]]*)?(?=\]\()|\]\(/g, (text, open, id, rest) => {
    if (id === undefined) {
      index += 1;
      return text;
    }
    const names = targets[index]?.match(/\d{2,3}-[a-z0-9-]+/g) ?? [];
    const isThatStep = names.some((name) => name.startsWith(`${id}-`) && shift.names.has(name));
    return isThatStep ? open + shifted(id, shift) + (rest ?? '') : text;
  });
}

function renumberArgs(rest: string, shift: Shift): string {
  let before = '';
  return rest.replace(/\S+/g, (word) => {
    const isValue = VALUE_OPTIONS.has(before);
    before = word;
    return isValue || !/^\d{1,3}$/.test(word) ? word : shifted(word, shift);
  });
}

/** Whether all numbers have two digits or more and are steps of the course. */
function isCertain(numbers: string, shift: Shift): boolean {
  return numbersIn(numbers).every((id) => id.length > 1 && Number(id) <= shift.last);
}

function numbersIn(text: string): string[] {
  return text.match(/\d+/g) ?? [];
}

/** The new number, as long as it was written before. */
function shifted(id: string, { after, last }: Shift): string {
  const number = Number(id);
  if (number <= after || number > last) return id;
  return String(number + 1).padStart(id.length, '0');
}
