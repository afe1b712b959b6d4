import { setTimeout as sleep } from 'node:timers/promises';
import { DEMO_PASSWORD, MOST_FOLLOWED, usernameOf } from '../accounts.ts';
import type { Api, Person, Tweet } from '../api.ts';
import { followersOf, REAL_GRAPH, readGraph } from '../graph.ts';
import { format } from '../progress.ts';
import { Refusal } from '../refusal.ts';
import { toLine } from './example.ts';
import { heading, ms, printTable } from './print.ts';

/** How many of the last followers are asked again and again whether they have the post. */
const LAST = 5;
const PATIENCE_MS = 30_000;

/** A post, and some of those who have got it: the first follower, one in the middle, the last. */
export interface Delivered {
  tweet: Tweet;
  fans: Person[];
}

/** A post by somebody whom many follow, and when it has come to the last of them. */
export async function playStar(api: Api, star: Person): Promise<Delivered> {
  const followers = followersOf(await readGraph(REAL_GRAPH), MOST_FOLLOWED);
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
  await waitForAll(api, tweet, [star, ...last], started);

  const rows: string[][] = [];
  for (const reader of [...others, ...last.slice(-1)]) {
    const { items } = await api.feed(reader, { limit: 3 });
    rows.push([reader.username, [...items.map(toLine), '…'].join('\n')]);
  }
  printTable(['reader', 'reads, newest first'], rows, [18, 80]);
  return { tweet, fans: [...others, ...last] };
}

/** Asks for these feeds until all of them have the tweet, and tells how long it took. */
async function waitForAll(api: Api, tweet: Tweet, readers: Person[], started: number) {
  for (let rounds = 1; ; rounds += 1) {
    const feeds = await Promise.all(readers.map((reader) => api.feed(reader)));
    const took = performance.now() - started;
    if (feeds.every(({ items }) => items.some(({ id }) => id === tweet.id))) {
      const when =
        rounds === 1
          ? 'it was there the first time that anybody looked, because the answer to a post comes only when all feeds have it'
          : `until then they were asked ${rounds} times`;
      return console.log(
        `${ms(took)} after the beginning of the request the last of the followers had read it, and the author too: ${when}.`,
      );
    }
    if (took > PATIENCE_MS) {
      throw new Refusal(
        `After ${ms(took)} not all of ${readers.map(({ username }) => username).join(', ')} have the post: they may have unfollowed ${tweet.user.username}, or the server cannot keep up.`,
      );
    }
    await sleep(10);
  }
}
