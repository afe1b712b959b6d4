import { type Generated, Kysely, MysqlDialect, type Selectable, sql } from 'kysely';
import { createPool } from 'mysql2';
import type { Config } from './config.ts';

export interface UsersTable {
  id: Generated<string>;
  username: string;
  email: string;
  password_hash: string;
  created_at: Generated<Date>;
}

export interface SessionsTable {
  id: string;
  user_id: string;
  token_hash: Buffer;
  expires_at: Date;
}

export interface TweetsTable {
  id: Generated<string>;
  user_id: string;
  content: string;
  photos: Generated<string>;
  comments_count: Generated<number>;
  likes_count: Generated<number>;
  counts_version: Generated<number>;
  created_at: Generated<Date>;
}

export interface FriendshipsTable {
  from_user_id: string;
  to_user_id: string;
  created_at: Generated<Date>;
}

export interface NewsfeedsTable {
  user_id: string;
  tweet_id: string;
}

export interface CommentsTable {
  id: Generated<string>;
  tweet_id: string;
  user_id: string;
  content: string;
  likes_count: Generated<number>;
  counts_version: Generated<number>;
  created_at: Generated<Date>;
}

export interface LikesTable {
  id: Generated<string>;
  user_id: string;
  subject_type: 'tweet' | 'comment';
  subject_id: string;
  created_at: Generated<Date>;
}

export interface NotificationsTable {
  id: Generated<string>;
  user_id: string;
  actor_id: string;
  type: 'comment.created' | 'like.created' | 'user.followed';
  subject_type: 'tweet' | 'comment' | 'user';
  subject_id: string;
  unread: Generated<number>;
  created_at: Generated<Date>;
}

export interface ProfilesTable {
  user_id: string;
  nickname: string | null;
  avatar: Generated<string | null>;
}

export interface UploadsTable {
  id: string;
  user_id: string;
  size: number;
  expires_at: Date;
}

export interface OutboxTable {
  id: Generated<string>;
  tweet_id: string;
  author_id: string;
  created_at: Generated<Date>;
}

/** The tables and their columns, one entry a table. */
export interface Database {
  users: UsersTable;
  profiles: ProfilesTable;
  uploads: UploadsTable;
  sessions: SessionsTable;
  tweets: TweetsTable;
  friendships: FriendshipsTable;
  newsfeeds: NewsfeedsTable;
  comments: CommentsTable;
  likes: LikesTable;
  notifications: NotificationsTable;
  outbox: OutboxTable;
}

/** Opens a pool. BIGINTs come as strings: a number is exact only up to 2^53. Times are UTC. */
export function openDatabase(config: Config): Kysely<Database> {
  const pool = createPool({
    uri: config.DATABASE_URL,
    connectTimeout: 2_000,
    supportBigNumbers: true,
    bigNumberStrings: true,
    charset: 'utf8mb4_unicode_ci',
    timezone: 'Z',
  });
  pool.on('connection', (connection) => {
    connection.query(`SET time_zone = '+00:00'`);
    // No gap locks: feeds are written next to each other by many authors at once.
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  });
  return new Kysely<Database>({ dialect: new MysqlDialect({ pool }) });
}

/** A table to be read by this index. Left alone, MariaDB may take another, and far more rows. */
export function readBy<Table extends keyof Database, Alias extends string>(
  table: Table,
  alias: Alias,
  index: string,
) {
  const row = sql<Selectable<Database[Table]>>`${sql.table(table)}`;
  return row.as<Alias>(sql`${sql.ref(alias)} FORCE INDEX (${sql.id(index)})`);
}

/** Does a transaction again, four times at most, if it was ended for a deadlock: nothing is left. */
export async function retryDeadlocks<T>(transact: () => Promise<T>, retries = 4): Promise<T> {
  return transact().catch((error: { code?: string }) => {
    if (error.code !== 'ER_LOCK_DEADLOCK' || retries === 0) throw error;
    return retryDeadlocks(transact, retries - 1);
  });
}

/** The name of the unique key that refused an INSERT, or undefined if that is not what happened. */
export function violatedKey(error: unknown): string | undefined {
  const { code, sqlMessage = '' } = error as { code?: string; sqlMessage?: string };
  // MySQL writes 'users.users_email_unique' where MariaDB writes 'users_email_unique'.
  return code === 'ER_DUP_ENTRY' ? /for key '(?:\w+\.)?(\w+)'/.exec(sqlMessage)?.[1] : undefined;
}
