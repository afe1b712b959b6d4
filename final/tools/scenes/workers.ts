import type { Api, Person, Tweet } from '../api.ts';
import { type FanOutView, until } from '../fan-out.ts';
import { format } from '../progress.ts';
import { Refusal } from '../refusal.ts';
import { startWorker } from '../worker-process.ts';
import { heading, many, ms } from './print.ts';

/** With two batches each they are more jobs than one worker takes at once. */
const POSTS = 3;
const PATIENCE_MS = 30_000;
/** A dead worker's jobs are given to another ten seconds after its last sign of life, or twenty. */
const RECOVERY_MS = 60_000;

/**
 * Posts by somebody whom many follow, while the database is held up so that one can look; a worker
 * is killed in the middle of them, and another one does what it has left.
 */
export async function playWorkers(api: Api, star: Person, view: FanOutView, followers: number) {
  heading('A worker dies in the middle of it');
  const doomed = await startWorker();
  console.log(`A second worker has been started (process ${doomed.pid}).`);
  const release = await view.holdFollowers(star.id);
  const tweets: Tweet[] = [];
  try {
    const times: number[] = [];
    for (let n = 1; n <= POSTS; n += 1) {
      const started = performance.now();
      tweets.push(await api.post(star, `Number ${n} of ${POSTS}, and the database hangs`));
      times.push(performance.now() - started);
    }
    console.log(
      `The rows of ${star.username}'s followers are locked, so nothing can be delivered. Even so ${star.username} had the answers to ${POSTS} posts after ${times.map(ms).join(', ')}.`,
    );
    await taken(view, tweets);
  } finally {
    await doomed.stop('SIGKILL');
    await release();
  }
  console.log('The second worker is killed by SIGKILL, with what it has taken; the lock is gone.');
  await watch(view, tweets);
  for (const { id } of tweets) {
    const feeds = await view.feedsWith(id);
    if (feeds === followers + 1) continue;
    throw new Refusal(`Post ${id} is in ${format(feeds)} feeds, and not in ${followers + 1}.`);
  }
  console.log(
    `Each of the ${POSTS} posts is in the feeds of all ${format(followers)} followers, once, and in the author's own.`,
  );
}

/** Waits until the workers have taken all that they can take. */
async function taken(view: FanOutView, tweets: Tweet[]): Promise<void> {
  const ids = tweets.map(({ id }) => id);
  let last = '';
  let same = 0;
  const settled = await until(PATIENCE_MS, async () => {
    const now = await view.undone(ids);
    same = JSON.stringify(now) === last ? same + 1 : 0;
    last = JSON.stringify(now);
    return now.taken > 1 && same > 10;
  });
  if (!settled) throw new Refusal('No worker takes the jobs: start one with "npm run worker".');
  const { taken, waiting } = await view.undone(ids);
  console.log(`The two workers have taken ${many(taken, 'job')}; ${waiting} more wait.`);
}

/** Prints how many jobs are left whenever that changes, until there is none. */
async function watch(view: FanOutView, tweets: Tweet[]): Promise<void> {
  const started = performance.now();
  let last = '';
  const done = await until(RECOVERY_MS, async () => {
    const { taken, waiting } = await view.undone(tweets.map(({ id }) => id));
    const left = taken + waiting;
    const line = left === 0 ? 'all is done' : `${many(left, 'job')} left, ${taken} of them taken`;
    if (line !== last) console.log(`  ${ms(performance.now() - started).padStart(9)}  ${line}`);
    last = line;
    return left === 0;
  });
  if (!done) throw new Refusal('The jobs of the dead worker have not been done within a minute.');
}
