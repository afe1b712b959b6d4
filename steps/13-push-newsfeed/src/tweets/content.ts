const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** How many characters a person sees: 👨‍👩‍👧 is one, although it is five code points (UAX #29). */
export function countCharacters(text: string): number {
  return [...graphemes.segment(text)].length;
}

/** Whether a person sees nothing at all: white space, controls, zero-width characters. */
export function isBlank(text: string): boolean {
  return /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]*$/u.test(text);
}
