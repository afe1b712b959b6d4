import type { FastifyBaseLogger } from 'fastify';
import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';
import type { EventBus } from '../events.ts';
import type { Chunk } from '../maintenance/jobs.ts';
import { type Kind, lockThing, recount, writeCounts } from './repository.ts';

/** Compares what is written twice, and mends the copy. */
export class RepairService {
  readonly #db: Kysely<Database>;
  readonly #events: EventBus;
  readonly #log: FastifyBaseLogger;

  constructor(db: Kysely<Database>, events: EventBus, log: FastifyBaseLogger) {
    this.#db = db;
    this.#events = events;
    this.#log = log;
  }

  /** Mends the counts of the next things after this one. */
  async counts(kind: Kind, after: string): Promise<Chunk> {
    const things = await recount(this.#db, kind, after);
    const drift = things.filter(({ said, counted }) => said !== counted);
    // Mended, it is gone: who looks for the cause needs to know what was wrong.
    if (drift.length > 0) this.#log.warn({ kind, drift }, 'Counts have drifted');
    for (const { id } of drift) await this.#mend(kind, id);
    return { looked: things.length, mended: drift.length, last: things.at(-1)?.id };
  }

  async #mend(kind: Kind, id: string): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await lockThing(trx, kind, id);
      // Counted again: what was committed since is seen by a statement that begins after the lock.
      await writeCounts(trx, kind, id);
    });
    await this.#events.emit('counts.changed', { subjectType: kind, subjectId: id });
  }
}
