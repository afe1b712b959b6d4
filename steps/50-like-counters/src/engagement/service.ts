import type { Comment } from '../comments/schemas.ts';
import type { LikeService } from '../likes/service.ts';
import type { Tweet } from '../tweets/schemas.ts';
import type { TweetService } from '../tweets/service.ts';
import type { CommentView, TweetView } from './schemas.ts';

/** What people did with tweets and comments: one statement a fact, however many are shown. */
export class EngagementService {
  readonly #tweets: TweetService;
  readonly #likes: LikeService;

  constructor(tweets: TweetService, likes: LikeService) {
    this.#tweets = tweets;
    this.#likes = likes;
  }

  /** These tweets as the viewer sees them. */
  async ofTweets(tweets: Tweet[], viewerId?: string): Promise<TweetView[]> {
    const ids = tweets.map(({ id }) => id);
    const counts = new Map((await this.#tweets.counts(ids)).map((each) => [each.id, each]));
    const liked = await this.#likes.liked('tweet', ids, viewerId);
    return tweets.map((tweet) => ({
      ...tweet,
      commentsCount: counts.get(tweet.id)?.commentsCount ?? 0,
      likesCount: counts.get(tweet.id)?.likesCount ?? 0,
      hasLiked: liked.has(tweet.id),
    }));
  }

  /** One tweet as the viewer sees it. */
  async ofTweet(tweet: Tweet, viewerId?: string): Promise<TweetView> {
    const [view] = await this.ofTweets([tweet], viewerId);
    return view as TweetView;
  }

  /** These comments as the viewer sees them. */
  async ofComments(comments: Comment[], viewerId?: string): Promise<CommentView[]> {
    const ids = comments.map(({ id }) => id);
    const liked = await this.#likes.liked('comment', ids, viewerId);
    return comments.map((comment) => ({ ...comment, hasLiked: liked.has(comment.id) }));
  }

  /** One comment as the viewer sees it. */
  async ofComment(comment: Comment, viewerId?: string): Promise<CommentView> {
    const [view] = await this.ofComments([comment], viewerId);
    return view as CommentView;
  }
}
