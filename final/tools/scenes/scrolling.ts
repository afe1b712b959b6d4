import type { Api, Paging, Person } from '../api.ts';
import type { FanOutView } from '../fan-out.ts';
import { format } from '../progress.ts';
import { Refusal } from '../refusal.ts';
import { heading, many, ms } from './print.ts';

/** How many posts fit on the reader's screen. */
const SCREEN = 10;

/** The ids of some neighbouring posts, and where the feed goes on. */
interface Ids {
  ids: string[];
  nextCursor?: string;
  prevCursor?: string;
}

type Read = (paging: Paging) => Promise<Ids>;

/** One reader goes through a whole feed from its top to its end, while others go on posting. */
export async function playScrolling(
  api: Api,
  reader: Person,
  posters: Person[],
  view: FanOutView,
): Promise<void> {
  heading('Endless scrolling');
  const read: Read = async (paging) => {
    const { items, ...cursors } = await api.feed(reader, paging);
    return { ids: items.map(({ id }) => id), ...cursors };
  };
  // What the feed has is asked before, while nobody posts.
  const old = await readOlder(read, await read({ limit: 100 }), 100);

  const started = performance.now();
  const posted: string[] = [];
  const pages = Math.ceil(old.length / SCREEN) - 1;
  const top = await read({ limit: SCREEN });
  const seen = await readOlder(read, top, SCREEN, async (page) => {
    // Who posts is spread over the whole way down.
    const due = posters.filter((_, n) => Math.floor((n * pages) / posters.length) === page);
    const content = `Posted while ${reader.username} is reading.`;
    const posts = await Promise.all(due.map((poster) => api.post(poster, content)));
    posted.push(...posts.map(({ id }) => id));
  });
  const took = performance.now() - started;
  await view.delivered(posted);
  const newer = await readNewer(read, top);

  requireEachOnce(old, seen, 'down');
  requireEachOnce(posted, newer, 'up');
  console.log(
    [
      `${reader.username} scrolled from the top of the feed to its end, ${SCREEN} posts at a time, and others posted meanwhile.`,
      `${many(seen.length, 'post')} seen in ${ms(took)}: none came twice, and none of the ${format(old.length)} old ones was missed.`,
      `${many(newer.length, 'new post')} came in the meantime: the cursor at the top brought each of them once.`,
    ].join('\n'),
  );
}

/** Reads from this page on to the end of the feed; `meanwhile` is done while a page is read. */
async function readOlder(
  read: Read,
  top: Ids,
  limit: number,
  meanwhile = async (_page: number) => {},
): Promise<string[]> {
  const ids = [...top.ids];
  let cursor = top.nextCursor;
  for (let page = 0; cursor; page += 1) {
    const [older] = await Promise.all([read({ limit, cursor }), meanwhile(page)]);
    ids.push(...older.ids);
    cursor = older.nextCursor;
  }
  return ids;
}

/** Reads what has come since this page, until there is no more. */
async function readNewer(read: Read, top: Ids): Promise<string[]> {
  const ids: string[] = [];
  for (let page = top; ; ) {
    page = await read({ limit: SCREEN, cursor: page.prevCursor });
    if (page.ids.length === 0) return ids;
    ids.push(...page.ids);
  }
}

/** @throws {Refusal} when an id was seen twice, or an expected one not at all. */
function requireEachOnce(expected: string[], seen: string[], way: string): void {
  const once = new Set(seen);
  const missed = expected.filter((id) => !once.has(id));
  if (once.size === seen.length && missed.length === 0) return;
  throw new Refusal(
    `On the way ${way} ${seen.length - once.size} came twice and ${missed.length} were missed (${missed.slice(0, 3).join(', ')}): unless these have just been deleted, the pages of the feed are wrong.`,
  );
}
