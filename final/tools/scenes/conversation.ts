import type { Notification } from '../../src/notifications/schemas.ts';
import type { Api, Person } from '../api.ts';
import { heading, many, printTable } from './print.ts';
import type { Delivered } from './star.ts';

/** What the first fans say, one each. */
const COMMENTS = ['大家好!', 'Good to hear from you.'];
/** How many like the post: the last fans. */
const LIKES = 3;

const DONE: Record<Notification['type'], string> = {
  'comment.created': 'commented',
  'like.created': 'liked',
  'user.followed': 'followed',
};

/** Comments and likes on a post, and how its author learns of them. */
export async function playConversation(api: Api, author: Person, { tweet, fans }: Delivered) {
  heading('Comments, likes, and an inbox');
  const before = await api.unreadCount(author);
  await talk(api, author, tweet.id, fans);
  await printTweet(api, author, tweet.id);

  const [now, news] = [await api.unreadCount(author), await api.unread(author, 100)];
  printTable(
    [`${author.username} is told, newest first`, 'what', 'it says'],
    news
      .slice(0, now - before)
      .map(({ actor, type, content }) => [actor.username, DONE[type], content ?? '']),
  );
  const undecided = fans.at(-1)?.username;
  console.log(
    `${before} unread before, ${now} now: that ${undecided} took the like back and gave it again is not told, nor what ${author.username} did.`,
  );
  const [newest] = news;
  if (newest) await api.markAsRead(author, newest.id);
  const left = await api.unreadCount(author);
  await api.markAllAsRead(author);
  console.log(
    `${left} unread when the newest is read, ${await api.unreadCount(author)} when all are marked as read.`,
  );
}

/** Fans comment and like; the last of them is undecided; the author likes the first comment. */
async function talk(api: Api, author: Person, tweetId: string, fans: Person[]): Promise<void> {
  const post = { subjectType: 'tweet', subjectId: tweetId } as const;
  for (const [n, content] of COMMENTS.entries()) {
    const fan = fans[n];
    if (!fan) continue;
    const { id } = await api.comment(fan, tweetId, content);
    if (n === 0) await api.like(author, { subjectType: 'comment', subjectId: id });
  }
  for (const fan of fans.slice(-LIKES)) await api.like(fan, post);
  for (const fan of fans.slice(-1)) {
    await api.unlike(fan, post);
    await api.like(fan, post);
  }
}

async function printTweet(api: Api, reader: Person, id: string): Promise<void> {
  const tweet = await api.tweet(reader, id);
  const counts = `${many(tweet.commentsCount, 'comment')}, ${many(tweet.likesCount, 'like')}`;
  console.log(`${tweet.user.username}: ${tweet.content} (${counts})`);
  for (const { user, content, likesCount, hasLiked } of tweet.comments) {
    const likes = hasLiked ? ` (${many(likesCount, 'like')}, by ${reader.username} too)` : '';
    console.log(`  ${user.username}: ${content}${likes}`);
  }
}
