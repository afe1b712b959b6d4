/** A value that JSON can hold. */
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/** Stands for "the two sides do not go together". */
const CONFLICT = Symbol('conflict');

/** Sections of package.json that npm keeps sorted. */
const SORTED = new Set(['dependencies', 'devDependencies', 'optionalDependencies']);

/**
 * Merges three versions of a JSON object by key, which succeeds where a merge by line fails
 * because two neighbouring entries were edited. The order of the keys is that of `ours`.
 *
 * @returns the merged text, or undefined when a value was changed on both sides, or one of the
 * three is not a JSON object.
 */
export function mergeJson(base: string, theirs: string, ours: string): string | undefined {
  const [from, their, our] = [parseObject(base), parseObject(theirs), parseObject(ours)];
  if (from === undefined || their === undefined || our === undefined) return undefined;
  const merged = mergeObjects(from, their, our, '');
  return merged === CONFLICT ? undefined : print(merged, ours);
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: Json = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mergeObjects(
  base: JsonObject,
  theirs: JsonObject,
  ours: JsonObject,
  section: string,
): JsonObject | typeof CONFLICT {
  const entries: [string, Json][] = [];
  for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const value = mergeValues(base[key], theirs[key], ours[key], key);
    if (value === CONFLICT) return CONFLICT;
    if (value !== undefined) entries.push([key, value]);
  }
  if (SORTED.has(section)) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}

function mergeValues(
  base: Json | undefined,
  theirs: Json | undefined,
  ours: Json | undefined,
  key: string,
): Json | undefined | typeof CONFLICT {
  const [from, their, our] = [base, theirs, ours].map((value) => JSON.stringify(value));
  if (from === their || their === our) return ours;
  if (from === our) return theirs;
  if (isObject(theirs) && isObject(ours) && (base === undefined || isObject(base))) {
    return mergeObjects(base ?? {}, theirs, ours, key);
  }
  return CONFLICT;
}

/** Prints as npm does; short lists go on one line when `like` writes them so. */
function print(value: JsonObject, like: string): string {
  const indent = /^[ \t]+/m.exec(like)?.[0] ?? '  ';
  const text = `${JSON.stringify(value, null, indent)}\n`;
  if (!/\[[^\]\n]+\]/.test(like)) return text;
  return text.replace(/\[\s*\n([^[\]{}]*?)\n\s*\]/g, (_list, items: string) => {
    const flat = items.split('\n').map((item) => item.trim());
    return `[${flat.join(' ')}]`;
  });
}
