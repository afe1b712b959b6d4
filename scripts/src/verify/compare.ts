import { escapeRegExp } from './escape.ts';

/** A line that stands for any number of lines; inside a line it stands for any text. */
const GAP = '…';

/** A value that differs from run to run: how it looks in a lesson, and what it matches. */
interface Volatile {
  looks: string;
  matches: string;
}

const same = (pattern: string): Volatile => ({ looks: pattern, matches: pattern });

const NUMBER = '\\d+(?:\\.\\d+)?';

/** The order matters: the first that fits at a place is taken. */
const VOLATILE: Volatile[] = [
  // A JSON Web Token, and an Argon2 hash.
  same('eyJ[\\w-]{8,}\\.[\\w-]+\\.[\\w-]+'),
  same('\\$argon2id?\\$[\\w$,=+/.-]{40,}'),
  // A UUID.
  same('[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'),
  // Times as in JSON and SQL, and as in HTTP headers.
  same('\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?Z?'),
  same('[A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT'),
  // Unix times in seconds and milliseconds.
  same('(?<![\\w.])1[6-9]\\d{8}(?:\\d{3})?(?![\\w.])'),
  // What pino writes into every line.
  same(`"(?:pid|responseTime)":${NUMBER}`),
  same('"hostname":"[^"]*"'),
  // An opaque token: long, and of digits and letters in no order that a word has.
  same('(?<![\\w-])(?=[\\w-]*\\d)(?=[\\w-]*[A-Z])(?=[\\w-]*[a-z])[\\w-]{32,}(?![\\w-])'),
  same('(?<![\\w-])(?=[a-f]*\\d)[0-9a-f]{32,}(?![\\w-])'),
  // Another port than the lesson's own, which the caller has put back to 3000.
  same('(?<=(?:127\\.0\\.0\\.1|localhost):)\\d{4,5}'),
  // Durations.
  { looks: `(?<![\\w.])${NUMBER} ?(?:ms|µs|s)(?!\\w)`, matches: `${NUMBER} ?(?:ms|µs|s|m)` },
];

const SPECIAL = new RegExp(`(${GAP})|${VOLATILE.map(({ looks }) => `(${looks})`).join('|')}`, 'g');

/**
 * Whether a line of output is what the lesson shows: equal but for values that differ from run to
 * run (times, tokens, ids, ports, durations), and with any text where the lesson has `…`.
 */
export function sameLine(shown: string, actual: string): boolean {
  return linePattern(shown).test(actual.trimEnd());
}

function linePattern(shown: string): RegExp {
  const line = shown.trimEnd();
  let pattern = '';
  let end = 0;
  for (const match of line.matchAll(SPECIAL)) {
    pattern += escapeRegExp(line.slice(end, match.index));
    const kind = match.slice(1).findIndex((group) => group !== undefined);
    pattern += kind === 0 ? '.*' : `(?:${VOLATILE[kind - 1]?.matches})`;
    end = match.index + match[0].length;
  }
  return new RegExp(`^${pattern}${escapeRegExp(line.slice(end))}$`);
}

/** How one line of the lesson and one of the output stand to each other. */
export type Pair =
  | { kind: 'same'; shown: string; actual: string }
  | { kind: 'gap'; shown: string; actual: string[] }
  | { kind: 'missing'; shown: string }
  | { kind: 'extra'; actual: string };

/**
 * Lays the lines that a lesson shows beside those that came out, with as few differences as
 * possible. They agree when no pair is `missing` or `extra`.
 */
export function align(shown: string[], actual: string[]): Pair[] {
  const a = withoutEmptyEnd(shown);
  const b = withoutEmptyEnd(actual);
  const patterns = a.map((line) => (line.trim() === GAP ? undefined : linePattern(line)));
  const fits = (i: number, j: number) => patterns[i]?.test((b[j] ?? '').trimEnd()) ?? false;
  // cost[i][j]: the fewest differences between the lines from i and from j to the ends.
  const cost = a.map(() => b.map(() => 0).concat(0));
  cost.push([...b.map((_, j) => b.length - j), 0]);
  const at = (i: number, j: number) => cost[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    const row = cost[i] ?? [];
    for (let j = b.length; j >= 0; j -= 1) {
      const more = j < b.length;
      row[j] =
        patterns[i] === undefined
          ? Math.min(at(i + 1, j), more ? at(i, j + 1) : Number.POSITIVE_INFINITY)
          : Math.min(
              at(i + 1, j) + 1,
              more ? at(i, j + 1) + 1 : Number.POSITIVE_INFINITY,
              more && fits(i, j) ? at(i + 1, j + 1) : Number.POSITIVE_INFINITY,
            );
    }
  }
  return walk(a, b, patterns, fits, at);
}

function walk(
  a: string[],
  b: string[],
  patterns: (RegExp | undefined)[],
  fits: (i: number, j: number) => boolean,
  cost: (i: number, j: number) => number,
): Pair[] {
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [shown = '', actual = ''] = [a[i], b[j]];
    if (i < a.length && patterns[i] === undefined) {
      const from = j;
      while (j < b.length && cost(i + 1, j) > cost(i, j)) j += 1;
      pairs.push({ kind: 'gap', shown, actual: b.slice(from, j) });
      i += 1;
    } else if (i < a.length && j < b.length && fits(i, j) && cost(i, j) === cost(i + 1, j + 1)) {
      pairs.push({ kind: 'same', shown, actual });
      i += 1;
      j += 1;
    } else if (i < a.length && (j === b.length || cost(i, j) === cost(i + 1, j) + 1)) {
      pairs.push({ kind: 'missing', shown });
      i += 1;
    } else {
      pairs.push({ kind: 'extra', actual });
      j += 1;
    }
  }
  return pairs;
}

function withoutEmptyEnd(lines: string[]): string[] {
  const last = lines.findLastIndex((line) => line.trim() !== '');
  return lines.slice(0, last + 1);
}

/** Whether the lesson shows what came out. */
export function agrees(pairs: Pair[]): boolean {
  return pairs.every(({ kind }) => kind === 'same' || kind === 'gap');
}

/** The differences as lines that begin with `- ` (the lesson) and `+ ` (what came out). */
export function differences(pairs: Pair[]): string[] {
  return pairs.flatMap((pair) => {
    if (pair.kind === 'missing') return [`- ${pair.shown}`];
    if (pair.kind === 'extra') return [`+ ${pair.actual}`];
    return pair.kind === 'same' ? [`  ${pair.shown}`] : ['  …'];
  });
}

/** What the lesson should show: its own lines where they are true, else what came out. */
export function corrected(pairs: Pair[]): string[] {
  return pairs.flatMap((pair) => {
    if (pair.kind === 'missing') return [];
    return pair.kind === 'extra' ? [pair.actual.trimEnd()] : [pair.shown];
  });
}
