import type { Kysely, Transaction } from 'kysely';
import type { Database } from '../database.ts';
import type { FanOut } from '../plugins/queues.ts';

/** Something that has happened, under an id of its own: a tweet may have several. */
export type Event = FanOut & { id: string };

/** Inserts an event and returns it with its id. */
export async function insertEvent(trx: Transaction<Database>, event: FanOut): Promise<Event> {
  const values = { tweet_id: event.tweetId, author_id: event.authorId };
  const { insertId } = await trx.insertInto('outbox').values(values).executeTakeFirstOrThrow();
  return { ...event, id: String(insertId) };
}

/** The 100 oldest events that are there. */
export async function findEvents(db: Kysely<Database>): Promise<Event[]> {
  const events = db.selectFrom('outbox').orderBy('id').limit(100);
  return events.select(['id', 'tweet_id as tweetId', 'author_id as authorId']).execute();
}

/** Deletes events that are in the queue. */
export async function deleteEvents(db: Kysely<Database>, ids: string[]): Promise<void> {
  await db.deleteFrom('outbox').where('id', 'in', ids).execute();
}
