import type { Queue } from 'bullmq';
import { BATCH, type FriendshipService } from '../friendships/service.ts';
import type { Batch, FanOut } from '../plugins/queues.ts';
import type { NewsfeedService } from './service.ts';

/** So many batches are added to the queue at once, and held in memory until then. */
const BULK = 100;

/** What workers do so that all followers of an author learn of a tweet that has come or gone. */
export class FanOutService {
  readonly #newsfeeds: NewsfeedService;
  readonly #friendships: FriendshipService;
  readonly #batches: Queue<Batch>;

  constructor(newsfeeds: NewsfeedService, friendships: FriendshipService, batches: Queue<Batch>) {
    this.#newsfeeds = newsfeeds;
    this.#friendships = friendships;
    this.#batches = batches;
  }

  /**
   * Leaves a job for every batch of followers; those who are less than one batch are told at once.
   * The first batches of all authors come before the second ones, and so on: whoever has few
   * followers is done early, however many a star has. If this job is done again, batches of the
   * same range are the same jobs, and are not added again.
   */
  async split(id = '', { tweetId, authorId }: FanOut): Promise<void> {
    const jobs: Parameters<Queue<Batch>['addBulk']>[0] = [];
    let [priority, after] = [1, '0'];
    for await (const userIds of this.#friendships.followerIds(authorId)) {
      if (priority === 1 && userIds.length < BATCH)
        return this.#newsfeeds.fanOut(tweetId, [userIds]);
      const upTo = userIds.at(-1) ?? '';
      const opts = { priority, jobId: `${id}-${after}-${upTo}` };
      jobs.push({ name: 'batch', data: { tweetId, authorId, after, upTo }, opts });
      after = upTo;
      priority += 1;
      if (jobs.length === BULK) await this.#batches.addBulk(jobs.splice(0));
    }
    await this.#batches.addBulk(jobs);
  }

  /** Tells the followers of one batch. */
  async deliver({ tweetId, authorId, after, upTo }: Batch): Promise<void> {
    await this.#newsfeeds.fanOut(tweetId, this.#friendships.followerIds(authorId, after, upTo));
  }
}
