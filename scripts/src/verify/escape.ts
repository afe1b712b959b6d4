/** The text as a part of a regular expression that matches just it. Node 22 has no RegExp.escape. */
export function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
