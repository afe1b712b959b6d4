import type { FastifyBaseLogger } from 'fastify';
import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';
import type { FriendshipService } from '../friendships/service.ts';
import type { Chunk } from '../maintenance/jobs.ts';
import { findMissing, findStrays, findUserIds } from './repository.ts';

/** Compares feeds with whom their owners follow, and mends the feeds. */
export class FeedRepair {
  readonly #db: Kysely<Database>;
  readonly #friendships: FriendshipService;
  readonly #log: FastifyBaseLogger;

  constructor(db: Kysely<Database>, friendships: FriendshipService, log: FastifyBaseLogger) {
    this.#db = db;
    this.#friendships = friendships;
    this.#log = log;
  }

  /** Mends the feeds of the next users after this one. */
  async feeds(after: string): Promise<Chunk> {
    const userIds = await findUserIds(this.#db, after);
    let mended = 0;
    for (const userId of userIds) {
      // Strays first: without them the newest 800 reach further back.
      const strays = await this.#mend(userId, findStrays);
      const missing = await this.#mend(userId, findMissing);
      if (strays + missing > 0) mended += 1;
    }
    return { looked: userIds.length, mended, last: userIds.at(-1) };
  }

  async #mend(userId: string, find: typeof findStrays): Promise<number> {
    const drift = await find(this.#db, userId);
    if (drift.length > 0) this.#log.warn({ userId, drift }, 'A feed has drifted');
    const authorIds = new Set(drift.map(({ authorId }) => authorId));
    for (const authorId of authorIds) await this.#friendships.align(userId, authorId);
    return drift.length;
  }
}
