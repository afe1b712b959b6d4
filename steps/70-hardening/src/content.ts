const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** How many characters a person sees: 👨‍👩‍👧 is one, although it is five code points (UAX #29). */
function countCharacters(text: string): number {
  return [...graphemes.segment(text)].length;
}

/** Whether a person sees nothing at all: white space, controls, zero-width characters. */
function isBlank(text: string): boolean {
  return /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]*$/u.test(text);
}

/** What a text has to be to be posted, as far as it is not; undefined for a good text. */
export function problemOf(text: string, max = 280): string | undefined {
  if (!text.isWellFormed()) return 'is text: half an emoji is not';
  if (isBlank(text)) return 'says something';
  return countCharacters(text) > max ? `has ${max} characters at most` : undefined;
}
