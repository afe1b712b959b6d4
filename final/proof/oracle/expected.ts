import type { FastifyInstance } from 'fastify';
import { type RawBuilder, sql } from 'kysely';

/**
 * What pages have to show, from the tables that are no copy of anything: users, profiles, tweets,
 * friendships, likes and comments. Not from newsfeeds, and not from columns that count.
 *
 * `backfills` is the oracle's own: following brings the newest 800 tweets of a person, and those
 * that come after it. What is older than `first_tweet_id` does not come.
 */
export async function createBackfills({ db }: FastifyInstance): Promise<void> {
  await sql`
    CREATE TABLE backfills (
      from_user_id BIGINT UNSIGNED, to_user_id BIGINT UNSIGNED, first_tweet_id BIGINT UNSIGNED,
      PRIMARY KEY (from_user_id, to_user_id)
    )
  `.execute(db);
}

/** Somebody has begun to follow somebody. */
export async function noteBackfill({ db }: FastifyInstance, from: string, to: string) {
  const oldest = sql`SELECT id FROM tweets WHERE user_id = ${to} ORDER BY id DESC LIMIT 1 OFFSET 799`;
  await sql`REPLACE INTO backfills VALUES (${from}, ${to}, COALESCE((${oldest}), 0))`.execute(db);
}

interface TweetRow {
  id: string;
  content: string;
  created_at: Date;
  user_id: string;
  username: string;
  nickname: string | null;
  comments: string;
  likes: string;
  liked: string;
}

/** The tweets of these ids, newest first, as the viewer sees them. */
async function tweets({ db }: FastifyInstance, viewer: string, ids: RawBuilder<unknown>) {
  const { rows } = await sql<TweetRow>`
    SELECT tweets.id, tweets.content, tweets.created_at, tweets.user_id, username, nickname,
      (SELECT COUNT(*) FROM comments WHERE tweet_id = tweets.id) AS comments,
      (SELECT COUNT(*) FROM likes WHERE subject_type = 'tweet' AND subject_id = tweets.id) AS likes,
      mine.id IS NOT NULL AS liked
    FROM (${ids}) AS chosen
    JOIN tweets ON tweets.id = chosen.id
    JOIN users ON users.id = tweets.user_id
    JOIN profiles ON profiles.user_id = users.id
    LEFT JOIN likes AS mine ON mine.user_id = ${viewer} AND mine.subject_type = 'tweet'
      AND mine.subject_id = tweets.id
    ORDER BY tweets.id DESC
  `.execute(db);
  return rows.map(({ id, content, created_at, user_id, username, nickname, ...row }) => ({
    id,
    content,
    createdAt: created_at.toISOString(),
    user: { id: user_id, username, nickname, avatarUrl: null },
    photos: [],
    commentsCount: Number(row.comments),
    likesCount: Number(row.likes),
    hasLiked: Number(row.liked) === 1,
  }));
}

/** One's own tweets and those of whom one follows now. */
export async function feed(app: FastifyInstance, viewer: string) {
  return tweets(
    app,
    viewer,
    sql`
      SELECT id FROM tweets WHERE user_id = ${viewer}
      UNION
      SELECT tweets.id FROM friendships AS f JOIN tweets ON tweets.user_id = f.to_user_id
      LEFT JOIN backfills AS b
        ON b.from_user_id = f.from_user_id AND b.to_user_id = f.to_user_id
      WHERE f.from_user_id = ${viewer} AND tweets.id >= COALESCE(first_tweet_id, 0)
    `,
  );
}

/** All tweets of a user. */
export async function timeline(app: FastifyInstance, viewer: string, user: string) {
  return tweets(app, viewer, sql`SELECT id FROM tweets WHERE user_id = ${user}`);
}

/** A tweet, or undefined if there is none. */
export async function tweet(app: FastifyInstance, viewer: string, id: string) {
  return (await tweets(app, viewer, sql`SELECT id FROM tweets WHERE id = ${id}`)).at(0);
}

interface PersonRow {
  id: string;
  username: string;
  nickname: string | null;
  created_at: Date;
}

const toPerson = ({ id, username, nickname }: PersonRow) => ({
  ...{ id, username, nickname },
  avatarUrl: null,
});

/** The comments on a tweet, oldest first. */
export async function comments({ db }: FastifyInstance, viewer: string, tweetId: string) {
  type Row = PersonRow & { comment: string; content: string; likes: string; liked: string };
  const { rows } = await sql<Row>`
    SELECT comments.id AS comment, content, comments.created_at, users.id, username, nickname,
      COUNT(likes.id) AS likes, COALESCE(SUM(likes.user_id = ${viewer}), 0) AS liked
    FROM comments
    JOIN users ON users.id = comments.user_id
    JOIN profiles ON profiles.user_id = users.id
    LEFT JOIN likes ON subject_type = 'comment' AND subject_id = comments.id
    WHERE tweet_id = ${tweetId} GROUP BY comments.id ORDER BY comments.id
  `.execute(db);
  return rows.map((row) => ({
    ...{ id: row.comment, tweetId, content: row.content },
    createdAt: row.created_at.toISOString(),
    user: toPerson(row),
    likesCount: Number(row.likes),
    hasLiked: Number(row.liked) === 1,
  }));
}

/** Who likes a tweet, newest first. */
export async function likers({ db }: FastifyInstance, tweetId: string) {
  const { rows } = await sql<PersonRow>`
    SELECT users.id, username, nickname, likes.created_at FROM likes
    JOIN users ON users.id = likes.user_id
    JOIN profiles ON profiles.user_id = users.id
    WHERE subject_type = 'tweet' AND subject_id = ${tweetId} ORDER BY likes.id DESC
  `.execute(db);
  return rows.map((row) => ({ user: toPerson(row), createdAt: row.created_at.toISOString() }));
}

/** Who follows a user, or whom a user follows, newest first, as the viewer sees them. */
export async function friends(
  { db }: FastifyInstance,
  list: 'followers' | 'followings',
  viewer: string,
  user: string,
) {
  const [given, listed] =
    list === 'followers'
      ? [sql.ref('f.to_user_id'), sql.ref('f.from_user_id')]
      : [sql.ref('f.from_user_id'), sql.ref('f.to_user_id')];
  const { rows } = await sql<PersonRow & { followed: string }>`
    SELECT users.id, username, nickname, f.created_at, mine.to_user_id IS NOT NULL AS followed
    FROM friendships AS f
    JOIN users ON users.id = ${listed}
    JOIN profiles ON profiles.user_id = users.id
    LEFT JOIN friendships AS mine ON mine.from_user_id = ${viewer} AND mine.to_user_id = users.id
    WHERE ${given} = ${user} ORDER BY f.created_at DESC, users.id DESC
  `.execute(db);
  return rows.map((row) => ({
    user: toPerson(row),
    createdAt: row.created_at.toISOString(),
    hasFollowed: Number(row.followed) === 1,
  }));
}
