import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, type JobType, Queue } from 'bullmq';
import { type Kysely, sql } from 'kysely';
import { type Config, keyPrefix } from '../src/config.ts';
import { type Database, openDatabase } from '../src/database.ts';
import { Refusal } from './refusal.ts';

/** The queues through which a post goes to the feeds. */
const QUEUES = ['fan-outs', 'batches'];
const UNDONE: JobType[] = ['waiting', 'prioritized', 'delayed', 'active'];
const MOST_JOBS = 500;
const PATIENCE_MS = 30_000;

/** Jobs that are not done: those that a worker has taken, and the others. */
export interface Undone {
  taken: number;
  waiting: number;
}

/** What the demo sees of a fan-out from behind: the table of feeds, and the queues. */
export class FanOutView {
  readonly #db: Kysely<Database>;
  readonly #queues: Queue[];

  constructor(config: Config) {
    this.#db = openDatabase(config);
    const prefix = `${keyPrefix(config)}:queues`;
    const connection = { url: config.QUEUE_REDIS_URL };
    this.#queues = QUEUES.map((name) => new Queue(name, { prefix, connection }));
  }

  /** How many feeds have the post: that of its author is one of them. */
  async feedsWith(tweetId: string): Promise<number> {
    const { rows } = await sql<{ feeds: string }>`
      SELECT COUNT(*) AS feeds FROM newsfeeds WHERE tweet_id = ${tweetId}
    `.execute(this.#db);
    return Number(rows[0]?.feeds);
  }

  /** The jobs for these posts that are not done. */
  async undone(tweetIds: string[]): Promise<Undone> {
    const isOurs = (job: Job | undefined) => tweetIds.includes(job?.data?.tweetId);
    const count = async (states: JobType[]) => {
      const jobs = await Promise.all(
        this.#queues.map((queue) => queue.getJobs(states, 0, MOST_JOBS)),
      );
      return jobs.flat().filter(isOurs).length;
    };
    const [all, taken] = await Promise.all([count(UNDONE), count(['active'])]);
    return { taken, waiting: Math.max(0, all - taken) };
  }

  /** Waits until the workers have done all there was to do for these posts. @throws {Refusal} */
  async delivered(tweetIds: string[]): Promise<void> {
    const done = await until(PATIENCE_MS, async () => {
      // In this order: what has left the outbox is in the queue, or done.
      const events = this.#db.selectFrom('outbox').select('id').where('tweet_id', 'in', tweetIds);
      if ((await events.execute()).length > 0) return false;
      const { taken, waiting } = await this.undone(tweetIds);
      return taken + waiting === 0;
    });
    if (!done)
      throw new Refusal(
        'The posts do not come to the feeds: start a worker with "npm run worker".',
      );
  }

  /** Keeps the followers of a user locked until the function that it returns is called. */
  async holdFollowers(userId: string): Promise<() => Promise<void>> {
    const trx = await this.#db.startTransaction().execute();
    await sql`SELECT 1 FROM friendships WHERE to_user_id = ${userId} FOR UPDATE`.execute(trx);
    return async () => {
      await trx.rollback().execute();
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#db.destroy(), ...this.#queues.map((queue) => queue.close())]);
  }
}

/** Asks again and again until `look` says true; false when that is not within `patience` ms. */
export async function until(patience: number, look: () => Promise<boolean>): Promise<boolean> {
  for (const end = performance.now() + patience; performance.now() < end; await sleep(20)) {
    if (await look()) return true;
  }
  return false;
}
