import { DEMO_PASSWORD, usernameOf } from '../accounts.ts';
import type { Api, Person, Tweet } from '../api.ts';
import { type FanOutView, until } from '../fan-out.ts';
import { format } from '../progress.ts';
import { Refusal } from '../refusal.ts';
import { toLine } from './example.ts';
import { heading, ms, printTable } from './print.ts';

/** How many of the last followers are asked whether they have the post. */
const LAST = 5;
const PATIENCE_MS = 30_000;

/** A post, and some of those who have got it: the first follower, one in the middle, the last. */
export interface Delivered {
  tweet: Tweet;
  fans: Person[];
}

/** A post by somebody whom many follow, and when it has come to the last of them. */
export async function playStar(
  api: Api,
  star: Person,
  view: FanOutView,
  followers: number[],
): Promise<Delivered> {
  heading(`One post, ${format(followers.length)} followers`);
  const logIn = (node: number) => api.logIn(usernameOf(node), DEMO_PASSWORD);
  // The app delivers in the order of the ids, which is that of the nodes.
  const last = await Promise.all(followers.slice(-LAST).map(logIn));
  const middle = followers.slice(followers.length / 2, followers.length / 2 + 1);
  const others = await Promise.all([...followers.slice(0, 1), ...middle].map(logIn));

  const started = performance.now();
  const content = `Hello to all ${format(followers.length)} of you! 大家好 👋`;
  const tweet = await api.post(star, content);
  const answered = performance.now() - started;
  console.log(`${star.username} posted "${content}", and had the answer after ${ms(answered)}.`);
  await watch(view, tweet, followers.length + 1, started);
  await requireIn(api, tweet, [star, ...last]);

  const rows: string[][] = [];
  for (const reader of [...others, ...last.slice(-1)]) {
    const { items } = await api.feed(reader, { limit: 3 });
    rows.push([reader.username, [...items.map(toLine), '…'].join('\n')]);
  }
  printTable(['reader', 'reads, newest first'], rows, [18, 80]);
  return { tweet, fans: [...others, ...last] };
}

/** Prints how many feeds have the post whenever there are more, until they are all. */
async function watch(view: FanOutView, tweet: Tweet, feeds: number, started: number) {
  let last = 0;
  const done = await until(PATIENCE_MS, async () => {
    const now = await view.feedsWith(tweet.id);
    const after = ms(performance.now() - started).padStart(9);
    if (now > last) console.log(`  ${after}  it is in ${format(now)} of ${format(feeds)} feeds`);
    last = now;
    return now === feeds;
  });
  if (done) return;
  throw new Refusal(
    `After ${ms(PATIENCE_MS)} it is in ${format(last)} feeds: is a worker running ("npm run worker" in final/)? Or some may have unfollowed ${tweet.user.username}.`,
  );
}

/** The last of the followers, whom the app serves last, read it over HTTP. */
async function requireIn(api: Api, tweet: Tweet, readers: Person[]): Promise<void> {
  const hasCome = await until(PATIENCE_MS, async () => {
    const feeds = await Promise.all(readers.map((reader) => api.feed(reader)));
    return feeds.every(({ items }) => items.some(({ id }) => id === tweet.id));
  });
  const names = readers.map(({ username }) => username).join(', ');
  if (!hasCome) throw new Refusal(`Not all of ${names} read the post, which is in their feeds.`);
  console.log(`${names} read it.`);
}
