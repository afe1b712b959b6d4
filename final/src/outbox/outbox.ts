import type { Queue } from 'bullmq';
import type { FastifyBaseLogger } from 'fastify';
import type { Kysely, Transaction } from 'kysely';
import type { Database } from '../database.ts';
import type { FanOut } from '../plugins/queues.ts';
import { BATCH, deleteEvents, type Event, insertEvent, takeEvents } from './repository.ts';

/** Events on their way to the queue: written with what they tell of, relayed after the commit. */
export class Outbox {
  readonly #db: Kysely<Database>;
  readonly #queue: Queue<FanOut>;
  readonly #log: FastifyBaseLogger;
  #relaying: Promise<void> | undefined;
  /** There may be something to relay that was not there when we last looked. */
  #more = false;

  constructor(db: Kysely<Database>, queue: Queue<FanOut>, log: FastifyBaseLogger) {
    this.#db = db;
    this.#queue = queue;
    this.#log = log;
  }

  /** Writes an event, in the transaction that makes it true. */
  async add(trx: Transaction<Database>, event: FanOut): Promise<void> {
    await insertEvent(trx, event);
  }

  /**
   * Something was committed, or it is time to look: what is in the outbox goes to the queue, the
   * oldest first. Nobody waits for it. Who comes while we are at it is served by the next round.
   */
  relay(): void {
    this.#more = true;
    this.#relaying ??= this.#relayAll();
  }

  /** Waits until what this process has begun to relay is in the queue, or left to the next. */
  async idle(): Promise<void> {
    await this.#relaying;
  }

  async #relayAll(): Promise<void> {
    try {
      while (this.#more) {
        this.#more = false;
        const moved = await this.#db.transaction().execute((trx) => this.#relayBatch(trx));
        if (moved === BATCH) this.#more = true;
      }
    } catch (err) {
      this.#log.warn({ err }, 'The outbox has to wait');
    } finally {
      this.#relaying = undefined;
    }
  }

  /** Whoever dies here gives the events back, and those that are in the queue already go again. */
  async #relayBatch(trx: Transaction<Database>): Promise<number> {
    const events = await takeEvents(trx);
    if (events.length === 0) return 0;
    await this.#queue.addBulk(events.map(toJob));
    await deleteEvents(trx, events);
    return events.length;
  }
}

/** A job that the queue knows by its id is not added again. BullMQ refuses numbers as ids. */
function toJob({ id, ...data }: Event) {
  return { name: 'fan-out', data, opts: { jobId: `outbox-${id}` } };
}
