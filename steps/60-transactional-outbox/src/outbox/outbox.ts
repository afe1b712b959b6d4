import type { Queue } from 'bullmq';
import type { FastifyBaseLogger } from 'fastify';
import type { Kysely, Transaction } from 'kysely';
import type { Database } from '../database.ts';
import type { FanOut } from '../plugins/queues.ts';
import { deleteEvents, type Event, findEvents, insertEvent } from './repository.ts';

/** Events on their way to the queue: written with what they tell of, relayed after the commit. */
export class Outbox {
  readonly #db: Kysely<Database>;
  readonly #queue: Queue<FanOut>;
  readonly #log: FastifyBaseLogger;

  constructor(db: Kysely<Database>, queue: Queue<FanOut>, log: FastifyBaseLogger) {
    this.#db = db;
    this.#queue = queue;
    this.#log = log;
  }

  /** Writes an event, in the transaction that makes it true. */
  async add(trx: Transaction<Database>, event: FanOut): Promise<Event> {
    return insertEvent(trx, event);
  }

  /**
   * Brings these events, which are committed, to the queue; or the oldest that are left. What
   * cannot go now stays. Whoever dies between queue and deletion leaves events that go again.
   */
  async relay(events?: Event[]): Promise<void> {
    try {
      const left = events ?? (await findEvents(this.#db));
      if (left.length === 0) return;
      await this.#queue.addBulk(left.map(toJob));
      const ids = left.map(({ id }) => id);
      await deleteEvents(this.#db, ids);
    } catch (err) {
      this.#log.warn({ err }, 'The outbox has to wait');
    }
  }
}

/** A job that the queue knows by its id is not added again. BullMQ refuses numbers as ids. */
function toJob({ id, ...data }: Event) {
  return { name: 'fan-out', data, opts: { jobId: `outbox-${id}` } };
}
