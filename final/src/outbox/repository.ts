import type { Transaction } from 'kysely';
import type { Database } from '../database.ts';
import type { FanOut } from '../plugins/queues.ts';

/** Something that has happened, under an id of its own: a tweet may have several. */
export type Event = FanOut & { id: string };

/** So many events are taken at once. */
export const BATCH = 100;

/** Inserts an event. */
export async function insertEvent(trx: Transaction<Database>, event: FanOut): Promise<void> {
  const values = { tweet_id: event.tweetId, author_id: event.authorId };
  await trx.insertInto('outbox').values(values).execute();
}

/** The oldest events that nobody else has in hand: they are ours until the transaction ends. */
export async function takeEvents(trx: Transaction<Database>): Promise<Event[]> {
  const events = trx.selectFrom('outbox').orderBy('id').limit(BATCH).forUpdate().skipLocked();
  return events.select(['id', 'tweet_id as tweetId', 'author_id as authorId']).execute();
}

/**
 * Deletes events that are in the queue, one by one: for `id IN (…)` the optimizer may read the whole
 * table, if it is small, and waits for what others have in hand.
 */
export async function deleteEvents(trx: Transaction<Database>, events: Event[]): Promise<void> {
  for (const { id } of events) await trx.deleteFrom('outbox').where('id', '=', id).execute();
}
