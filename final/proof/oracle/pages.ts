import { isDeepStrictEqual } from 'node:util';

export interface Page {
  items: { id: string }[];
  nextCursor?: string;
  prevCursor?: string;
}

interface Answer {
  statusCode: number;
  body: string;
}

/**
 * Reads a list down to its end and up again: each page has to be full but the last, and each thing
 * comes once. Or it reads so many pages at most. The address ends with `?` or `&`.
 *
 * @throws what is not as it has to be
 */
export async function comparePages(
  url: string,
  limit: number,
  all: unknown[],
  ask: (url: string) => Promise<Answer>,
  most = Number.POSITIVE_INFINITY,
): Promise<void> {
  const read = async (cursor = ''): Promise<Page> => {
    const full = `${url}limit=${limit}${cursor && `&cursor=${cursor}`}`;
    const { statusCode, body } = await ask(full);
    if (statusCode !== 200) throw new Error(`${full} was answered ${statusCode} ${body}`);
    return JSON.parse(body);
  };
  let page = await read();
  same(`${url} (page 1)`, page.items, all.slice(0, limit));
  let seen = page.items.length;
  for (let n = 2; page.nextCursor; n += 1) {
    page = await read(page.nextCursor);
    same(`${url} (page ${n})`, page.items, all.slice(seen, seen + limit));
    if (page.items.length === 0) throw new Error(`${url} goes on after its end`);
    if (n === most) return;
    seen += page.items.length;
  }
  same(`${url} (how many)`, seen, all.length);
  for (seen -= page.items.length; seen > 0; seen -= page.items.length) {
    page = await read(page.prevCursor);
    same(`${url} (back from ${seen})`, page.items, all.slice(Math.max(0, seen - limit), seen));
    if (page.items.length === 0) throw new Error(`${url} does not come back to its beginning`);
  }
}

/** @throws what is found and what has to be, if they are not the same. */
export function same(what: string, found: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(found, wanted)) return;
  throw new Error(`${what}\n  shows  ${JSON.stringify(found)}\n  has to ${JSON.stringify(wanted)}`);
}
